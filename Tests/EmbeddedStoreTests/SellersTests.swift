import BoxOffice
import EmbeddedStore
import StoreContract
import Testing
import TicketStore

/// What a ledger keeps of who sold (R48 Operator keys).
@Suite("Sellers in a ledger")
struct SellersTests {
    private static func completer(_ name: String?) throws -> Completer {
        guard let name else { return .token }
        return .seller(try #require(Seller(name)), isShop: name != "Anna")
    }

    /// Six purchases, by two shops, an operator and tokens, of two events in turn.
    private func sale() async throws -> TestStore {
        let store = try TestStore()
        for name in ["one", "two"] { _ = try await store.outcome(.define(try hall(9, id: name))) }
        for (index, name) in ["north", "south", "north", nil, "Anna", "north"].enumerated() {
            _ = try await store.outcome(try holdGA(event: index % 2 == 0 ? "one" : "two"))
            let completer = try Self.completer(name)
            _ = try await store.outcome(.purchase(HoldID(UInt64(index + 1)), by: completer))
        }
        return store
    }

    @Test("Lists name who sold, and a seller's list has what it sold, in pages")
    func listed() async throws {
        let store = try await sale()
        try store.restart()
        let all = try await store.embedded.purchases(of: code("one"), after: nil, limit: 9)
        #expect(all.map(\.soldBy?.text) == ["north", "north", "Anna"])
        let north = try #require(Seller("north"))
        let first = try await store.embedded.purchases(of: code("one"), soldBy: north, after: nil, limit: 1)
        let rest = try await store.embedded.purchases(of: code("one"), soldBy: north, after: HoldID(1), limit: 9)
        #expect(first.records.map(\.hold.number) == [1] && first.next == HoldID(1))
        #expect(rest.records.map(\.hold.number) == [3] && rest.next == nil)
        let two = try await store.embedded.purchases(of: code("two"), soldBy: north, after: nil, limit: 9)
        #expect(two.records.map(\.hold.number) == [6])
        let found = try await store.embedded.search(SalesQuery(hold: HoldID(2))).records.first
        #expect(found?.purchase?.soldBy?.text == "south")
        let bought = try await store.embedded.search(SalesQuery(hold: HoldID(4))).records.first?.purchase
        #expect(bought != nil && bought?.soldBy == nil)
    }

    @Test("An erasure leaves who sold")
    func erased() async throws {
        let store = try await sale()
        _ = try await store.outcome(.erase(ErasureRequest(hold: HoldID(1))))
        let listed = try await store.embedded.purchases(of: code("one"), after: nil, limit: 1)
        #expect(listed.map(\.soldBy?.text) == ["north"] && listed.first?.erasedAt != nil)
    }

    @Test("A hold that left memory still has its seller")
    func recalled() async throws {
        let store = try await sale()
        store.limits.settledHolds = 0
        store.limits.recalledHolds = 1
        try store.restart()
        for hold in 1...2 as ClosedRange<UInt64> {
            for name in ["north", "south"] {
                let outcome = try await store.outcome(.purchase(HoldID(hold), by: try Self.completer(name)))
                #expect((outcome == .refused(.alreadyPurchased)) == ((hold == 1) == (name == "south")), "\(outcome)")
            }
        }
    }

    @Test(
        "A ledger in which something has a seller that was not sold so breaks the rule",
        arguments: [
            "INSERT INTO sold_by SELECT id, event, 'north' FROM holds WHERE id = 7",
            "UPDATE sold_by SET event = 1 - event",
            "UPDATE sold_by SET seller = '' WHERE hold = 5", "UPDATE sold_by SET hold = 99 WHERE hold = 1",
        ])
    func tampered(statement: String) async throws {
        let store = try await sale()
        _ = try await store.outcome(try holdGA(event: "one"))
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.hasPrefix("R48 Operator keys:") ?? false, "\(broken ?? "nothing")")
    }
}
