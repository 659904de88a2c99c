/// Every bound of the core, with its name and its reason.
public struct Limits: Sendable, Equatable {
    /// Events in one box office. A dense index of 32 bits would allow more; an operator's list would not.
    public var events = 10_000
    /// Pools of one event.
    public var poolsPerEvent = 64
    /// Pools of one event, counting those that a later definition dropped.
    public var poolsEverPerEvent = 1_024
    /// Ticket types of one event, counting those that a later definition replaced.
    public var typesPerEvent = 1_024
    /// Characters (Unicode scalars) of the name of an event or a ticket type: what fits a line of a list.
    public static let nameLength = 200
    /// Pools that one type draws from: what fits the type's four inline indexes.
    public static let poolsPerType = 4
    /// Places in one pool: larger than any venue, small enough that sums never overflow.
    public var capacityPerPool = 100_000_000
    /// Lines in one hold.
    public var linesPerHold = 16
    /// The most that an event may set as its own `tickets_per_hold`.
    public var ticketsPerHold = 1_000
    /// The longest hold time an event may set.
    public var holdTime: Duration = .seconds(24 * 3600)
    /// How long a hold may live in all, extensions included.
    public var holdLife: Duration = .seconds(7 * 24 * 3600)
    /// The most extensions an event may allow.
    public var extensions = 100
    /// How long an idempotency key is remembered: rule 15 asks for 24 hours at least.
    public var keyRetention: Duration = .seconds(24 * 3600)
    /// Keys remembered at once; beyond it a request with a new key is refused as overload. Some 150 bytes each by
    /// reckoning.
    public var keys = 4_000_000
    /// Holds that ended and are still answered from memory; older ones are looked up in the ledger. 40 bytes each.
    public var settledHolds = 1_000_000
    /// How long a hold that ended can be looked at, from its deadline on.
    public var endedHoldsShown: Duration = .seconds(7 * 24 * 3600)
    /// Old holds brought back from the ledger and kept at hand.
    public var recalledHolds = 65_536
    /// After a restart each live hold has at least this left (or its event's whole hold time, where that is less).
    public var recoveryGrace: Duration = .seconds(60)

    public init() {}
}
