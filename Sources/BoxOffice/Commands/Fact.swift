/// What happened, as a store records it. An expiry is no fact: it follows from the clock and the deadline.
public enum Fact: Sendable, Equatable {
    /// An event was defined, replaced, paused or resumed; the whole of it as it is from now on.
    /// Rare and large, so kept apart: every fact is as large as the largest that is not.
    indirect case defined(EventDefinition, paused: Bool)
    /// An event of which nothing was sold is no more; its index is never used again.
    case removed(event: UInt32)
    case held(HoldID, HeldFact)
    case extended(HoldID, deadline: Timestamp, key: KeyFact?)
    case released(HoldID)
    /// `late`: after the deadline, with the places won again. `settles`: the payment was owed back until now.
    case purchased(HoldID, payment: PaymentReference?, late: Bool, settles: Bool)
    case returned(HoldID)
    /// A payment came and bought nothing (R23 Debts). Takes the place of what was known of the payment before.
    case refundOwed(HoldID, payment: PaymentReference, DebtReason, isConfirmed: Bool)
    /// The operator paid a payment back that was owed for this hold.
    case paidBack(HoldID, payment: PaymentReference)
    /// The service came back: no hold of this event that was live then ends before `until` (rule 7).
    case recovered(event: UInt32, until: Timestamp)
    /// Only that the clock reached this moment. Recorded before someone is told that a hold expired, so that no
    /// restart turns the clock back behind that answer.
    case clockReached
}

/// The parts of a hold that a store records.
public struct HeldFact: Sendable, Equatable {
    public var event: UInt32
    public var lines: OneOrMore<HeldLine>
    public var deadline: Timestamp
    public var buyer: Buyer?
    public var key: KeyFact?

    public init(event: UInt32, lines: OneOrMore<HeldLine>, deadline: Timestamp, buyer: Buyer?, key: KeyFact?) {
        self.event = event
        self.lines = lines
        self.deadline = deadline
        self.buyer = buyer
        self.key = key
    }
}

/// An idempotency key and what it was used for.
public struct KeyFact: Sendable, Equatable {
    public var key: IdempotencyKey
    /// Of the request, the same in every process: see ``Fingerprint``.
    public var fingerprint: UInt64

    public init(key: IdempotencyKey, fingerprint: UInt64) {
        self.key = key
        self.fingerprint = fingerprint
    }

    /// The fingerprint as it is kept in memory.
    var folded: UInt32 {
        UInt32(truncatingIfNeeded: fingerprint ^ fingerprint >> 32)
    }
}

/// A fact with its place in the order of all facts and the moment it was decided.
public struct RecordedFact: Sendable, Equatable {
    /// From 1, without gaps. ``Fact/clockReached`` takes no number: it has that of the next fact.
    public var sequence: UInt64
    public var at: Timestamp
    public var fact: Fact

    public init(sequence: UInt64, at: Timestamp, fact: Fact) {
        self.sequence = sequence
        self.at = at
        self.fact = fact
    }
}

/// What deciding gives: an answer, and the fact that has to be recorded before a positive answer may leave.
///
/// A tuple, so that each half is moved to where it goes by itself. As a struct it was two hundred bytes that were copied
/// and counted as a whole wherever one half was looked at: a third of a decision's instructions.
public typealias Decision = (outcome: Outcome, fact: RecordedFact?)
