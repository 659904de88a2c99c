internal import BoxOffice
internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import TicketStore

/// The file that everything lasting is in: SQLite in write-ahead mode.
///
/// One thread writes, a batch of facts a transaction. What was committed with ``Durability/full`` is on the disk:
/// `synchronous` is FULL, set after opening (GRDB sets NORMAL when it switches the write-ahead log on) and read back.
struct Ledger: Sendable {
    /// What one commit records.
    struct Batch: Sendable {
        struct Entry: Sendable {
            var recorded: RecordedFact
            /// Only with a definition: what it makes readable.
            var catalogue: EventCatalogue?
        }

        var entries: ContiguousArray<Entry> = []
        /// Of facts that operators made.
        var notes: [(fact: RecordedFact, note: AuditNote)] = []
        /// How far the time of day is ahead of the office's clock, where that is to be noted.
        var wallClock: (at: Timestamp, ahead: Int64)?
    }

    /// Frames of the write-ahead log (4 KiB each) before it is folded into the database: 16 MiB. Folding stops the
    /// writer for some milliseconds and costs two syncs, so not too often; a restart reads what is in the log, so not
    /// too seldom.
    private static let framesBeforeFold = 4_000
    /// What is left of a write-ahead log that a reader made grow, when it is started anew: twice what it has otherwise.
    static let logBytes = 2 * framesBeforeFold * 4_120

    let path: String
    let durability: Durability
    /// Somebody was reading when it was opened, so its log was synced but not restarted.
    let isBeingRead: Bool
    /// A sync of the database failed after SQLite had counted as folded what was to be synced.
    private(set) var isInDoubt = false
    private var queue: DatabaseQueue
    /// Shows whether another process has the database open; only in doubt. To close it lets go of all locks that this
    /// process has on the file, so it stays until there are none.
    private var probe: CInt?

    /// Opens the ledger at `path`, makes it if there is none, and brings it to the current schema.
    init(path: String, durability: Durability) throws(LedgerError) {
        self.path = path
        self.durability = durability
        do {
            try LedgerFiles.makePrivate(path)
            // Before it is opened to be written, which changes it: what is no ledger of ours stays as it is.
            if LedgerFiles.isFilled(path) {
                let reader = try LedgerQueries.openToRead(path, label: "ledger's format")
                try reader.read { db in try LedgerSchema.checkFormat(of: db, at: path) }
                try reader.close()
            }
            (queue, isBeingRead) = try Self.open(path, durability)
            try LedgerSchema.migrator.migrate(queue)
        } catch let error as LedgerError {
            throw error
        } catch {
            throw Self.translate(error, opening: path)
        }
    }

    /// The connection that writes, and whether somebody reads beside it.
    private static func open(
        _ path: String, _ durability: Durability
    ) throws -> (queue: DatabaseQueue, isBeingRead: Bool) {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.label = "ledger"
        // Someone who reads it with sqlite3 may hold a lock for a moment.
        configuration.busyMode = .timeout(1)
        configuration.observesSuspensionNotifications = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let isBeingRead = try queue.writeWithoutTransaction { db in
            try set("synchronous", to: synchronous(durability), in: db)
            // A commit that folds tells nobody when that fails: see ``commit(_:and:)``.
            try set("wal_autocheckpoint", to: 0, in: db)
            try set("journal_size_limit", to: logBytes, in: db)
            return try settleLog(of: db)
        }
        return (queue, isBeingRead)
    }

    /// 16 random bytes that are this ledger's alone; made with it.
    func identity(orMake new: [UInt8], at wall: WallTime) throws(LedgerError) -> [UInt8] {
        try translating {
            try queue.write { db in
                try db.execute(
                    sql: "INSERT OR IGNORE INTO ledger (one, id, made_at) VALUES (1, ?, ?)",
                    arguments: [Data(new), wall.milliseconds])
                guard let id = try Data.fetchOne(db, sql: "SELECT id FROM ledger") else {
                    throw LedgerError.damaged("it has no identity")
                }
                return [UInt8](id)
            }
        }
    }

    /// The secret under which digests of idempotency keys are made; made with the ledger, or when it was upgraded.
    func keySecret(orMake new: [UInt8]) throws(LedgerError) -> [UInt8] {
        try translating {
            try queue.write { db in
                try db.execute(
                    sql: "UPDATE ledger SET key_secret = ? WHERE key_secret IS NULL", arguments: [Data(new)])
                guard let secret = try Data.fetchOne(db, sql: "SELECT key_secret FROM ledger") else {
                    throw LedgerError.damaged("it has no secret for keys")
                }
                return [UInt8](secret)
            }
        }
    }

