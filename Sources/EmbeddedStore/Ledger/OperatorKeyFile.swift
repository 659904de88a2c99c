public import BoxOffice
internal import Crypto
internal import Foundation
internal import GRDB
public import TicketStore

/// The operators' keys, in a SQLite file beside the ledger.
///
/// Not in the ledger: one process writes that, and keys are made and revoked by a command while the service runs. Of a
/// credential only the SHA-256 of its secret is kept.
public final class OperatorKeyFile: OperatorKeyring {
    /// The file inside the data directory; readable by its owner only.
    public static let name = "operators.sqlite"

    private let queue: DatabaseQueue

    /// Opens the file in `directory`, and makes both if they are not there.
    public init(directory: String) throws(LedgerError) {
        try EmbeddedStore.makeDirectory(directory)
        let path = directory + "/" + Self.name
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            // Made before SQLite does, so that it is never readable for others.
            let descriptor = open(path, O_CREAT | O_RDWR, 0o600)
            if descriptor >= 0 { close(descriptor) }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(queue)
        } catch {
            throw Ledger.translate(error, opening: path)
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

    /// Makes a key, if it can be shown.
    ///
    /// - Parameter show: gives the credential to whom it is for. If it throws, there is no key.
    /// - Returns: the key and, this once, its credential.
    @discardableResult
    public func make(
        name: String, role: OperatorKey.Role, at wall: WallTime,
        show: (_ key: OperatorKey, _ credential: String) throws -> Void = { _, _ in }
    ) throws -> (key: OperatorKey, credential: String) {
        precondition(OperatorCredential.isName(name), "a key's name is checked before")
        var random = SystemRandomNumberGenerator()
        let credential = OperatorCredential(using: &random)
        let key = OperatorKey(id: credential.id, name: name, role: role, madeAt: wall)
        var unshown: (any Error)?
        do {
            try queue.write { db in
                try db.execute(
                    sql: "INSERT INTO keys (id, name, role, digest, made_at) VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        credential.id, name, role.rawValue, Data(SHA256.hash(data: credential.secret)),
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

    /// All keys, revoked ones too, in the order in which they were made.
    public func list() throws(LedgerError) -> [OperatorKey] {
        try translating {
            try queue.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM keys ORDER BY made_at, id").map(Self.key)
            }
        }
    }

    /// Revokes a key from now on.
    ///
    /// - Returns: whether there is such a key; one that is revoked stays as it is.
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
        guard OperatorCredential.areEqual(digest, Array(SHA256.hash(data: credential.secret))), let key = known?.key
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
