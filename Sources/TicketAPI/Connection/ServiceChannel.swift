internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1

/// How each connection is set up: the fast path, and behind it the framework's own codec and the table of routes.
struct ServiceChannel: HTTPChannelHandler {
    let responder: Responder
    private let loops: LoopContexts
    /// `nil` for connections without TLS.
    private let certificates: TLSCertificates?
    /// Whether the connections come to a unix socket.
    private let isUnix: Bool

    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    init(
        routes: RouteResponder, loops: LoopContexts, certificates: TLSCertificates?, isUnix: Bool, logger: Logger
    ) {
        self.certificates = certificates
        self.isUnix = isUnix
        responder = { request, writer, _ in
            let response = await routes.respond(to: request, logger)
            try await writer.write(response: response.head, body: response.body)
        }
        self.loops = loops
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try loops.setup(on: channel.eventLoop)
                .add(to: channel, tls: certificates?.makeHandler(), isUnix: isUnix)
            try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: certificates != nil))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
