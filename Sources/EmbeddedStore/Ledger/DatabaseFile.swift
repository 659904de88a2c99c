internal import GRDB
internal import GRDBSQLite

/// A file that SQLite has open: the database of a connection, or its write-ahead log.
///
/// It uses SQLite's own descriptor. To close another one on a database would drop all locks that this process has on it.
/// It may be used while the connection is open, in its thread.
struct DatabaseFile {
    private let file: UnsafeMutablePointer<sqlite3_file>
    private let methods: sqlite3_io_methods

    /// The database itself.
    init(_ db: Database) throws {
        guard let file = Self(db, SQLITE_FCNTL_FILE_POINTER) else {
            throw LedgerError.writeFailed(reason: "SQLite does not show the database's file")
        }
        self = file
    }

    /// The write-ahead log; `nil` if the connection has none open.
    init?(logOf db: Database) {
        self.init(db, SQLITE_FCNTL_JOURNAL_POINTER)
    }

    private init?(_ db: Database, _ which: CInt) {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(db.sqliteConnection, "main", which, &file) == SQLITE_OK, let file,
            let methods = file.pointee.pMethods?.pointee
        else { return nil }
        (self.file, self.methods) = (file, methods)
    }

    /// In bytes.
    func length() throws -> Int {
        var bytes: sqlite3_int64 = 0
        guard methods.xFileSize(file, &bytes) == SQLITE_OK else {
            throw LedgerError.writeFailed(reason: "the length of a file cannot be read")
        }
        return Int(bytes)
    }

    /// Fills `room` with the bytes from `start` on.
    ///
    /// - Returns: `false` if the file ends before.
    func read(_ room: UnsafeMutableRawBufferPointer, at start: Int) throws -> Bool {
        let result = methods.xRead(file, room.baseAddress, CInt(room.count), sqlite3_int64(start))
        if ResultCode(rawValue: result) == .SQLITE_IOERR_SHORT_READ { return false }
        guard result == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: result)) }
        return true
    }

    func sync() throws {
        let result = methods.xSync(file, SQLITE_SYNC_NORMAL)
        guard result == SQLITE_OK else {
            throw LedgerError.writeFailed(reason: "a sync of the database failed (\(result))")
        }
    }
}
