import BoxOffice
import EmbeddedStore
import GRDB
import StoreContract
import StrictJSON
import Testing
import TicketStore

/// What a ledger keeps of holds past checks of the sale (R43 Override).
@Suite("Overrides in a ledger")
struct OverrideTests {
    private func past(_ override: Override, quantity: Int = 1, buyer: String? = nil) throws -> Command {
        guard case .hold(var request) = try holdGA(quantity, buyer: buyer) else { throw StoreFailure.outcomeUnknown }
        request.override = override
        return .hold(request)
    }

    private func note() -> AuditNote {
        AuditNote(
            key: "abcd1234", name: "Door", action: "hold.override", subject: "",
            differences: [AuditDifference("/override", from: .null, to: .array([.string("window")]))])
    }

    /// One hold of an event whose sale is shut in one way, with an override.
    private func sale(
        past override: Override, isPaused: Bool = false, _ change: (inout EventDefinition) -> Void
    ) async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9, change: change), paused: isPaused))
        guard case .held = try await store.outcome(past(override, quantity: 2)) else {
            Issue.record("the override did not hold")
            return store
        }
        return store
    }

    @Test("The audit has who took which hold past what, with the fact; a refusal and a repetition leave nothing")
    func audited() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(2), paused: true))
        guard case .hold(var request) = try past(.pause) else { return }
        request.key = IdempotencyKey(named: "door")
        for command in [try past(.limits), .hold(request), .hold(request), try past(.pause, quantity: 2)] {
            _ = await store.embedded.perform(command, note: note())
        }
        let entries = try await store.embedded.audit(of: [code("hall")], after: nil, limit: 9)
        #expect(entries.map(\.note.subject) == ["H1"])
        #expect(entries.map(\.note.differences) == [note().differences])
        try store.restart()
        #expect(try await store.embedded.audit(of: nil, after: nil, limit: 9).map(\.note.subject) == ["H1"])
        let erased = ErasureRequest(hold: HoldID(1))
        _ = try await store.outcome(.release(HoldID(1)))
        _ = try await store.outcome(.erase(erased))
        let entry = try #require(try await store.embedded.audit(of: nil, after: nil, limit: 9).first?.note)
        #expect(entry.action == "hold.override" && entry.differences.isEmpty)
    }

    @Test("Searches and lists have what did not count for a hold")
    func listed() async throws {
        let store = try await sale(past: [.window, .limits]) { $0.closesAt = WallTime(milliseconds: 1) }
        _ = try await store.outcome(past(.window))
        _ = try await store.outcome(.purchase(HoldID(1)))
        let first = try #require(try await store.embedded.search(SalesQuery(hold: HoldID(1))).records.first)
        #expect(first.override == [.window, .limits] && first.purchase?.override == first.override)
        #expect(try await store.embedded.search(SalesQuery(hold: HoldID(2))).records.map(\.override) == [.window])
        let listed = try await store.embedded.purchases(of: code("hall"), after: nil, limit: 9)
        #expect(listed.map(\.override) == [[.window, .limits]])
    }

    @Test("The recount takes a hold past a check for right, and for wrong without its override")
    func recounted() async throws {
        let moment = WallTime(milliseconds: 1_000_000)
        let later = WallTime(milliseconds: 2_000_000)
        let earlier = WallTime(milliseconds: 500_000)
        let halls: [(Override, Bool, String, (inout EventDefinition) -> Void)] = [
            (.pause, true, "paused", { _ in }),
            (.window, false, "outside the sale window of its event", { $0.opensAt = later }),
            (.window, false, "outside the sale window of its event", { $0.closesAt = earlier }),
            (.window, false, "outside the sale window of type GA", { $0.types[0].opensAt = later }),
            (.window, false, "outside the sale window of type GA", { $0.types[0].closesAt = earlier }),
            (.limits, false, "names no buyer", { $0.ticketsPerBuyer = 1 }),
            (.limits, false, "names no buyer", { $0.types[0].ticketsPerBuyer = 1 }),
            (.window, false, "", { ($0.opensAt, $0.closesAt) = (moment, later) }),
        ]
        for (override, isPaused, what, change) in halls {
            let store = try await sale(past: override, isPaused: isPaused, change)
            store.embedded.stop()
            #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
            try sql(store.ledgerPath, "DELETE FROM overrides")
            let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
            #expect(what.isEmpty ? broken == nil : broken?.contains(what) ?? false, "\(broken ?? "nothing")")
        }
    }

    @Test("Where the time of day moves by hours, the recount takes no hold for one outside the sale")
    func clockSteps() async throws {
        let store = try TestStore()
        let opens = WallTime(milliseconds: 1_000_000)
        let closes = WallTime(milliseconds: 2_000_000)
        _ = try await store.outcome(.define(try hall(99) { ($0.opensAt, $0.closesAt) = (opens, closes) }))
        for wall in [1_999_000, 9_000_000, 1_500_000, 100_000, 1_000_000, 2_000_000, 1_100_000] as [Int64] {
            store.clock.setWall(WallTime(milliseconds: wall))
            _ = try await store.outcome(holdGA())
            store.clock.pass(.milliseconds(5))
            _ = try await store.outcome(holdGA())
        }
        // The next life begins at the moment of the last one's end, by the store's clock, and much later by the day.
        store.embedded.stop()
        store.clock.setWall(WallTime(milliseconds: 1_999_500))
        try store.restart()
        _ = try await store.outcome(holdGA())
        store.embedded.stop()
        let report = try LedgerAudit.recount(path: store.ledgerPath)
        #expect(report.broken == nil)
        #expect(report.holds > 5)
    }
}
