internal import GRDB
internal import GRDBSQLite

// What erasures need of SQLite (R41 Erasure).

extension Ledger {
    /// With `FAST` SQLite overwrites what is deleted within a page that it writes anyway, and with `ON` whole pages,
    /// too.
    static func setSecureDelete(_ mode: String, in db: Database) throws {
        _ = try Int.fetchOne(db, sql: "PRAGMA secure_delete = \(mode)")
    }

    /// Folds the log into the database and cuts it to nothing, so that no older copy of a page is left in it. It does
    /// not wait for readers.
    ///
    /// - Returns: whether that was done; `false` while another connection reads.
    mutating func cutLog() throws(LedgerError) -> Bool {
        guard try fold() else { return false }
        return try translating {
            try queue.writeWithoutTransaction { db in
                sqlite3_busy_timeout(db.sqliteConnection, 0)
                defer { sqlite3_busy_timeout(db.sqliteConnection, Self.busyMilliseconds) }
                do {
                    try Self.restartLog(of: db)
                    return true
                } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                    return false
                }
            }
        }
    }
}
