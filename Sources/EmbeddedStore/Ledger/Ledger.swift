internal import BoxOffice
internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import TicketStore

/// The file that keeps everything durable: a SQLite database with a write-ahead log.
///
/// One thread writes, one batch of facts in each transaction. A commit with ``Durability/full`` is on the disk:
/// `synchronous` is FULL. It is set after opening, because GRDB sets NORMAL when it turns the write-ahead log on, and
/// it is read back.
struct Ledger: Sendable {
    /// What one commit writes.
    struct Batch: Sendable {
        struct Entry: Sendable {
            var recorded: RecordedFact
            /// Only with a definition: the event in readable form.
            var catalogue: EventCatalogue?
        }

        var entries: ContiguousArray<Entry> = []
        /// The audit notes of operators' facts.
        var notes: [(fact: RecordedFact, note: AuditNote)] = []
        /// Whether a fact erases what earlier ones recorded (R41 Erasure).
        var erases = false
        /// How far the time of day is ahead of the store's clock, if that is to be noted.
        var wallClock: (at: Timestamp, ahead: Int64)?

        mutating func add(_ entry: Entry) {
            if case .erased = entry.recorded.fact { erases = true }
            entries.append(entry)
        }
    }

    /// Frames of the write-ahead log, 4 KiB each, before it is folded into the database: 16 MiB. A fold stops the
    /// writer for some milliseconds and costs two syncs, so it must not come too often. A restart reads the log, so it
    /// must not come too rarely either.
    private static let framesBeforeFold = 4_000
    /// The length to which a log is cut when it restarts after a reader made it grow: twice its usual length.
    static let logBytes = 2 * framesBeforeFold * 4_120

    static let busyMilliseconds: CInt = 1_000

    let path: String
    let durability: Durability
    /// Whether another program was reading at the open, so that the log was synced but not restarted.
    let isBeingRead: Bool
    /// Whether a sync of the database failed after SQLite had counted those pages as folded.
    private(set) var isInDoubt = false
    var queue: DatabaseQueue
    /// A descriptor that shows whether another process has the database open; only in doubt. Closing it drops all locks
    /// of this process on the file, so it stays open until there are none.
    private var probe: CInt?

