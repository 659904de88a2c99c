internal import Logging
internal import NIOCore
internal import RedisWire

/// Checks the servers before a node sells.
struct StartupCheck: Sendable {
    let configuration: RedisStore.Configuration
    let client: RedisClient
    let logger: Logger

    /// Reads the servers' settings, and judges them. Waits up to ``RedisStore/Configuration/startTime`` if waiting may
    /// help.
    func run() async throws(RedisStoreError) -> ServerCheck {
        let end = ContinuousClock.now + configuration.startTime
        var logged: String?
        while true {
            let looked = await look()
            guard let reason = reasonToWait(looked), ContinuousClock.now < end else {
                return try judged(try looked.get())
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

    private func look() async -> Result<ServerCheck, RedisStoreError> {
        do throws(RedisStoreError) {
            return .success(try await RedisStore.examine(client, configuration).check)
        } catch {
            return .failure(error)
        }
    }

    /// What must pass before the store can sell, and is likely to pass by itself.
    private func reasonToWait(_ looked: Result<ServerCheck, RedisStoreError>) -> String? {
        switch looked {
        // A store that accepts unfit servers does not wait until they are fit.
        case .success(let check): configuration.acceptsUnfitServers && !check.isAwaited ? nil : check.waits.first
        case .failure(.unreachable(let failure)): failure.passes ? failure.advice : nil
        case .failure(.unfit): nil
        }
    }

    /// Refuses servers that break a promise, unless the configuration accepts them, and logs what an operator should
    /// know.
    private func judged(_ check: ServerCheck) throws(RedisStoreError) -> ServerCheck {
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
}
