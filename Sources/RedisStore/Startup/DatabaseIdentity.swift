internal import NIOCore
internal import RedisWire

/// What all nodes on one database share.
struct DatabaseIdentity: Sendable {
    /// 16 bytes that only this database has.
    let ledger: [UInt8]
    /// 32 bytes with which idempotency keys are digested.
    let keySecret: [UInt8]

    /// Reads both, or makes them if there are none. A cluster refuses what a single server wrote, and the other way round, since
    /// it would look for payments in the wrong keys.
    init(under keyspace: Keyspace, _ client: RedisClient) async throws(RedisStoreError) {
        var random = SystemRandomNumberGenerator()
        let fresh = (0..<48).map { _ in UInt8.random(in: 0...255, using: &random) }
        let wanted = keyspace.isCluster ? "cluster" : "one server"
        do {
            let layout = try await Self.kept(Array(wanted.utf8), under: keyspace.layout, client)
            guard String(buffer: layout) == wanted else {
                throw RedisStoreError.unfit(
                    "what is under \(keyspace.prefix): was written for \(String(buffer: layout)), and this is \(wanted)"
                )
            }
            let identity = try await Self.kept(Array(fresh[..<16]), under: keyspace.identity, client)
            guard identity.readableBytes == 16 else {
                throw RedisStoreError.unfit("\(keyspace.identity) in Redis is not the identity of a box office")
            }
            let secret = try await Self.kept(Array(fresh[16...]), under: keyspace.keySecret, client)
            guard secret.readableBytes == 32 else {
                throw RedisStoreError.unfit("\(keyspace.keySecret) in Redis is not the secret of a box office")
            }
            ledger = Array(identity.readableBytesView)
            keySecret = Array(secret.readableBytesView)
        } catch let error as RedisStoreError {
            throw error
        } catch let failure as RedisFailure {
            throw .unreachable(failure)
        } catch {
            throw .unfit("what is under \(keyspace.prefix): in Redis could not be read: \(error)")
        }
    }

    /// Records the fingerprints of this node's token keys, and returns the numbers under which another node has a different key.
    /// Each number has one key; a node may bring a new number at any time.
    static func otherTokenKeys(
        than fingerprints: [UInt8: [UInt8]], under keyspace: Keyspace, _ client: RedisClient
    ) async throws(RedisStoreError) -> [UInt8] {
        var others: [UInt8] = []
        do {
            for (number, fingerprint) in fingerprints.sorted(by: { $0.key < $1.key }) {
                var set = RedisCommand("HSETNX", keyspace.tokenKeys, "\(number)")
                set.append(fingerprint)
                _ = try await client.call(set, for: keyspace.eventsRoute)
                let get = RedisCommand("HGET", keyspace.tokenKeys, "\(number)")
                let kept = try await client.call(get, for: keyspace.eventsRoute).bytes()
                if !kept.readableBytesView.elementsEqual(fingerprint) { others.append(number) }
            }
        } catch let failure as RedisFailure {
            throw .unreachable(failure)
        } catch {
            throw .unfit("\(keyspace.tokenKeys) in Redis could not be read: \(error)")
        }
        return others
    }

    /// The value of `key`, which is set to `fresh` if there is none.
    private static func kept(_ fresh: [UInt8], under key: String, _ client: RedisClient) async throws -> ByteBuffer {
        var set = RedisCommand("SET")
        set.append(key)
        set.append(fresh)
        set.append("NX")
        _ = try await client.call(set, for: RedisKey("events"))
        return try await client.call(RedisCommand("GET", key), for: RedisKey("events")).bytes()
    }
}
