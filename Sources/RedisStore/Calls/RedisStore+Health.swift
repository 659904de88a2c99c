internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// How the store stands, for readiness and the log.

/// What the log was told of how the store stands.
struct ToldHealth: Sendable {
    /// Between two looks at whether there is news.
    static let interval = TimeAmount.milliseconds(500)

    var at = NIODeadline.uptimeNanoseconds(0)
    var condition = StoreCondition.selling
    var concerns: Set<StoreConcern> = []
}

/// What changed in how the store stands.
struct HealthNews: Sendable {
    var condition: StoreCondition?
    var concerns: [StoreConcern] = []
    var toMend: [UInt64] = []
}

extension PendingCommands {
    /// Whether anything can be decided, and if not, why.
    func visibleCondition(at now: NIODeadline) -> StoreCondition {
        guard condition == .selling else { return condition }
        let events = directory.order
        let reason = events.isEmpty ? listFailure : health.suspension(of: events, at: now)
        return reason.map { .suspended($0) } ?? .selling
    }

    /// What an operator should see to.
    func concerns(at now: NIODeadline) -> [StoreConcern] {
        var concerns = health.concerns(of: directory.order, at: now) { number in
            directory.entries[number]?.catalogue.code.text ?? "\(number)"
        }
        for number in directory.order { concerns += directory.entries[number]?.closedPools ?? [] }
        for code in unbalanced.values.sorted(by: { $0.text < $1.text }) {
            concerns.append(
                StoreConcern(
                    .unbalanced, "The numbers of event \(code) are not as its holds say; see holdfast repair."))
        }
        for number in directory.order where keyRooms[number]?.isNearlyFull == true {
            guard let room = keyRooms[number], let code = directory.entries[number]?.catalogue.code else { continue }
            concerns.append(room.concern(of: code))
        }
        return concerns
    }

    /// Events whose numbers are to be counted anew from their holds.
    var eventsToMend: [UInt64] {
        directory.order.filter { number in
            unbalanced[number] != nil || directory.entries[number]?.numbers.pools.contains(where: \.isClosed) ?? false
        }
    }

    /// What the log is to be told (the condition, if it has changed, and concerns that are new), and what is to be mended.
    mutating func healthNews(at now: NIODeadline) -> HealthNews {
        var news = HealthNews()
        guard condition == .selling, toldHealth.at + ToldHealth.interval <= now else { return news }
        toldHealth.at = now
        health.keep(Set(directory.entries.keys))
        let current = visibleCondition(at: now)
        if current != toldHealth.condition { news.condition = current }
        toldHealth.condition = current
        // While nothing can be decided, what else is wrong says nothing.
        guard current == .selling else { return news }
        let concerns = concerns(at: now)
        news.concerns = concerns.filter { !toldHealth.concerns.contains($0) }
        toldHealth.concerns = Set(concerns)
        news.toMend = eventsToMend
        return news
    }
}

extension RedisStore {
    func tellHealth(at now: NIODeadline) {
        let news = pending.withLock { $0.healthNews(at: now) }
        switch news.condition {
        case .suspended(let reason)?:
            logger.critical("Nothing can be sold", metadata: ["reason": "\(reason.rawValue)"])
        case .selling?: logger.notice("Selling goes on")
        case .closing?, nil: break
        }
        for event in news.toMend { mendSoon(event) }
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
