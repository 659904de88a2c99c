import BoxOffice
import EmbeddedStore
import GRDB
import StoreContract
import Testing
import TicketStore

/// R23 Debts, as the embedded store lists them.
@Suite("The list of debts")
struct DebtListTests {
    private func payment(_ text: String) throws -> PaymentReference {
        try #require(PaymentReference(text))
    }

    @Test("It lists each payment once, with its reason and the hold's currency, until it is settled or paid back")
    func list() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(4)))
        for _ in 0..<3 { _ = try await store.outcome(try holdGA(buyer: "ann")) }
        _ = try await store.outcome(.define(try hall(4) { $0.currency = "JPY" }))
        _ = try await store.outcome(.release(HoldID(1)))
        for completer in [Completer.token, .key, .token] {
            _ = try await store.outcome(.purchase(HoldID(1), payment("one"), by: completer))
        }
        _ = try await store.outcome(.purchase(HoldID(2), payment("two")))
        _ = try await store.outcome(.purchase(HoldID(2), payment("three")))
        _ = try await store.outcome(.purchase(HoldID(2), payment("four"), by: .key))
        for _ in 0..<2 {
            let confirmed = try await store.embedded.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9)
            #expect(confirmed.map(\.payment) == ["one", "four"])
            #expect(confirmed.map(\.reason) == [.released, .alreadyPurchased])
            #expect(confirmed.map(\.currency) == ["EUR", "EUR"])
            #expect(confirmed.map(\.total) == [1_000, 1_000])
            #expect(confirmed.map(\.event) == ["hall", "hall"])
            #expect(confirmed.map(\.buyer) == ["ann", "ann"])
            let page = try await store.embedded.refundsOwed(
                of: try code("hall"), confirmed: true, after: confirmed[0].sequence, limit: 1)
            #expect(page.map(\.payment) == ["four"])
            let unconfirmed = try await store.embedded.refundsOwed(of: nil, confirmed: false, after: nil, limit: 9)
            #expect(unconfirmed.map(\.payment) == ["three"])
            try store.restart()
        }
        _ = try await store.outcome(.purchase(HoldID(3), payment("one")))
        _ = try await store.outcome(.payBack(HoldID(2), payment("four")))
        #expect(try await store.embedded.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9) == [])
        store.pass(.seconds(7 * 24 * 3_600))
        #expect(try await store.embedded.refundsOwed(of: nil, confirmed: false, after: nil, limit: 9) == [])
    }

    @Test("Unconfirmed debts leave the ledger's list after seven days, and no recount misses them (R23 Debts)")
    func expired() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        for _ in 1...3 { _ = try await store.outcome(try holdGA()) }
        _ = try await store.outcome(.release(HoldID(1)))
        for name in ["one", "two"] { _ = try await store.outcome(.purchase(HoldID(1), payment(name))) }
        _ = try await store.outcome(.purchase(HoldID(1), payment("kept"), by: .key))
        func rows() throws -> [String] {
            try DatabaseQueue(path: store.ledgerPath).read {
                try String.fetchAll($0, sql: "SELECT payment FROM debts ORDER BY 1")
            }
        }
        #expect(try rows() == ["kept", "one", "two"])
        store.pass(.seconds(7 * 24 * 3_600))
        // It has expired, so the payment buys without settling anything.
        _ = try await store.outcome(try holdGA())
        _ = try await store.outcome(.purchase(HoldID(4), payment("one")))
        #expect(try rows() == ["kept"])
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        try store.restart()
        let owed = try await store.embedded.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9)
        #expect(owed.map(\.payment) == ["kept"])
        store.embedded.stop()
        // A row that is not deleted yet, or is already, breaks no rule.
        try sql(store.ledgerPath, "INSERT INTO debts VALUES ('two', 7, 1000000, 1, 0, 3, 0, NULL)")
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("It keeps debts of a removed event, with the event's code")
    func removed() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(4)))
        _ = try await store.outcome(try holdGA())
        _ = try await store.outcome(.release(HoldID(1)))
        _ = try await store.outcome(.purchase(HoldID(1), payment("one"), by: .key))
        #expect(try await store.outcome(.remove(event: try code("hall"))) == .refused(.eventHasDebts))
        _ = try await store.outcome(.payBack(HoldID(1), payment("one")))
        #expect(try await store.outcome(.remove(event: try code("hall"))) == .eventRemoved(try code("hall")))
        _ = try await store.outcome(.purchase(HoldID(1), payment("two"), by: .key))
        try store.restart()
        let owed = try await store.embedded.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9)
        #expect(owed.map(\.event) == ["hall"])
        #expect(try await store.outcome(.payBack(HoldID(1), payment("one"))) == .paidBack(HoldID(1), repeated: true))
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("Debts of an earlier release are still owed, and confirmed")
    func migrated() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(1, hold: .seconds(60), grace: .zero)))
        _ = try await store.outcome(try holdGA())
        store.pass(.seconds(60))
        _ = try await store.outcome(try holdGA())
        _ = try await store.outcome(.purchase(HoldID(1), payment("one")))
        store.embedded.stop()
        // The ledger as the release before this one left it.
        try sql(
            store.ledgerPath,
            """
            DROP TABLE debts; DROP TABLE repayments; DROP VIEW sales;
            ALTER TABLE refunds DROP COLUMN reason; ALTER TABLE refunds DROP COLUMN confirmed;
            CREATE VIEW sales AS SELECT 1;
            DELETE FROM grdb_migrations WHERE identifier = '6 debts';
            """)
        try store.restart()
        let owed = try await store.embedded.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9)
        #expect(owed.map(\.payment) == ["one"])
        #expect(owed.map(\.reason) == [.placesGone])
        #expect(try await store.outcome(.payBack(HoldID(1), payment("one"))) == .paidBack(HoldID(1), repeated: false))
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("The view of sales has the currency of the moment of holding")
    func sales() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(4)))
        _ = try await store.outcome(try holdGA())
        _ = try await store.outcome(.define(try hall(4) { $0.currency = "JPY" }))
        _ = try await store.outcome(try holdGA())
        for hold in [1, 2] as [UInt64] { _ = try await store.outcome(.purchase(HoldID(hold))) }
        let records = try await store.embedded.purchases(of: try code("hall"), after: nil, limit: 9)
        #expect(records.map(\.currency) == ["EUR", "JPY"])
        store.embedded.stop()
        let queue = try DatabaseQueue(path: store.ledgerPath)
        let currencies = try await queue.read {
            try String.fetchAll($0, sql: "SELECT currency FROM sales ORDER BY purchase")
        }
        #expect(currencies == ["EUR", "JPY"])
    }
}
