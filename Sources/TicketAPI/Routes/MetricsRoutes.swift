internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import TicketStore

/// The metrics on the service's own port (R57 Metrics). They name events and count what is left, so a key that reads lists is
/// needed: behind a proxy on the same machine every caller comes from it, so the address says nothing.
struct MetricsRoutes: Sendable {
    private let metrics: Metrics

    init(_ service: ServiceContext) {
        metrics = Metrics(service)
    }

    var routes: [Route] {
        [Route("/metrics", (.get, .operators(.readLists) { _, _ in metrics.response }))]
    }
}

extension Metrics {
    var response: Response {
        Response(
            status: .ok, headers: [.contentType: PrometheusText.contentType, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: write())))
    }
}
