/// What an operator says of an event: what is for sale, when, how, and within which limits.
///
/// A definition is checked as a whole by ``mistakes(limits:)``; the box office takes only one without mistakes.
public struct EventDefinition: Sendable, Equatable {
    /// A number of places under a name.
    public struct Pool: Sendable, Equatable {
        public var code: Code
        /// Places, sold ones included.
        public var capacity: Int

        public init(code: Code, capacity: Int) {
            self.code = code
            self.capacity = capacity
        }
    }

    /// Something a buyer can ask for; each ticket takes one place in every pool of its type.
    public struct TicketType: Sendable, Equatable {
        public var code: Code
        public var name: String
        /// Minor units of the event's currency: cents for EUR.
        public var price: Int64
        /// One to four pools, by code.
        public var pools: [Code]

        public init(code: Code, name: String? = nil, price: Int64 = 0, pools: [Code]) {
            self.code = code
            self.name = name ?? code.text
            self.price = price
            self.pools = pools
        }
    }

    /// What happens when a payment arrives for a hold that has expired (rule 9).
    public enum LatePayment: String, Sendable, CaseIterable {
        /// One atomic try for the same places at the same price.
        case reacquire
        /// Refused, as without a payment reference.
        case strict
    }

    /// What the public may know of the places left.
    public enum Disclosure: String, Sendable, CaseIterable {
        /// The exact numbers.
        case counts
        /// Only `available`, `low` and so on.
        case buckets
    }

    public var id: Code
    public var name: String
    /// ISO 4217, three capital letters.
    public var currency: String
    /// How long a hold lives, as its buyer is told.
    public var holdTime: Duration
    /// How much later than told the deadline really is, for requests that are under way.
    public var grace: Duration
    public var maximumExtensions: Int
    public var latePayment: LatePayment
    /// Nothing is sold before; `nil` is no bound.
    public var opensAt: WallTime?
    /// Nothing is sold from then on; `nil` is no bound.
    public var closesAt: WallTime?
    public var ticketsPerHold: Int
    /// Tickets that one buyer may hold and have bought together; `nil` is no bound. With a bound, a hold must name
    /// its buyer.
    public var ticketsPerBuyer: Int?
    /// Live holds that one buyer may have; `nil` is no bound.
    public var holdsPerBuyer: Int?
    public var disclosure: Disclosure
    public var pools: [Pool]
    public var types: [TicketType]

    public init(
        id: Code,
        name: String? = nil,
        currency: String = "EUR",
        holdTime: Duration = .seconds(300),
        grace: Duration = .seconds(2),
        maximumExtensions: Int = 3,
        latePayment: LatePayment = .reacquire,
        opensAt: WallTime? = nil,
        closesAt: WallTime? = nil,
        ticketsPerHold: Int = 10,
        ticketsPerBuyer: Int? = nil,
        holdsPerBuyer: Int? = nil,
        disclosure: Disclosure = .counts,
        pools: [Pool],
        types: [TicketType]
    ) {
        self.id = id
        self.name = name ?? id.text
        self.currency = currency
        self.holdTime = holdTime
        self.grace = grace
        self.maximumExtensions = maximumExtensions
        self.latePayment = latePayment
        self.opensAt = opensAt
        self.closesAt = closesAt
        self.ticketsPerHold = ticketsPerHold
        self.ticketsPerBuyer = ticketsPerBuyer
        self.holdsPerBuyer = holdsPerBuyer
        self.disclosure = disclosure
        self.pools = pools
        self.types = types
    }

    /// From holding to the deadline: what the buyer is told, and the grace (rule 6).
    public var life: Duration {
        holdTime + grace
    }

    /// Whether a hold must say who the buyer is, because a limit counts by buyer.
    public var needsBuyer: Bool {
        ticketsPerBuyer != nil || holdsPerBuyer != nil
    }
}

/// One thing that is wrong with a definition or a request, and where.
public struct Mistake: Sendable, Hashable {
    /// A JSON Pointer (RFC 6901) into the document as the operator wrote it.
    public var pointer: String
    /// A sentence without its subject: "must be 1 or more".
    public var what: String

