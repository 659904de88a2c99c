/// The pools and ticket types of an event by index, those of earlier definitions included: what the numbers in a hold
/// mean. A store keeps it in readable form beside the facts.
public struct EventCatalogue: Sendable, Equatable {
    public struct Pool: Sendable, Equatable {
        public var code: Code
        /// It counts what was taken through this allocation of the pool (R45 Allocations).
        public var allocation: Code?
        public var capacity: Int

        public init(code: Code, allocation: Code? = nil, capacity: Int) {
            self.code = code
            self.allocation = allocation
            self.capacity = capacity
        }

        /// The code, or the name of the allocation.
        public var name: Code { allocation.map { Code(code, allocation: $0) } ?? code }
    }

    public struct TicketType: Sendable, Equatable {
        public var code: Code
        /// The allocation that it is sold through (R45 Allocations).
        public var allocation: Code?
        public var name: String
        public var price: Int64
        public var isRetired: Bool
        /// Indexes into ``EventCatalogue/pools``.
        public var pools: [Int]

        public init(
            code: Code, allocation: Code? = nil, name: String, price: Int64, isRetired: Bool, pools: [Int]
        ) {
            self.code = code
            self.allocation = allocation
            self.name = name
            self.price = price
            self.isRetired = isRetired
            self.pools = pools
        }
    }

    public var event: UInt32
    public var code: Code
    /// The revision of the definition that it comes from.
    public var revision: UInt64
    /// ISO 4217 codes, by the number of a hold's terms: the currency of the prices of holds that were made under them.
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

    /// The currency of a hold's prices. The catalogue must be at least as new as the hold.
    public func currency(of hold: HoldView) -> String {
        currency(ofTerms: hold.terms)
    }

    /// The currency of holds that were made under these terms.
    public func currency(ofTerms terms: UInt16) -> String {
        currencies.indices.contains(Int(terms)) ? currencies[Int(terms)] : currencies.last ?? ""
    }
}
