internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

/// What all nodes on one database share.
struct DatabaseIdentity: Sendable {
    /// 16 bytes that only this database has.
    let ledger: [UInt8]
    /// 32 bytes with which idempotency keys are digested.
    let keySecret: [UInt8]
    /// The series of holds that were moved here; empty if none were.
    let series: [HoldSeries]
    /// The numbers that moved holds had before.
    let numbering: HoldNumbering

    /// Reads identity and secret, or makes them. A cluster refuses what a single server wrote, and the other way round,
    /// since it would look for payments in the wrong keys.
    init(under keyspace: Keyspace, _ client: RedisClient) async throws(RedisStoreError) {
        var random = SystemRandomNumberGenerator()
        let fresh = (0..<48).map { _ in UInt8.random(in: 0...255, using: &random) }
        let wanted = keyspace.layoutName
        do {
            let layout = try await Self.kept(Array(wanted.utf8), under: keyspace.layout, client)
            guard String(buffer: layout) != SaleMove.mark else {
                throw RedisStoreError.unfit(
                    "an import into what is under \(keyspace.prefix): is under way or broke off; run it again")
            }
            guard String(buffer: layout) != DepartingSale.mark else {
                throw RedisStoreError.unfit(
                    "the sale under \(keyspace.prefix): was exported, to go on elsewhere; if it did not, holdfast export "
                        + "sale --undo lets it go on here")
            }
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
            (series, numbering) = try await Self.moved(under: keyspace, client)
        } catch let error as RedisStoreError {
            throw error
        } catch let failure as RedisFailure {
            throw .unreachable(failure)
        } catch {
            throw .unfit("what is under \(keyspace.prefix): in Redis could not be read: \(error)")
        }
    }

    /// Records the fingerprints of this node's token keys, and returns the numbers under which another node has a
    /// different key. Each number has one key; a node may add a number at any time.
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

    /// What a move into this database left (R51 Moving a sale).
    private static func moved(
        under keyspace: Keyspace, _ client: RedisClient
    ) async throws -> ([HoldSeries], HoldNumbering) {
        let reply = try await client.call(RedisCommand("GET", keyspace.series), for: keyspace.eventsRoute)
        guard !reply.isNull else { return ([], HoldNumbering()) }
        var packed = try reply.bytes()
        var series: [HoldSeries] = []
        while let first = packed.readInteger(endianness: .little, as: UInt64.self),
            let mark = packed.readInteger(endianness: .little, as: UInt64.self)
        {
            series.append(HoldSeries(first: HoldID(first), mark: mark))
        }
        var bytes: [UInt8] = []
        while true {
            let element = bytes.count / (SaleMove.runsOfElement * HoldNumbering.runBytes)
            let index = RedisCommand("LINDEX", keyspace.numbering, "\(element)")
            let reply = try await client.call(index, for: keyspace.eventsRoute)
            guard !reply.isNull else { break }
            bytes += try reply.bytes().readableBytesView
            if bytes.count % (SaleMove.runsOfElement * HoldNumbering.runBytes) != 0 { break }
        }
        guard let numbering = HoldNumbering(bytes: bytes) else {
            throw RedisStoreError.unfit("\(keyspace.numbering) in Redis has no numbers of holds")
        }
        return (series, numbering)
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
