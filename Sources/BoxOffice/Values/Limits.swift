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
    /// Distinct sets of terms that the definitions of one event promised its holds (R11): an operator changes them a few
    /// times, and a hold has 16 bits to name its own.
    public var termsPerEvent = 1_024
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
    /// How long the idempotency key of a live hold or of a purchase is remembered: R15 promises 24 hours at least.
    public var keyRetention: Duration = .seconds(24 * 3600)
    /// How long the key of a hold that ended without a purchase is remembered, counted from its use. Long enough for
    /// every retry of a request whose answer was lost, short enough that holds that are given back at once fill
    /// nothing.
    public var endedKeyRetention: Duration = .seconds(3600)
    /// Room for idempotency keys, 32 bytes each. Where it is used up, keys of ended holds are forgotten before their
    /// time, oldest first. Keys of live holds and of purchases are kept even beyond it.
    public var keys = 4_000_000
    /// Keys that are looked at to make room for a new one where the room is used up: half a microsecond or so.
    public static let keysLookedAtForRoom = 32
    /// Live holds of one event; beyond it a new hold is refused as overload. 40 bytes each, and 32 for a key.
    public var liveHolds = 2_000_000
    /// Keys that one piece of tidying looks at: some microseconds. A hold more or less costs as much as a key.
    public static let keysLookedAtInAPiece = 1_024
    /// Holds that ended and are still answered from memory; older ones are looked up in the ledger. 40 bytes each.
    public var settledHolds = 1_000_000
    /// How long a hold that ended can be looked at, from its deadline on.
    public var endedHoldsShown: Duration = .seconds(7 * 24 * 3600)
    /// Unconfirmed debts of one event that are kept at a time; a token can make one with any text (R23 Debts).
    public var unconfirmedDebtsPerEvent = 10_000
    /// Unconfirmed debts of one hold that are kept at a time: more payments than a buyer makes for one order by mistake.
    public var unconfirmedDebtsPerHold = 4
    /// How long an unconfirmed debt is kept.
    public var unconfirmedDebtsKept: Duration = .seconds(7 * 24 * 3600)
    /// Old holds brought back from the ledger and kept at hand.
    public var recalledHolds = 65_536
    /// After a restart each live hold has at least this left (or its event's whole hold time, where that is less).
    public var recoveryGrace: Duration = .seconds(60)

    public init() {}
}
