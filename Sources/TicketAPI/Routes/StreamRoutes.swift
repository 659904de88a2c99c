internal import BoxOffice
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOHTTP1
internal import TicketStore

/// What the router says of streams: all but the streams themselves, which begin before a request comes so far.
struct StreamRoutes: Sendable {
    let reader: RequestReader

    func add(to router: Router<BasicRequestContext>) {
        router.get("/v1/events/:event/availability/stream", use: refuse)
    }

    @Sendable private func refuse(_ request: Request, _ context: BasicRequestContext) throws -> Response {
        _ = try reader.event(context)
        if request.method == .head {
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"])
        }
        var refused = Refused(.reducedCapacity, "As many listen, in all or from your network, as there is room for.")
        // Room comes when somebody leaves: not soon, and all who wait would take it at once.
        refused.retryAfter = .milliseconds(Int.random(in: 2_000...10_000))
        throw refused
    }
}
