import Testing
import TicketAPI

@Suite("Every way to write a request's target has one normal form")
struct RequestTargetTests {
    @Test(
        "Paths have one normal form",
        arguments: [
            ("/", "/"), ("/v1/events", "/v1/events"), ("/v1/events/", "/v1/events"), ("//", "/"), ("/a//", "/a/"),
            ("/%72emaining_tickets", "/remaining_tickets"), ("/buy%5fticket/G%41", "/buy_ticket/GA"),
            ("/buy%5Fticket/%47A%2F", "/buy_ticket/GA%2F"), ("/%2d%2E%7e%5F%30%7A", "/-.~_0z"),
            // Not decoded twice, and not where the decoded form would mean something else.
            ("/%2541", "/%2541"), ("/a%3Fb", "/a%3Fb"), ("/%20%00%ff", "/%20%00%ff"), ("/%", "/%"), ("/%4", "/%4"),
            ("/%zz%4x", "/%zz%4x"), ("/a%2e", "/a."), ("/%+1%-1", "/%+1%-1"),
            // An authority ends at /, ? or #; behind it no path is the root.
            ("http://h", "/"), ("http://h/", "/"), ("http://h?y=/health/live", "/?y=/health/live"),
            ("http://h?", "/?"), ("https://h#/v1/events", "/"),
            // A query stays as it is.
            ("/a/?b=%41/", "/a?b=%41/"), ("/a?/", "/a?/"), ("/?", "/?"),
            ("http://h/a/", "/a"), ("https://h:1/%61?x", "/a?x"), ("HTTP://h/a/", "/a"), ("httPs://h", "/"),
            ("h:/a", "h:/a"), ("://h/a", "://h/a"), ("/a?http://h/b", "/a?http://h/b"), ("*", "*"), ("", ""),
        ])
    func paths(_ target: String, _ normal: String) {
        #expect(RequestTarget(target).text == normal)
    }

    @Test("The mistake in a query names the member that is unknown or occurs twice")
    func queries() {
        let known: Set<String> = ["limit", "cursor"]
        for target in ["/a", "/a?", "/a?&", "/a?limit=1", "/a?cursor=&limit=2&", "/a?%6Cimit=1"] {
            #expect(RequestQuery.mistake(in: target, known: known) == nil, "\(target)")
        }
        func mistake(_ target: String) -> String? { RequestQuery.mistake(in: target, known: known) }
        #expect(
            mistake("/a?limit=1&payment_reference=x")
                == "The query member payment_reference is not known; known here: cursor, limit.")
        #expect(mistake("/a?limit=1&limit=2") == "The query member limit occurs twice.")
        #expect(mistake("/a?Limit=1") == "The query member Limit is not known; known here: cursor, limit.")
        #expect(
            RequestQuery.mistake(in: "/a?=1") == "The query member without a name is not known; this path takes none.")
        let long = RequestQuery.mistake(in: "/a?" + String(repeating: "n", count: 10_000))
        #expect(long?.utf8.count ?? 0 < 200)
    }
}
