internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import TicketStore

// The condition of the store, for readiness and the log (R32 Readiness).

/// The condition and the concerns that were last logged.
struct ReportedHealth: Sendable {
    /// Between two comparisons with the present ones.
    static let interval = TimeAmount.milliseconds(500)

    var at = NIODeadline.uptimeNanoseconds(0)
    var condition = StoreCondition.selling
    var concerns: Set<StoreConcern> = []
    /// Pools that were closed at the last comparison.
    var closed: Set<ClosedPool> = []
}

/// A pool that a broken rule closed (R4 Broken rule).
struct ClosedPool: Hashable, Sendable {
    var event: Code
    var pool: Code
}

/// What has changed since then.
struct HealthNews: Sendable {
    var condition: StoreCondition?
    var concerns: [StoreConcern] = []
    var toCount: [EventNumber] = []
}

extension NodeState {
    /// Whether any event can be decided; if not, why.
    func condition(at now: NIODeadline) -> StoreCondition {
        guard phase == .selling else { return phase }
        let events = directory.order
        let reason = events.isEmpty ? listFailure : health.suspension(of: events, at: now)
        return reason.map { .suspended($0) } ?? .selling
    }

    /// What an operator should look at.
    func concerns(at now: NIODeadline) -> [StoreConcern] {
        var concerns = health.concerns(of: directory.order, at: now) { number in
            directory.entries[number]?.catalogue.code.text ?? "\(number)"
        }
        for number in directory.order { concerns += directory.entries[number]?.closedPools ?? [] }
        for code in counts.unbalanced.values.sorted(by: { $0.text < $1.text }) {
            concerns.append(
                StoreConcern(
                    .unbalanced, "The numbers of event \(code) differ from its holds; see holdfast repair."))
        }
        for number in directory.order where keyRooms[number]?.isNearlyFull == true {
            guard let room = keyRooms[number], let code = directory.entries[number]?.catalogue.code else { continue }
            concerns.append(room.concern(of: code))
        }
        return concerns
    }

    /// Events whose numbers are to be counted again from their holds.
    var eventsToCount: [EventNumber] {
        directory.order.filter { number in
            counts.unbalanced[number] != nil
                || directory.entries[number]?.numbers.pools.contains(where: \.isClosed) ?? false
        }
    }

    private mutating func countClosedPools() {
        var closed: Set<ClosedPool> = []
        for entry in directory.entries.values where entry.numbers.pools.contains(where: \.isClosed) {
            for count in entry.counts where count.isClosed {
                closed.insert(ClosedPool(event: count.event, pool: count.pool))
            }
        }
        for pool in closed.subtracting(reported.closed) { violations[pool.event, default: 0] += 1 }
        reported.closed = closed
    }

    /// What is to be logged (the condition if it has changed, and new concerns), and which events are to be counted
    /// again.
    mutating func healthNews(at now: NIODeadline) -> HealthNews {
        var news = HealthNews()
        guard phase == .selling, reported.at + ReportedHealth.interval <= now else { return news }
        reported.at = now
        health.keep(Set(directory.entries.keys))
        countClosedPools()
        let current = condition(at: now)
        if current != reported.condition { news.condition = current }
        reported.condition = current
        // While nothing can be decided, other concerns say nothing.
        guard current == .selling else { return news }
        let concerns = concerns(at: now)
        news.concerns = concerns.filter { !reported.concerns.contains($0) }
        reported.concerns = Set(concerns)
        news.toCount = eventsToCount
        return news
    }
}

extension RedisStore {
    func reportHealth(at now: NIODeadline) {
        let news = state.withLock { $0.healthNews(at: now) }
        switch news.condition {
        case .suspended(let reason)?:
            logger.critical("Nothing can be sold", metadata: ["reason": "\(reason.rawValue)"])
        case .selling?: logger.notice("Selling goes on")
        case .closing?, nil: break
        }
        for event in news.toCount { recounts.countSoon(event) }
        for concern in news.concerns {
            switch concern.kind {
            case .poolClosed:
                logger.critical(
                    "A rule is broken; the pool sells nothing more, and its holds can still be purchased",
                    metadata: ["rule": "R4 Broken rule", "detail": "\(concern.detail)"])
            case .unbalanced: break  // Logged when it was counted.
            case .keyRoomNearlyFull:
                logger.warning(
                    "The room for idempotency keys is nearly used up; keys of ended holds expire early",
                    metadata: ["detail": "\(concern.detail)", "setting": "limits.keys"])
            case .eventsUnavailable, .replicasMissing:
                logger.error(
                    "Part of the sale is disturbed",
                    metadata: ["code": "\(concern.kind.rawValue)", "detail": "\(concern.detail)"])
            }
        }
    }
}
