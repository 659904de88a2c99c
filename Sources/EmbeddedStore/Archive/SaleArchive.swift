internal import Cryptography
internal import Foundation
internal import GRDB

/// A whole sale in one file that can be moved (R51 Moving a sale): definitions, holds, sales, debts, keys, audit, and
/// what tokens are bound to.
///
/// The file is a ledger with a seal. So each table of facts that a release adds moves without code of its own, an older
/// archive is brought up to date by the migrations of ledgers, and `holdfast verify` reads an archive as it reads a
/// ledger. The seal has the format, the number of rows and a digest of all of them, so an archive that was cut off or
/// changed is noticed. It proves nothing against an attacker, who can seal again.
public enum SaleArchive {
    /// The format of the seal. A later one is refused.
    static let format = 1

    /// Copies the ledger in `directory` to a new file at `path`, recounts the copy and seals it. No service may run
    /// meanwhile, so the sale stands as long as that takes, and with it the clock of live holds.
    ///
    /// The ledger stays as it is, with a mark: no service starts on it until ``undoExport(of:)``.
    ///
    /// On return the file is on the disk and only its owner can read it: it contains buyers, payments and the secret of
    /// the digests of idempotency keys.
    ///
    /// - Throws: without a file at `path`, unless there was one before.
    public static func export(from directory: String, to path: String) throws(ArchiveError) -> AuditReport {
        try translating(path) {
            guard !FileManager.default.fileExists(atPath: path) else { throw ArchiveError.exists(path: path) }
            let ledger = directory + "/" + EmbeddedStore.ledgerName
            guard LedgerFiles.isFilled(ledger) else {
                throw LedgerError.cannotOpen(path: ledger, reason: "there is no ledger")
            }
            let lock = try LedgerLock(path: directory + "/lock")
            defer { withExtendedLifetime(lock) {} }
            let part = path + ".partial"
            return try withPart(part) {
                try LedgerFiles.makePrivate(part)
                let source = try LedgerSource(path: ledger)
                // Without the free pages, which may contain what was erased.
                let copied = Result {
                    try source.queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [part]) }
                }
                source.close()
                try copied.get()
                let report = try recounted(part)
                try seal(part)
                try markDeparted(ledger)
                do {
                    try LedgerFiles.publish(part, as: path)
                } catch {
                    _ = try unmark(ledger)
                    throw error
                }
                return report
            }
        }
    }

    /// Makes the archive at `path` the ledger in `directory`, which must not have one. The archive stays as it is.
    ///
    /// What is checked is the copy that becomes the ledger: its seal, then every fact in it.
    ///
    /// - Throws: without a ledger in the directory.
    public static func restore(_ path: String, into directory: String) throws(ArchiveError) -> AuditReport {
        try translating(path) {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let lock = try LedgerLock(path: directory + "/lock")
            defer { withExtendedLifetime(lock) {} }
            let ledger = directory + "/" + EmbeddedStore.ledgerName
            guard lock.knowledge == nil, !LedgerFiles.isFilled(ledger), !LedgerFiles.isFilled(ledger + "-wal") else {
                throw ArchiveError.exists(path: ledger)
            }
            let part = ledger + ".importing"
            return try withPart(part) {
                let report = try checkedCopy(of: path, at: part)
                try LedgerFiles.publish(part, as: ledger)
                return report
            }
        }
    }

    /// Copies an archive, checks the copy, and takes its seal off.
    static func checkedCopy(of path: String, at part: String) throws -> AuditReport {
        guard LedgerFiles.isFilled(path) else {
            throw LedgerError.cannotOpen(path: path, reason: "there is no such file, or it is empty")
        }
        try FileManager.default.copyItem(atPath: path, toPath: part)
        guard chmod(part, 0o600) == 0 else {
            throw LedgerError.cannotOpen(path: part, reason: String(cString: strerror(errno)))
        }
        let report: AuditReport
        do {
            try checkSeal(of: part, as: path)
            report = try recounted(part)
        } catch LedgerError.damaged {
            throw ArchiveError.changed(path: path)
        }
        let queue = try DatabaseQueue(path: part)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "DROP TABLE archive")
            // It may have been exported twice.
            if try db.tableExists("departure") { try db.execute(sql: "DELETE FROM departure") }
        }
        try queue.close()
        return report
    }

    static func recounted(_ path: String) throws -> AuditReport {
        let report = try LedgerAudit.recount(path: path)
        if let broken = report.broken { throw ArchiveError.brokenRule(broken) }
        return report
    }

    // MARK: The seal

    static func seal(_ path: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in
            let sum = try RowSum(of: db)
            try db.execute(
                sql: """
                    CREATE TABLE archive (
                      one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, rows INTEGER NOT NULL,
                      digest BLOB NOT NULL
                    ) STRICT;
                    """)
            try db.execute(
                sql: "INSERT INTO archive VALUES (1, ?, ?, ?)", arguments: [format, sum.rows, Data(sum.digest)])
        }
        try queue.close()
    }

    private static func checkSeal(of part: String, as path: String) throws {
        let queue: DatabaseQueue
        do {
            queue = try ReadConnection.open(part, label: "archive")
        } catch LedgerError.notALedger {
            throw ArchiveError.notAnArchive(path: path)
        }
        defer { try? queue.close() }
        try queue.read { db in
            guard try db.tableExists("archive"),
                let seal = try Row.fetchOne(db, sql: "SELECT format, rows, digest FROM archive")
            else { throw ArchiveError.notAnArchive(path: path) }
            guard seal["format"] == format else { throw ArchiveError.otherFormat(path: path, format: seal["format"]) }
            try LedgerSchema.checkFormat(of: db, at: path)
            let sum = try RowSum(of: db)
            guard sum.rows == seal["rows"], Data(sum.digest) == seal["digest"] else {
                throw ArchiveError.changed(path: path)
            }
        }
    }

    // MARK: Files and failures

    /// Runs `body`, and removes the unfinished file if it fails.
    private static func withPart<Value>(_ part: String, _ body: () throws -> Value) throws -> Value {
        // Left over from a process that was killed.
        remove(part)
        do {
            return try body()
        } catch {
            remove(part)
            throw error
        }
    }

    static func remove(_ part: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: part + suffix) }
    }

    private static func translating<Value>(_ path: String, _ body: () throws -> Value) throws(ArchiveError) -> Value {
        do {
            return try body()
        } catch {
            throw translate(error, path)
        }
    }

    static func translate(_ error: any Error, _ path: String) -> ArchiveError {
        if let error = error as? ArchiveError { return error }
        if let error = error as? CocoaError { return .ledger(.writeFailed(reason: error.localizedDescription)) }
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_NOTADB?: return .notAnArchive(path: path)
        case .SQLITE_CORRUPT?: return .changed(path: path)
        default: return .ledger(Ledger.translate(error, opening: path))
        }
    }
}

