import BoxOffice
import StrictJSON
import Testing
import TicketStore

/// What the audit says of a changed definition (R49 Audit differences).
@Suite("Differences of an event")
struct EventDifferencesTests {
    private func definition(
        _ pools: [(String, Int)], _ types: [(code: String, price: Int64, pool: String)], name: String = "Hall"
    ) throws -> EventDefinition {
        var definition = EventDefinition(
            id: try #require(Code("hall")), name: name,
            pools: try pools.map { .init(code: try #require(Code($0.0)), capacity: $0.1) },
            types: try types.map {
                .init(code: try #require(Code($0.code)), name: $0.code, pools: [try #require(Code($0.pool))])
            })
        for (index, type) in types.enumerated() { definition.types[index].price = type.price }
        return definition
    }

    private func lines(_ differences: [AuditDifference]) -> [String] {
        differences.map { difference in
            var writer = JSONWriter()
            difference.write(to: &writer)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    @Test("A correction lists the buyer and the note, as far as they differ (R40 Corrections)")
    func corrections() throws {
        let (ann, ben) = (Correction.State(buyer: Buyer("ann")), Correction.State(buyer: nil, note: SaleNote("aisle")))
        #expect(lines(AuditDifference.correct(from: ann, to: ann)) == [])
        #expect(
            lines(AuditDifference.correct(from: ann, to: ben)) == [
                #"{"member":"/buyer","from":"ann","to":null}"#, #"{"member":"/note","from":null,"to":"aisle"}"#,
            ])
    }

    @Test("Each value that differs is listed once, with its location, the value before and the value after")
    func differences() throws {
        let types: [(code: String, price: Int64, pool: String)] = [("GA", 100, "floor"), ("VIP", 900, "lounge")]
        let before = EventReading(
            try definition([("floor", 9), ("lounge", 3)], types), isPaused: true, revision: 4)
        #expect(AuditDifference.define(before.definition, isPaused: nil, before: before).isEmpty)
        #expect(AuditDifference.define(before.definition, isPaused: true, before: before).isEmpty)
        var after = try definition(
            [("floor", 12), ("balcony", 5)], [("BAL", 50, "balcony"), ("GA", 110, "floor")], name: "Höhe \"2\"")
        after.opensAt = WallTime(milliseconds: 0)
        #expect(
            lines(AuditDifference.define(after, isPaused: false, before: before)) == [
                #"{"member":"/name","from":"Hall","to":"Höhe \"2\""}"#,
                #"{"member":"/sale/opens_at","from":null,"to":"1970-01-01T00:00:00.000Z"}"#,
                #"{"member":"/pools/floor","from":9,"to":12}"#,
                #"{"member":"/pools/balcony","from":null,"to":5}"#,
                #"{"member":"/types/BAL","from":null,"to":{"name":"BAL","price":50,"pools":["balcony"]}}"#,
                #"{"member":"/types/GA/price","from":100,"to":110}"#,
                #"{"member":"/pools/lounge","from":3,"to":null}"#,
                #"{"member":"/types/VIP","from":{"name":"VIP","price":900,"pools":["lounge"]},"to":null}"#,
                #"{"member":"/paused","from":true,"to":false}"#,
            ])
        var limited = before.definition
        limited.types[0].ticketsPerBuyer = 2
        #expect(
            lines(AuditDifference.define(limited, isPaused: nil, before: before)) == [
                #"{"member":"/types/GA/limits","from":null,"to":{"min_tickets_per_hold":null,"tickets_per_hold":null,"tickets_per_buyer":2}}"#
            ])
        let turned = try definition([("floor", 9), ("lounge", 3)], types.reversed())
        #expect(
            lines(AuditDifference.define(turned, isPaused: nil, before: before)) == [
                #"{"member":"/types","from":["GA","VIP"],"to":["VIP","GA"]}"#
            ])
    }

    @Test("A new event's differences are all that it says, and those of a removed one all that it said")
    func newAndRemoved() throws {
        let hall = try definition([("floor", 9)], [("GA", 100, "floor")])
        let made = AuditDifference.define(hall, isPaused: nil, before: nil)
        #expect(
            made.first { $0.member == "/pools/floor" } == AuditDifference("/pools/floor", from: .null, to: .integer(9)))
        #expect(made.allSatisfy { $0.from == .null })
        let removed = AuditDifference.remove(EventReading(hall, isPaused: false, revision: 1))
        #expect(removed.map { AuditDifference($0.member, from: $0.to, to: $0.from) } == made)
    }

    @Test("A note keeps the differences that it has room for, and counts the others")
    func bounded() {
        // Two brackets, and each difference with its comma.
        let small = AuditDifference("/a", from: .null, to: .string(String(repeating: "x", count: 958)))
        let many = (0..<40).map { _ in small }
        let size = lines([small])[0].utf8.count + 1
        let room = (AuditNote.mostDifferenceBytes - 2) / size
        let note = AuditNote(key: "k", name: "n", action: "a", subject: "s", differences: many)
        #expect(note.differences.count == room && note.leftOut == 40 - room)
        #expect((note.differencesText?.utf8.count ?? 0) <= AuditNote.mostDifferenceBytes)
        let read = AuditNote(
            key: "k", name: "n", action: "a", subject: "s", reason: nil, differencesText: note.differencesText,
            leftOut: note.leftOut)
        #expect(read == note)
        let damaged = AuditNote(
            key: "k", name: "n", action: "a", subject: "s", reason: "why", differencesText: "[{]", leftOut: 0)
        #expect(damaged.differences.isEmpty && damaged.leftOut == 1 && damaged.reason == "why")
    }

    @Test("A reason has 1 to 500 bytes and no control character")
    func reasons() {
        for (text, isReason) in [
            ("", false), ("x", true), (String(repeating: "ä", count: 250), true),
            (String(repeating: "ä", count: 250) + "x", false), ("a\nb", false), ("a\u{85}b", false),
        ] {
            #expect(AuditNote.isReason(text) == isReason, "\(text)")
        }
    }
}
