public import BoxOffice

/// What an event has sold (R50 Reports). Money is in minor units; sums of different currencies are never added.
public struct SalesReport: Sendable, Equatable {
    /// Tickets and money of some purchases.
    public struct Sum: Sendable, Equatable {
        /// Purchases, returned ones included.
        public var purchases = 0
        /// Tickets of these purchases.
        public var sold = 0
        /// Tickets of them that were returned.
        public var returned = 0
        /// What the tickets cost, in minor units.
        public var gross: Int64 = 0
        /// What the returned tickets cost, in minor units.
        public var returnedAmount: Int64 = 0

        public init() {}

        /// Tickets that were sold and not returned.
        public var kept: Int { sold - returned }
        /// What was paid for them.
        public var keptAmount: Int64 { gross - returnedAmount }
    }

    /// The sums in one currency.
    public struct Total: Sendable, Equatable {
        public var currency: String
        public var sum: Sum
    }

    /// The tickets of one type at one price.
    public struct Price: Sendable, Equatable {
        /// `nil`, like the price, for the row of everything that has no row of its own.
        public var type: String?
        /// Of one ticket, in minor units.
        public var price: Int64?
        public var currency: String
        /// ``Sum/purchases`` counts a purchase in each of its rows.
        public var sum: Sum
    }

    /// What was sold and what was returned on one day.
    public struct Day: Sendable, Equatable {
        /// Days since 1970-01-01; `nil` for the row of everything that has no row of its own.
        public var day: Int64?
        public var currency: String
        public var sum: Sum
    }

    /// What became of the holds.
    public struct Holds: Sendable, Equatable {
        public var made = 0
        public var held = 0
        public var released = 0
        public var expired = 0
        /// Purchased, returned or not.
        public var purchased = 0

        public init() {}
    }

    public var event: Code
    /// When the report began.
    public var at: WallTime
    /// Where a day begins, in minutes east of UTC.
    public var utcOffset: Int
    public var holds = Holds()
    /// Tickets in live holds.
    public var ticketsHeld = 0
    /// By currency, in the order of the codes.
    public var totals: [Total] = []
    /// By type, in the order of the codes, then by price.
    public var prices: [Price] = []
    public var days: [Day] = []
    /// From hold to purchase.
    public var waits = WaitHistogram()

    public init(event: Code, at: WallTime, utcOffset: Int) {
        self.event = event
        self.at = at
        self.utcOffset = utcOffset
    }

    /// Purchases in a thousand holds; `nil` if nothing was held.
    public var conversion: Int? {
        holds.made == 0 ? nil : (holds.purchased * 1_000 + holds.made / 2) / holds.made
    }
}
