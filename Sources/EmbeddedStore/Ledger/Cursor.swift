internal import GRDB
internal import GRDBSQLite

/// Rows of a query, read without GRDB: a start reads millions.
final class Cursor {
    private let statement: Statement

    init(_ db: Database, _ sql: String) throws {
        statement = try db.makeStatement(sql: sql)
    }

    init(_ statement: Statement) {
        self.statement = statement
    }

    func bind(_ numbers: Int64...) {
        for (index, number) in numbers.enumerated() {
            sqlite3_bind_int64(statement.sqliteStatement, CInt(index + 1), number)
        }
    }

    /// Resets the statement for its next use.
    func reset() {
        sqlite3_reset(statement.sqliteStatement)
    }

    func next() throws -> Bool {
        switch sqlite3_step(statement.sqliteStatement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code),
                message: String(cString: sqlite3_errmsg(sqlite3_db_handle(statement.sqliteStatement))))
        }
    }

    func int(_ column: CInt) -> Int64 {
        sqlite3_column_int64(statement.sqliteStatement, column)
    }

    func text(_ column: CInt) -> String? {
        sqlite3_column_text(statement.sqliteStatement, column).map { String(cString: $0) }
    }
}
