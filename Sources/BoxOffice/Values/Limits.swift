/// Every bound of the core, with its reason (R21 Bounds).
public struct Limits: Sendable, Equatable {
    /// Events in one box office. A dense index of 32 bits would allow more; an operator's list would not.
    public var events = 10_000
    /// Pools of one event.
    public var poolsPerEvent = 64
    /// Pools of one event, counting those that later definitions dropped.
    public var poolsEverPerEvent = 1_024
    /// Allocations of one pool (R45 Allocations): guests, press, the house and a few sponsors.
    public static let allocationsPerPool = 16
    /// Batches of access codes in one definition (R46 Access codes).
    public static let codeBatchesPerEvent = 64
    /// Batches of access codes of one event, counting those that later definitions dropped: a hold has 16 bits for the index.
    public var codeBatchesEverPerEvent = 1_024
    /// Codes in one batch. A club with more members gets several batches.
    public static let codesPerBatch = 10_000
    /// Tickets that one code may be good for.
    public static let ticketsPerCode = 1_000
    /// Codes of a batch that may be revoked one by one. They stand in the event's document, so they are few; all at once are
    /// revoked with their batch.
    public static let codesRevokedAlone = 1_000
    /// Prices in minor units: below what sums of 64 bits could overflow with.
    public static let prices: ClosedRange<Int64> = 0...1_000_000_000_000
    /// Ticket types of one event, counting those that later definitions replaced.
    public var typesPerEvent = 1_024
    /// Characters (Unicode scalars) in the name of an event or a ticket type: what fits on one line of a list.
    public static let nameLength = 200
    /// Characters of an event's notice: a sentence or two above the ticket types.
    public static let noticeLength = 500
    /// Bytes of the address of a page for payments: what fits into any browser's address with all that the page adds.
    public static let checkoutAddressLength = 1_000
    /// Distinct sets of terms of one event's holds (R11 Terms of a hold): an operator changes them a few times, and a hold
    /// has 16 bits for the index of its own.
    public var termsPerEvent = 1_024
    /// Pools that one type draws from: ``PoolList`` has room for them and for an allocation of each.
    public static let poolsPerType = 4
    /// Places in one pool: larger than any venue, small enough that sums never overflow.
    public var capacityPerPool = 100_000_000
    /// Lines in one hold.
    public var linesPerHold = 16
    /// The most that an event may set as its own `tickets_per_hold`.
    public var ticketsPerHold = 1_000
    /// The longest hold time an event may set.
    public var holdTime: Duration = .seconds(24 * 3600)
    /// How long a hold may live in all, extensions included (R13 Extension).
    public var holdLife: Duration = .seconds(7 * 24 * 3600)
    /// The most extensions an event may allow.
    public var extensions = 100
    /// How long the idempotency key of a live hold or of a purchase counts: R15 Idempotency keys promises 24 hours at least.
    public var keyRetention: Duration = .seconds(24 * 3600)
    /// How long the key of a hold that ended without a purchase counts, from its use on. That is long enough for every retry
    /// after a lost answer, and short enough that holds which are released at once do not fill the room.
    public var endedKeyRetention: Duration = .seconds(3600)
    /// Room for idempotency keys, 32 bytes each. If it is used up, keys of ended holds expire early, oldest first. Keys of live
    /// holds and of purchases are kept even beyond it.
    public var keys = 4_000_000
    /// Keys that a sweep looks at to make room for a new one: about half a microsecond.
    public static let keysLookedAtForRoom = 32
    /// Live holds of one event, 40 bytes each and 32 for a key. Beyond it a new hold is refused as overload.
    public var liveHolds = 2_000_000
    /// Keys that one piece of tidying looks at: some microseconds. A hold costs about as much as a key.
    public static let keysLookedAtInAPiece = 1_024
    /// Ended holds that are answered from memory, 40 bytes each. Older ones are read from the ledger.
    public var settledHolds = 1_000_000
    /// How long a hold that ended can be looked at, counted from its deadline.
    public var endedHoldsShown: Duration = .seconds(7 * 24 * 3600)
    /// Unconfirmed debts of one event at a time: a token can make one with any text (R23 Debts).
    public var unconfirmedDebtsPerEvent = 10_000
    /// Unconfirmed debts of one hold at a time: more payments than a buyer makes for one order by mistake.
    public var unconfirmedDebtsPerHold = 4
    /// How long an unconfirmed debt is kept.
    public var unconfirmedDebtsKept: Duration = .seconds(7 * 24 * 3600)
    /// How long a cancellation can be undone: time to notice a mistake, before organiser and buyers act on it (R42 Cancelled
    /// event).
    public static let cancellationUndone = Duration.seconds(3600)
    /// Entries of one queue: a draw of so many takes a second or two and 200 MiB (Q3 Draw).
    public static let queueEntries: UInt32 = 5_000_000
    /// The turns that an event may set: less leaves nobody the time to choose.
    public static let queueTurnSeconds = 10...3_600
    public static let queueReturnSeconds = 0...86_400
    public static let queuePurchases = 1...1_000
    public static let queueRates = 1...100_000
    /// People whom an operator lets in by hand at a time.
    public static let queueLetIn = 0...100_000
    /// How long a draw may wait for its beacon: up to a day, for tomorrow's lottery numbers.
    public static let beaconSeconds = 30...86_400
    /// How long the idempotency key of a join counts (Q2 Numbers).
    public static let joinKeysKept = Duration.seconds(600)
    /// Keys of joins in memory, some 60 bytes each: those of all who join a large queue within ten minutes. The oldest gives way.
    public static let joinKeys = 500_000
    /// Old holds that were read from the ledger and stay in memory.
    public var recalledHolds = 65_536
    /// The time that each live hold has at least after a restart, or its event's hold time if that is less (R7 Restart).
    public var recoveryGrace: Duration = .seconds(60)

    public init() {}
}
