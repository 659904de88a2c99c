import BoxOffice
import EmbeddedStore
import StoreContract
import Testing
import TicketStore

/// What a ledger keeps of access codes (R46 Access codes).
@Suite("Access codes in a ledger")
struct CodesInLedgerTests {
    private func definition(_ change: (inout EventDefinition.CodeBatch) -> Void = { _ in }) throws -> EventDefinition {
        var definition = try hall(8)
        definition.types.append(.init(code: try code("VIP"), pools: [try code("floor")]))
        var batch = EventDefinition.CodeBatch(name: try code("club"), count: 2, tickets: 3)
        change(&batch)
        definition.codes = [.init(name: try code("other"), count: 1, tickets: 1), batch]
        return definition
    }

    private func holding(_ quantity: Int, with number: Int) throws -> Command {
        guard case .hold(var request) = try holdGA(quantity) else { throw StoreFailure.closing }
        request.code = AccessCode(batch: try code("club"), number: number)
        return .hold(request)
    }

    /// Two tickets that were bought and one that is held with the first code.
    private func sale() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try definition()))
        _ = try await store.outcome(try holding(2, with: 1))
        _ = try await store.outcome(.purchase(HoldID(1)))
        _ = try await store.outcome(try holding(1, with: 1))
        return store
    }

    private func counts(_ store: TestStore) async throws -> [[Int]] {
        let codes = try #require(
            try await store.embedded.codes(of: try code("club"), in: try code("hall"), after: 0, limit: 9))
        return codes.map { [$0.number, $0.held, $0.sold] }
    }

    @Test("A restart knows what was taken with each code, and the recount agrees")
    func restarted() async throws {
        let store = try await sale()
        #expect(try await counts(store) == [[1, 1, 2], [2, 0, 0]])
        try store.restart()
        #expect(try await counts(store) == [[1, 1, 2], [2, 0, 0]])
        #expect(try await store.outcome(try holding(1, with: 1)) == .refused(.codeUsedUp(remaining: 0)))
        _ = try await store.outcome(.release(HoldID(2)))
        _ = try await store.outcome(.returnPurchase(HoldID(1)))
        _ = try await store.outcome(try holding(3, with: 1))
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test(
        "A ledger in which a code gave more than it is good for, or what it is not good for, breaks the rule",
        arguments: [
            "UPDATE definitions SET document = json_set(document, '$.codes.club.tickets', 2)",
            "UPDATE definitions SET document = json_set(document, '$.codes.club.types', json('[\"VIP\"]'))",
            "UPDATE definitions SET document = json_set(document, '$.codes.club.revoked', json('[1]'))",
            "UPDATE hold_codes SET number = 3 WHERE hold = 2", "UPDATE hold_codes SET batch = 0 WHERE hold = 1",
            "UPDATE hold_codes SET batch = 2 WHERE hold = 1",
        ])
    func tampered(statement: String) async throws {
        let store = try await sale()
        store.embedded.stop()
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.hasPrefix("R46 Access codes:") ?? false, "\(broken ?? "nothing")")
    }

    @Test("Lists and searches name the code, also of a batch that is there no longer")
    func listed() async throws {
        let store = try await sale()
        _ = try await store.outcome(try holdGA())
        _ = try await store.outcome(.define(try definition { $0.name = Code("another") ?? $0.name }))
        try store.restart()
        let club = SaleCode(batch: "club", number: 1)
        let purchases = try await store.embedded.purchases(of: code("hall"), after: nil, limit: 9)
        #expect(purchases.map(\.code) == [club])
        var found: [SaleCode?] = []
        for hold in 1...3 as ClosedRange<UInt64> {
            found += try await store.embedded.search(SalesQuery(hold: HoldID(hold))).records.map(\.code)
        }
        #expect(found == [club, club, nil])
    }

    @Test("The recount checks the price that a code has of its own")
    func price() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try definition { $0.price = 7 }))
        _ = try await store.outcome(try holding(2, with: 1))
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        try sql(store.ledgerPath, "DELETE FROM hold_codes")
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken?.hasPrefix("R11 Terms of a hold:") ?? false)
    }
}
