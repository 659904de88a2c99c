import BoxOffice
import EmbeddedStore
import GRDB
import StoreContract
import Testing
import TicketStore

/// What a ledger keeps of partial returns (R39 Partial return).
@Suite("Partial returns in a ledger")
struct PartReturnTests {
    private func returning(_ quantity: Int, key: String) throws -> Command {
        let line = try #require(PartReturn.Line(type: code("GA"), quantity: quantity))
        return .returnPart(
            HoldID(1), PartReturn(lines: OneOrMore(line), reason: ReasonText("ill"), key: IdempotencyKey(named: key)))
    }

    /// A purchase of three in a hall of four, of which two were returned in two parts.
    private func sale() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(4)))
        _ = try await store.outcome(try holdGA(3))
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("one")))
        for key in ["a", "b"] {
            guard case .returned(_, repeated: false) = try await store.outcome(try returning(1, key: key)) else {
                Issue.record("a part was not returned")
                break
            }
        }
        return store
    }

    @Test("Lists, views and the recount say what was paid, returned and kept, and a restart knows the keys")
    func ledger() async throws {
        let store = try await sale()
        try store.restart()
        guard case .returned(_, repeated: true) = try await store.outcome(try returning(1, key: "a")) else {
            Issue.record("a key was forgotten")
            return
        }
        #expect(try await store.outcome(try returning(2, key: "a")) == .refused(.keyReused))
        let listed = try #require(try await store.embedded.purchases(of: code("hall"), after: nil, limit: 9).first)
        #expect(listed.lines.map { [$0.quantity, $0.returned] } == [[3, 2]])
        #expect(listed.total == 3 * listed.keptTotal && listed.returnedTotal == 2 * listed.keptTotal)
        #expect(listed.returnedAt == nil)
        let row = try await read(
            store, "SELECT returned, amount - returned_amount = kept_amount, returned_at FROM sales")
        #expect(row == ["2", "1", ""])
        #expect(try await read(store, "SELECT sold, free FROM pools") == ["1", "3"])
        _ = try await store.outcome(try returning(1, key: "c"))
        let gone = try #require(try await store.embedded.purchases(of: code("hall"), after: nil, limit: 9).first)
        #expect(gone.keptTotal == 0 && gone.returnedAt != nil)
        store.embedded.stop()
        let report = try LedgerAudit.recount(path: store.ledgerPath)
        #expect(report.broken == nil)
        #expect(report.returns == 3)
        #expect(report.pools.map { [$0.free, $0.held, $0.sold] } == [[4, 0, 0]])
    }

    private func read(_ store: TestStore, _ sql: String) async throws -> [String] {
        let queue = try DatabaseQueue(path: store.ledgerPath)
        defer { try? queue.close() }
        return try await queue.read { db in
            let row = try #require(try Row.fetchOne(db, sql: sql))
            return row.databaseValues.map { $0.isNull ? "" : "\($0)" }
        }
    }

    @Test(
        "A ledger in which a purchase returned more than it had breaks the rule, and no start takes it",
        arguments: [
            "UPDATE part_return_lines SET quantity = 3 WHERE seq = 5",
            "UPDATE part_return_lines SET line = 1 WHERE seq = 5", "DELETE FROM part_return_lines WHERE seq = 5",
            "UPDATE part_return_lines SET quantity = 0 WHERE seq = 5",
        ])
    func tampered(statement: String) async throws {
        let store = try await sale()
        store.embedded.stop()
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.hasPrefix("R39 Partial return:") ?? false, "\(broken ?? "nothing")")
        #expect(throws: (any Error).self) { try store.restart() }
    }
}