    /// Opens the ledger at `path`, makes it if there is none, and migrates it to the current schema.
    init(path: String, durability: Durability) throws(LedgerError) {
        self.path = path
        self.durability = durability
        do {
            try LedgerFiles.makePrivate(path)
            // Checked before the file is opened to be written, which changes it: a foreign file stays as it is.
            if LedgerFiles.isFilled(path) {
                let reader = try ReadConnection.open(path, label: "ledger's format")
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

    /// The connection that writes, and whether another program reads the ledger.
    private static func open(
        _ path: String, _ durability: Durability
    ) throws -> (queue: DatabaseQueue, isBeingRead: Bool) {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.label = "ledger"
        // A person with sqlite3 may hold a lock for a moment.
        configuration.busyMode = .timeout(Double(busyMilliseconds) / 1_000)
        configuration.observesSuspensionNotifications = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let isBeingRead = try queue.writeWithoutTransaction { db in
            try set("synchronous", to: synchronous(durability), in: db)
            // SQLite does not report it when a fold within a commit fails: see ``commit(_:and:)``.
            try set("wal_autocheckpoint", to: 0, in: db)
            try set("journal_size_limit", to: logBytes, in: db)
            try setSecureDelete("FAST", in: db)
            return try settleLog(of: db)
        }
        return (queue, isBeingRead)
    }

    /// The ledger's 16 random bytes. `new` are recorded if it has none.
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

    /// The secret for digests of idempotency keys. `new` is recorded if the ledger has none.
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

    /// Begins a series of holds, and returns all series in their order.
    ///
    /// The series is on the disk with either durability: a power cut that undoes holds must not undo their mark as
    /// well.
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
            // Also folded out of the log: later commits do not sync the log with relaxed durability.
            if durability == .relaxed { _ = try queue.writeWithoutTransaction(Self.settleLog) }
            return all
        }
    }

    /// The mark of the last series of holds; 0 before the first.
    func lastMark() throws(LedgerError) -> UInt64 {
        let mark = try read { try Int64.fetchOne($0, sql: "SELECT mark FROM series ORDER BY first DESC LIMIT 1") }
        return UInt64(bitPattern: mark ?? 0)
    }

    /// The fingerprints of the keys that sign tokens, by number. New numbers are added.
    ///
    /// - Parameter replacing: whether `fingerprints` replace those with the same numbers.
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

    /// Writes with `body` in one transaction. On return it is on the disk, whatever the ledger's durability.
    func withFullSync<Value>(_ body: (Database) throws -> Value) throws -> Value {
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
    /// - Parameter more: writes more rows in the same transaction.
    /// - Returns: whether the log is so long that the caller should ``fold()`` it.
    @discardableResult
    func commit(_ batch: Batch, and more: (Database) throws -> Void = { _ in }) throws(LedgerError) -> Bool {
        try translating {
            try queue.writeWithoutTransaction { db in
                if batch.erases { try Self.setSecureDelete("ON", in: db) }
                defer { if batch.erases { try? Self.setSecureDelete("FAST", in: db) } }
                // Prepared once: GRDB compiles its own transactions each time.
                try RowStatement(db.cachedStatement(sql: "BEGIN IMMEDIATE")).run()
                do {
                    try FactWriter(db).write(batch)
                    try more(db)
                    try RowStatement(db.cachedStatement(sql: "COMMIT")).run()
                } catch {
                    // SQLite rolls back by itself after some failures.
                    if db.isInsideTransaction { try db.execute(sql: "ROLLBACK") }
                    throw error
                }
                return Self.pagesWritten(by: db) >= Self.framesBeforeFold
            }
        }
    }

    /// Folds as much of the write-ahead log into the database as readers allow, and syncs both.
    ///
    /// SQLite syncs the database only if it reached the end of the log. If a reader stops it earlier, it counts the
    /// pages that it wrote as folded all the same, so they are synced here. If this sync fails, the kernel may have
    /// lost pages that it calls written, and SQLite will not write them again: the ledger is in doubt until
    /// ``refold(_:)``. After any other failure nothing counts as folded, and the next fold repeats it.
    ///
    /// - Returns: whether all of the log is in the database.
    @discardableResult
    mutating func fold() throws(LedgerError) -> Bool {
        guard !isInDoubt else {
            throw .writeFailed(reason: "a sync of the database failed, and the log was not folded again")
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

    /// Folds the log again from its start, whatever counts as folded, and takes the ledger out of doubt.
    ///
    /// SQLite forgets how far the log was folded when no connection is open. So this closes all connections of this
    /// process. None of them may fold or remove the log when it closes. The same holds for other programs, so none of
    /// them may have the ledger open.
    ///
    /// - Parameter readers: all other connections of this process. They only read.
    mutating func refold(_ readers: [ReadConnection]) throws(LedgerError) {
        if probe == nil { probe = LedgerFiles.probe(path) }
        if let process = probe.flatMap(LedgerFiles.userOfDatabase) {
            throw .inUse(path: path, process: "\(process)")
        }
        do {
            // The last connection to close folds the rest of the log and removes it. One that only reads cannot do
            // that.
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

    /// Folds the log as the ledger's only user. With an exclusive lock SQLite keeps the log's index in memory, and
    /// reads the whole log to make it.
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
            // Another connection is folding.
            return false
        }
    }

    /// Syncs the database's file through SQLite's own descriptor.
    private static func syncDatabase(of db: Database) throws {
        try DatabaseFile(db).sync()
    }

    /// Pages that went into the log since the last fold. It needs no system call.
    private static func pagesWritten(by db: Database, startingAnew: Bool = false) -> Int {
        var (pages, most): (CInt, CInt) = (0, 0)
        sqlite3_db_status(db.sqliteConnection, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &most, startingAnew ? 1 : 0)
        return Int(pages)
    }

    /// Writes all committed facts into a new file, even if the ledger's own files were removed. On return the copy is
    /// whole and on the disk.
    func copy(to path: String) throws(LedgerError) {
        try translating {
            let part = path + ".part"
            // Left over from a failed attempt.
            try? FileManager.default.removeItem(atPath: part)
            // Made here, so that others can never read it. SQLite accepts an empty file.
            try LedgerFiles.makePrivate(part)
            try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [part]) }
            try LedgerFiles.publish(part, as: path)
        }
    }

    func close() throws(LedgerError) {
        try translating {
            // In doubt the log is the only good copy. The readers close later, and they cannot remove it.
            if !isInDoubt { try? queue.writeWithoutTransaction(Self.restartLog) }
            try queue.close()
            if let probe { LedgerFiles.closeProbe(probe) }
        }
    }

    /// Reads with `body` in one transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws(LedgerError) -> Value {
        try translating { try queue.read(body) }
    }

    func translating<Value>(_ body: () throws -> Value) throws(LedgerError) -> Value {
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

    /// Writes and syncs again what an earlier process may not have synced, or fails.
    ///
    /// A reader (a backup, a `sqlite3`) keeps the log from being restarted, but it must not keep the box office closed.
    /// Then the log is synced, and folded as far as the reader allows.
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

    static func restartLog(of db: Database) throws {
        let (frames, folded) = try db.checkpoint(.truncate)
        guard frames == folded else { throw LedgerError.writeFailed(reason: "the write-ahead log is being read") }
    }
}
