/// An event as its operator defines it: what is for sale, when, how, and within which limits.
///
/// ``mistakes(limits:)`` checks a whole definition; the box office accepts only one without mistakes. A new member is a
/// property here, and a row of ``members(limits:)``.
public struct EventDefinition: Sendable, Equatable {
    /// A number of places under a name.
    public struct Pool: Sendable, Equatable {
        public var code: Code
        /// Places, sold ones included.
        public var capacity: Int
        /// Places that only keys can draw (R45 Allocations).
        public var allocations: [Allocation]

        public init(code: Code, capacity: Int, allocations: [Allocation] = []) {
            self.code = code
            self.capacity = capacity
            self.allocations = allocations
        }
    }

    /// Places of a pool that are kept back, for guests or for the box office (R45 Allocations).
    public struct Allocation: Sendable, Equatable {
        public var code: Code
        /// Places, taken ones included.
        public var places: Int
        /// From this moment on the rest is for anybody; `nil` if only a change of the definition releases it.
        public var releasedAt: WallTime?

        public init(code: Code, places: Int, releasedAt: WallTime? = nil) {
            self.code = code
            self.places = places
            self.releasedAt = releasedAt
        }

        /// Whether the rest is for anybody.
        public func isReleased(at wall: WallTime) -> Bool {
            releasedAt.map { wall >= $0 } ?? false
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
        /// The type is sold from this moment on, while the event's own sale is open; `nil` is no bound.
        public var opensAt: WallTime?
        /// The type is sold until this moment; `nil` is no bound.
        public var closesAt: WallTime?
        /// The fewest tickets of the type in one hold; `nil` is no bound.
        public var leastPerHold: Int?
        /// The most tickets of the type in one hold; `nil` leaves it to the event.
        public var mostPerHold: Int?
        /// Tickets of the type that one buyer may hold and have bought together; `nil` is no bound. With a bound, a hold of
        /// the type must name its buyer.
        public var ticketsPerBuyer: Int?

        public init(code: Code, name: String? = nil, price: Int64 = 0, pools: [Code]) {
            self.code = code
            self.name = name ?? code.text
            self.price = price
            self.pools = pools
        }
    }

    /// What happens when a payment arrives for a hold that has expired (R9 Late payment).
    public enum LatePayment: String, Sendable, CaseIterable {
        /// One atomic attempt to get the same places at the same price.
        case reacquire
        /// Refused, as without a payment reference.
        case strict
    }

    /// Who may complete a hold, and so say that it is paid for (R24 Who completes).
    public enum Completion: String, Sendable, CaseIterable {
        /// The buyer, with the hold's token.
        case token
        /// Only the shop: a key of the role `shop` or `operator`. A token alone completes nothing.
        case shop
    }

    /// What the public sees of the places left.
    public enum Disclosure: String, Sendable, CaseIterable {
        /// The exact numbers.
        case counts
        /// Only `available`, `low` and so on.
        case buckets
    }

    /// Whether the holds of a buyer are found by an index (R47 Search).
    public enum BuyerSearch: String, Sendable, CaseIterable {
        /// Each hold with a buyer has an entry.
        case index
        /// There are no entries; a search looks at one hold after the other.
        case walk
    }

    public var id: Code
    public var name: String
    /// What buyers should know now, such as why the sale is paused; `nil` if there is nothing.
    public var notice: String?
    /// What people read beyond the name (R56 Presentation).
    public var presentation: EventPresentation {
        get { presented.first ?? EventPresentation() }
        set { presented = newValue == EventPresentation() ? [] : [newValue] }
    }
    /// The presentation, if it says something. An array is one word, so commands and copies of a definition carry no more.
    private var presented: [EventPresentation] = []
    /// How its buyers queue; `nil` if they do not (Q1 Phases).
    public var queue: QueueTerms? {
        get { queued.first }
        set { queued = newValue.map { [$0] } ?? [] }
    }
    private var queued: [QueueTerms] = []
    /// ISO 4217, three capital letters.
    public var currency: String
    /// From holding to the `expires_at` that the buyer sees.
    public var holdTime: Duration
    /// From that `expires_at` to the deadline in the store, for requests that are under way (R6 Deadline).
    public var clientGrace: Duration
    public var maximumExtensions: Int
    public var latePayment: LatePayment
    public var completion: Completion
    /// How buyers pay on the pages (R55 Checkout); `nil` if they do not, but for what costs nothing.
    public var checkout: Checkout?
    /// The sale starts at this moment; `nil` is no bound.
    public var opensAt: WallTime?
    /// The sale ends at this moment; `nil` is no bound.
    public var closesAt: WallTime?
    public var ticketsPerHold: Int
    /// Tickets that one buyer may hold and have bought together; `nil` is no bound. With a bound, a hold must name
    /// its buyer.
    public var ticketsPerBuyer: Int?
    /// Live holds that one buyer may have; `nil` is no bound.
    public var holdsPerBuyer: Int?
    public var disclosure: Disclosure
    public var buyerSearch: BuyerSearch
    public var pools: [Pool]
    public var types: [TicketType]
    /// Access codes, in batches (R46 Access codes).
    public var codes: [CodeBatch]

    public init(
        id: Code,
        name: String? = nil,
        currency: String = "EUR",
        holdTime: Duration = .seconds(300),
        clientGrace: Duration = .seconds(2),
        maximumExtensions: Int = 3,
        latePayment: LatePayment = .reacquire,
        completion: Completion = .token,
        checkout: Checkout? = nil,
        opensAt: WallTime? = nil,
        closesAt: WallTime? = nil,
        ticketsPerHold: Int = 10,
        ticketsPerBuyer: Int? = nil,
        holdsPerBuyer: Int? = nil,
        disclosure: Disclosure = .counts,
        buyerSearch: BuyerSearch = .index,
        pools: [Pool],
        types: [TicketType],
        codes: [CodeBatch] = []
    ) {
        self.id = id
        self.name = name ?? id.text
        self.currency = currency
        self.holdTime = holdTime
        self.clientGrace = clientGrace
        self.maximumExtensions = maximumExtensions
        self.latePayment = latePayment
        self.completion = completion
        self.checkout = checkout
        self.opensAt = opensAt
        self.closesAt = closesAt
        self.ticketsPerHold = ticketsPerHold
        self.ticketsPerBuyer = ticketsPerBuyer
        self.holdsPerBuyer = holdsPerBuyer
        self.disclosure = disclosure
        self.buyerSearch = buyerSearch
        self.pools = pools
        self.types = types
        self.codes = codes
    }

    /// From holding to the deadline in the store (R6 Deadline).
    public var life: Duration {
        holdTime + clientGrace
    }

    /// Whether a buyer can complete a hold without paying: something has a price, and a token is enough to complete.
    public var buyersCompleteForNothing: Bool {
        completion == .token && types.contains { $0.price > 0 }
    }

    /// Whether a hold must name its buyer, because the event has a limit per buyer.
    public var needsBuyer: Bool {
        ticketsPerBuyer != nil || holdsPerBuyer != nil
    }
}
