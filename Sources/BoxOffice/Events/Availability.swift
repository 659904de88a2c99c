/// What is left of an event at one moment.
public struct Availability: Sendable, Equatable {
    public struct TicketType: Sendable, Equatable {
        public var code: Code
        /// Tickets that could be held now: the smallest number free in any pool of the type.
        public var free: Int
        /// Tickets in all: the smallest capacity of any pool of the type.
        public var capacity: Int
        /// Whether nothing is free, but every pool that is short has live holds, so tickets may come free.
        public var mayComeBack: Bool

        public init(code: Code, free: Int, capacity: Int, mayComeBack: Bool) {
            self.code = code
            self.free = free
            self.capacity = capacity
            self.mayComeBack = mayComeBack
        }
    }

    /// Rises with every change. Equal versions mean equal numbers, until ``validUntil``.
    public var version: UInt64
    /// Free places in all pools together.
    public var free: Int
    /// In the order of the definition.
    public var types: [TicketType]
    /// The earliest moment at which a hold expires and the numbers change; `nil` if nothing is held.
    public var validUntil: Timestamp?

    public init(version: UInt64, free: Int, types: [TicketType], validUntil: Timestamp?) {
        self.version = version
        self.free = free
        self.types = types
        self.validUntil = validUntil
    }
}
