internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// What takes several calls to several parts of an event, one behind the other, and is done by tasks of its own.

extension RedisStore {
    enum Job: Sendable {
        /// Serves those of an event whom one part could not serve.
        case search(UInt64)
        /// Does what a node left undone between the parts of an event.
        case tidy(UInt64)
        /// Lets all parts follow a change of the first, and tells its caller.
        case conclude(Foyer.Waiting, UInt64, Outcome, at: Moment)
        /// Removes an event in parts.
        case remove(Foyer.Waiting, UInt64, parts: Int, attempt: Int)
        /// Settles whether an event is removed, for a command that met the removal at one of its parts.
        case settle(Foyer.Waiting, at: UInt64, removal: UInt64)

        /// Who would wait in vain if it were not done.
        fileprivate var waiting: Foyer.Waiting? {
            switch self {
            case .search, .tidy: nil
            case .conclude(let waiting, _, _, _), .remove(let waiting, _, _, _), .settle(let waiting, _, _): waiting
            }
        }
    }

    /// Does what takes several calls to several parts of an event, until the store is stopped. Without it no event in
    /// parts can be changed, and a hold finds places only in the part where it is asked first.
    public func tend() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs.stream { group.addTask { await self.perform(job) } }
        }
    }

    func begin(_ job: Job) {
        guard case .terminated = jobs.continuation.yield(job) else { return }
        if let waiting = job.waiting { fail([waiting], .closing) }
        if case .search(let event) = job {
            while let waiting = foyer.withLock({ $0.takeSearch(of: event) }) { fail(waiting, .closing) }
        }
    }

    private func perform(_ job: Job) async {
        switch job {
        case .search(let event): await search(event)
        case .tidy(let event):
            do {
                _ = try await settled(event, since: .now())
            } catch {
                logger.warning("Parts of an event do not fit together yet", metadata: ["event": "\(event)"])
            }
            _ = foyer.withLock { $0.tidied.remove(event) }
        case .conclude(let waiting, let event, let outcome, let moment):
            await conclude(waiting, event, outcome, at: moment)
        case .remove(let waiting, let event, let parts, let attempt):
            await remove(waiting, event, parts, attempt)
        case .settle(let waiting, let event, let removal): await settle(waiting, at: event, removal)
        }
    }

    // MARK: Calls

    /// Makes a call and waits for its answer; loads the functions where they are missing.
    ///
    /// - Parameter isDurable: an answer that the replicas do not have is no answer. Without it the call only looks, and
    ///   one whose answer was lost is told as one that could not be made.
    func ask(
        _ step: String, _ command: RedisCommand, at number: UInt64, isDurable: Bool = true
    ) async throws(StoreFailure) -> RedisReply {
        if configuration.endsBefore?(step) ?? false { throw .closing }
        for _ in 0...Self.reloads {
            let outcomes = await outcomes(of: command, at: number, isDurable: isDurable)
            switch outcomes.first ?? .failure(.notSent(.stopping)) {
            case .success(let reply):
                guard self.isDurable(outcomes) else { throw .outcomeUnknown }
                return reply
            case .failure(.refused(let error)) where error.isUnknownFunction:
                let isLoaded = await withCheckedContinuation { continuation in
                    reload { continuation.resume(returning: $0) }
                }
                guard isLoaded else { throw .suspended(.unreachable) }
            case .failure(let failure):
                let told = StoreFailure(failure)
                noteFailure(failure, told)
                throw told == .outcomeUnknown && !isDurable ? .suspended(.unreachable) : told
            }
        }
        throw .suspended(.unreachable)
    }

    private func outcomes(
        of command: RedisCommand, at number: UInt64, isDurable: Bool
    ) async -> [RedisClient.Outcome] {
        guard isDurable else { return await client.pipeline([command], for: key(of: number)) }
        return await withCheckedContinuation { continuation in
            pipeline(command, in: String(number)) { continuation.resume(returning: $0) }
        }
    }

    /// The same of a function that answers with a part's numbers, which are taken; asks again while more is to be
    /// counted.
    func askPart(
        _ step: String, _ command: RedisCommand, at number: UInt64, isDurable: Bool = true
    ) async throws(StoreFailure) -> CallReply {
        while true {
            let sent = NIODeadline.now()
            let bytes = try await ask(step, command, at: number, isDurable: isDurable)
            guard let reply = try? CallReply(bytes.bytes()) else {
                logger.error("A reply of the functions could not be read", metadata: ["event": "\(number)"])
                throw .outcomeUnknown
            }
            if reply.status == .again { continue }
            let isNews = foyer.withLock { foyer in
                if foyer.programme.isNews(reply, at: number) { return true }
                foyer.programme.take(reply, at: number, sent: sent, received: .now())
                return false
            }
            if isNews { try await details(number) }
            return reply
        }
    }

    /// Reads what an event or a part of it is.
    func details(_ number: UInt64) async throws(StoreFailure) {
        let failure = await withCheckedContinuation { continuation in
            readDetails([number]) { continuation.resume(returning: $0) }
        }
        if let failure { throw failure }
    }
}
