/// What happened, as a store records it. An expiry is not a fact: it follows from the clock and the deadline.
public enum Fact: Sendable, Equatable {
    /// An event was defined, replaced, paused or resumed: its whole definition from now on.
    /// It is rare and large, so it is indirect: every fact is as large as the largest case that is not.
    indirect case defined(EventDefinition, paused: Bool)
    /// The event was cancelled, or a cancellation was undone (R42 Cancelled event).
    case cancelled(event: UInt32)
    case reinstated(event: UInt32)
    /// An event that never sold anything was removed. Its index is never used again.
    case removed(event: UInt32)
    case held(HoldID, HeldFact)
    case extended(HoldID, deadline: Timestamp, key: KeyFact?)
    case released(HoldID)
    /// `late`: after the deadline, by a new attempt for the places. `settles`: the payment was a debt until now. `seller`: the
    /// name of the key that completed the hold (R48 Operator keys).
    case purchased(HoldID, payment: PaymentReference?, late: Bool, settles: Bool, seller: Seller?)
    case returned(HoldID)
    /// The operator took back a part of a purchase (R39 Partial return). If nothing is left, the purchase is returned.
    indirect case returnedPart(HoldID, PartReturnFact)
    /// The buyer and the note of a live hold or a purchase are these from now on (R40 Corrections).
    indirect case corrected(HoldID, Correction.State)
    /// A payment arrived and bought nothing (R23 Debts). It replaces an earlier debt of the same payment.
    case refundOwed(HoldID, payment: PaymentReference, DebtReason, isConfirmed: Bool)
    /// The operator paid back a debt of this hold.
    case paidBack(HoldID, payment: PaymentReference)
    /// The buyer and the payment references of the hold were erased (R41 Erasure). `references`: payments that memory may have
    /// as they were; a store does not record them.
    case erased(HoldID, references: [PaymentReference])
    /// The service restarted: no hold of this event that was live then ends before `until` (R7 Restart).
    case recovered(event: UInt32, until: Timestamp)
    /// The queue of an event changed (Q1 Phases).
    indirect case queue(event: UInt32, QueueFact)
    /// The clock reached this moment. It is recorded before a caller learns that a hold expired, so that no restart turns
    /// the clock back behind that answer.
    case clockReached
}

/// The parts of a hold that a store records.
public struct HeldFact: Sendable, Equatable {
    public var event: UInt32
    /// The access code that it was made with (R46 Access codes). It lies where the fact would have four unused bytes.
    public var code: HeldCode
    public var lines: OneOrMore<HeldLine>
    public var deadline: Timestamp
    public var buyer: Buyer?
    public var key: KeyFact?
    /// What did not count for the hold (R43 Override). Nothing that is decided later depends on it.
    public var override: Override
    /// The entry of the queue whose pass it was made with (Q6 Pass). It lies where the fact would have unused bytes.
    public var entry: HeldEntry

    public init(
        event: UInt32, code: HeldCode = .none, lines: OneOrMore<HeldLine>, deadline: Timestamp, buyer: Buyer?,
        key: KeyFact?, override: Override = [], entry: HeldEntry = .none
    ) {
        self.event = event
        self.code = code
        self.lines = lines
        self.deadline = deadline
        self.buyer = buyer
        self.key = key
        self.override = override
        self.entry = entry
    }
}

/// An idempotency key and what it was used for.
public struct KeyFact: Sendable, Equatable {
    public var key: IdempotencyKey
    /// A digest of the request, the same in every process: see ``Fingerprint``.
    public var fingerprint: UInt64

    public init(key: IdempotencyKey, fingerprint: UInt64) {
        self.key = key
        self.fingerprint = fingerprint
    }

    /// The 32 bits of the fingerprint that memory keeps.
    var folded: UInt32 {
        UInt32(truncatingIfNeeded: fingerprint ^ fingerprint >> 32)
    }
}

/// A fact with its number among all facts and the moment of its decision.
public struct RecordedFact: Sendable, Equatable {
    /// From 1, without gaps. ``Fact/clockReached`` uses up no number: it carries that of the next fact.
    public var sequence: UInt64
    public var at: Timestamp
    public var fact: Fact

    public init(sequence: UInt64, at: Timestamp, fact: Fact) {
        self.sequence = sequence
        self.at = at
        self.fact = fact
    }
}

/// A decision: an answer, and the fact that must be durable before a positive answer leaves (R19 Durable before positive).
///
/// It is a tuple, so that each half moves by itself. A struct of two hundred bytes was copied and reference-counted as a
/// whole wherever one half was read: a third of a decision's instructions.
public typealias Decision = (outcome: Outcome, fact: RecordedFact?)
