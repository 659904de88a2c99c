public import BoxOffice

/// A whole sale on its way into another store (R51 Moving a sale), read in pages.
///
/// Holds have the numbers that buyers know. A moment of the store's clock is given as its distance from the moment of
/// the export. The clock stands still from the export until the sale goes on.
public protocol MovedSale: Sendable {
    /// What tokens are bound to.
    var identity: [UInt8] { get }
    /// The secret of the digests of idempotency keys.
    var keySecret: [UInt8] { get }
    var series: [HoldSeries] { get }
    /// The fingerprints of the keys that sign tokens.
    var tokenKeys: [UInt8: [UInt8]] { get }
    /// The time of day of the export.
    var exportedAt: WallTime { get }
    /// Every pool at the moment of the export.
    var pools: [PoolCount] { get }

    /// Definitions, pauses and removals, in an order from which the numbers of events, types and terms in ``MovedHold``
    /// follow.
    func changes() async throws -> [MovedChange]

    /// Calls `take` with all holds, some at a time, in the order in which they were made.
    func holds(_ take: ([MovedHold]) async throws -> Void) async throws

    /// Calls `take` with debts and payments that were paid back, some at a time.
    func debts(_ take: ([MovedDebt]) async throws -> Void) async throws

    /// Calls `take` with idempotency keys, some at a time.
    func keys(_ take: ([MovedKey]) async throws -> Void) async throws

    /// Calls `take` with the notes of the audit, some at a time, oldest first.
    func notes(_ take: ([AuditRecord]) async throws -> Void) async throws

    /// What an event sold, by the recount's report.
    func report(of event: Code) async throws -> SalesReport?
}

extension MovedSale {
    /// What differs between a report of this sale and another one of the same event; `nil` if nothing does.
    package func difference(of event: Code, from other: SalesReport?) async throws -> String? {
        let ours = try await report(of: event)
        guard ours?.holds == other?.holds, ours?.totals == other?.totals, ours?.prices == other?.prices,
            ours?.days == other?.days
        else { return "the report of \(event)" }
        return nil
    }

    /// What differs between the pools of this sale and other counts; `nil` if nothing does.
    package func difference(from counts: [PoolCount]) -> String? {
        for pool in pools {
            let one = counts.first { $0.event == pool.event && $0.pool == pool.pool }
            guard one?.capacity == pool.capacity, one?.held == pool.held, one?.sold == pool.sold else {
                return "pool \(pool.pool) of \(pool.event) has \(one?.held ?? 0) held and \(one?.sold ?? 0) sold of "
                    + "\(one?.capacity ?? 0), and had \(pool.held) and \(pool.sold) of \(pool.capacity)"
            }
        }
        return nil
    }
}

/// A change of an event.
public enum MovedChange: Sendable {
    case defined(EventDefinition, paused: Bool)
    case removed(Code)
    /// A cancellation, which a move makes final (R42 Cancelled event).
    case cancelled(Code)
    case reinstated(Code)
}

/// A hold with its final state.
public struct MovedHold: Sendable {
    public var id: HoldID
    /// The number of its event, in the order in which events were first defined.
    public var event: UInt32
    /// The number of its terms among those of the event.
    public var terms: UInt16
    public var lines: OneOrMore<HeldLine>
    public var state: HoldState
    public var isLate: Bool
    /// How often it was extended.
    public var extensions: UInt8
    public var buyer: Buyer?
    public var payment: PaymentReference?
    /// Until its deadline; negative if that has passed.
    public var left: Duration
    public var heldAt: WallTime
    public var purchasedAt: WallTime?
    /// When nothing of it was left.
    public var returnedAt: WallTime?
    /// Its partial returns, oldest first (R39 Partial return). The lines say what was returned, too.
    public var parts: [MovedReturn]
    /// When its buyer and payment were erased (R41 Erasure).
    public var erasedAt: WallTime?
    /// The note about it (R40 Corrections).
    public var note: SaleNote?
    /// The access code that it was made with: batches keep their indexes, since definitions move in their order (R46
    /// Access codes).
    public var code: HeldCode
    /// Under which name it was sold (R48 Operator keys).
    public var seller: Seller?
    /// The checks of the sale that did not count for it (R43 Override).
    public var override: Override = []

    public init(
        id: HoldID, event: UInt32, terms: UInt16, lines: OneOrMore<HeldLine>, state: HoldState, isLate: Bool,
        extensions: UInt8, buyer: Buyer?, payment: PaymentReference?, left: Duration, heldAt: WallTime,
        purchasedAt: WallTime?, returnedAt: WallTime?, parts: [MovedReturn] = [],
        erasedAt: WallTime? = nil, note: SaleNote? = nil, code: HeldCode = .none, seller: Seller? = nil
    ) {
        self.code = code
        self.seller = seller
        self.id = id
        self.event = event
        self.terms = terms
        self.lines = lines
        self.state = state
        self.isLate = isLate
        self.extensions = extensions
        self.buyer = buyer
        self.payment = payment
        self.left = left
        self.heldAt = heldAt
        self.purchasedAt = purchasedAt
        self.returnedAt = returnedAt
        self.parts = parts
        self.erasedAt = erasedAt
        self.note = note
    }
}

/// A partial return of a purchase.
public struct MovedReturn: Sendable {
    public var at: WallTime
    public var part: PartReturnFact

    public init(at: WallTime, part: PartReturnFact) {
        self.at = at
        self.part = part
    }
}

/// A payment that is owed back, or was paid back.
public struct MovedDebt: Sendable {
    public var hold: HoldID
    public var payment: PaymentReference
    public var reason: DebtReason
    public var isConfirmed: Bool
    public var isPaidBack: Bool
    public var askedAt: WallTime
    /// How long ago it was reported.
    public var age: Duration

    public init(
        hold: HoldID, payment: PaymentReference, reason: DebtReason, isConfirmed: Bool,
        isPaidBack: Bool, askedAt: WallTime, age: Duration
    ) {
        self.hold = hold
        self.payment = payment
        self.reason = reason
        self.isConfirmed = isConfirmed
        self.isPaidBack = isPaidBack
        self.askedAt = askedAt
        self.age = age
    }
}

/// An idempotency key that was used.
public struct MovedKey: Sendable {
    public var hold: HoldID
    public var key: KeyFact
    /// It extended the hold, and did not make it.
    public var isExtension: Bool
    /// Whether it still counts (R15 Idempotency keys).
    public var counts: Bool
    /// How long ago it was used.
    public var age: Duration

    public init(hold: HoldID, key: KeyFact, isExtension: Bool, counts: Bool, age: Duration) {
        self.hold = hold
        self.key = key
        self.isExtension = isExtension
        self.counts = counts
        self.age = age
    }
}
