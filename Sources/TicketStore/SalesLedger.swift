public import BoxOffice

/// What operators and their accountants read of a store: everything that was sold, owed, and changed, from what is
/// durable.
///
/// Lists come in pages that each stand for one moment, so that nobody who reads slowly holds anything up.
///
/// Each throws a ``StoreFailure`` where the store cannot be asked just now.
public protocol SalesLedger: Sendable {
    /// Purchases of an event in the order of their holds, behind `hold`, `limit` of them at the most.
    func purchases(of event: Code, after hold: HoldID?, limit: Int) async throws -> [PurchaseRecord]

    /// Payments that bought nothing and were not paid back yet (R23 Debts), in the order in which they came, behind
    /// `sequence`.
    ///
    /// - Parameters:
    ///   - event: nil for those of all events, removed ones too.
    ///   - confirmed: those that a key told of, or else those that only a token did.
    func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord]

    /// What operators changed, in the order in which it was decided, behind `sequence`.
    func audit(after sequence: UInt64?, limit: Int) async throws -> [AuditRecord]

    /// Counts everything afresh from the recorded facts. Costs some microseconds a fact; one at a time.
    func recount() async throws -> Recount
}

/// A line of a hold as people read it.
public struct SoldLine: Sendable, Equatable {
    public var type: String
    public var quantity: Int
    /// Minor units for one ticket.
    public var price: Int64

    /// Minor units for all of them.
    public var total: Int64 { Int64(quantity) * price }

    public init(type: String, quantity: Int, price: Int64) {
        self.type = type
        self.quantity = quantity
        self.price = price
    }
}

extension [SoldLine] {
    /// What they cost together.
    fileprivate var total: Int64 { reduce(0) { $0 + $1.total } }
}

/// A purchase as the accounts have it.
public struct PurchaseRecord: Sendable, Equatable {
    public var hold: HoldID
    public var event: String
    public var currency: String
    public var lines: [SoldLine]
    public var buyer: String?
    public var payment: String?
    public var isLate: Bool
    public var purchasedAt: WallTime
    public var returnedAt: WallTime?

    public init(
        hold: HoldID, event: String, currency: String, lines: [SoldLine] = [], buyer: String?, payment: String?,
        isLate: Bool, purchasedAt: WallTime, returnedAt: WallTime?
    ) {
        self.hold = hold
        self.event = event
        self.currency = currency
        self.lines = lines
        self.buyer = buyer
        self.payment = payment
        self.isLate = isLate
        self.purchasedAt = purchasedAt
        self.returnedAt = returnedAt
    }

    public var total: Int64 { lines.total }
}

/// A payment that has to be paid back, because it bought nothing (R23 Debts). The amount is what its hold cost.
public struct RefundRecord: Sendable, Equatable {
    public var sequence: UInt64
    public var hold: HoldID
    /// The event's code, also where it was removed since.
    public var event: String
    public var reason: DebtReason
    public var isConfirmed: Bool
    public var currency: String
    public var lines: [SoldLine]
    public var buyer: String?
    public var payment: String
    public var askedAt: WallTime

    public init(
        sequence: UInt64, hold: HoldID, event: String, reason: DebtReason, isConfirmed: Bool, currency: String,
        lines: [SoldLine] = [], buyer: String?, payment: String, askedAt: WallTime
    ) {
        self.sequence = sequence
        self.hold = hold
        self.event = event
        self.reason = reason
        self.isConfirmed = isConfirmed
        self.currency = currency
        self.lines = lines
        self.buyer = buyer
        self.payment = payment
        self.askedAt = askedAt
    }

    public var total: Int64 { lines.total }
}

/// An operator's change.
public struct AuditRecord: Sendable, Equatable {
    public var sequence: UInt64
    public var at: WallTime
    public var note: AuditNote

    public init(sequence: UInt64, at: WallTime, note: AuditNote) {
        self.sequence = sequence
        self.at = at
        self.note = note
    }
}

/// What a recount found.
public struct Recount: Sendable, Equatable {
    public var facts: UInt64
    /// Every pool at the moment of the last fact.
    public var pools: [PoolCount]
    /// The first rule that the facts break, in a sentence; `nil` if none.
    public var broken: String?

    public init(facts: UInt64, pools: [PoolCount], broken: String?) {
        self.facts = facts
        self.pools = pools
        self.broken = broken
    }
}
