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
