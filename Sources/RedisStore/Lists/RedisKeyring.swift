public import BoxOffice
internal import Crypto
internal import NIOCore
public import RedisWire
public import TicketStore

/// The operators' keys in Redis, the same for all nodes. Of a credential only the SHA-256 of its secret is kept.
///
/// Looked up anew for each of an operator's requests, so that a key that is revoked works nowhere any more.
public struct RedisKeyring: OperatorKeyring, Sendable {
    private let client: RedisClient
    private let name: String
    private let slot = RedisKey("operators")
    private let waitReplicas: Int
    private let waitTime: Duration

    /// - Parameters:
    ///   - waitReplicas: how many replicas acknowledge a key that is made or revoked.
    ///   - waitTime: how long they have for that.
    public init(client: RedisClient, prefix: String, waitReplicas: Int = 0, waitTime: Duration = .seconds(1)) {
        self.client = client
        self.waitReplicas = waitReplicas
        self.waitTime = waitTime
        name = Keyspace(isCluster: false, prefix: prefix).operators
    }

    /// Makes a key, if it can be shown.
    ///
    /// - Parameter show: gives the credential to whom it is for. If it throws, there is no key: it is called when the
    ///   server has answered once, and before the key is written.
    /// - Returns: the key and, this once, its credential.
    /// - Throws: `StoreFailure.outcomeUnknown` if too few replicas acknowledged it.
    @discardableResult
    public func make(
        name: String, role: OperatorKey.Role, at wall: WallTime,
        show: (_ key: OperatorKey, _ credential: String) throws -> Void = { _, _ in }
    ) async throws -> (key: OperatorKey, credential: String) {
        precondition(OperatorCredential.isName(name), "a key's name is checked before")
        var random = SystemRandomNumberGenerator()
        let credential = OperatorCredential(using: &random)
        let key = OperatorKey(id: credential.id, name: name, role: role, madeAt: wall)
        _ = try await kept(key.id)
        try show(key, credential.text)
        try await write(Kept(key: key, digest: Array(SHA256.hash(data: credential.secret))))
        return (key, credential.text)
    }

    /// All keys, revoked ones too, in the order in which they were made.
    public func list() async throws -> [OperatorKey] {
        let reply = try await client.call(RedisCommand("HVALS", name, isRepeatable: true), for: slot)
        return try reply.array().map { try Kept($0.bytes()).key }
            .sorted { ($0.madeAt, $0.id) < ($1.madeAt, $1.id) }
    }

    /// Revokes a key from now on.
    ///
    /// - Returns: whether there is such a key; one that is revoked stays as it is.
    /// - Throws: `StoreFailure.outcomeUnknown` if too few replicas acknowledged it: a failover may undo it. Revoked again, it is
    ///   written again.
    public func revoke(_ id: String, at wall: WallTime) async throws -> Bool {
        guard var kept = try await kept(id) else { return false }
        kept.key.revokedAt = kept.key.revokedAt ?? wall
        try await write(kept)
        return true
    }

    public func key(of credential: String) async throws -> OperatorKey? {
        guard let credential = OperatorCredential(credential) else { return nil }
        let known: Kept?
        do {
            known = try await kept(credential.id)
        } catch let failure as RedisFailure {
            let told = StoreFailure(failure)
            // Only a look was lost.
            throw told == .outcomeUnknown ? .suspended(.unreachable) : told
        }
        // An unknown key costs the same comparison as a wrong secret.
        let digest = known?.digest ?? [UInt8](repeating: 0, count: 32)
        guard OperatorCredential.areEqual(digest, Array(SHA256.hash(data: credential.secret))) else { return nil }
        return known.flatMap { $0.key.revokedAt == nil ? $0.key : nil }
    }

    private func kept(_ id: String) async throws -> Kept? {
        let reply = try await client.call(RedisCommand("HGET", name, id, isRepeatable: true), for: slot)
        return reply.isNull ? nil : try Kept(reply.bytes())
    }

    private func write(_ kept: Kept) async throws {
        var command = RedisCommand("HSET")
        command.append(name)
        command.append(kept.key.id)
        command.append(kept.packed)
        guard waitReplicas > 0 else {
            _ = try await client.call(command, for: slot)
            return
        }
        var wait = RedisCommand("WAIT", isRepeatable: true)
        wait.append(waitReplicas)
        wait.append(waitTime.inMilliseconds)
        let outcomes = await client.pipeline([command, wait], for: slot)
        _ = try outcomes[0].get()
        guard let count = try? outcomes[1].get().integer(), count >= waitReplicas else {
            throw StoreFailure.outcomeUnknown
        }
    }

    /// A key as it is kept.
    private struct Kept {
        var key: OperatorKey
        var digest: [UInt8]

        init(key: OperatorKey, digest: [UInt8]) {
            self.key = key
            self.digest = digest
        }

        init(_ bytes: ByteBuffer) throws(PackedMistake) {
            var reader = PackedReader(bytes)
            let id = try reader.text()
            let name = try reader.longText()
            guard let role = OperatorKey.Role(rawValue: try reader.text()) else { throw PackedMistake() }
            let madeAt = WallTime(milliseconds: Int64(try reader.number()))
            let revoked = try reader.number()
            key = OperatorKey(
                id: id, name: name, role: role, madeAt: madeAt,
                revokedAt: revoked == 0 ? nil : WallTime(milliseconds: Int64(revoked)))
            digest = Array(reader.rest().readableBytesView)
        }

        var packed: ByteBuffer {
            var bytes = ByteBuffer()
            bytes.writePacked(short: key.id)
            bytes.writePacked(long: key.name)
            bytes.writePacked(short: key.role.rawValue)
            bytes.writePacked(Double(key.madeAt.milliseconds))
            bytes.writePacked(Double(key.revokedAt?.milliseconds ?? 0))
            bytes.writeBytes(digest)
            return bytes
        }
    }
}
