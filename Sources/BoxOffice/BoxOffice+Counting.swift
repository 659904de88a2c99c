// What is left, and whether the books balance.

/// What an event has for sale at one moment.
public struct Availability: Sendable, Equatable {
    public struct TicketType: Sendable, Equatable {
        public var code: Code
        /// Tickets that could be held now: the least that any pool of the type has.
        public var free: Int
        /// Tickets that there are: the least that any pool of the type has.
        public var capacity: Int
        /// Whether a pool that has nothing free has something held: it may come back.
        public var mayComeBack: Bool

        public init(code: Code, free: Int, capacity: Int, mayComeBack: Bool) {
            self.code = code
            self.free = free
            self.capacity = capacity
            self.mayComeBack = mayComeBack
        }
    }

    /// Goes up with every change; equal versions are equal answers, until ``validUntil``.
    public var version: UInt64
    /// Free places over all pools.
    public var free: Int
    /// In the order of the definition.
    public var types: [TicketType]
    /// When the numbers change by themselves, at the earliest; `nil` if they do not.
    public var validUntil: Timestamp?

    public init(version: UInt64, free: Int, types: [TicketType], validUntil: Timestamp?) {
        self.version = version
        self.free = free
        self.types = types
        self.validUntil = validUntil
    }
}

/// The places of one pool: `free + held + sold = capacity + oversubscribed`.
public struct PoolCount: Sendable, Equatable {
    public var event: Code
    public var pool: Code
    public var capacity: Int
    public var free: Int
    public var held: Int
    public var sold: Int
    public var oversubscribed: Int
    /// A broken rule closed it (rule 4).
    public var isClosed: Bool

    public init(
        event: Code, pool: Code, capacity: Int, free: Int, held: Int, sold: Int, oversubscribed: Int, isClosed: Bool
    ) {
        self.event = event
        self.pool = pool
        self.capacity = capacity
        self.free = free
        self.held = held
        self.sold = sold
        self.oversubscribed = oversubscribed
        self.isClosed = isClosed
    }

    /// Rule 1.
    public var balances: Bool {
        free >= 0 && held >= 0 && sold >= 0 && free + held + sold == capacity + oversubscribed
    }
}

extension BoxOffice {
    /// What is left of an event now, or `nil` if there is no such event.
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

    /// The version of an event's numbers now, cheaper than the numbers.
    public mutating func version(of event: Code, at now: Moment) -> UInt64? {
        advance(to: now.office)
        guard let index = eventIndexes[event] else { return nil }
        events[index].settle(at: clock)
        return events[index].version
    }

    /// Every pool of every event, counted up to now.
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

    /// Pools that a broken rule closed (R4 Broken rule). Costs a look at every pool.
    public var closedPools: [(event: Code, pool: Code)] {
        events.lazy.filter { !$0.isRemoved }.flatMap { event in
            event.pools.lazy.filter(\.isClosed).map { (event.definition.id, $0.code) }
        }
    }

    /// Closes a pool as a broken rule would; for tests, which know no way to break one.
    package mutating func closePool(_ pool: Code, of event: Code) {
        guard let index = eventIndexes[event], let place = events[index].pools.firstIndex(where: { $0.code == pool })
        else { return }
        events[index].pools[place].close()
    }

    /// Live holds at this moment. Costs a look at every hold at hand: for reports, not for requests.
    public func liveHoldCount() -> Int {
        holds.live(at: clock).count
    }
}

/// Everything of an event that holds may refer to, by index, with what was replaced; for a store that keeps it
/// readable beside the facts.
public struct EventCatalogue: Sendable, Equatable {
    public struct Pool: Sendable, Equatable {
        public var code: Code
        public var capacity: Int

        public init(code: Code, capacity: Int) {
            self.code = code
            self.capacity = capacity
        }
    }

    public struct TicketType: Sendable, Equatable {
        public var code: Code
        public var name: String
        public var price: Int64
        public var isRetired: Bool
        /// Indexes into ``EventCatalogue/pools``.
        public var pools: [Int]

        public init(code: Code, name: String, price: Int64, isRetired: Bool, pools: [Int]) {
            self.code = code
            self.name = name
            self.price = price
            self.isRetired = isRetired
            self.pools = pools
        }
    }

    public var event: UInt32
    public var code: Code
    /// Of the definition that it is read from.
    public var revision: UInt64
    /// ISO 4217, by the number of a hold's terms: what the prices of holds made under them are counted in.
    public var currencies: [String]
    public var pools: [Pool]
    public var types: [TicketType]

    public init(
        event: UInt32, code: Code, revision: UInt64, currencies: [String], pools: [Pool], types: [TicketType]
    ) {
        self.event = event
        self.code = code
        self.revision = revision
        self.currencies = currencies
        self.pools = pools
        self.types = types
    }

    /// What a hold's prices are counted in. A catalogue that is as new as the hold knows the terms of it.
    public func currency(of hold: HoldView) -> String {
        currency(ofTerms: hold.terms)
    }

    public func currency(ofTerms terms: UInt16) -> String {
        currencies.indices.contains(Int(terms)) ? currencies[Int(terms)] : currencies.last ?? ""
    }
}

extension BoxOffice {
    public func catalogue(of event: Code) -> EventCatalogue? {
        eventIndexes[event].map { catalogue(at: UInt32($0)) }
    }

    /// The same, unless it is still that of the definition with the revision that the caller has.
    public func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        events[Int(index)].revision == revision ? nil : catalogue(at: index)
    }

    /// - Precondition: there is an event at `index`.
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
