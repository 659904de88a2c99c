/// The places of one pool, or of one allocation (R45 Allocations): `free + held + sold = capacity + oversubscribed`.
public struct PoolCount: Sendable, Equatable {
    public var event: Code
    /// The pool's code, or the name of an allocation, whose places the pool counts, too.
    public var pool: Code
    public var capacity: Int
    public var free: Int
    public var held: Int
    public var sold: Int
    public var oversubscribed: Int
    /// It sells nothing, because its numbers contradict each other (R4 Broken rule).
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

    /// What is free and what is too many follow from the other numbers.
    public init(event: Code, pool: Code, capacity: Int, held: Int, sold: Int, isClosed: Bool) {
        self.init(
            event: event, pool: pool, capacity: capacity, free: max(0, capacity - held - sold), held: held, sold: sold,
            oversubscribed: max(0, held + sold - capacity), isClosed: isClosed)
    }

    /// Whether the numbers add up (R1 Conservation).
    public var balances: Bool {
        free >= 0 && held >= 0 && sold >= 0 && free + held + sold == capacity + oversubscribed
    }
}
