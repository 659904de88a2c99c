/// The places of one pool: `free + held + sold = capacity + oversubscribed`.
public struct PoolCount: Sendable, Equatable {
    public var event: Code
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

    /// Whether the numbers add up (R1 Conservation).
    public var balances: Bool {
        free >= 0 && held >= 0 && sold >= 0 && free + held + sold == capacity + oversubscribed
    }
}
