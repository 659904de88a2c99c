import BoxOffice
import StrictJSON
import Testing
import TicketStore

/// R45 Allocations, as an event's document writes them.
@Suite("Allocations in an event's document")
struct AllocationDocumentTests {
    @Test("What pools keep back is read and written, as a number or with a moment (R45 Allocations)")
    func allocations() throws {
        let document = EventDocumentTests.sample(
            "\"types\": [",
            """
            "allocations": {"floor": {"guests": 20, "press": {"places": 9, "released_at": "2026-11-24T05:44:59Z"}}},
            "types": [
            """)
        let read = try EventDocument.read(document.utf8)
        #expect(
            read.pools[0].allocations == [
                .init(code: try EventDocumentTests.code("guests"), places: 20),
                .init(
                    code: try EventDocumentTests.code("press"), places: 9,
                    releasedAt: WallTime(milliseconds: 1_795_499_099_000)),
            ])
        #expect(try EventDocument.read(EventDocument.write(read)) == read)
        var patched = try JSONValue.document(EventDocument.write(read), limits: JSONLimits())
        let patch = #"{"allocations":{"floor":{"guests":null}}}"#
        patched = patched.merged(with: try JSONValue.document(patch.utf8, limits: JSONLimits()))
        #expect(try EventDocument.read(patched).pools[0].allocations.map(\.code.text) == ["press"])
        let values = EventDocument.values(of: read).filter { $0.path.hasPrefix("allocations.") }
        #expect(
            values.map(\.path) == [
                "allocations.floor.guests.places", "allocations.floor.guests.released_at",
                "allocations.floor.press.places", "allocations.floor.press.released_at",
            ])
    }

    @Test(
        "All mistakes in an allocation are reported at once, each with its location",
        arguments: [
            (#"{"floor": {"guests": -1}}"#, ["/allocations/floor/guests"]),
            (#"{"floor": {"guests": {"places": -1}}}"#, ["/allocations/floor/guests/places"]),
            (
                #"{"floor": {"guests": {}, "a b": 1, "x": "y"}}"#,
                ["/allocations/floor/guests/places", "/allocations/floor/a b", "/allocations/floor/x"]
            ),
            (
                #"{"floor": {"guests": {"places": 1, "released_at": "soon", "more": 1}}}"#,
                ["/allocations/floor/guests/released_at", "/allocations/floor/guests/more"]
            ),
            (#"{"floor": 3, "cellar": {"guests": 1}}"#, ["/allocations/floor", "/allocations/cellar"]),
            ("[]", ["/allocations"]),
        ])
    func wrongAllocations(text: String, pointers: [String]) {
        let document = EventDocumentTests.sample("\"types\": [", "\"allocations\": \(text), \"types\": [")
        let error = #expect(throws: DocumentError.self) { try EventDocument.read(document.utf8) }
        guard case .mistakes(let mistakes) = error else { return }
        #expect(Set(mistakes.map(\.pointer)) == Set(pointers), "\(mistakes)")
    }
}
