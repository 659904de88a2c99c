import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing

func sql(_ path: String, _ statement: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: statement) }
    try queue.close()
}

/// What a recount finds.
@Suite("Verifying a ledger")
struct AuditTests {
    /// Four holds in a hall of four: purchased, released, expired and purchased late, live.
    private func ledger() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(4, hold: .seconds(60), grace: .zero)))
        for _ in 0..<3 { _ = try await store.outcome(try holdGA()) }
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("one")))
        _ = try await store.outcome(.release(HoldID(2)))
        store.pass(.seconds(61))
        _ = try await store.outcome(.purchase(HoldID(3), PaymentReference("late")))
        _ = try await store.outcome(try holdGA(2))
        store.embedded.stop()
        return store
    }

    @Test("A ledger that the store wrote keeps every rule")
    func good() async throws {
        let store = try await ledger()
        let report = try LedgerAudit.recount(path: store.ledgerPath)
        #expect(report.broken == nil)
        #expect(report.facts == 8)
        #expect(report.pools.map { [$0.free, $0.held, $0.sold] } == [[0, 2, 2]])
    }

    @Test(
        "A ledger that was tampered with breaks a rule, and the recount says which",
        arguments: [
            ("DELETE FROM holds WHERE id = 2", "missing"),
            ("DELETE FROM releases", "missing"),
            ("UPDATE holds SET quantity = 40 WHERE id = 4", "rule 21"),
            ("UPDATE holds SET quantity = 3 WHERE id = 4", "rule 2"),
            ("UPDATE holds SET price = 1 WHERE id = 4", "rule 11"),
            ("UPDATE holds SET deadline = deadline + 1 WHERE id = 4", "rule 6"),
            ("UPDATE holds SET type = 7 WHERE id = 4", "not for sale"),
            ("UPDATE purchases SET late = 0 WHERE hold = 3", "rule 6"),
            ("UPDATE purchases SET payment = 'one' WHERE hold = 3", "rule 10"),
            ("UPDATE purchases SET payment = NULL WHERE hold = 3", "rule 9"),
            ("UPDATE purchases SET hold = 4 WHERE hold = 3", "rule 9"),
            ("UPDATE purchases SET at = 0", "rule 5"),
            ("UPDATE releases SET hold = 1", "rule 6"),
            ("UPDATE event_pools SET code = 'other'", "other pools"),
            ("INSERT INTO returns VALUES (2, 9, 1061000)", "rule 14"),
            ("UPDATE definitions SET document = '{}'", "cannot be read"),
        ])
    func tampered(statement: String, sentence: String) async throws {
        let store = try await ledger()
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.contains(sentence) ?? false, "\(statement): \(broken ?? "nothing found")")
    }

    @Test("A file that is no ledger is told as such")
    func noLedger() throws {
        let directory = try TemporaryDirectory()
        try Data("no database at all, however long".utf8).write(
            to: URL(fileURLWithPath: directory.path + "/x.sqlite"))
        #expect(throws: LedgerError.self) { try LedgerAudit.recount(path: directory.path + "/x.sqlite") }
        #expect(throws: LedgerError.self) { try LedgerAudit.recount(path: directory.path + "/none.sqlite") }
    }

    @Test("The views agree with the store")
    func views() async throws {
        let store = try await ledger()
        let queue = try DatabaseQueue(path: store.ledgerPath)
        try await queue.read { db in
            let sold = try Int.fetchOne(db, sql: "SELECT sum(quantity) FROM sales WHERE returned_at IS NULL")
            #expect(sold == 2)
            let pools = try Row.fetchAll(db, sql: "SELECT capacity, sold FROM pools")
            #expect(pools.map { [$0["capacity"] as Int, $0["sold"] as Int] } == [[4, 2]])
            #expect(try String.fetchOne(db, sql: "SELECT sold_at FROM sales LIMIT 1") == "1970-01-01T00:16:40.000Z")
        }
    }
}
