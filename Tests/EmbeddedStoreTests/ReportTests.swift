import BoxOffice
import EmbeddedStore
import StoreContract
import Testing
import TicketStore

/// R50 Reports, from the embedded store and from its ledger.
@Suite("Reports of the embedded store")
struct ReportTests {
    @Test("They say what lists, looks and counts say", arguments: UInt64(1)...4)
    func contract(seed: UInt64) async throws {
        let breaches = try await ReportContract().breaches(of: TestStore(), seed: seed)
        #expect(breaches == [])
    }

    @Test("A report from a ledger alone is the same, up to its last fact; it knows no other event")
    func offline() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        for _ in 1...4 { _ = try await store.outcome(try holdGA(2)) }
        store.pass(.seconds(5))
        _ = try await store.outcome(.purchase(HoldID(1)))
        _ = try await store.outcome(.purchase(HoldID(2)))
        _ = try await store.outcome(.returnPurchase(HoldID(2)))
        _ = try await store.outcome(.release(HoldID(3)))
        let hall = try code("hall")
        let online = try await store.embedded.report(of: hall, utcOffset: 60)
        let running = try LedgerReport.read(path: store.ledgerPath, event: hall, utcOffset: 60)
        #expect(running == online)
        #expect(online.holds.held == 1)
        #expect((5_000...5_156).contains(online.waits.percentile(50) ?? 0))
        store.embedded.stop()
        let alone = try LedgerReport.read(path: store.ledgerPath, event: hall, utcOffset: 60)
        #expect(alone?.totals == online.totals)
        #expect(alone?.holds == online.holds)
        #expect(try LedgerReport.read(path: store.ledgerPath, event: try code("other"), utcOffset: 0) == nil)
    }

    @Test("Holds that are made while it is read are left out")
    func meanwhile() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(99)))
        for _ in 1...3 { _ = try await store.outcome(try holdGA()) }
        let hall = try code("hall")
        var page = try await store.embedded.sale(of: hall, from: nil, stretch: 2)
        #expect(page.entries.map(\.id) == [HoldID(1), HoldID(2)])
        #expect(page.last == HoldID(3))
        for _ in 1...3 { _ = try await store.outcome(try holdGA()) }
        page = try await store.embedded.sale(of: hall, from: page.next, stretch: 2)
        #expect(page.entries.map(\.id) == [HoldID(3), HoldID(4)])
        #expect(page.last == HoldID(6))
        #expect(try await store.embedded.report(of: hall, utcOffset: 0, stretch: 2).holds.made == 6)
    }
}
