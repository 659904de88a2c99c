internal import BoxOffice
internal import GRDB

/// Overwrites what was erased: the only writer that changes rows of facts (R41 Erasure).
///
/// It finds everything by the hold, and needs nothing that memory knows. With `secure_delete` SQLite overwrites the
/// bytes of the old texts in the pages that it writes. Older copies of these pages are in the write-ahead log until
/// ``Ledger/cutLog()``.
struct LedgerEraser {
    private let db: Database

    init(_ db: Database) {
        self.db = db
    }

    /// What gives erased payments of this ledger their names.
    static func digester(_ db: Database) throws -> PaymentDigester {
        PaymentDigester(secret: try LedgerSource.secret(db))
    }

    /// Erases the buyer and the payments of a hold, and records that.
    func erase(_ hold: HoldID, _ sequence: Int64, _ at: Int64) throws {
        let number = Int64(hold.number)
        let digester = try Self.digester(db)
        let bought = try String.fetchOne(db, sql: "SELECT payment FROM purchases WHERE hold = ?", arguments: [number])
        let reported = try String.fetchAll(
            db, sql: "SELECT DISTINCT payment FROM refunds WHERE hold = ?", arguments: [number])
        try db.execute(sql: "UPDATE holds SET buyer = NULL WHERE id = ?", arguments: [number])
        try db.execute(sql: "UPDATE corrections SET buyer = NULL, note = NULL WHERE hold = ?", arguments: [number])
        try db.execute(sql: "UPDATE part_returns SET reason = NULL WHERE hold = ?", arguments: [number])
        try forgetBuyer(ofEntryOf: number)
        // What only a token reported.
        for payment in reported {
            try db.execute(
                sql: "DELETE FROM debts WHERE payment = ? AND hold = ? AND ended IS NULL", arguments: [payment, number])
        }
        for payment in Set(reported + (bought.map { [$0] } ?? [])) {
            guard let plain = PaymentReference(kept: payment), !plain.isErased else { continue }
            let owes = try Int64.fetchOne(db, sql: "SELECT hold FROM debts WHERE payment = ?", arguments: [payment])
            try rename(
                payment, to: digester.erased(plain).text, of: number, isItsOwn: payment == bought || owes == number)
        }
        try db.execute(
            sql: "INSERT INTO erasures (seq, at, hold) VALUES (?, ?, ?)", arguments: [sequence, at, number])
    }

    /// Overwrites the digest by which a name leads to the entry of a queue, and by that to the hold (Q2 Numbers).
    private func forgetBuyer(ofEntryOf hold: Int64) throws {
        let made = try Row.fetchOne(
            db, sql: "SELECT event, entry FROM holds JOIN hold_entries ON hold = id WHERE id = ?", arguments: [hold])
        guard let made else { return }
        let (event, entry): (Int64, Int64) = (made[0], made[1])
        try db.execute(
            sql: "UPDATE queue_facts SET position = 0, moment = number WHERE kind = 3 AND event = ? AND number = ?",
            arguments: [event, entry])
    }

    /// - Parameter isItsOwn: whether the payment bought the hold or was owed for it last. Otherwise it stays in the
    ///   rows of the hold that has it now.
    private func rename(_ payment: String, to erased: String, of hold: Int64, isItsOwn: Bool) throws {
        try db.execute(
            sql: "UPDATE purchases SET payment = ? WHERE hold = ? AND payment = ?", arguments: [erased, hold, payment])
        for change in ["UPDATE refunds", "UPDATE repayments", "UPDATE OR REPLACE debts"] {
            try db.execute(
                sql: "\(change) SET payment = :erased WHERE payment = :payment AND (:own OR hold = :hold)",
                arguments: ["erased": erased, "payment": payment, "own": isItsOwn, "hold": hold])
        }
    }

    /// Takes out of the notes about a hold what they say about people: values, reasons, and payments behind the hold.
    /// Who did what, and when, stays.
    func eraseFromAudit(_ kept: Int64) throws {
        // Notes name a hold as its buyer knows it.
        let hold = try MovedNumbers.known(kept, db)
        try db.execute(
            sql: """
                UPDATE audit SET reason = NULL, differences = NULL, subject = :hold
                WHERE subject = :hold OR subject > :hold || ' ' AND subject < :hold || '!'
                """,
            arguments: ["hold": "H\(hold)"])
        try db.execute(
            sql: "UPDATE audit SET reason = NULL, differences = NULL WHERE subject = ?", arguments: ["P\(hold)"])
    }
}