    public init(_ pointer: String, _ what: String) {
        self.pointer = pointer
        self.what = what
    }
}

extension EventDefinition {
    /// Everything that is wrong with the definition by itself, in the document's order; empty if it can be sold.
    public func mistakes(limits: Limits = Limits()) -> [Mistake] {
        var found = [Mistake]()
        func expect(_ holds: Bool, _ pointer: String, _ what: @autoclosure () -> String) {
            if !holds { found.append(Mistake(pointer, what())) }
        }

        expect((1...200).contains(name.utf8.count), "/name", "must have 1 to 200 bytes")
        expect(
            currency.utf8.count == 3 && currency.utf8.allSatisfy { (0x41...0x5a).contains($0) },
            "/currency", "must be three capital letters, as in EUR")
        let longest = limits.holdTime.components.seconds
        expect(
            holdTime >= .seconds(1) && holdTime <= limits.holdTime && isWhole(holdTime), "/hold_seconds",
            "must be from 1 to \(longest)")
        expect(
            grace >= .zero && grace <= .seconds(60) && isWhole(grace), "/grace_seconds", "must be from 0 to 60")
        expect(
            (0...limits.extensions).contains(maximumExtensions), "/max_extensions",
            "must be from 0 to \(limits.extensions)")
        // Each extension adds one life at the most, so this caps the whole life of a hold (rule 13). Only of
        // numbers that are in range each: others were told of, and may be too large to multiply.
        if found.isEmpty {
            expect(
                life * (maximumExtensions + 1) <= limits.holdLife, "/max_extensions",
                "must let a hold live for \(limits.holdLife.components.seconds) seconds in all at the most")
        }
        if let opensAt, let closesAt {
            expect(opensAt < closesAt, "/sale/closes_at", "must be later than opens_at")
        }
        expect(
            (1...limits.ticketsPerHold).contains(ticketsPerHold), "/limits/tickets_per_hold",
            "must be from 1 to \(limits.ticketsPerHold)")
        expect((ticketsPerBuyer ?? 1) >= 1, "/limits/tickets_per_buyer", "must be 1 or more, or null")
        expect((holdsPerBuyer ?? 1) >= 1, "/limits/holds_per_buyer", "must be 1 or more, or null")

        expect(
            (1...limits.poolsPerEvent).contains(pools.count), "/pools",
            "must name from 1 to \(limits.poolsPerEvent) pools")
        var known = Set<Code>()
        for pool in pools {
            let place = "/pools/\(pool.code)"
            expect(known.insert(pool.code).inserted, place, "is named twice")
            expect(
                (0...limits.capacityPerPool).contains(pool.capacity), place,
                "must be from 0 to \(limits.capacityPerPool)")
        }

        expect(
            (1...limits.typesPerEvent).contains(types.count), "/types",
            "must name from 1 to \(limits.typesPerEvent) ticket types")
        var codes = Set<Code>()
        for (index, type) in types.enumerated() {
            let place = "/types/\(index)"
            expect(codes.insert(type.code).inserted, place + "/code", "is taken by an earlier type")
            expect((1...200).contains(type.name.utf8.count), place + "/name", "must have 1 to 200 bytes")
            expect(
                (0...1_000_000_000_000).contains(type.price), place + "/price",
                "must be from 0 to 1000000000000 minor units")
            expect(
                (1...Limits.poolsPerType).contains(type.pools.count), place + "/pools",
                "must name from 1 to \(Limits.poolsPerType) pools")
            var drawn = Set<Code>()
            for (position, pool) in type.pools.enumerated() {
                expect(known.contains(pool), place + "/pools/\(position)", "is not a pool of this event")
                expect(drawn.insert(pool).inserted, place + "/pools/\(position)", "is named twice")
            }
        }
        return found
    }

    private func isWhole(_ span: Duration) -> Bool {
        span.components.attoseconds == 0
    }
}
