internal import Logging
internal import NIOCore
internal import RedisWire

// What a node does with the servers before it sells.

extension RedisStore {
    /// Reads what the servers are set to, and says what that means. Waits for a bounded time where that may help.
    static func checked(
        _ configuration: Configuration, _ client: RedisClient, _ logger: Logger
    ) async throws(RedisStoreError) -> ServerCheck {
        let end = ContinuousClock.now + configuration.startTime
        var told: String?
        while true {
            let looked = await look(at: client, configuration)
            guard let reason = reasonToWait(looked, configuration), ContinuousClock.now < end else {
                return try judged(try looked.get(), configuration, logger)
            }
            if reason != told {
                logger.notice(
                    "Waiting for the Redis servers",
                    metadata: ["because": "\(reason)", "at_most": "\(configuration.startTime)"])
                told = reason
            }
            // What is not fit may be so by an order that is over: right after a failover some nodes still tell it.
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

    /// What is likely to pass by itself and must, before this can sell.
    private static func reasonToWait(
        _ looked: Result<ServerCheck, RedisStoreError>, _ configuration: Configuration
    ) -> String? {
        switch looked {
        // Whoever sells on servers that are not fit does not wait until they are.
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
            logger.warning("The servers do not keep what the rules promise", metadata: ["why": "\(objection)"])
        }
        for warning in check.warnings {
            logger.warning("Something about the servers is worth knowing", metadata: ["what": "\(warning)"])
        }
        logger.notice(
            "What an answer is worth", metadata: ["purchase": "\(check.promise)", "hold": "\(check.holdPromise)"])
        return check
    }

    static func load(
        _ library: FunctionLibrary, to client: RedisClient
    ) async throws(RedisStoreError) -> FunctionLibrary.Calling {
        let answers = await client.callEachMaster(RedisCommand("FUNCTION", "LOAD", library.text))
        if answers.allSatisfy({ isLoaded($0.outcome) }) { return .functions }
        for answer in answers {
            guard case .failure(let failure) = answer.outcome, !isLoaded(answer.outcome) else { continue }
            guard case .refused(let error) = failure else { throw .unreachable(failure) }
            // A server before 7.0 does not know the command.
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

    /// Whether a server has the library now: loaded by this, or by somebody before.
    static func isLoaded(_ outcome: RedisClient.Outcome) -> Bool {
        switch outcome {
        case .success: true
        case .failure(.refused(let error)):
            error.message.hasPrefix("Library") && error.message.hasSuffix("already exists")
        case .failure: false
        }
    }

    /// The identity that the database has, or the one that it gets now. One that was written by a single server is not
    /// read by a cluster, nor the other way round: payments would be looked for where they are not.
    ///
    /// - Returns: with it the secret for idempotency keys, which all nodes share.
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

    /// Remembers the fingerprints of the keys that sign tokens, and returns the numbers under which another node has
    /// another key. A node with a new number may come before or after the others: only a number has one key.
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

    /// What stands under `key`, which is `fresh` where nothing stood.
    private static func kept(_ fresh: [UInt8], under key: String, _ client: RedisClient) async throws -> ByteBuffer {
        var set = RedisCommand("SET")
        set.append(key)
        set.append(fresh)
        set.append("NX")
        _ = try await client.call(set, for: RedisKey("events"))
        return try await client.call(RedisCommand("GET", key), for: RedisKey("events")).bytes()
    }
}
