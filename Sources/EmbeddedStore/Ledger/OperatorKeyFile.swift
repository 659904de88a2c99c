public import BoxOffice
internal import Cryptography
internal import Foundation
internal import GRDB
internal import Synchronization
public import TicketStore

/// The operators' keys, in a SQLite file beside the ledger.
///
/// They are not in the ledger, because only one process writes that: a command makes and revokes keys while the service
/// runs. Of a credential the file keeps only the SHA-256 of its secret.
public final class OperatorKeyFile: OperatorKeyring {
    /// The file inside the data directory. Only its owner can read it.
    public static let name = "operators.sqlite"

    private struct Opened: Sendable {
        let queue: DatabaseQueue
        let file: FileIdentity?
    }

    private let path: String
    private let opened: Mutex<Opened>

    /// Opens the file in `directory`, and makes both if they do not exist.
    public init(directory: String) throws(LedgerError) {
        try EmbeddedStore.makeDirectory(directory)
        path = directory + "/" + Self.name
        opened = Mutex(try Self.openDatabase(path))
    }

    private static func openDatabase(_ path: String) throws(LedgerError) -> Opened {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            // Made here, so that others can never read it.
            let descriptor = open(path, O_CREAT | O_RDWR, 0o600)
            if descriptor >= 0 { close(descriptor) }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try migrator.migrate(queue)
            return Opened(queue: queue, file: FileIdentity(path: path))
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    /// The database. If another file was put in the place of the one that was opened, it is opened instead: the command
    /// revokes keys in the file that has the name now. A file that is gone is read on.
    private var queue: DatabaseQueue {
        get throws(LedgerError) {
            try opened.withLock { opened throws(LedgerError) in
                guard let file = FileIdentity(path: path), file != opened.file else { return opened.queue }
                opened = try Self.openDatabase(path)
                return opened.queue
            }
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 keys") {
            try $0.execute(
                sql: """
                    CREATE TABLE keys (
                      id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, digest BLOB NOT NULL,
                      made_at INTEGER NOT NULL, revoked_at INTEGER
                    ) STRICT
                    """)
        }
        migrator.registerMigration("2 bounds") { db in
            // A JSON text with the events, the end, and who made and revoked the key.
            try db.execute(sql: "ALTER TABLE keys ADD COLUMN more TEXT")
        }
        return migrator
    }

    /// Makes a key and shows it.
    ///
    /// - Parameter show: shows the credential to its owner. If it throws, no key is made.
    /// - Returns: the key and its credential, which is not kept; `nil` if there are ``OperatorKey/most`` keys.
    @discardableResult
    public func make(
        _ draft: OperatorKey.Draft, by author: OperatorKey.Author = .command, at wall: WallTime,
        show: (_ key: OperatorKey, _ credential: String) throws -> Void = { _, _ in }
    ) throws -> (key: OperatorKey, credential: String)? {
        precondition(OperatorCredential.isName(draft.name), "the caller checks a key's name")
        var random = SystemRandomNumberGenerator()
        let credential = OperatorCredential(using: &random)
        let key = OperatorKey(id: credential.id, draft, madeAt: wall, by: author)
        var unshown: (any Error)?
        var isFull = false
        do {
            try queue.write { db in
                isFull = try Int.fetchOne(db, sql: "SELECT count(*) FROM keys") ?? 0 >= OperatorKey.most
                if isFull { return }
                try db.execute(
                    sql: "INSERT INTO keys (id, name, role, digest, made_at, more) VALUES (?, ?, ?, ?, ?, ?)",
                    arguments: [
                        key.id, key.name, key.role.rawValue, Data(SHA256.hash(credential.secret)),
                        wall.milliseconds, key.moreText,
                    ])
                do {
                    try show(key, credential.text)
                } catch {
                    unshown = error
                    throw error
                }
            }
        } catch {
            throw unshown ?? Ledger.translate(error, opening: nil)
        }
        return isFull ? nil : (key, credential.text)
    }

    public func make(
        _ draft: OperatorKey.Draft, by author: OperatorKey.Author, at now: WallTime
    ) async throws -> (key: OperatorKey, credential: String)? {
        try make(draft, by: author, at: now) { _, _ in }
    }

    /// All keys, revoked ones included, in the order in which they were made.
    public func list() throws(LedgerError) -> [OperatorKey] {
        try translating {
            try queue.read { db in
                try Self.keys(db)
            }
        }
    }

    private static func keys(_ db: Database) throws -> [OperatorKey] {
        try Row.fetchAll(db, sql: "SELECT * FROM keys ORDER BY made_at, id").map(key)
    }

    public func keys() async throws -> [OperatorKey] {
        try list()
    }

    public func revoke(
        _ id: String, by author: OperatorKey.Author, at now: WallTime, keepsManager: Bool
    ) async throws -> KeyRevocation {
        try revoked(id, by: author, at: now, keepsManager: keepsManager)
    }

    /// Revokes a key for the command, which may revoke the last one.
    public func revoke(
        _ id: String, by author: OperatorKey.Author = .command, at now: WallTime
    ) throws(LedgerError) -> KeyRevocation {
        try revoked(id, by: author, at: now, keepsManager: false)
    }

    /// Deciding and writing are one transaction.
    private func revoked(
        _ id: String, by author: OperatorKey.Author, at now: WallTime, keepsManager: Bool
    ) throws(LedgerError) -> KeyRevocation {
        try translating {
            try queue.write { db in
                let keys = try Self.keys(db)
                let (outcome, changes) = KeyRevocation.decide(id, among: keys, at: now, keepsManager: keepsManager)
                guard changes, var key = keys.first(where: { $0.id == id }) else { return outcome }
                key.revokedAt = now
                key.revokedBy = author
                try db.execute(
                    sql: "UPDATE keys SET revoked_at = ?, more = ? WHERE id = ?",
                    arguments: [now.milliseconds, key.moreText, id])
                return outcome
            }
        }
    }

    public func key(of credential: String) async throws -> OperatorKey? {
        guard let credential = OperatorCredential(credential) else { return nil }
        let known: (key: OperatorKey, digest: Data)? = try await queue.read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM keys WHERE id = ?", arguments: [credential.id])
                .map { (Self.key($0), $0["digest"]) }
        }
        // An unknown key costs the same comparison as a wrong secret.
        let digest = known.map { Array($0.digest) } ?? [UInt8](repeating: 0, count: 32)
        guard OperatorCredential.areEqual(digest, SHA256.hash(credential.secret)), let key = known?.key
        else { return nil }
        return key.revokedAt == nil ? key : nil
    }

    private static func key(_ row: Row) -> OperatorKey {
        var key = OperatorKey(
            id: row["id"],
            OperatorKey.Draft(name: row["name"], role: OperatorKey.Role(rawValue: row["role"]) ?? .viewer),
            madeAt: WallTime(milliseconds: row["made_at"]))
        key.revokedAt = (row["revoked_at"] as Int64?).map(WallTime.init(milliseconds:))
        key.take(more: row["more"])
        return key
    }

    private func translating<Value>(_ body: () throws -> Value) throws(LedgerError) -> Value {
        do {
            return try body()
        } catch {
            throw Ledger.translate(error, opening: nil)
        }
    }
}
