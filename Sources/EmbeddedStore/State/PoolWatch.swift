internal import BoxOffice
internal import TicketStore

/// A pool that is closed because its numbers contradict each other (R4 Broken rule).
struct ClosedPool: Hashable, Sendable {
    var event: Code
    var pool: Code

    var concern: StoreConcern {
        StoreConcern(
            .poolClosed, "Pool \(pool) of event \(event) sells nothing more: its numbers contradicted each other.")
    }
}

/// Decides which closed pools to report, and when to rebuild memory from the ledger because of them.
///
/// Numbers that are counted from the ledger's facts are certain to be right. But counting suspends the sale for about a
/// second for each million holds, and the same mistake may close the pool again. So it happens at most once in
/// ``rebuildInterval``.
struct PoolWatch: Sendable {
    /// The time between two looks at all pools.
    static let interval: Duration = .seconds(1)
    /// The shortest time between two rebuilds.
    static let rebuildInterval: Duration = .seconds(600)

    private var lookedAt: MonotonicTime?
    private var rebuiltAt: MonotonicTime?
    private var known: Set<ClosedPool> = []

    func isDue(at now: MonotonicTime) -> Bool {
        hasPassed(Self.interval, since: lookedAt, at: now)
    }

    /// Notes the closed pools that a look found.
    ///
    /// - Returns: those that were not closed at the last look, and whether to rebuild memory now.
    mutating func note(_ closed: [ClosedPool], at now: MonotonicTime) -> (new: [ClosedPool], rebuilds: Bool) {
        lookedAt = now
        let new = closed.filter { !known.contains($0) }
        let rebuilds = !closed.isEmpty && hasPassed(Self.rebuildInterval, since: rebuiltAt, at: now)
        if rebuilds { rebuiltAt = now }
        // A pool that closes again after a rebuild is reported again.
        known = rebuilds ? [] : Set(closed)
        return (new, rebuilds)
    }

    private func hasPassed(_ span: Duration, since: MonotonicTime?, at now: MonotonicTime) -> Bool {
        guard let since else { return true }
        return now.nanoseconds - since.nanoseconds >= span.inMilliseconds * 1_000_000
    }
}
