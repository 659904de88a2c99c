internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// What a node does by itself, one step after the other, while it runs: it recounts events, and drops unused claims.

extension RedisStore {
    /// Between two steps.
    private static let step = TimeAmount.seconds(1)
    /// Between two counts of an event in one call, though nothing seems wrong.
    static let countInterval = TimeAmount.hours(1)
    /// Between two counts of an event in pages, even if something seems wrong.
    private static let pagesInterval = TimeAmount.minutes(10)
    /// Between two pages. Each takes some 5 ms of the server, so a count takes a tenth of its time.
    private static let restBetweenPages = TimeAmount.milliseconds(50)

    /// Takes one step after another until its task is cancelled.
    func keepUp() async {
        let slots = ClaimSlot.all
        var index = slots.indices.randomElement() ?? 0
        while !Task.isCancelled {
            do {
                try await caller.pause(Self.step)
                if keyspace.isCluster {
                    index = (index + 1) % slots.count
                    try await dropUnusedClaims(in: slots[index])
                }
                try await count(at: .now())
            } catch {
                logger.debug("Recounting an event or dropping unused claims failed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Counts the next event that is due: in one call, or in pages if it has too many holds.
    private func count(at now: NIODeadline) async throws {
        guard configuration.mendsByItself else { return }
        if let large = state.withLock({ $0.nextToCountInPages(at: now, every: Self.pagesInterval) }) {
            try await recountInPages(large)
        } else if let event = state.withLock({ $0.nextToCount(at: now, every: Self.countInterval) }) {
            mendSoon(event)
        }
    }

    /// Counts an event from its holds, some at a time while it sells, and logs if its numbers differ. Correcting them needs all
    /// holds in one call, which an operator decides on (`holdfast repair`).
    package func recountInPages(_ event: EventNumber) async throws {
        let tally = try await lists.tally(of: event, rest: Self.restBetweenPages)
        guard let entry = state.withLock({ $0.directory.entries[event] }) else { return }
        let broken = tally.brokenRule(of: entry)
        state.withLock { $0.unbalanced[event] = broken == nil ? nil : entry.catalogue.code }
        guard let broken else { return }
        logger.critical(
            "The numbers of an event differ from its holds; see holdfast repair",
            metadata: ["event": "\(entry.catalogue.code)", "differs": "\(broken)"])
    }

    /// Looks at some claims of one slot and drops those that their events do not use.
    ///
    /// - Parameter interval: how long after the last look of any node.
    package func dropUnusedClaims(
        in slot: ClaimSlot, interval: Duration = PaymentClaims.interval
    ) async throws {
        try await claims.dropUnused(in: slot, interval: interval, now: now.wall)
    }
}

extension NodeState {
    fileprivate mutating func nextToCountInPages(at now: NIODeadline, every interval: TimeAmount) -> EventNumber? {
        let next = tooLargeToCount.sorted().first { countedInPagesAt[$0].map { $0 + interval <= now } ?? true }
        guard let next else { return nil }
        tooLargeToCount.remove(next)
        countedInPagesAt[next] = now
        return next
    }

    fileprivate func nextToCount(at now: NIODeadline, every interval: TimeAmount) -> EventNumber? {
        directory.order.first { countedAt[$0].map { $0 + interval <= now } ?? true }
    }
}
