public import BoxOffice
internal import Cryptography
internal import Foundation
internal import GRDB
internal import Synchronization
public import TicketStore

/// The operators' keys, in a SQLite file beside the ledger.
///
/// They are not in the ledger, because only one process writes that: a command makes and revokes keys while the service runs.
/// Of a credential the file keeps only the SHA-256 of its secret.
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
        return migrator
    }

    /// Makes a key and shows it.
    ///
    /// - Parameter show: shows the credential to its owner. If it throws, no key is made.
    /// - Returns: the key and its credential, which is not kept.
    @discardableResult
    public func make(
        name: String, role: OperatorKey.Role, at wall: WallTime,
        show: (_ key: OperatorKey, _ credential: String) throws -> Void = { _, _ in }
    ) throws -> (key: OperatorKey, credential: String) {
        precondition(OperatorCredential.isName(name), "the caller checks a key's name")
        var random = SystemRandomNumberGenerator()
        let credential = OperatorCredential(using: &random)
        let key = OperatorKey(id: credential.id, name: name, role: role, madeAt: wall)
        var unshown: (any Error)?
        do {
            try queue.write { db in
                try db.execute(
                    sql: "INSERT INTO keys (id, name, role, digest, made_at) VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        credential.id, name, role.rawValue, Data(SHA256.hash(credential.secret)),
                        wall.milliseconds,
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
        return (key, credential.text)
    }

    /// All keys, revoked ones included, in the order in which they were made.
    public func list() throws(LedgerError) -> [OperatorKey] {
        try translating {
            try queue.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM keys ORDER BY made_at, id").map(Self.key)
            }
        }
    }

    /// Revokes a key.
    ///
    /// - Returns: whether there is such a key. One that was revoked before stays as it is.
    public func revoke(_ id: String, at wall: WallTime) throws(LedgerError) -> Bool {
        try translating {
            try queue.write { db in
                try db.execute(
                    sql: "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                    arguments: [wall.milliseconds, id])
                return try Bool.fetchOne(db, sql: "SELECT 1 FROM keys WHERE id = ?", arguments: [id]) ?? false
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
        OperatorKey(
            id: row["id"], name: row["name"], role: OperatorKey.Role(rawValue: row["role"]) ?? .viewer,
            madeAt: WallTime(milliseconds: row["made_at"]),
            revokedAt: (row["revoked_at"] as Int64?).map(WallTime.init(milliseconds:)))
    }

    private func translating<Value>(_ body: () throws -> Value) throws(LedgerError) -> Value {
        do {
            return try body()
        } catch {
            throw Ledger.translate(error, opening: nil)
        }
    }
}
