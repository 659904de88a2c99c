/// The numbers of an event at one moment, for operators (R52 Pulse).
public struct EventNumbers: Sendable, Equatable {
    /// Every pool, and what was taken through each allocation.
    public var pools: [PoolCount]
    /// Live holds; `nil` where only the server counts them.
    public var holds: Int?
    /// The earliest moment at which a hold ends if nobody completes it; `nil` if nothing is held.
    public var nextExpiry: Timestamp?
    /// Holds that expired since the process began; `nil` where only the server counts them.
    public var expired: Int?
    public var at: Moment

    public init(pools: [PoolCount], holds: Int?, nextExpiry: Timestamp?, expired: Int?, at: Moment) {
        self.pools = pools
        self.holds = holds
        self.nextExpiry = nextExpiry
        self.expired = expired
        self.at = at
    }

    /// The pools themselves; what was taken through an allocation is counted in its pool already.
    public var wholePools: [PoolCount] { pools.filter { $0.pool.allocation == nil } }
}
