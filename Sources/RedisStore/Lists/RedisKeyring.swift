public import BoxOffice
internal import Cryptography
internal import NIOCore
public import RedisWire
public import TicketStore

/// The operators' keys in Redis, which all nodes share. Only the SHA-256 of a credential's secret is kept (R29 Operators and
/// audit).
public struct RedisKeyring: OperatorKeyring, Sendable {
    private let client: RedisClient
    private let name: String
    private let route = RedisKey("operators")
    private let replicas: ReplicaWait?

    /// - Parameters:
    ///   - waitReplicas: how many replicas must acknowledge that a key was made or revoked.
    ///   - waitTime: how long they have for it.
    public init(client: RedisClient, prefix: String, waitReplicas: Int = 0, waitTime: Duration = .seconds(1)) {
        self.client = client
        replicas = waitReplicas > 0 ? ReplicaWait(count: waitReplicas, time: waitTime) : nil
        name = Keyspace(isCluster: false, prefix: prefix).operators
    }

    /// Makes a key, if its credential can be shown.
    ///
    /// - Parameter show: shows the credential to the operator, after the server has answered once and before the key is
    ///   written. If it throws, no key is made.
    /// - Returns: the key and, only this once, its credential.
    /// - Throws: `StoreFailure.outcomeUnknown` if too few replicas acknowledged it.
    @discardableResult
    public func make(
        name: String, role: OperatorKey.Role, at wall: WallTime,
        show: (_ key: OperatorKey, _ credential: String) throws -> Void = { _, _ in }
    ) async throws -> (key: OperatorKey, credential: String) {
        precondition(OperatorCredential.isName(name), "the caller checks a key's name")
        var random = SystemRandomNumberGenerator()
        let credential = OperatorCredential(using: &random)
        let key = OperatorKey(id: credential.id, name: name, role: role, madeAt: wall)
        _ = try await kept(key.id)
        try show(key, credential.text)
        try await write(Kept(key: key, digest: SHA256.hash(credential.secret)))
        return (key, credential.text)
    }

    /// All keys, revoked ones included, in the order in which they were made.
    public func list() async throws -> [OperatorKey] {
        let reply = try await client.call(RedisCommand("HVALS", name, isRepeatable: true), for: route)
        return try reply.array().map { try Kept($0.bytes()).key }
            .sorted { ($0.madeAt, $0.id) < ($1.madeAt, $1.id) }
    }

    /// Revokes a key from now on.
    ///
    /// - Returns: whether there is such a key. The moment of an earlier revocation stays.
    /// - Throws: `StoreFailure.outcomeUnknown` if too few replicas acknowledged it, so that a failover may undo it. Revoking it
    ///   again writes it again.
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
            throw StoreFailure(repeatable: failure)
        }
        // An unknown key takes the same comparison as a wrong secret.
        let digest = known?.digest ?? [UInt8](repeating: 0, count: 32)
        guard OperatorCredential.areEqual(digest, SHA256.hash(credential.secret)) else { return nil }
        return known.flatMap { $0.key.revokedAt == nil ? $0.key : nil }
    }

    private func kept(_ id: String) async throws -> Kept? {
        let reply = try await client.call(RedisCommand("HGET", name, id, isRepeatable: true), for: route)
        return reply.isNull ? nil : try Kept(reply.bytes())
    }

    private func write(_ kept: Kept) async throws {
        var command = RedisCommand("HSET")
        command.append(name)
        command.append(kept.key.id)
        command.append(kept.packed)
        guard let replicas else {
            _ = try await client.call(command, for: route)
            return
        }
        let outcomes = await client.pipeline([command, replicas.command(within: replicas.time)], for: route)
        _ = try outcomes[0].get()
        guard replicas.acknowledgement(in: outcomes[1]).allowsAnswer else { throw StoreFailure.outcomeUnknown }
    }

    /// A key, as it is kept.
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
