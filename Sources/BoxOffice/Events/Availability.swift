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

    /// Places that are kept back (R45 Allocations), for operators.
    public struct Allocation: Sendable, Equatable {
        public var pool: Code
        public var code: Code
        public var places: Int
        public var held: Int
        public var sold: Int
        public var releasedAt: WallTime?
        public var isReleased: Bool

        public init(
            pool: Code, code: Code, places: Int, held: Int, sold: Int, releasedAt: WallTime?, isReleased: Bool
        ) {
            self.pool = pool
            self.code = code
            self.places = places
            self.held = held
            self.sold = sold
            self.releasedAt = releasedAt
            self.isReleased = isReleased
        }

        /// Places that a key can draw through it; 0 once it is released.
        public var left: Int { isReleased ? 0 : max(0, places - held - sold) }
    }

    /// Rises with every change. Equal versions mean equal numbers, until ``validUntil`` and until time releases an allocation.
    public var version: UInt64
    /// Places in all pools together that anybody can hold.
    public var free: Int
    /// In the order of the definition.
    public var types: [TicketType]
    /// In the order of the definition.
    public var allocations: [Allocation]
    /// The earliest moment at which a hold expires and the numbers change; `nil` if nothing is held.
    public var validUntil: Timestamp?

    public init(
        version: UInt64, free: Int, types: [TicketType], allocations: [Allocation] = [], validUntil: Timestamp?
    ) {
        self.allocations = allocations
        self.version = version
        self.free = free
        self.types = types
        self.validUntil = validUntil
    }

    /// Takes everything away: nothing is left of a cancelled event, and nothing will come back (R42 Cancelled event).
    public mutating func cancel() {
        free = 0
        validUntil = nil
        for index in types.indices {
            types[index].free = 0
            types[index].mayComeBack = false
        }
    }
}
