// What is due in a queue by time and by what is free (Q1 Phases, Q7 Admission), and how it shows.

extension BoxOffice {
    /// While places are free, the queue lets in one person after this time at the latest: the people inside may want more than is
    /// left, or nothing.
    private static let stillness = QueueBounds.stillness

    /// The head moves at most ten times a second.
    private static let betweenMoves = Duration.milliseconds(100)

    mutating func attend(_ report: PresenceReport, _ terms: QueueTerms, in index: Int, at now: Moment) -> Decision {
        settleQueue(index, terms)
        queues[index]?.presence = report
        events[index].settle(at: clock)
        guard let due = due(terms, in: index, at: now) ?? queues[index]?.unrecorded else {
            return (.queue(.attended(view(of: index, terms, at: now), isMoreDue: false)), nil)
        }
        let fact = make(.queue(event: UInt32(index), due))
        let isMoreDue: Bool
        switch due {
        case .moved(_, let people, _):
            spend(Int(people), terms, in: index)
            isMoreDue = false
        case .given: isMoreDue = false
        default: isMoreDue = true
        }
        return (.queue(.attended(view(of: index, terms, at: now), isMoreDue: isMoreDue)), fact)
    }

    private func due(_ terms: QueueTerms, in index: Int, at now: Moment) -> QueueFact? {
        guard let queue = queues[index] else { return nil }
        switch queue.stage {
        case .gathering:
            let isOpen = events[index].terms.opensAt.map { now.wall >= $0 } ?? true
            return isOpen ? .gathered(count: queue.lostDraw ?? queue.issued) : nil
        case .drawing:
            guard let beacon = terms.beacon else { return .drawn(.notAnnounced) }
            let isLate = queue.lostDraw != nil || queue.gatheredAt.advanced(by: beacon.wait) <= clock
            return isLate ? .drawn(.missed) : nil
        case .moving:
            if isOver(index, at: now) { return .over }
            let people = room(in: index, terms, at: now, atMost: .max)
            let (head, passed) = queue.reach(for: people)
            guard head > queue.head else { return nil }
            return .moved(head: head, people: passed, isKnown: queue.presence.isComplete)
        case .over: return isOver(index, at: now) ? nil : .reopened
        }
    }

    /// How many more people are let in now, `most` at the most; 0 while the queue or the sale is paused.
    func room(in index: Int, _ terms: QueueTerms, at now: Moment, atMost most: Int) -> Int {
        guard let queue = queues[index], !queue.isPaused, !events[index].isPaused,
            events[index].cancelledAt == nil,
            refusalOfSale(events[index].terms, isPaused: false, at: now) == nil,
            queue.moves.last.map({ $0.at.advanced(by: Self.betweenMoves) <= clock }) ?? true
        else { return 0 }
        let admission = admission(of: index, at: now)
        let sale = queue.saleClock
        let isStill =
            queue.moves.last.map { sale.time(at: $0.at).advanced(by: Self.stillness) <= sale.time(at: clock) } ?? true
        let people = max(admission.people, admission.free > 0 && isStill ? 1 : 0)
        return min(most, Int(allowance(of: queue, terms)), people)
    }

    /// Takes people who are let in off those who may be within this second.
    mutating func spend(_ people: Int, _ terms: QueueTerms, in index: Int) {
        guard let queue = queues[index] else { return }
        let left = allowance(of: queue, terms) - Double(people)
        queues[index]?.allowance = left
        queues[index]?.allowanceAt = clock
    }

    private func allowance(of queue: EventQueue, _ terms: QueueTerms) -> Double {
        let rate = Double(queue.ownRate > 0 ? queue.ownRate : terms.mostPerSecond)
        let passed = Double(clock.milliseconds - queue.allowanceAt.milliseconds) / 1_000
        return min(rate, queue.allowance + passed * rate)
    }

