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

/// A request for a stream, told by its head.
struct StreamRequest {
    let event: Code
    /// The tag that the client saw last.
    let lastEventID: String?

    /// `nil` if it is for something else. Paths are read as the router reads them.
    init?(_ head: HTTPRequestHead) {
        guard head.method == .GET else { return nil }
        let path = URI(head.uri).path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.count == 5, path[1] == "v1", path[2] == "events", path[4] == "availability", path[5] == "stream",
            let event = Code(String(path[3])), RequestQuery.mistake(in: head.uri) == nil
        else { return nil }
        self.event = event
        lastEventID = head.headers.first(name: "last-event-id").map { header in
            // A tag as `ETag` has it is the same tag, also where a proxy has made it weak.
            let blanks: Set<Character> = [" ", "\t", "\""]
            let tag = header.drop { blanks.contains($0) }
            return String((tag.hasPrefix("W/\"") ? tag.dropFirst(3) : tag).prefix { !blanks.contains($0) })
        }
    }
}
