import BoxOffice
import Testing
import TicketAPI
import TicketStore

@Suite("The query of a search is read strictly")
struct SearchQueryTests {
    private func read(_ query: String, of event: Code? = nil) -> (query: SalesQuery, mistakes: [String]) {
        let found = SearchQuery.read("/v1/search\(query)", of: event) { $0.text == "main" }
        return (found.query, found.mistakes.map { "\($0.pointer)\($0.what)" })
    }

    @Test("Each member is read, percent-encoded or not")
    func members() throws {
        let query = """
            ?event=main&buyer=ann%40x.org&payment_reference=a+b%2B&hold=H12&purchase=P12&state=returned&type=GA\
            &from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00%2B01:00&limit=7&cursor=c10
            """
        let (found, mistakes) = read(query)
        #expect(mistakes == [])
        let from = try #require(WallTime(rfc3339: "2026-01-01T00:00:00Z"))
        #expect(
            found
                == SalesQuery(
                    event: Code("main"), buyer: Buyer("ann@x.org"), payment: PaymentReference("a b+"), hold: HoldID(12),
                    state: .returned, type: Code("GA"), from: from,
                    to: WallTime(milliseconds: from.milliseconds + 3_600_000), behind: HoldID(36), limit: 7))
    }

    @Test("Nothing excludes nothing; an event's path means its live holds unless a state is named")
    func defaults() {
        #expect(read("").query == SalesQuery(limit: 100))
        #expect(read("?state=any").query.state == nil)
        #expect(read("", of: Code("main")).query == SalesQuery(event: Code("main"), state: .held))
        #expect(read("?state=any", of: Code("main")).query.state == nil)
        #expect(read("?state=expired", of: Code("main")).query.state == .expired)
        #expect(read("?type=GA", of: Code("main")).mistakes == [])
    }

    @Test(
        "A wrong value is refused",
        arguments: [
            ("event=other", "event must be the code of an event"), ("event=", "event must be the code of an event"),
            ("buyer=", "buyer must have 1 to 255 bytes and no control characters"),
            ("buyer", "buyer must have 1 to 255 bytes and no control characters"),
            ("buyer=%ff", "buyer must have 1 to 255 bytes and no control characters"),
            ("buyer=%4", "buyer must have 1 to 255 bytes and no control characters"),
            ("buyer=a%0Ab", "buyer must have 1 to 255 bytes and no control characters"),
            ("payment_reference=%zz", "payment_reference must have 1 to 255 bytes and no control characters"),
            ("hold=12", "hold must look like H12"), ("hold=P12", "hold must look like H12"),
            ("hold=H012", "hold must look like H12"), ("purchase=H12", "purchase must look like P12"),
            ("state=sold", "state must be held, purchased, released, expired, returned or any"),
            ("type=GA", "type needs an event: each event has its own types"),
            ("from=yesterday", "from must be a moment as in RFC 3339"),
            ("to=2026-02-30T00:00:00Z", "to must be a moment as in RFC 3339"),
            ("limit=0", "limit must be from 1 to 1000"), ("limit=1001", "limit must be from 1 to 1000"),
            ("cursor=x", "cursor is none of ours"),
        ])
    func wrong(member: String, sentence: String) {
        #expect(read("?\(member)").mistakes == ["the query's \(sentence)"])
    }

    @Test("Members that contradict each other are refused, and every mistake is named")
    func contradictions() {
        #expect(read("?hold=H1&purchase=P2").mistakes == ["the query's hold and purchase must have the same number"])
        #expect(
            read("?from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z").mistakes
                == ["the query's from must be earlier than its to"])
        #expect(read("?event=x.y&type=%20&state=&limit=no").mistakes.count == 4)
    }
}