    private mutating func settleQueue(_ index: Int, _ terms: QueueTerms) {
        guard var queue = queues.removeValue(forKey: index) else { return }
        let isForgetting = queue.stage == .moving && !events[index].isPaused
        queue.settle(at: clock, terms, isForgetting: isForgetting) { id in
            holds.record(id).flatMap { $0.isLive(at: clock) ? $0.deadline : nil }
        }
        queues[index] = queue
    }

    /// Nothing is free and nothing is held that anybody could have, or the sale ended.
    private func isOver(_ index: Int, at now: Moment) -> Bool {
        let event = events[index]
        if event.cancelledAt != nil || event.terms.closesAt.map({ now.wall >= $0 }) ?? false { return true }
        let left = event.left(at: now.wall, onlyOnSale: false)
        return left.free == 0 && left.held == 0
    }

    func admission(of index: Int, at now: Moment) -> Admission {
        let left = events[index].left(at: now.wall, onlyOnSale: true)
        let queue = queues[index]
        return Admission(
            free: left.free, held: left.held, inside: queue?.inside(at: clock) ?? 0,
            learned: queue?.learned ?? QueueLearning(ticketsPerHold: events[index].terms.ticketsPerHold))
    }

    /// The queue of an event at `now`; `nil` if there is no such event, or if it has no queue. What it shows may not be durable
    /// yet.
    public mutating func queue(of event: Code, at now: Moment) -> QueueView? {
        advance(to: now.office)
        guard let index = eventIndexes[event], let terms = events[index].definition.queue else { return nil }
        events[index].settle(at: clock)
        return view(of: index, terms, at: now)
    }

    func view(of index: Int, _ terms: QueueTerms, at now: Moment) -> QueueView {
        let admission = admission(of: index, at: now)
        guard let queue = queues[index] else {
            return QueueView(
                phase: .closed, isPaused: false, joined: 0, present: 0, head: 0, calledPerMinute: 0, secret: [],
                count: nil, beacon: nil, mostPerSecond: terms.mostPerSecond, admission: admission)
        }
        let phase: QueueView.Phase =
            switch queue.stage {
            case .gathering: .gathering
            case .drawing: .drawing
            case .moving: queue.isPaused ? .paused : .moving
            case .over: .over
            }
        return QueueView(
            phase: phase, isPaused: queue.isPaused, joined: queue.issued, present: queue.presence.present,
            head: queue.head, calledPerMinute: queue.called(within: .seconds(60), before: clock),
            secret: queue.secret, count: queue.count, beacon: queue.beacon,
            mostPerSecond: queue.ownRate > 0 ? queue.ownRate : terms.mostPerSecond, admission: admission,
            lives: queue.lives)
    }
}

extension Event {
    /// Tickets that anybody could still have, and those that would be free besides if every hold ended. Each type takes what
    /// it can, in the order of the definition: a lower bound where types share pools in more than one way.
    func left(at wall: WallTime, onlyOnSale: Bool) -> (free: Int, held: Int) {
        var free = pools.indices.map { pools[$0].isClosed ? 0 : open(pool: $0, at: wall) }
        var all = pools.indices.map { free[$0] + (pools[$0].isClosed ? 0 : max(0, openHeld(pool: $0, at: wall))) }
        var (now, then) = (0, 0)
        for type in definition.types {
            guard let index = typeIndexes[type.code] else { continue }
            if type.closesAt.map({ wall >= $0 }) ?? false { continue }
            if onlyOnSale, let opensAt = type.opensAt, wall < opensAt { continue }
            now += Self.take(offers[index].pools, from: &free)
            then += Self.take(offers[index].pools, from: &all)
        }
        return (now, max(0, then - now))
    }

    /// Takes as many tickets as the pools have together.
    private static func take(_ pools: PoolList, from left: inout [Int]) -> Int {
        let most = pools.reduce(Int.max) { min($0, left[$1]) }
        guard most > 0, most < .max else { return 0 }
        for pool in pools { left[pool] -= most }
        return most
    }
}
