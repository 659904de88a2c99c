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