    /// Begins a series of holds, and returns all there were, in their order.
    ///
    /// It is on the disk with either durability: what a power cut takes back must not be its mark, too.
    func beginSeries(_ series: HoldSeries, at wall: WallTime) throws(LedgerError) -> [HoldSeries] {
        try translating {
            let all = try withFullSync { db in
                try db.execute(
                    sql: "INSERT OR REPLACE INTO series (first, mark, began_at) VALUES (?, ?, ?)",
                    arguments: [
                        Int64(series.first.number), Int64(bitPattern: series.mark), wall.milliseconds,
                    ])
                let rows = try Row.fetchAll(db, sql: "SELECT first, mark FROM series ORDER BY first")
                return rows.map { row in
                    HoldSeries(
                        first: HoldID(UInt64(clamping: row[0] as Int64)), mark: UInt64(bitPattern: row[1] as Int64))
                }
            }
            // Out of the log, too, which is not synced with what follows.
            if durability == .relaxed { _ = try queue.writeWithoutTransaction(Self.settleLog) }
            return all
        }
    }

    /// The fingerprints of the keys that sign tokens, by their numbers; those that are new are added.
    ///
    /// - Parameter replacing: whether other ones under the same numbers take the place of those that were there.
    func tokenKeys(
        adding fingerprints: [UInt8: [UInt8]], replacing: Bool
    ) throws(LedgerError) -> [UInt8: [UInt8]] {
        try translating {
            try queue.write { db in
                for (number, fingerprint) in fingerprints {
                    try db.execute(
                        sql: "INSERT OR \(replacing ? "REPLACE" : "IGNORE") INTO token_keys VALUES (?, ?)",
                        arguments: [Int64(number), Data(fingerprint)])
                }
                let rows = try Row.fetchAll(db, sql: "SELECT number, fingerprint FROM token_keys")
                return Dictionary(
                    rows.map { row in (UInt8(clamping: row[0] as Int64), [UInt8](row[1] as Data)) },
                    uniquingKeysWith: { first, _ in first })
            }
        }
    }

