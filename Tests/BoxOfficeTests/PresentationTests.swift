import BoxOffice
import Testing
import TicketStore
import Workload

@Suite("What people read of an event (R56 Presentation)")
struct PresentationTests {
    private static let whole = """
        {
          "starts_at": "2026-11-30T19:00:00.000Z",
          "ends_at": "2026-11-30T22:00:00.000Z",
          "time_zone": "Europe/Berlin",
          "venue": "Great Hall",
          "address": "1 Main Street, Berlin",
          "description": "First line\\nSecond line",
          "image": "https://images.example/gala;v=2,wide.jpg?width=800",
          "image_text": "The hall at night",
          "website": "https://hall.example/gala?year=2026#seats",
          "price_note": "Fees are included.",
          "terms_url": "http://127.0.0.1:8080/terms"
        }
        """

    private func document(_ presentation: String) -> String {
        #"{"id": "gala", "presentation": \#(presentation), "pools": {"p": 1}, "types": [{"code": "GA", "pools": ["p"]}]}"#
    }

    private func mistakes(_ presentation: String) -> String {
        do {
            _ = try EventDocument.read(document(presentation).utf8)
            return ""
        } catch {
            return error.description
        }
    }

    @Test("Each member goes where it belongs, and comes back as it was")
    func members() throws {
        let read = try EventDocument.read(document(Self.whole).utf8)
        var expected = EventPresentation()
        expected.startsAt = WallTime(milliseconds: 1_796_065_200_000)
        expected.endsAt = WallTime(milliseconds: 1_796_076_000_000)
        expected.timeZone = "Europe/Berlin"
        expected.venue = "Great Hall"
        expected.address = "1 Main Street, Berlin"
        expected.description = "First line\nSecond line"
        expected.image = "https://images.example/gala;v=2,wide.jpg?width=800"
        expected.imageText = "The hall at night"
        expected.website = "https://hall.example/gala?year=2026#seats"
        expected.priceNote = "Fees are included."
        expected.termsURL = "http://127.0.0.1:8080/terms"
        #expect(read.presentation == expected)
        #expect(try EventDocument.read(EventDocument.write(read)) == read)
        #expect(try EventDocument.readKept(EventDocument.write(read, layout: .compact)) == read)
    }

