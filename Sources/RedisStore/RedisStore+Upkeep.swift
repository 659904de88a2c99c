internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// What a node does by itself, step by step, for as long as it runs: counting events anew, and dropping claims.

extension RedisStore {
    /// Between two steps.
    private static let step = TimeAmount.seconds(1)
    /// An event is counted anew so often, though nothing seems wrong.
    static let countInterval = TimeAmount.hours(1)
    /// The same in pages at the most, though something seems wrong.
    private static let pagesInterval = TimeAmount.minutes(10)
    /// Between two pages, of which each takes some 5 ms of the server: a tenth of its time.
    private static let restBetweenPages = TimeAmount.milliseconds(50)

    /// Takes one step after another until its task is cancelled.
    func keepUp() async {
        var part = UInt64.random(in: 0..<Keyspace.claimParts)
        while !Task.isCancelled {
            do {
                try await pause(Self.step)
                if keyspace.isCluster {
                    part = (part + 1) % Keyspace.claimParts
                    try await dropUnusedClaims(in: part)
                }
                try await count(at: .now())
            } catch {
                logger.debug("A step of the upkeep came to nothing", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Counts the next event that is due: in one call, or in pages if it has too many holds for that.
    private func count(at now: NIODeadline) async throws {
        guard configuration.mendsByItself else { return }
        if let large = pending.withLock({ $0.nextToCountInPages(at: now, every: Self.pagesInterval) }) {
            try await recountInPages(large)
        } else if let event = pending.withLock({ $0.nextToCount(at: now, every: Self.countInterval) }) {
            mendSoon(event)
        }
    }

    /// Counts an event from its holds, some at a time while it sells, and says if its numbers are not as they say. Setting that
    /// right needs all of them in one call, which an operator decides on (`holdfast repair`).
    package func recountInPages(_ event: UInt64) async throws {
        let tally = try await tally(of: event, rest: Self.restBetweenPages)
        guard let entry = pending.withLock({ $0.directory.entries[event] }) else { return }
        let broken = tally.brokenRule(of: entry)
        pending.withLock { $0.unbalanced[event] = broken == nil ? nil : entry.catalogue.code }
        guard let broken else { return }
        logger.critical(
            "The numbers of an event are not as its holds say; see holdfast repair",
            metadata: ["event": "\(entry.catalogue.code)", "differs": "\(broken)"])
    }

    /// Waits, and no longer than until the task is cancelled.
    func pause(_ time: TimeAmount) async throws {
        let timer = client.eventLoop.scheduleTask(in: time) {}
        try await withTaskCancellationHandler {
            try await timer.futureResult.get()
        } onCancel: {
            timer.cancel()
        }
    }
}

extension PendingCommands {
    fileprivate mutating func nextToCountInPages(at now: NIODeadline, every interval: TimeAmount) -> UInt64? {
        let next = tooLargeToMend.sorted().first { recountedAt[$0].map { $0 + interval <= now } ?? true }
        guard let next else { return nil }
        tooLargeToMend.remove(next)
        recountedAt[next] = now
        return next
    }

    fileprivate func nextToCount(at now: NIODeadline, every interval: TimeAmount) -> UInt64? {
        directory.order.first { mendedAt[$0].map { $0 + interval <= now } ?? true }
    }
}
