// What is left, and whether the numbers balance.

extension BoxOffice {
    /// What is left of an event at `now`; `nil` if there is no such event.
    public mutating func availability(of event: Code, at now: Moment) -> Availability? {
        advance(to: now.office)
        guard let index = eventIndexes[event] else { return nil }
        events[index].settle(at: clock)
        let current = events[index]
        var left = Availability(
            version: current.version,
            free: current.pools.indices.reduce(0) { sum, pool in
                let isCounted = !current.pools[pool].isClosed && !current.pools[pool].isOfAllocation
                return isCounted ? sum + current.open(pool: pool, at: now.wall) : sum
            },
            types: current.definition.types.compactMap { type in
                current.typeIndexes[type.code].map {
                    .init(
                        code: type.code, free: current.free(type: $0, at: now.wall),
                        capacity: current.capacity(type: $0),
                        mayComeBack: current.mayComeBack(type: $0, at: now.wall))
                }
            },
            allocations: current.allocations.map { allocation in
                let taken = current.pools[allocation.counter]
                return .init(
                    pool: current.pools[allocation.pool].code, code: allocation.code, places: allocation.places,
                    held: taken.held, sold: taken.sold, releasedAt: allocation.releasedAt,
                    isReleased: allocation.isReleased(at: now.wall))
            },
            validUntil: current.pools.compactMap(\.earliestExpiry).min())
        if current.cancelledAt != nil { left.cancel() }
        return left
    }

    /// The version of an event's numbers at `now`. It costs less than the numbers.
    public mutating func version(of event: Code, at now: Moment) -> UInt64? {
        advance(to: now.office)
        guard let index = eventIndexes[event] else { return nil }
        events[index].settle(at: clock)
        return events[index].version
    }

    /// Every pool of every event at `now`, and what was taken through each allocation.
    public mutating func counts(at now: Moment) -> [PoolCount] {
        advance(to: now.office)
        for index in events.indices { events[index].settle(at: clock) }
        return events.lazy.filter { !$0.isRemoved }.flatMap(\.counts)
    }

    /// The numbers of an event at `now`, for operators; `nil` if there is no such event. It costs a step for each pool.
    public mutating func numbers(of event: Code, at now: Moment) -> EventNumbers? {
        advance(to: now.office)
        guard let index = eventIndexes[event] else { return nil }
        events[index].settle(at: clock)
        let current = events[index]
        return EventNumbers(
            pools: current.counts, holds: current.pools.reduce(0) { $0 + $1.holds },
            nextExpiry: current.pools.compactMap(\.earliestExpiry).min(),
            expired: current.pools.reduce(0) { $0 + $1.expired }, at: now)
    }

    /// Pools that are closed because a rule was broken (R4 Broken rule). It reads every pool.
    public var closedPools: [(event: Code, pool: Code)] {
        events.lazy.filter { !$0.isRemoved }.flatMap { event in
            event.pools.lazy.filter(\.isClosed).map { (event.definition.id, $0.code) }
        }
    }

    /// Closes a pool as a broken rule would. For tests, which know no way to break a rule.
    package mutating func closePool(_ code: Code, of event: Code) {
        guard let index = eventIndexes[event], let pool = events[index].pools.firstIndex(where: { $0.code == code })
        else { return }
        events[index].pools[pool].close()
    }

    /// The number of live holds. It reads every hold in memory, so it is for reports and not for requests.
    public func liveHoldCount() -> Int {
        holds.live(at: clock).count
    }
}

extension BoxOffice {
    /// The catalogue of an event; `nil` if there is no such event.
    public func catalogue(of event: Code) -> EventCatalogue? {
        eventIndexes[event].map { catalogue(at: UInt32($0)) }
    }

    /// The catalogue of the event at `index`; `nil` if the caller has it already, with this revision.
    public func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        events[Int(index)].revision == revision ? nil : catalogue(at: index)
    }

    /// The catalogue of the event at `index`, which must exist.
    public func catalogue(at index: UInt32) -> EventCatalogue {
        let known = events[Int(index)]
        return EventCatalogue(
            event: index, code: known.definition.id, revision: known.revision, currencies: known.currencies,
            pools: known.pools.indices.map {
                .init(
                    code: known.pools[$0].code.whole, allocation: known.pools[$0].code.allocation,
                    capacity: known.places(ofPool: $0))
            },
            types: zip(known.types, known.offers).map { type, offer in
                .init(
                    code: type.code.whole, allocation: type.code.allocation, name: type.name, price: offer.price,
                    isRetired: offer.isRetired,
                    pools: Array(offer.pools))
            })
    }
}

extension Event {
    /// Every pool at the last settling, and what was taken through each allocation.
    fileprivate var counts: [PoolCount] {
        pools.indices.map { index in
            let pool = pools[index]
            return PoolCount(
                event: definition.id, pool: pool.code, capacity: places(ofPool: index), held: pool.held,
                sold: pool.sold,
                isClosed: pool.isClosed)
        }
    }
}
