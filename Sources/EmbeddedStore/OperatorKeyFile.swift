public import BoxOffice
internal import Crypto
internal import Foundation
internal import GRDB
public import TicketStore

/// The operators' keys, in a SQLite file beside the ledger.
///
/// Not in the ledger: one process writes that, and keys are made and revoked by a command while the service runs. A
/// credential is `hfk_`, the key's eight characters, `_`, and 32 random bytes in base64url, of which only the SHA-256 is
/// kept: they are random, so a slow hash would protect nothing more.
public final class OperatorKeyFile: OperatorKeyring {
    /// The file inside the data directory; readable by its owner only.
    public static let name = "operators.sqlite"
    /// Characters in a key's name.
    public static let nameLength = 1...100

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

    /// Makes a key.
    ///
    /// - Returns: the key and, this once, its credential.
    public func make(
        name: String, role: OperatorKey.Role, at wall: WallTime
    ) throws(LedgerError) -> (key: OperatorKey, credential: String) {
        precondition(Self.isName(name), "a key's name is checked before")
        var random = SystemRandomNumberGenerator()
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        let id = String((0..<8).map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] })
        let secret = Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
        try translating {
            try queue.write { db in
                try db.execute(
                    sql: "INSERT INTO keys (id, name, role, digest, made_at) VALUES (?, ?, ?, ?, ?)",
                    arguments: [id, name, role.rawValue, Data(SHA256.hash(data: secret)), wall.milliseconds])
            }
        }
        let text = secret.base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
        return (OperatorKey(id: id, name: name, role: role, madeAt: wall), "hfk_\(id)_\(text)")
    }

    /// Whether `name` can be a key's: 1 to 100 characters, none of which steers a terminal.
    public static func isName(_ name: String) -> Bool {
        nameLength.contains(name.count)
            && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
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
        guard let (id, secret) = Self.parts(of: credential) else { return nil }
        let known: (key: OperatorKey, digest: Data)? = try await queue.read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM keys WHERE id = ?", arguments: [id])
                .map { (Self.key($0), $0["digest"]) }
        }
        // An unknown key costs the same comparison as a wrong secret.
        let digest = known?.digest ?? Data(count: 32)
        guard Self.areEqual(digest, Data(SHA256.hash(data: secret))), let key = known?.key else { return nil }
        return key.revokedAt == nil ? key : nil
    }

    private static func key(_ row: Row) -> OperatorKey {
        OperatorKey(
            id: row["id"], name: row["name"], role: OperatorKey.Role(rawValue: row["role"]) ?? .viewer,
            madeAt: WallTime(milliseconds: row["made_at"]),
            revokedAt: (row["revoked_at"] as Int64?).map(WallTime.init(milliseconds:)))
    }

    /// Which key a credential says it is, and its secret.
    private static func parts(of credential: String) -> (id: String, secret: Data)? {
        let parts = credential.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "hfk", parts[1].utf8.count == 8, parts[2].utf8.count == 43 else {
            return nil
        }
        let base64 = parts[2].replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/") + "="
        return Data(base64Encoded: base64).map { (String(parts[1]), $0) }
    }

    /// In a time that does not tell where they differ.
    private static func areEqual(_ left: Data, _ right: Data) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func translating<Value>(_ body: () throws -> Value) throws(LedgerError) -> Value {
        do {
            return try body()
        } catch {
            throw Ledger.translate(error, opening: nil)
        }
    }
}
