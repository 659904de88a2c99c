internal import BoxOffice
internal import Foundation
internal import GRDB
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
    private static let framesBeforeCheckpoint = 4_000
    /// What is left of a write-ahead log that a reader made grow, when it is started anew: twice what it has otherwise.
    static let logBytes = 2 * framesBeforeCheckpoint * 4_120

    let path: String
    let durability: Durability
    /// Somebody was reading when it was opened, so its log was synced but not restarted.
    let isBeingRead: Bool
    private let queue: DatabaseQueue

    /// Opens the ledger at `path`, makes it if there is none, and brings it to the current schema.
    init(path: String, durability: Durability) throws(LedgerError) {
        self.path = path
        self.durability = durability
        do {
            try LedgerFiles.makePrivate(path)
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.label = "ledger"
            // Someone who reads it with sqlite3 may hold a lock for a moment.
            configuration.busyMode = .timeout(1)
            configuration.observesSuspensionNotifications = false
            // Before it is opened to be written, which changes it: what is no ledger of ours stays as it is.
            if LedgerFiles.isFilled(path) {
                let reader = try LedgerShelf.openToRead(path, label: "ledger's format")
                try reader.read { db in try LedgerSchema.checkFormat(of: db, at: path) }
                try reader.close()
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            isBeingRead = try queue.writeWithoutTransaction { db in
                try Self.set("synchronous", to: Self.synchronous(durability), in: db)
                try Self.set("wal_autocheckpoint", to: Self.framesBeforeCheckpoint, in: db)
                try Self.set("journal_size_limit", to: Self.logBytes, in: db)
                return try Self.settleLog(of: db)
            }
            try LedgerSchema.migrator.migrate(queue)
        } catch let error as LedgerError {
            throw error
        } catch {
            throw Self.translate(error, opening: path)
        }
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
            try withFullSync { db in
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
    func commit(_ batch: Batch, and more: (Database) throws -> Void = { _ in }) throws(LedgerError) {
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
            }
        }
    }

    /// Folds as much of the write-ahead log into the database as readers allow, and syncs both.
    ///
    /// This comes after a failed commit, and shows that the disk takes something again. Nothing rests on how far it comes,
    /// so nobody who reads can keep selling from going on. If the sync of a commit failed, the kernel may have forgotten
    /// pages of the log that it calls written. They are those of that commit alone, since each one before was synced by
    /// itself before it was answered. SQLite does not count them in: the next commit is written to the same place, and
    /// so makes each of those pages, the one that it shares with the commit before, too, dirty again before it syncs.
    /// Likewise a fold whose sync failed does not count: its frames stay in the log and are written again by the next.
    ///
    /// - Returns: whether everything is in the database.
    @discardableResult
    func fold() throws(LedgerError) -> Bool {
        try translating {
            try queue.writeWithoutTransaction { db in
                do {
                    let (frames, folded) = try db.checkpoint(.passive)
                    return frames == folded
                } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                    // Somebody else folds.
                    return false
                }
            }
        }
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
            try? queue.writeWithoutTransaction(Self.restartLog)
            try queue.close()
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
            _ = try db.checkpoint(.passive)
            return true
        }
    }

    private static func restartLog(of db: Database) throws {
        let (frames, folded) = try db.checkpoint(.truncate)
        guard frames == folded else { throw LedgerError.writeFailed(reason: "the write-ahead log is being read") }
    }
}
