internal import DequeModule

/// The idempotency keys of joins, in memory for ten minutes (Q2 Numbers).
struct JoinKeys: Sendable, Equatable {
    private var known: [IdempotencyKey: (number: EntryNumber, at: Timestamp)] = [:]
    private var order = Deque<IdempotencyKey>()

    func number(of key: IdempotencyKey, at now: Timestamp) -> EntryNumber? {
        known[key].flatMap { now < $0.at.advanced(by: Limits.joinKeysKept) ? $0.number : nil }
    }

    mutating func remember(_ key: IdempotencyKey, _ number: EntryNumber, at now: Timestamp) {
        forget(at: now)
        if order.count >= Limits.joinKeys { known[order.removeFirst()] = nil }
        known[key] = (number, now)
        order.append(key)
    }

    mutating func forget(at now: Timestamp) {
        while let oldest = order.first, let use = known[oldest], use.at.advanced(by: Limits.joinKeysKept) <= now {
            known[oldest] = nil
            order.removeFirst()
        }
    }

    static func == (left: JoinKeys, right: JoinKeys) -> Bool {
        left.order == right.order && left.order.allSatisfy { left.known[$0]?.number == right.known[$0]?.number }
    }
}
