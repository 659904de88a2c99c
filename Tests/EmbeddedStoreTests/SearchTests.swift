import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing
import TicketStore

/// R47 Search, in the embedded store: the index beside the ledger.
@Suite("What operators find in the embedded store")
struct SearchTests {
    private func indexPath(_ store: TestStore) -> String {
        store.directory.path + "/search.sqlite"
    }

    /// What a search finds, once the index is made.
    private func found(_ store: TestStore, _ query: SalesQuery = SalesQuery()) async throws -> [SaleRecord] {
        var records: [SaleRecord] = []
        let isAnswered = try await eventually {
            do {
                records = try await store.embedded.search(query).records
                return true
            } catch StoreFailure.overloaded {
                return false
            }
        }
        #expect(isAnswered)
        return records
    }

    private func holds(_ store: TestStore, _ query: SalesQuery = SalesQuery()) async throws -> [UInt64] {
        try await found(store, query).map(\.hold.number)
    }

    private func payment(_ text: String) throws -> PaymentReference {
        try #require(PaymentReference(text))
    }

    /// A store with three holds of "ann", of which the second one is purchased.
    private func filled() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        for _ in 1...3 { _ = try await store.outcome(try holdGA(buyer: "ann")) }
        _ = try await store.outcome(.purchase(HoldID(2), payment("pay-2")))
        return store
    }

    @Test("Every search and every count is right after random traffic, and after a restart", arguments: UInt64(1)...8)
    func contract(seed: UInt64) async throws {
        let store = try TestStore()
        let differences = try await SearchContract.differences(of: store, ledger: { store.embedded }, seed: seed)
        #expect(differences == [])
    }

    @Test("Many holds come in pages, and the index takes them in in pieces")
    func pages() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(5_000)))
        for _ in 1...2_500 { _ = try await store.outcome(try holdGA()) }
        store.embedded.stop()
        try FileManager.default.removeItem(atPath: indexPath(store))
        try store.restart()
        _ = try await found(store)
        var numbers: [UInt64] = []
        var query = SalesQuery(event: try code("hall"), state: .held, limit: 1_000)
        repeat {
            let page = try await store.embedded.search(query)
            numbers += page.records.map(\.hold.number)
            query.behind = page.next
        } while query.behind != nil
        #expect(numbers == (1...2_500).reversed())
    }

    @Test("An index that was closed in order is used again, and no other one")
    func usedAgain() async throws {
        let store = try await filled()
        #expect(try await holds(store) == [3, 2, 1])
        store.embedded.stop()
        // Whether it was made anew shows in what was taken out of it.
        func empty() throws { try sql(indexPath(store), "DELETE FROM entries") }
        try empty()
        try store.restart()
        #expect(try await holds(store) == [])
        // Killed: the files as they are while the store runs.
        let killed = try TestStore(directory: store.directory.copy(), clock: store.clock)
        #expect(try await holds(killed) == [3, 2, 1])
        store.embedded.stop()
        // Another version.
        try empty()
        try sql(indexPath(store), "UPDATE head SET version = version + 1")
        try store.restart()
        #expect(try await holds(store) == [3, 2, 1])
        store.embedded.stop()
        // The ledger went on without it.
        try empty()
        let kept = try Data(contentsOf: URL(fileURLWithPath: indexPath(store)))
        try store.restart()
        _ = try await store.outcome(try holdGA())
        store.embedded.stop()
        try kept.write(to: URL(fileURLWithPath: indexPath(store)))
        try store.restart()
        #expect(try await holds(store) == [4, 3, 2, 1])
    }

    @Test("The index of a ledger that an older copy replaced is not used for the copy")
    func olderCopy() async throws {
        let store = try await filled()
        store.embedded.stop()
        let copy = try store.directory.copy()
        try store.restart()
        _ = try await store.outcome(try holdGA(buyer: "bob"))
        store.embedded.stop()
        // The copy goes on otherwise, up to the same fact.
        let other = try TestStore(directory: copy, clock: store.clock)
        _ = try await other.outcome(try holdGA(buyer: "eve"))
        other.embedded.stop()
        try FileManager.default.removeItem(atPath: indexPath(other))
        try FileManager.default.copyItem(atPath: indexPath(store), toPath: indexPath(other))
        try other.restart()
        #expect(try await holds(other, SalesQuery(buyer: Buyer("eve"))) == [4])
        #expect(try await holds(other, SalesQuery(buyer: Buyer("bob"))) == [])
    }

    @Test("A lost or damaged index stops nothing, and is made anew", arguments: ["removed", "damaged", "a directory"])
    func lost(how: String) async throws {
        let store = try await filled()
        #expect(try await holds(store) == [3, 2, 1])
        try FileManager.default.removeItem(atPath: indexPath(store))
        // The sale goes on, and so do searches.
        _ = try await store.outcome(try holdGA())
        #expect(try await holds(store) == [4, 3, 2, 1])
        store.embedded.stop()
        if how == "damaged" { try Data(repeating: 7, count: 9_000).write(to: URL(fileURLWithPath: indexPath(store))) }
        if how == "a directory" {
            try FileManager.default.createDirectory(atPath: indexPath(store), withIntermediateDirectories: false)
        }
        try store.restart()
        #expect(try await holds(store) == [4, 3, 2, 1])
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("The index contains no buyer and no payment")
    func noNames() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        _ = try await store.outcome(try holdGA(buyer: "somebody@example.org"))
        _ = try await store.outcome(.purchase(HoldID(1), payment("a-payment-reference")))
        #expect(try await holds(store, SalesQuery(buyer: Buyer("somebody@example.org"))) == [1])
        #expect(try await holds(store, SalesQuery(payment: payment("a-payment-reference"))) == [1])
        store.embedded.stop()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: indexPath(store)))
        #expect(bytes.range(of: Data("somebody@example.org".utf8)) == nil)
        #expect(bytes.range(of: Data("a-payment-reference".utf8)) == nil)
    }

    @Test("A payment that bought nothing leads to its hold, and to the hold that it bought later")
    func owed() async throws {
        let store = try await filled()
        _ = try await store.outcome(.release(HoldID(1)))
        _ = try await store.outcome(.purchase(HoldID(1), payment("late"), by: .key))
        #expect(try await holds(store, SalesQuery(payment: payment("late"))) == [1])
        _ = try await store.outcome(.purchase(HoldID(3), payment("late"), by: .key))
        #expect(try await holds(store, SalesQuery(payment: payment("late"))) == [3, 1])
        #expect(try await holds(store, SalesQuery(payment: payment("late"), state: .purchased)) == [3])
    }

    @Test("Buyers are compared by their bytes")
    func bytes() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        for buyer in ["\u{e9}", "e\u{301}", "E"] { _ = try await store.outcome(try holdGA(buyer: buyer)) }
        #expect(try await holds(store, SalesQuery(buyer: Buyer("\u{e9}"))) == [1])
        #expect(try await holds(store, SalesQuery(buyer: Buyer("e\u{301}"))) == [2])
        #expect(try await holds(store, SalesQuery(buyer: Buyer("e"))) == [])
    }

    @Test("A hold is listed with its times, also when the time of day was set back")
    func times() async throws {
        let store = try TestStore(clock: TestClock(at: WallTime(milliseconds: 10_000_000)))
        _ = try await store.outcome(.define(try hall(9, hold: .seconds(60), grace: .seconds(2))))
        _ = try await store.outcome(try holdGA())
        store.pass(.seconds(10))
        _ = try await store.outcome(try holdGA())
        store.pass(.milliseconds(1))
        store.clock.setWall(WallTime(milliseconds: 10_004_000))
        _ = try await store.outcome(try holdGA())
        let records = try await found(store)
        #expect(records.map(\.heldAt.milliseconds) == [10_004_000, 10_010_000, 10_000_000])
        #expect(records.map(\.expiresAt.milliseconds) == [10_064_000, 10_063_999, 10_053_999])
        func between(_ from: Int64?, _ to: Int64?) async throws -> [UInt64] {
            try await holds(
                store,
                SalesQuery(from: from.map(WallTime.init(milliseconds:)), to: to.map(WallTime.init(milliseconds:))))
        }
        #expect(try await between(10_000_000, 10_004_000) == [1])
        #expect(try await between(10_000_001, 10_010_000) == [3])
        #expect(try await between(10_004_000, nil) == [3, 2])
        #expect(try await between(nil, 10_004_001) == [3, 1])
    }

    @Test("A search finds what was answered before it, whatever else is under way")
    func answeredBefore() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(500)))
        for number in 1...100 as ClosedRange<UInt64> {
            _ = try await store.outcome(try holdGA(buyer: "b\(number)"))
            #expect(try await holds(store, SalesQuery(buyer: Buyer("b\(number)"))) == [number])
            _ = try await store.outcome(.release(HoldID(number)))
            #expect(try await holds(store, SalesQuery(state: .held)) == [])
        }
    }

    @Test("A hold is found as expired from its deadline on, and counted so")
    func expired() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9, hold: .seconds(60), grace: .seconds(2))))
        _ = try await store.outcome(try holdGA(3))
        store.pass(.milliseconds(61_999))
        #expect(try await holds(store, SalesQuery(state: .held)) == [1])
        #expect(try await store.embedded.salesCounts(of: code("hall")).map(\.state) == [.held])
        store.pass(.milliseconds(1))
        #expect(try await holds(store, SalesQuery(state: .held)) == [])
        #expect(try await holds(store, SalesQuery(state: .expired)) == [1])
        #expect(
            try await store.embedded.salesCounts(of: code("hall")) == [
                SalesCount(type: "GA", state: .expired, currency: "EUR", holds: 1, tickets: 3, amount: 3_000)
            ])
    }
}
