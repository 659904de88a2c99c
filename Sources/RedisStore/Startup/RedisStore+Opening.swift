internal import Logging
internal import NIOCore
internal import RedisWire

// What a node does before it sells: it checks the servers, loads the functions, and reads what the database is.

extension RedisStore {
    /// Reads the servers' settings, and judges them. Waits up to ``Configuration/startTime`` if waiting may help.
    static func checked(
        _ configuration: Configuration, _ client: RedisClient, _ logger: Logger
    ) async throws(RedisStoreError) -> ServerCheck {
        let end = ContinuousClock.now + configuration.startTime
        var logged: String?
        while true {
            let looked = await look(at: client, configuration)
            guard let reason = reasonToWait(looked, configuration), ContinuousClock.now < end else {
                return try judged(try looked.get(), configuration, logger)
            }
            if reason != logged {
                logger.notice(
                    "Waiting for the Redis servers",
                    metadata: ["because": "\(reason)", "at_most": "\(configuration.startTime)"])
                logged = reason
            }
            // Right after a failover some nodes still have the old map, by which a server may seem unfit.
            client.lookAnew()
            try? await client.eventLoop.scheduleTask(in: .milliseconds(200)) {}.futureResult.get()
        }
    }

    private static func look(
        at client: RedisClient, _ configuration: Configuration
    ) async -> Result<ServerCheck, RedisStoreError> {
        do throws(RedisStoreError) {
            return .success(
                ServerCheck(
                    try await ServerCheck.masters(of: client, nodeClock: configuration.nodeClock),
                    durability: configuration.durability,
                    waitReplicas: configuration.waitReplicas, holds: configuration.holds))
        } catch {
            return .failure(error)
        }
    }

    /// What must pass before the store can sell, and is likely to pass by itself.
    private static func reasonToWait(
        _ looked: Result<ServerCheck, RedisStoreError>, _ configuration: Configuration
    ) -> String? {
        switch looked {
        // A store that accepts unfit servers does not wait until they are fit.
        case .success(let check): configuration.acceptsUnfitServers && !check.isAwaited ? nil : check.waits.first
        case .failure(.unreachable(let failure)): failure.passes ? failure.advice : nil
        case .failure(.unfit): nil
        }
    }

    private static func judged(
        _ check: ServerCheck, _ configuration: Configuration, _ logger: Logger
    ) throws(RedisStoreError) -> ServerCheck {
        guard check.objections.isEmpty || configuration.acceptsUnfitServers else {
            throw .unfit(check.objections.joined(separator: "\n"))
        }
        for objection in check.objections {
            logger.warning(
                "The Redis servers' settings break a promise of the rules", metadata: ["why": "\(objection)"])
        }
        for warning in check.warnings {
            logger.warning("Redis configuration warning", metadata: ["what": "\(warning)"])
        }
        logger.notice(
            "What an answered purchase and an answered hold mean",
            metadata: ["purchase": "\(check.promise)", "hold": "\(check.holdPromise)"])
        return check
    }

    static func load(
        _ library: FunctionLibrary, to client: RedisClient
    ) async throws(RedisStoreError) -> FunctionLibrary.Calling {
        let answers = await client.callEachMaster(RedisCommand("FUNCTION", "LOAD", library.text))
        if answers.allSatisfy({ FunctionLibrary.isLoaded($0.outcome) }) { return .functions }
        for answer in answers {
            guard case .failure(let failure) = answer.outcome, !FunctionLibrary.isLoaded(answer.outcome) else {
                continue
            }
            guard case .refused(let error) = failure else { throw .unreachable(failure) }
            // A server before 7.0 does not have the command.
            guard error.message.lowercased().contains("unknown command") else {
                throw .unfit("\(answer.node) does not take the functions: \(error)")
            }
        }
        var digests: [FunctionLibrary.Function: String] = [:]
        for function in FunctionLibrary.Function.allCases {
            for answer in await client.callEachMaster(RedisCommand("SCRIPT", "LOAD", library.script(function))) {
                switch answer.outcome {
                case .success(let reply): digests[function] = try? reply.text()
                case .failure(let failure): throw .unreachable(failure)
                }
            }
        }
        return .scripts(digests)
    }

    /// The identity of the database and its secret for idempotency keys, which are made now if there are none. A cluster refuses
    /// what a single server wrote, and the other way round, since it would look for payments in the wrong keys.
    static func identity(
        under keyspace: Keyspace, _ client: RedisClient
    ) async throws(RedisStoreError) -> (identity: [UInt8], keySecret: [UInt8]) {
        var random = SystemRandomNumberGenerator()
        let fresh = (0..<48).map { _ in UInt8.random(in: 0...255, using: &random) }
        let wanted = keyspace.isCluster ? "cluster" : "one server"
        do {
            let layout = try await kept(Array(wanted.utf8), under: keyspace.layout, client)
            guard String(buffer: layout) == wanted else {
                throw RedisStoreError.unfit(
                    "what is under \(keyspace.prefix): was written for \(String(buffer: layout)), and this is \(wanted)"
                )
            }
            let identity = try await kept(Array(fresh[..<16]), under: keyspace.identity, client)
            guard identity.readableBytes == 16 else {
                throw RedisStoreError.unfit("\(keyspace.identity) in Redis is not the identity of a box office")
            }
            let secret = try await kept(Array(fresh[16...]), under: keyspace.keySecret, client)
            guard secret.readableBytes == 32 else {
                throw RedisStoreError.unfit("\(keyspace.keySecret) in Redis is not the secret of a box office")
            }
            return (Array(identity.readableBytesView), Array(secret.readableBytesView))
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
    public func otherTokenKeys(than fingerprints: [UInt8: [UInt8]]) async throws(RedisStoreError) -> [UInt8] {
        var others: [UInt8] = []
        do {
            for (number, fingerprint) in fingerprints.sorted(by: { $0.key < $1.key }) {
                var set = RedisCommand("HSETNX", keyspace.tokenKeys, "\(number)")
                set.append(fingerprint)
                _ = try await client.call(set, for: RedisKey("events"))
                let get = RedisCommand("HGET", keyspace.tokenKeys, "\(number)")
                let kept = try await client.call(get, for: RedisKey("events")).bytes()
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
