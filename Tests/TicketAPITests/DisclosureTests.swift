import BoxOffice
import Testing
import TicketAPI
import TicketStore

@Suite("An event that discloses words shows no number")
struct DisclosureTests {
    @Test("What the public sees changes with the word, and not with the number (R27 Disclosure)")
    func words() throws {
        let store = try CoreStore(places: 20, disclosure: .buckets)
        let connection = try TestConnection(store)
        func seen() throws -> TestConnection.Answer {
            connection.send(request("GET", "/v1/events/main/availability"))
            return try #require(connection.answers().first)
        }
        let first = try seen()
        #expect(first.status == 200)
        #expect(first.body.contains(#""available""#) && !first.body.contains("20"))

        try store.hold(1)
        #expect(try seen() == first)

        // A tenth is left.
        try store.hold(9)
        try store.hold(8)
        let last = try seen()
        #expect(last.body.contains(#""low""#))
        #expect(last.fields["etag"] != first.fields["etag"])
    }
}
