internal import BoxOffice
internal import NIOHTTP1

/// A request for a stream.
struct StreamRequest {
    let event: Code
    /// The tag that the client saw last.
    let lastEventID: String?

    /// `nil` if the router has to say what is wrong with it.
    init?(_ head: HTTPRequestHead, _ target: RequestTarget) {
        guard head.method == .GET, case .stream(let segment) = target.path,
            let event = Code(target.segment(segment)), RequestQuery.mistake(in: target.text) == nil
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
