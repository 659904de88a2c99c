import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing
import TicketStore

/// What a ledger keeps of corrections (R40 Corrections).
@Suite("Corrections in a ledger")
struct CorrectionTests {
    private func correcting(_ hold: UInt64, _ from: Correction.State, _ to: Correction.State) -> Command {
        .correct(HoldID(hold), Correction(from: from, to: to))
    }

    private func says(_ buyer: String?, _ note: String? = nil) -> Correction.State {
        Correction.State(buyer: buyer.flatMap { Buyer($0) }, note: note.flatMap { SaleNote($0) })
    }

    /// Three holds of one ticket in a hall with a limit of two: P1 of ann, P2 of ben, H3 of cy.
    private func sale() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9) { $0.ticketsPerBuyer = 2 }))
        for buyer in ["ann-old", "ben", "cy"] { _ = try await store.outcome(try holdGA(buyer: buyer)) }
        for number in [1, 2] as [UInt64] { _ = try await store.outcome(.purchase(HoldID(number))) }
        return store
    }

    private func correct(
        _ store: TestStore, _ hold: UInt64, _ from: Correction.State, _ to: Correction.State
    ) async throws {
        guard case .corrected(_, repeated: false) = try await store.outcome(correcting(hold, from, to)) else {
            Issue.record("hold \(hold) was not corrected")
            return
        }
    }

    @Test("Lists, searches, views and debts show what the latest correction says, also after a restart")
    func ledger() async throws {
        let store = try await sale()
        try await correct(store, 1, says("ann-old"), says("ann-new", "first"))
        try await correct(store, 1, says("ann-new", "first"), says("ann", "aisle"))
        try await correct(store, 3, says("cy"), says("di", "late"))
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("second"), by: .key))
        for _ in 0..<2 {
            let listed = try await store.embedded.purchases(of: code("hall"), after: nil, limit: 9)
            #expect(listed.map(\.buyer) == ["ann", "ben"])
            #expect(listed.map(\.note) == ["aisle", nil])
            let owed = try await store.embedded.refundsOwed(
                of: code("hall"), confirmed: true, after: nil, limit: 9)
            #expect(owed.map(\.buyer) == ["ann"])
            for (buyer, holds) in [("ann", [1]), ("di", [3]), ("ann-old", []), ("ann-new", []), ("cy", [])] {
                let page = try await store.embedded.search(SalesQuery(buyer: Buyer(buyer)))
                #expect(page.records.map(\.hold.number) == holds.map { UInt64($0) }, "\(buyer)")
            }
            let live = try #require(try await store.embedded.search(SalesQuery(hold: HoldID(3))).records.first)
            #expect(live.note == "late")
            guard
                case .corrected(_, repeated: true) = try await store.outcome(
                    correcting(1, says("ann", "aisle"), says("ann", "aisle")))
            else {
                Issue.record("the correction was forgotten")
                return
            }
            try store.restart()
        }
        let sold = try await read(store, "SELECT buyer, note FROM sales ORDER BY purchase")
        #expect(sold == [["ann", "aisle"], ["ben", ""]])
        #expect(try await read(store, "SELECT buyer, note FROM named_holds WHERE hold = 3") == [["di", "late"]])
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    private func read(_ store: TestStore, _ sql: String) async throws -> [[String]] {
        let queue = try DatabaseQueue(path: store.ledgerPath)
        defer { try? queue.close() }
        return try await queue.read { db in
            try Row.fetchAll(db, sql: sql).map { $0.databaseValues.map { String.fromDatabaseValue($0) ?? "" } }
        }
    }

    @Test("An erasure takes former buyers, notes and reasons of returns out of the ledger's files")
    func erased() async throws {
        let store = try await sale()
        try await correct(store, 1, says("ann-old"), says("ann-new", "ann-note"))
        _ = try await store.outcome(.purchase(HoldID(3)))
        let line = try #require(PartReturn.Line(type: code("GA"), quantity: 1))
        let part = PartReturn(lines: OneOrMore(line), reason: ReasonText("ann-ill"), key: IdempotencyKey(named: "a"))
        _ = try await store.outcome(.returnPart(HoldID(1), part))
        let texts = ["ann-old", "ann-new", "ann-note", "ann-ill"]
        #expect(try found(texts, store) == texts)
        let page = try await store.embedded.erasable(.buyer(try #require(Buyer("ann-new")), event: nil), after: nil)
        #expect(page.holds.map(\.hold.number) == [1])
        #expect(try await store.outcome(.erase(ErasureRequest(hold: HoldID(1)))) == .erased(HoldID(1), repeated: false))
        #expect(try await eventually { try found(texts, store) == [] })
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    private func found(_ texts: [String], _ store: TestStore) throws -> [String] {
        let files = ["", "-wal"].compactMap { FileManager.default.contents(atPath: store.ledgerPath + $0) }
        return texts.filter { text in files.contains { $0.range(of: Data(text.utf8)) != nil } }
    }

    @Test(
        "The recount finds a correction that the rules do not allow",
        arguments: [
            ("UPDATE corrections SET buyer = 'ben' WHERE hold = 1", "3 tickets"),
            ("UPDATE corrections SET buyer = NULL WHERE hold = 1", "lost its buyer"),
            ("UPDATE corrections SET hold = 4 WHERE hold = 3", "neither live nor sold"),
            ("UPDATE corrections SET hold = 99 WHERE hold = 3", "never made"),
        ])
    func tampered(statement: String, wanted: String) async throws {
        let store = try await sale()
        _ = try await store.outcome(try holdGA(buyer: "ben"))
        _ = try await store.outcome(.purchase(HoldID(4)))
        _ = try await store.outcome(.returnPurchase(HoldID(4)))
        _ = try await store.outcome(try holdGA(buyer: "ben"))
        try await correct(store, 1, says("ann-old"), says("ann"))
        try await correct(store, 3, says("cy"), says("di"))
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken ?? "nothing"
        #expect(broken.contains(wanted), "\(broken)")
    }
}