    @Test("An event of which nothing is said has no such member, and is equal to one whose members are null")
    func nothing() throws {
        let plain = try EventDocument.read(document("{}").utf8)
        #expect(try EventDocument.read(document(#"{"venue": null, "starts_at": null}"#).utf8) == plain)
        #expect(!String(decoding: EventDocument.write(plain), as: UTF8.self).contains("presentation"))
        var one = plain
        one.presentation.venue = "Hall"
        #expect(
            String(decoding: EventDocument.write(one, layout: .compact), as: UTF8.self).contains(#""venue":"Hall""#))
        one.presentation.venue = nil
        #expect(one == plain)
    }

    @Test(
        "Each mistake is named with its place",
        arguments: [
            (#"{"starts_at": "soon"}"#, "/presentation/starts_at must be a moment as in 2026-11-24T05:44:59Z"),
            (
                #"{"starts_at": "2026-11-30T20:00:00+01:00", "ends_at": "2026-11-30T19:00:00Z"}"#,
                "/presentation/ends_at must come with a starts_at that is earlier"
            ),
            (
                #"{"ends_at": "2026-11-30T19:00:00Z"}"#,
                "/presentation/ends_at must come with a starts_at that is earlier"
            ),
            (
                #"{"time_zone": "Berlin"}"#,
                "/presentation/time_zone must be a name of the IANA time zone database, as in Europe/Berlin"
            ),
            (
                #"{"time_zone": "europe/berlin"}"#,
                "/presentation/time_zone must be a name of the IANA time zone database, as in Europe/Berlin"
            ),
            (
                #"{"venue": "a\nb"}"#,
                "/presentation/venue must have 1 to 200 characters, none of them a control character"
            ),
            (
                #"{"address": ""}"#,
                "/presentation/address must have 1 to 300 characters, none of them a control character"
            ),
            (
                #"{"description": "a\tb"}"#,
                "/presentation/description must have 1 to 10000 characters, and no control character but line feeds"
            ),
            (
                #"{"description": "a\u202eb"}"#,
                "/presentation/description must have 1 to 10000 characters, and no control character but line feeds"
            ),
            (#"{"venu": "Hall"}"#, "/presentation/venu is not known here; did you mean venue?"),
            ("null", "/presentation must be an object"),
            (
                #"{"venue": 1, "time_zone": "Mars/Base", "terms_url": "ftp://x"}"#,
                """
                /presentation/time_zone must be a name of the IANA time zone database, as in Europe/Berlin
                /presentation/venue must be a string
                /presentation/terms_url \(PresentationTests.wrongAddress)
                """
            ),
        ])
    func mistakes(presentation: String, found: String) {
        let lines = mistakes(presentation).split(separator: "\n").sorted()
        #expect(lines == found.split(separator: "\n").sorted())
    }

    static let wrongAddress =
        "must be an address as in https://example.org/terms, 2000 bytes at most, with % escapes for what is not ASCII"

    @Test(
        "An address is what a link can have, and runs nothing",
        arguments: [
            "javascript:alert(1)", "data:text/html,x", "//example.org", "HTTPS://example.org", "https://", "https:///x",
            "https://example.org/ü", "https://example.org/a b", #"https://example.org/\"onclick"#, "https://a/<b>",
            "https://a/" + String(repeating: "a", count: 1_991), " https://a", #"https://a\u0000"#,
        ])
    func addresses(address: String) {
        #expect(mistakes(#"{"website": "\#(address)"}"#) == "/presentation/website \(Self.wrongAddress)")
    }

    @Test(
        "An image is at an https address with a path, or at a path; a browser can ask nobody else for it",
        arguments: [
            "javascript:alert(1)", "data:image/png,x", "//images.example/a.png", "http://images.example/a.png", "/", "",
            "https://images.example", "https://images.example?a", "https://user@images.example/a", "https:///a.png",
            "a.png", #"/\\images.example/a.png"#, "https://images.example/a b", "https://images.example/ü",
            "https://*.example/a", "https://a; script-src/a", "/" + String(repeating: "a", count: 2_000),
        ])
    func images(address: String) {
        #expect(
            mistakes(#"{"image": "\#(address)"}"#)
                == "/presentation/image must be an address as in https://example.org/summer.jpg, or a path as in "
                + "/summer.jpg, 2000 bytes at most, with % escapes for what is not ASCII")
    }

    @Test("An image is here or elsewhere; what describes one comes with it")
    func imageSources() {
        func source(_ image: String?) -> EventPresentation.ImageSource? {
            var presentation = EventPresentation()
            presentation.image = image
            return presentation.imageSource
        }
        #expect(source("/images/a.png?v=2") == .here(path: "/images/a.png?v=2"))
        #expect(source("https://a.example:8443/b,c.png?v=2#x") == .elsewhere(address: "https://a.example:8443/b,c.png"))
        #expect(source(nil) == nil)
        #expect(mistakes(#"{"image_text": "The hall"}"#) == "/presentation/image_text must come with an image")
    }

    @Test("The longest texts are good, one character more is not")
    func bounds() {
        for (name, most) in [("venue", 200), ("address", 300), ("description", 10_000), ("price_note", 500)] {
            #expect(mistakes(#"{"\#(name)": "\#(String(repeating: "é", count: most))"}"#) == "")
            #expect(
                mistakes(#"{"\#(name)": "\#(String(repeating: "é", count: most + 1))"}"#).contains(
                    "/\(name) must have 1 to"))
        }
        #expect(mistakes(#"{"website": "https://a/\#(String(repeating: "a", count: 1_990))"}"#) == "")
    }

    @Test("A zone that only a later release knows does not keep a sale from going on")
    func kept() throws {
        let later = document(#"{"time_zone": "Europe/Atlantis"}"#)
        #expect(try EventDocument.readKept(Array(later.utf8)).presentation.timeZone == "Europe/Atlantis")
    }

    @Test("The audit names each member that changed, however many the event had before (R49 Audit differences)")
    func differences() throws {
        let plain = try EventDocument.read(document("{}").utf8)
        let hall = try EventDocument.read(document(#"{"venue": "Hall"}"#).utf8)
        let arena = try EventDocument.read(document(#"{"venue": "Arena", "price_note": "Net"}"#).utf8)
        func changes(_ before: EventDefinition, _ after: EventDefinition) -> [String] {
            let reading = EventReading(before, isPaused: false, revision: 1)
            return AuditDifference.define(after, isPaused: nil, before: reading).map(\.member)
        }
        #expect(changes(plain, hall) == ["/presentation/venue"])
        #expect(changes(hall, plain) == ["/presentation/venue"])
        #expect(changes(hall, arena) == ["/presentation/venue", "/presentation/price_note"])
        #expect(changes(plain, plain) == [])
    }

    @Test("No decision looks at it: holds and what is left are as they were")
    func decisions() {
        var told = Halls.hall("floor=9", "GA:floor")
        told.presentation.venue = "Great Hall"
        told.presentation.endsAt = WallTime(milliseconds: 1)
        told.presentation.startsAt = WallTime(milliseconds: 0)
        Script.play(
            ["plain": Halls.hall("floor=9", "GA:floor"), "told": told],
            """
            0s define plain -> main stands
            hold main GA×1 -> held 1 until 4m58s
            define told -> main stands
            hold main GA×1 -> held 2 until 4m58s
            restart -> at 0s
            hold main GA×8 -> no: only 7
            """)
    }
}
