public import BoxOffice
internal import Cryptography
internal import NIOCore
public import RedisWire
public import TicketStore

/// The operators' keys in Redis, which all nodes share. Only the SHA-256 of a credential's secret is kept (R29
/// Operators and audit).
public struct RedisKeyring: Sendable {
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
    /// - Returns: the key and, only this once, its credential; `nil` if there are ``OperatorKey/most`` keys.
    /// - Throws: `StoreFailure.outcomeUnknown` if too few replicas acknowledged it.
    @discardableResult
    public func make(
        _ draft: OperatorKey.Draft, by author: OperatorKey.Author = .command, at wall: WallTime,
        show: (_ key: OperatorKey, _ credential: String) throws -> Void = { _, _ in }
    ) async throws -> (key: OperatorKey, credential: String)? {
        precondition(OperatorCredential.isName(draft.name), "the caller checks a key's name")
        var random = SystemRandomNumberGenerator()
        let credential = OperatorCredential(using: &random)
        let key = OperatorKey(id: credential.id, draft, madeAt: wall, by: author)
        let count = try await client.call(RedisCommand("HLEN", name, isRepeatable: true), for: route)
        guard try count.integer() < OperatorKey.most else { return nil }
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

    /// Revokes a key from now on, for the command, which may revoke the last one.
    ///
    /// - Throws: `StoreFailure.outcomeUnknown` if too few replicas acknowledged it, so that a failover may undo it.
    ///   Revoking it again writes it again.
    public func revoke(
        _ id: String, by author: OperatorKey.Author = .command, at now: WallTime
    ) async throws -> KeyRevocation {
        try await revoked(id, by: author, at: now, keepsManager: false)
    }

    /// Deciding and writing are two steps: if two keys that manage keys revoke each other at the same moment, both are
    /// revoked, and the command on the machine has to make another one. The moment of an earlier revocation stays.
    private func revoked(
        _ id: String, by author: OperatorKey.Author, at now: WallTime, keepsManager: Bool
    ) async throws -> KeyRevocation {
        let keys = try await list()
        let (outcome, _) = KeyRevocation.decide(id, among: keys, at: now, keepsManager: keepsManager)
        guard outcome == .revoked, var kept = try await kept(id) else { return outcome }
        if kept.key.revokedAt == nil {
            kept.key.revokedAt = now
            kept.key.revokedBy = author
        }
        try await write(kept)
        return outcome
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
            key = OperatorKey(id: id, OperatorKey.Draft(name: name, role: role), madeAt: madeAt)
            key.revokedAt = revoked == 0 ? nil : WallTime(milliseconds: Int64(revoked))
            let rest = Array(reader.rest().readableBytesView)
            digest = Array(rest.prefix(SHA256.byteCount))
            let more = rest.dropFirst(SHA256.byteCount)
            key.take(more: more.isEmpty ? nil : String(decoding: more, as: UTF8.self))
        }

        var packed: ByteBuffer {
            var bytes = ByteBuffer()
            bytes.writePacked(short: key.id)
            bytes.writePacked(long: key.name)
            bytes.writePacked(short: key.role.rawValue)
            bytes.writePacked(Double(key.madeAt.milliseconds))
            bytes.writePacked(Double(key.revokedAt?.milliseconds ?? 0))
            bytes.writeBytes(digest)
            // An earlier release takes it for a part of the digest. So it refuses a key whose bounds it does not know.
            bytes.writeString(key.moreText ?? "")
            return bytes
        }
    }
}

extension RedisKeyring: OperatorKeyring {
    public func key(of credential: String) async throws -> OperatorKey? {
        guard let credential = OperatorCredential(credential) else { return nil }
        let known = try await translating { try await kept(credential.id) }
        // An unknown key takes the same comparison as a wrong secret.
        let digest = known?.digest ?? [UInt8](repeating: 0, count: 32)
        guard OperatorCredential.areEqual(digest, SHA256.hash(credential.secret)) else { return nil }
        return known.flatMap { $0.key.revokedAt == nil ? $0.key : nil }
    }

    public func keys() async throws -> [OperatorKey] {
        try await translating { try await list() }
    }

    public func make(
        _ draft: OperatorKey.Draft, by author: OperatorKey.Author, at now: WallTime
    ) async throws -> (key: OperatorKey, credential: String)? {
        try await translatingChange { try await make(draft, by: author, at: now) { _, _ in } }
    }

    public func revoke(
        _ id: String, by author: OperatorKey.Author, at now: WallTime, keepsManager: Bool
    ) async throws -> KeyRevocation {
        try await translatingChange {
            try await revoked(id, by: author, at: now, keepsManager: keepsManager)
        }
    }

    private func translating<Value>(_ look: () async throws -> Value) async throws -> Value {
        do {
            return try await look()
        } catch let failure as RedisFailure {
            throw StoreFailure(repeatable: failure)
        }
    }

    private func translatingChange<Value>(_ change: () async throws -> Value) async throws -> Value {
        do {
            return try await change()
        } catch let failure as RedisFailure {
            throw StoreFailure(failure)
        }
    }
}