    /// Writes with `body` in one transaction that is on the disk on return, whatever the durability of the others and
    /// whoever reads.
    private func withFullSync<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try queue.writeWithoutTransaction { db in
            try Self.set("synchronous", to: Self.synchronous(.full), in: db)
            defer { try? Self.set("synchronous", to: Self.synchronous(durability), in: db) }
            var value: Value?
            try db.inTransaction(.immediate) {
                value = try body(db)
                return .commit
            }
            guard let value else { throw LedgerError.writeFailed(reason: "the transaction did not run") }
            return value
        }
    }

    private static func synchronous(_ durability: Durability) -> Int { durability == .full ? 2 : 1 }

    /// Makes a batch durable: all of it or nothing.
    ///
    /// - Parameter more: written with it.
    /// - Returns: whether the log is so long that it is time to ``fold()`` it.
    @discardableResult
    func commit(_ batch: Batch, and more: (Database) throws -> Void = { _ in }) throws(LedgerError) -> Bool {
        try translating {
            try queue.writeWithoutTransaction { db in
                // Prepared once: GRDB's own transactions are compiled anew each time.
                try RowStatement(db.cachedStatement(sql: "BEGIN IMMEDIATE")).run()
                do {
                    try FactWriter(db).write(batch)
                    try more(db)
                    try RowStatement(db.cachedStatement(sql: "COMMIT")).run()
                } catch {
                    // Some failures have rolled back by themselves.
                    if db.isInsideTransaction { try db.execute(sql: "ROLLBACK") }
                    throw error
                }
                return Self.pagesWritten(by: db) >= Self.framesBeforeFold
            }
        }
    }

    /// Folds as much of the write-ahead log into the database as readers allow, and syncs both.
    ///
    /// SQLite syncs the database only where it came to the end of the log. Where a reader is in the way it counts what it
    /// wrote as folded all the same, so that is synced here. If this sync fails, the kernel may have forgotten pages that it
    /// calls written, and SQLite will not write them again: the ledger is in doubt until ``refold(_:)``. Nothing else that
    /// fails here is counted, so the next fold does it again.
    ///
    /// - Returns: whether everything is in the database.
    @discardableResult
    mutating func fold() throws(LedgerError) -> Bool {
        guard !isInDoubt else {
            throw .writeFailed(reason: "a sync of the database failed, and it was not folded anew")
        }
        let isWhole = try translating {
            try queue.writeWithoutTransaction { db in
                _ = Self.pagesWritten(by: db, startingAnew: true)
                return try Self.foldWhole(db)
            }
        }
        if !isWhole {
            isInDoubt = true
            try translating { try queue.writeWithoutTransaction(Self.syncDatabase) }
            isInDoubt = false
        }
        return isWhole
    }

    /// Folds the log in from its start, whatever of it counts as folded, and takes the ledger out of doubt.
    ///
    /// How far the log was folded is forgotten when nobody has the ledger open, so all connections of this process are
    /// closed. None of them may fold or remove the log on its way out; nor may another program, which is why nobody else
    /// may have it open.
    ///
    /// - Parameter readers: all other connections of this process; they only read.
    mutating func refold(_ readers: [ReadConnection]) throws(LedgerError) {
        if probe == nil { probe = LedgerFiles.probe(path) }
        if let process = probe.flatMap(LedgerFiles.userOfDatabase) {
            throw .inUse(path: path, process: "\(process)")
        }
        do {
            // The last connection folds what is not counted as folded and removes the log; one that only reads cannot.
            try? queue.close()
            for reader in readers { reader.close() }
            try Self.foldAlone(path)
            if let probe { LedgerFiles.closeProbe(probe) }
            probe = nil
            queue = try Self.open(path, durability).queue
            for reader in readers { try reader.reopen() }
            isInDoubt = false
        } catch {
            throw Self.translate(error, opening: nil)
        }
    }

    /// With the lock of an only user, SQLite keeps no index of the log beside it, and reads all of the log for one of its own.
    private static func foldAlone(_ path: String) throws {
        var configuration = Configuration()
        configuration.label = "ledger alone"
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
        let alone = try DatabaseQueue(path: path, configuration: configuration)
        try alone.writeWithoutTransaction(restartLog)
        try alone.close()
    }

    /// - Returns: whether everything is in the database, and synced.
    private static func foldWhole(_ db: Database) throws -> Bool {
        do {
            let (frames, folded) = try db.checkpoint(.passive)
            return frames == folded
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            // Somebody else folds.
            return false
        }
    }

    /// Syncs the database's file, by SQLite's own descriptor of it.
    private static func syncDatabase(of db: Database) throws {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let found = sqlite3_file_control(db.sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &file)
        guard found == SQLITE_OK, let file, let sync = file.pointee.pMethods?.pointee.xSync else {
            throw LedgerError.writeFailed(reason: "the database's file cannot be synced")
        }
        let result = sync(file, SQLITE_SYNC_NORMAL)
        guard result == SQLITE_OK else {
            throw LedgerError.writeFailed(reason: "a sync of the database failed (\(result))")
        }
    }

    /// Pages that went into the log since it was folded the last time. No system call.
    private static func pagesWritten(by db: Database, startingAnew: Bool = false) -> Int {
        var (pages, most): (CInt, CInt) = (0, 0)
        sqlite3_db_status(db.sqliteConnection, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &most, startingAnew ? 1 : 0)
        return Int(pages)
    }

    /// Writes everything that was committed into a new file, also where the ledger's own files have no name any more. On
    /// return it is on the disk, whole.
    func copy(to path: String) throws(LedgerError) {
        try translating {
            let part = path + ".part"
            // Of an attempt that failed.
            try? FileManager.default.removeItem(atPath: part)
            // Made before SQLite does, so that it is never readable for others; it takes an empty file.
            try LedgerFiles.makePrivate(part)
            try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [part]) }
            try LedgerFiles.publish(part, as: path)
        }
    }

    func close() throws(LedgerError) {
        try translating {
            // In doubt the log is the only good copy, and those who read are closed after this, which cannot remove it.
            if !isInDoubt { try? queue.writeWithoutTransaction(Self.restartLog) }
            try queue.close()
            if let probe { LedgerFiles.closeProbe(probe) }
        }
    }

    /// Reads with `body` in one transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws(LedgerError) -> Value {
        try translating { try queue.read(body) }
    }

    private func translating<Value>(_ body: () throws -> Value) throws(LedgerError) -> Value {
        do {
            return try body()
        } catch {
            throw Self.translate(error, opening: nil)
        }
    }

    static func translate(_ error: any Error, opening path: String?) -> LedgerError {
        if let error = error as? LedgerError { return error }
        guard let error = error as? DatabaseError else { return .writeFailed(reason: "\(error)") }
        let reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        if error.resultCode == .SQLITE_FULL { return .diskFull }
        if error.resultCode == .SQLITE_CORRUPT { return .damaged(reason) }
        if error.resultCode == .SQLITE_NOTADB { return path.map { .notALedger(path: $0) } ?? .damaged(reason) }
        if let path { return .cannotOpen(path: path, reason: reason) }
        return .writeFailed(reason: "\(reason) (\(error.extendedResultCode.rawValue))")
    }

    private static func set(_ pragma: String, to value: Int, in db: Database) throws {
        try db.execute(sql: "PRAGMA \(pragma) = \(value)")
        let got = try Int.fetchOne(db, sql: "PRAGMA \(pragma)")
        guard got == value else {
            throw LedgerError.settingRefused(name: pragma, wanted: "\(value)", got: got.map { "\($0)" } ?? "unset")
        }
    }

    /// What an earlier process wrote but could not sync is written out and synced anew, or refused.
    ///
    /// A reader (a backup, somebody's `sqlite3`) keeps the log from being restarted; it must not keep the box office
    /// closed. Then the log is synced, and as much of it folded in as the reader allows.
    ///
    /// - Returns: whether there is a reader.
    private static func settleLog(of db: Database) throws -> Bool {
        do {
            try restartLog(of: db)
            return false
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            if try !foldWhole(db) { try syncDatabase(of: db) }
            return true
        }
    }

    private static func restartLog(of db: Database) throws {
        let (frames, folded) = try db.checkpoint(.truncate)
        guard frames == folded else { throw LedgerError.writeFailed(reason: "the write-ahead log is being read") }
    }
}
