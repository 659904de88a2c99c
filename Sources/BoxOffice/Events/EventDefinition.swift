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

    /// What happens when a payment arrives for a hold that has expired (R9 Late payment).
    public enum LatePayment: String, Sendable, CaseIterable {
        /// One atomic try for the same places at the same price.
        case reacquire
        /// Refused, as without a payment reference.
        case strict
    }

    /// Who may complete a hold, and so say that it is paid for (R8 Purchase once).
    public enum Completion: String, Sendable, CaseIterable {
        /// The buyer, with the hold's token.
        case token
        /// Only the shop: a key of the role `shop` or `operator`. A token alone completes nothing.
        case shop
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
    public var clientGrace: Duration
    public var maximumExtensions: Int
    public var latePayment: LatePayment
    public var completion: Completion
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
        clientGrace: Duration = .seconds(2),
        maximumExtensions: Int = 3,
        latePayment: LatePayment = .reacquire,
        completion: Completion = .token,
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
        self.clientGrace = clientGrace
        self.maximumExtensions = maximumExtensions
        self.latePayment = latePayment
        self.completion = completion
        self.opensAt = opensAt
        self.closesAt = closesAt
        self.ticketsPerHold = ticketsPerHold
        self.ticketsPerBuyer = ticketsPerBuyer
        self.holdsPerBuyer = holdsPerBuyer
        self.disclosure = disclosure
        self.pools = pools
        self.types = types
    }

    /// From holding to the deadline: what the buyer is told, and the grace (R6 Deadline).
    public var life: Duration {
        holdTime + clientGrace
    }

    /// Whether somebody who holds places can make them a purchase without paying: something has a price, and a token is
    /// enough to complete.
    public var buyersCompleteForNothing: Bool {
        completion == .token && types.contains { $0.price > 0 }
    }

    /// Whether a hold must say who the buyer is, because a limit counts by buyer.
    public var needsBuyer: Bool {
        ticketsPerBuyer != nil || holdsPerBuyer != nil
    }
}
