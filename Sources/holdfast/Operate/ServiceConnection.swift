internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// One request to a service and its answer, on a connection of their own.
///
/// A command asks once or twice, so no connection is kept. Nothing is retried and no redirect is followed.
struct ServiceConnection {
    typealias Parts = NIOAsyncChannelInboundStream<HTTPClientResponsePart>

    /// The service accepts a connection at once; a network that drops packets must not hold up a script.
    static let connectTime = TimeAmount.seconds(5)
    /// The longest silence: a service may sync a slow disk, or read the ledger for an export.
    static let silence = TimeAmount.seconds(60)

    private let channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// Connects, with TLS and the whole check of the certificate for `https`.
    ///
    /// - Throws: errors of NIO and NIOSSL, for ``reason(_:)``.
    init(to address: ServiceAddress) async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        // Older versions are broken (RFC 8996).
        tls.minimumTLSVersion = .tlsv12
        let context = address.isSecure ? try NIOSSLContext(configuration: tls) : nil
        // A certificate names hosts; where the host is an IP address, the peer's address must be in it.
        let isIPAddress = (try? SocketAddress(ipAddress: address.host, port: 0)) != nil
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(Self.connectTime)
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(SilenceHandler(Self.silence))
                    if let context {
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: isIPAddress ? nil : address.host))
                    }
                    try pipeline.addHTTPClientHandlers()
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }

    /// Sends the request, gives `read` the parts of the answer as they come, and closes the connection.
    func exchange<Value>(
        _ request: HTTPRequestHead, body: [UInt8]?,
        _ read: (HTTPResponseHead, inout Parts.AsyncIterator) async throws -> Value
    ) async throws -> Value {
        var head = request
        head.headers.add(name: "Connection", value: "close")
        if let body { head.headers.add(name: "Content-Length", value: "\(body.count)") }
        var sent = [HTTPClientRequestPart.head(head)]
        if let body { sent.append(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
        sent.append(.end(nil))
        return try await channel.executeThenClose { [sent] inbound, outbound in
            // A service may answer and close before it has read everything, so its answer says more than a failed write.
            try? await outbound.write(contentsOf: sent)
            var parts = inbound.makeAsyncIterator()
            guard case .head(let answer)? = try await parts.next() else {
                try Task.checkCancellation()
                throw ServiceConnectionFailure.closed
            }
            return try await read(answer, &parts)
        }
    }
}

extension NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator {
    /// The next piece of the answer's body; `nil` at its end.
    ///
    /// - Throws: if the connection broke off before the end.
    mutating func nextPiece() async throws -> ByteBuffer? {
        switch try await next() {
        case .body(let piece): return piece
        case .end: return nil
        case .head, nil:
            try Task.checkCancellation()
            throw ServiceConnectionFailure.closed
        }
    }
}

/// What NIO has no error for.
enum ServiceConnectionFailure: Error {
    /// The service closed the connection before its answer was whole.
    case closed
    /// The service sent nothing for ``ServiceConnection/silence``.
    case silent
    /// The answer is longer than the caller reads.
    case tooLong
}

/// Ends a connection if nothing arrives for too long after we asked for bytes.
///
/// While we do not read, because our own reader is slow, no time passes.
private final class SilenceHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let limit: TimeAmount
    private var timer: Scheduled<Void>?

    init(_ limit: TimeAmount) {
        self.limit = limit
    }

    func read(context: ChannelHandlerContext) {
        if timer == nil {
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) {
                context.fireErrorCaught(ServiceConnectionFailure.silent)
                context.close(promise: nil)
            }
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        stop()
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    private func stop() {
        timer?.cancel()
        timer = nil
    }
}
