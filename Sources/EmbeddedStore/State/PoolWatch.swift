internal import BoxOffice
internal import TicketStore

/// A pool that a broken rule closed (R4 Broken rule).
struct ClosedPool: Hashable, Sendable {
    var event: Code
    var pool: Code

    var concern: StoreConcern {
        StoreConcern(
            .poolClosed, "Pool \(pool) of event \(event) sells nothing more: its numbers contradicted each other.")
    }
}

/// Which closed pools are news, and whether memory is to be made anew from the ledger because of them.
///
/// The facts are in the ledger, and the numbers follow from them, so counting anew is certain to be right. It stops selling
/// for about a second a million holds, and a mistake that closes the pool again would have it done again: hence a bound
/// on how often.
struct PoolWatch: Sendable {
    /// Between two looks at all pools.
    static let interval: Duration = .seconds(1)
    /// Between two times that memory is made anew.
    static let mendInterval: Duration = .seconds(600)

    private var lookedAt: MonotonicTime?
    private var mendedAt: MonotonicTime?
    private var known: Set<ClosedPool> = []

    func isDue(at now: MonotonicTime) -> Bool {
        hasPassed(Self.interval, since: lookedAt, at: now)
    }

    /// Takes what a look found.
    ///
    /// - Returns: pools that were not closed at the last look, and whether memory is to be made anew.
    mutating func saw(_ closed: [ClosedPool], at now: MonotonicTime) -> (news: [ClosedPool], mends: Bool) {
        lookedAt = now
        let news = closed.filter { !known.contains($0) }
        let mends = !closed.isEmpty && hasPassed(Self.mendInterval, since: mendedAt, at: now)
        if mends { mendedAt = now }
        // One that closes again after that is news again.
        known = mends ? [] : Set(closed)
        return (news, mends)
    }

    private func hasPassed(_ span: Duration, since: MonotonicTime?, at now: MonotonicTime) -> Bool {
        guard let since else { return true }
        return now.nanoseconds - since.nanoseconds >= span.inMilliseconds * 1_000_000
    }
}
