internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Gives the metrics on an address of their own to all who can connect there (R57 Metrics).
///
/// The framework's own connections serve it: a monitor asks a few times a minute, and their bounds are few and plain.
struct MetricsListener: Sendable {
    /// Connections at once; a monitor needs one.
    private static let connections = 16
    /// A connection on which nothing comes for so long is closed.
    private static let idle = TimeAmount.seconds(90)
    private static let headers = HTTP1Channel.Configuration.DecoderConfiguration(
        maxHeaderFieldSize: 8_192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 100)

    let address: (host: String, port: Int)
    let metrics: Metrics
    let group: MultiThreadedEventLoopGroup
    let logger: Logger

    /// Serves until a graceful shutdown, or until its task is cancelled.
    ///
    /// - Throws: ``MetricsListenFailure`` if it cannot listen.
    func run() async throws {
        let channel = HTTP1Channel(
            responder: { request, writer, _ in
                let response = answer(request)
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: .init(idleTimeout: Self.idle, httpDecoderConfiguration: Self.headers))
        let server = Server(
            childChannelSetup: channel,
            configuration: ServerConfiguration(
                address: .hostname(address.host, port: address.port),
                availableConnectionsDelegate: .maximum(Self.connections, logger: logger)),
            onServerRunning: { [logger] channel in
                let address = channel.localAddress.map { "\($0.ipAddress ?? ""):\($0.port ?? 0)" } ?? ""
                logger.info("Metrics are published", metadata: ["address": "\(address)"])
            },
            eventLoopGroup: group, logger: logger)
        do {
            try await server.run()
        } catch {
            throw MetricsListenFailure(host: address.host, port: address.port, reason: error)
        }
    }

    private func answer(_ request: Request) -> Response {
        guard request.uri.path == "/metrics" else { return Response(status: .notFound) }
        switch request.method {
        case .get: return metrics.response
        case .head: return metrics.response.createHeadResponse()
        default: return Response(status: .methodNotAllowed, headers: [.allow: "GET, HEAD"])
        }
    }
}

/// The address for metrics cannot be listened on.
public struct MetricsListenFailure: Error {
    public let host: String
    public let port: Int
    public let reason: any Error
}
