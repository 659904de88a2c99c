// What is left, and whether the numbers balance.

extension BoxOffice {
    /// What is left of an event at `now`; `nil` if there is no such event.
    public mutating func availability(of event: Code, at now: Moment) -> Availability? {
        advance(to: now.office)
        guard let index = eventIndexes[event] else { return nil }
        events[index].settle(at: clock)
        let current = events[index]
        return Availability(
            version: current.version,
            free: current.pools.reduce(0) { $0 + ($1.isClosed ? 0 : $1.free) },
            types: current.definition.types.compactMap { type in
                current.typeIndexes[type.code].map {
                    .init(
                        code: type.code, free: current.free(type: $0), capacity: current.capacity(type: $0),
                        mayComeBack: current.mayComeBack(type: $0))
                }
            },
            validUntil: current.pools.compactMap(\.earliestExpiry).min())
    }

    /// The version of an event's numbers at `now`. It costs less than the numbers.
    public mutating func version(of event: Code, at now: Moment) -> UInt64? {
        advance(to: now.office)
        guard let index = eventIndexes[event] else { return nil }
        events[index].settle(at: clock)
        return events[index].version
    }

    /// Every pool of every event at `now`.
    public mutating func counts(at now: Moment) -> [PoolCount] {
        advance(to: now.office)
        for index in events.indices { events[index].settle(at: clock) }
        return events.lazy.filter { !$0.isRemoved }.flatMap { event in
            event.pools.map { pool in
                PoolCount(
                    event: event.definition.id, pool: pool.code, capacity: pool.capacity, free: pool.free,
                    held: pool.held, sold: pool.sold, oversubscribed: pool.oversubscribed, isClosed: pool.isClosed)
            }
        }
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
            pools: known.pools.map { .init(code: $0.code, capacity: $0.capacity) },
            types: zip(known.types, known.offers).map { type, offer in
                .init(
                    code: type.code, name: type.name, price: offer.price, isRetired: offer.isRetired,
                    pools: Array(offer.pools))
            })
    }
}
