public import BoxOffice

/// What operators and accountants read of a store: sales, debts and changes, as far as they are durable.
///
/// Lists come in pages. Each page shows one moment, so a slow reader delays nobody.
///
/// Each call throws ``StoreFailure`` if the store cannot answer now.
public protocol SalesLedger: Sendable {
    /// At most `limit` purchases of an event, in the order of their holds. It looks at a bounded number of holds.
    ///
    /// - Parameters:
    ///   - seller: only what was sold under this name (R48 Operator keys); `nil` for everything.
    ///   - hold: where to go on: what the page before says (``PurchasePage/next``); `nil` for the first page.
    func purchases(
        of event: Code, soldBy seller: Seller?, after hold: HoldID?, limit: Int
    ) async throws -> PurchasePage

    /// Holds and purchases that a query describes, newest first (R47 Search). The page contains everything that was
    /// answered before it was asked for.
    func search(_ query: SalesQuery) async throws -> SalesPage

    /// How many holds of an event are in each state, by ticket type (R47 Search).
    func salesCounts(of event: Code) async throws -> [SalesCount]

    /// Open debts after `sequence`, in the order of their facts (R23 Debts).
    ///
    /// - Parameters:
    ///   - event: `nil` for the debts of all events, removed ones included.
    ///   - confirmed: whether to list confirmed debts or unconfirmed ones.
    func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord]

    /// Operators' changes after `sequence`, in the order of their decisions.
    ///
    /// - Parameter events: only what is about these, removed ones included; `nil` for everything.
    func audit(of events: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord]

    /// Operators' changes before `sequence`, the newest first; the newest of all for `nil`.
    ///
    /// - Parameter events: only what is about these, removed ones included; `nil` for everything.
    func newestAudit(of events: [Code]?, before sequence: UInt64?, limit: Int) async throws -> [AuditRecord]

    /// What became of the codes of a batch, from behind the number `after` on, `limit` at the most; `nil` if the event
    /// has no such batch (R46 Access codes). Like an availability, it may be ahead of what is durable.
    func codes(of batch: Code, in event: Code, after: Int, limit: Int) async throws -> [CodeCount]?

    /// A page of an event's holds, each as it is when the page is read.
    ///
    /// - Parameters:
    ///   - first: where to begin: what the page before says; `nil` for the first hold.
    ///   - stretch: how many numbers of holds to look at; at most ``SalePage/stretch``.
    func sale(of event: Code, from first: HoldID?, stretch: Int) async throws -> SalePage

    /// The holds of a scope that have something to erase, after `hold`, in the order of their numbers. It looks at a
    /// bounded number of holds, so a page may be empty although there is a next one (R41 Erasure).
    func erasable(_ scope: ErasureScope, after hold: HoldID?) async throws -> ErasurePage

    /// Recounts everything from the recorded facts. It takes some microseconds for each fact. Only one recount runs at
    /// a time.
    func recount() async throws -> Recount
}

extension SalesLedger {
    /// At most `limit` purchases of an event after `hold`, of all sellers; fewer only if there are no more. It reads as
    /// many pages as that takes.
    public func purchases(of event: Code, after hold: HoldID?, limit: Int) async throws -> [PurchaseRecord] {
        var page = try await purchases(of: event, soldBy: nil, after: hold, limit: limit)
        var found = page.records
        while let next = page.next, found.count < limit {
            page = try await purchases(of: event, soldBy: nil, after: next, limit: limit - found.count)
            found += page.records
        }
        return found
    }
}

/// A page of the purchases of an event.
public struct PurchasePage: Sendable, Equatable {
    /// At most as many as were asked for; perhaps fewer, even none, although there are more.
    public var records: [PurchaseRecord]
    /// Where the next page begins; `nil` if there is none.
    public var next: HoldID?

    public init(records: [PurchaseRecord], next: HoldID?) {
        self.records = records
        self.next = next
    }
}

/// A line of a hold in readable form.
public struct SoldLine: Sendable, Equatable {
    public var type: String
    /// The allocation that its places came from (R45 Allocations).
    public var allocation: String?
    public var quantity: Int
    /// The price of one ticket, in minor units.
    public var price: Int64
    /// How many of the tickets were returned (R39 Partial return).
    public var returned: Int

    /// The price of all tickets, in minor units.
    public var total: Int64 { Int64(quantity) * price }
    /// The price of the tickets that were returned, in minor units.
    public var returnedTotal: Int64 { Int64(returned) * price }

    public init(
        type: String, allocation: String? = nil, quantity: Int, price: Int64, returned: Int = 0
    ) {
        self.type = type
        self.allocation = allocation
        self.quantity = quantity
        self.price = price
        self.returned = returned
    }
}

extension [SoldLine] {
    /// The price of all lines, in minor units.
    fileprivate var total: Int64 { reduce(0) { $0 + $1.total } }
}

/// A purchase in operators' lists.
public struct PurchaseRecord: Sendable, Equatable {
    public var hold: HoldID
    public var event: String
    public var currency: String
    public var lines: [SoldLine]
    public var buyer: String?
    public var payment: String?
    public var isLate: Bool
    public var purchasedAt: WallTime
    /// When nothing of it was left; `nil` before.
    public var returnedAt: WallTime?
    /// When buyer and payment were erased (R41 Erasure).
    public var erasedAt: WallTime?
    /// What operators noted about it (R40 Corrections).
    public var note: String?
    /// The name of the key that completed it; `nil` if a token did, or an earlier release (R48 Operator keys).
    public var soldBy: Seller?
    /// The access code that its hold was made with (R46 Access codes).
    public var code: SaleCode?
    /// The checks of the sale that did not count for its hold (R43 Override).
    public var override: Override = []

    public init(
        hold: HoldID, event: String, currency: String, lines: [SoldLine] = [], buyer: String?, payment: String?,
        isLate: Bool, purchasedAt: WallTime, returnedAt: WallTime?, erasedAt: WallTime? = nil,
        note: String? = nil, soldBy: Seller? = nil
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
        self.erasedAt = erasedAt
        self.note = note
        self.soldBy = soldBy
    }

    /// What was paid, in minor units.
    public var total: Int64 { lines.total }
    /// What was returned of it.
    public var returnedTotal: Int64 { lines.reduce(0) { $0 + $1.returnedTotal } }
    /// What is left of it.
    public var keptTotal: Int64 { total - returnedTotal }
}

/// A debt in operators' lists (R23 Debts). The amount is the price of its hold.
public struct RefundRecord: Sendable, Equatable {
    public var sequence: UInt64
    public var hold: HoldID
    /// The event's code, even if the event was removed.
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

    /// The price of its hold, in minor units.
    public var total: Int64 { lines.total }
}

/// An operator's change in the audit.
public struct AuditRecord: Sendable, Equatable {
    /// The number of the change; 0 for what was done to keys, which has none.
    public var sequence: UInt64
    public var at: WallTime
    /// The code of the event that the change is about, even if the event was removed; `nil` if it is about none.
    public var event: String?
    public var note: AuditNote

    public init(sequence: UInt64, at: WallTime, event: String?, note: AuditNote) {
        self.sequence = sequence
        self.at = at
        self.event = event
        self.note = note
    }
}

/// The result of a recount.
public struct Recount: Sendable, Equatable {
    /// How many facts were counted.
    public var facts: UInt64
    /// Every pool at the moment of the last fact.
    public var pools: [PoolCount]
    /// The first rule that the facts break, in a sentence; `nil` if they break none.
    public var broken: String?

    public init(facts: UInt64, pools: [PoolCount], broken: String?) {
        self.facts = facts
        self.pools = pools
        self.broken = broken
    }
}