/// Why an archive cannot be made, or cannot become a ledger.
public enum ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
    case ledger(LedgerError)
    /// There is a file or a ledger already.
    case exists(path: String)
    case notAnArchive(path: String)
    case otherFormat(path: String, format: Int)
    /// Its rows are not those that were sealed.
    case changed(path: String)
    /// The facts break a rule.
    case brokenRule(String)
    /// What was written is not what the store has.
    case differs(String)
    /// It has something that this release cannot move to a store of another kind.
    case notMovable(String)

    public var description: String {
        switch self {
        case .ledger(let error): error.description
        case .exists(let path): "\(path) exists already, or did; choose another path"
        case .notAnArchive(let path): "\(path) is not an exported sale of holdfast"
        case .otherFormat(let path, let format):
            "\(path) has format \(format), and this release reads format \(SaleArchive.format)"
        case .changed(let path): "\(path) is not what was exported: it was cut off or changed"
        case .brokenRule(let rule): "a rule is broken: \(rule)"
        case .differs(let what): "what was written differs from the sale: \(what)"
        case .notMovable(let what):
            "the sale has \(what), which this release moves only into a data directory"
        }
    }
}

/// The number of rows of a database, and a digest of all of them: SHA-256, chained over pieces of bounded size.
private struct RowSum {
    private static let piece = 1 << 16

    private(set) var rows = 0
    private(set) var digest: [UInt8] = []
    private var bytes: [UInt8] = []

    /// Reads every table except that of the seal, in the order of the names, each in the order of its key.
    init(of db: Database) throws {
        let tables = try String.fetchAll(
            db,
            sql: """
                SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                  AND name <> 'archive' ORDER BY name
                """)
        for table in tables {
            add(table)
            let key = try db.primaryKey(table).columns.map { "\"\($0)\"" }.joined(separator: ", ")
            let found = try Row.fetchCursor(db, sql: "SELECT * FROM \"\(table)\" ORDER BY \(key)")
            while let row = try found.next() {
                rows += 1
                for (_, value) in row { add(value) }
                if bytes.count >= Self.piece { close() }
            }
        }
        close()
    }

    /// With its kind and length first, so that no two lists of values have the same bytes.
    private mutating func add(_ value: DatabaseValue) {
        switch value.storage {
        case .null: bytes.append(0)
        case .int64(let number):
            bytes.append(1)
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        case .double(let number):
            bytes.append(2)
            withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 }
        case .string(let text):
            bytes.append(3)
            add(text)
        case .blob(let data):
            bytes.append(4)
            withUnsafeBytes(of: UInt64(data.count).littleEndian) { bytes += $0 }
            bytes += data
        }
    }

    private mutating func add(_ text: String) {
        withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { bytes += $0 }
        bytes += text.utf8
    }

    private mutating func close() {
        digest = SHA256.hash(digest + bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
