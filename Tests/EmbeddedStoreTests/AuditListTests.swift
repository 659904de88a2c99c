import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import StrictJSON
import Testing
import TicketStore

/// Operators' changes as the ledger keeps and lists them (R49 Audit differences).
@Suite("The audit in a ledger")
struct AuditListTests {
    private static func note(
        _ action: String, _ subject: String, reason: String? = nil, differences: [AuditDifference] = []
    ) -> AuditNote {
        AuditNote(
            key: "abcd1234", name: "Anna", action: action, subject: subject, reason: reason, differences: differences)
    }

    private static func fill(_ store: TestStore) async throws -> [AuditNote] {
        let difference = AuditDifference("/name", from: .string("a \"b\" ä"), to: .null)
        let notes = [
            note("event.define", "hall", reason: "a new \u{1f3ad}", differences: [difference, difference]),
            note("hold.purchase", "H1"), note("purchase.return", "P1", reason: "ill"), note("event.delete", "gone"),
        ]
        _ = await store.embedded.perform(.define(try hall(9)), note: notes[0])
        _ = try await store.outcome(.define(try hall(9, id: "gone")))
        _ = try await store.outcome(try holdGA())
        _ = await store.embedded.perform(.purchase(HoldID(1)), note: notes[1])
        _ = await store.embedded.perform(.returnPurchase(HoldID(1)), note: notes[2])
        _ = await store.embedded.perform(.remove(event: try #require(Code("gone"))), note: notes[3])
        return notes
    }

    @Test("An entry keeps its reason, its differences and its event, also that of an event that was removed")
    func kept() async throws {
        let store = try TestStore()
        let notes = try await Self.fill(store)
        for isRestarted in [false, true] {
            if isRestarted { try store.restart() }
            let entries = try await store.embedded.audit(of: nil, after: nil, limit: 9)
            #expect(entries.map(\.note) == notes)
            #expect(entries.map(\.event) == ["hall", "hall", "hall", "gone"])
        }
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("A list of some events has what is about them, and a filter finds what is behind pages of other entries")
    func filtered() async throws {
        let store = try TestStore()
        _ = try await Self.fill(store)
        let (hall, gone) = (try #require(Code("hall")), try #require(Code("gone")))
        func actions(_ events: [Code]?, limit: Int = 9) async throws -> [String] {
            try await store.embedded.audit(of: events, after: nil, limit: limit).map(\.note.action)
        }
        #expect(try await actions([hall]) == ["event.define", "hold.purchase", "purchase.return"])
        #expect(try await actions([gone]) == ["event.delete"])
        #expect(try await actions([hall, gone], limit: 2) == ["event.define", "hold.purchase"])
        #expect(try await actions([]).isEmpty)
        for number in 0..<450 {
            let command: Command = number.isMultiple(of: 2) ? .pause(event: hall) : .resume(event: hall)
            _ = await store.embedded.perform(command, note: Self.note("event.pause", "hall"))
        }
        store.pass(.seconds(60))
        let since = store.embedded.now.wall
        let late = AuditNote(key: "efgh5678", name: "Ben", action: "event.pause", subject: "hall")
        _ = await store.embedded.perform(.pause(event: hall), note: late)
        for filter in [AuditFilter(key: "efgh5678"), AuditFilter(events: [hall], since: since)] {
            #expect(try await store.embedded.audit(filter, after: nil, limit: 9).map(\.note) == [late])
        }
        #expect(try await store.embedded.audit(AuditFilter(key: "abcd1234"), after: nil, limit: 420).count == 420)
        // The newest first: the same entries from the other end, in pages as well.
        let all = try await store.embedded.audit(AuditFilter(), after: nil, limit: 999)
        let newest = try await store.embedded.newestAudit(AuditFilter(), before: nil, limit: 300)
        #expect(newest == Array(all.reversed().prefix(300)))
        #expect(
            try await store.embedded.newestAudit(AuditFilter(), before: newest.last?.sequence, limit: 999)
                == Array(all.reversed().dropFirst(300)))
        let first = try await store.embedded.newestAudit(AuditFilter(key: "abcd1234"), before: nil, limit: 999)
        #expect(first.count == 454 && first.first?.note != late)
        #expect(
            try await store.embedded.newestAudit(of: [gone], before: nil, limit: 9).map(\.note.action) == [
                "event.delete"
            ])
        #expect(try await store.embedded.audit(AuditFilter(key: "abcd1234"), after: nil, limit: 999).count == 454)
    }

    @Test("A ledger of the release before gets the events of its entries, and no reasons")
    func upgraded() async throws {
        let store = try TestStore()
        let notes = try await Self.fill(store)
        store.embedded.stop()
        try sql(
            store.ledgerPath,
            """
            ALTER TABLE audit DROP COLUMN event;
            ALTER TABLE audit DROP COLUMN reason;
            ALTER TABLE audit DROP COLUMN differences;
            ALTER TABLE audit DROP COLUMN left_out;
            DELETE FROM grdb_migrations WHERE identifier = '7 audit';
            """)
        try store.restart()
        let entries = try await store.embedded.audit(of: nil, after: nil, limit: 9)
        #expect(entries.map(\.note.action) == notes.map(\.action))
        #expect(entries.allSatisfy { $0.note.reason == nil && $0.note.differences.isEmpty && $0.note.leftOut == 0 })
        #expect(entries.map(\.event) == ["hall", "hall", "hall", "gone"])
    }
}
