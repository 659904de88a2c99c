public import BoxOffice

/// What operators look for among the holds and purchases of a store (R47 Search). A member that is `nil` excludes
/// nothing.
public struct SalesQuery: Sendable, Equatable {
    /// The event that has this code now.
    public var event: Code?
    public var buyer: Buyer?
    /// The payment that bought a hold, or that was sent for it and bought nothing.
    public var payment: PaymentReference?
    public var hold: HoldID?
    public var state: HoldView.State?
    /// A ticket type of the event.
    public var type: Code?
    /// The hold was made at this moment or later.
    public var from: WallTime?
    /// The hold was made before this moment.
    public var to: WallTime?
    /// Only holds with smaller numbers; where the page before ended.
    public var behind: HoldID?
    /// From 1 on.
    public var limit: Int

    public init(
        event: Code? = nil, buyer: Buyer? = nil, payment: PaymentReference? = nil, hold: HoldID? = nil,
        state: HoldView.State? = nil, type: Code? = nil, from: WallTime? = nil, to: WallTime? = nil,
        behind: HoldID? = nil, limit: Int = 100
    ) {
        self.event = event
        self.buyer = buyer
        self.payment = payment
        self.hold = hold
        self.state = state
        self.type = type
        self.from = from
        self.to = to
        self.behind = behind
        self.limit = limit
    }
}

/// A hold in operators' lists, with its purchase if it was purchased.
public struct SaleRecord: Sendable, Equatable {
    public var hold: HoldID
    /// The event's code, even if the event was removed.
    public var event: String
    public var state: HoldView.State
    public var currency: String
    public var lines: [SoldLine]
    public var buyer: String?
    /// What operators noted about it (R40 Corrections).
    public var note: String?
    public var heldAt: WallTime
    /// The end of the hold as its client saw it (R6 Deadline), extensions included.
    public var expiresAt: WallTime
    public var purchase: PurchaseRecord?
    /// The access code that it was made with (R46 Access codes).
    public var code: SaleCode?
    /// The checks of the sale that did not count for it (R43 Override).
    public var override: Override = []

    public init(
        hold: HoldID, event: String, state: HoldView.State, currency: String, lines: [SoldLine], buyer: String?,
        note: String? = nil, heldAt: WallTime, expiresAt: WallTime, purchase: PurchaseRecord?
    ) {
        self.hold = hold
        self.event = event
        self.state = state
        self.currency = currency
        self.lines = lines
        self.buyer = buyer
        self.note = note
        self.heldAt = heldAt
        self.expiresAt = expiresAt
        self.purchase = purchase
    }

    /// The price of all lines, in minor units.
    public var total: Int64 { lines.reduce(0) { $0 + $1.total } }

    /// Whether the members of the query that need no index allow this hold.
    package func fits(_ query: SalesQuery) -> Bool {
        (query.hold == nil || query.hold == hold) && (query.event == nil || query.event?.text == event)
            && (query.state == nil || query.state == state)
            && (query.type == nil || lines.contains { $0.type == query.type?.text })
            && (query.from.map { $0 <= heldAt } ?? true) && (query.to.map { heldAt < $0 } ?? true)
    }

    /// Whether the hold's buyer is the one that the query names, by bytes.
    package func fitsBuyer(of query: SalesQuery) -> Bool {
        query.buyer.map { $0.text.utf8.elementsEqual((buyer ?? "").utf8) } ?? true
    }
}

/// A page of what was found, newest hold first.
public struct SalesPage: Sendable, Equatable {
    /// At most as many as the query's limit; perhaps fewer although there are more.
    public var records: [SaleRecord]
    /// Where the next page begins (``SalesQuery/behind``); `nil` if there is none.
    public var next: HoldID?

    public init(records: [SaleRecord], next: HoldID?) {
        self.records = records
        self.next = next
    }
}

/// How many holds of a ticket type are in a state.
public struct SalesCount: Sendable, Equatable {
    public var type: String
    public var state: HoldView.State
    public var currency: String
    /// Holds with a line of the type.
    public var holds: Int
    public var tickets: Int
    /// The price of these tickets, in minor units.
    public var amount: Int64

    public init(type: String, state: HoldView.State, currency: String, holds: Int, tickets: Int, amount: Int64) {
        self.type = type
        self.state = state
        self.currency = currency
        self.holds = holds
        self.tickets = tickets
        self.amount = amount
    }

    /// The counts with those of one type, state and currency added up, in the order of `types`, then of the states and
    /// currencies.
    package static func gathered(_ counts: [SalesCount], types: [String]) -> [SalesCount] {
        var sums: [Key: SalesCount] = [:]
        for count in counts {
            let key = Key(
                type: types.firstIndex(of: count.type) ?? types.count, state: count.state.rank, currency: count.currency
            )
            guard var sum = sums[key] else {
                sums[key] = count
                continue
            }
            sum.holds += count.holds
            sum.tickets += count.tickets
            sum.amount += count.amount
            sums[key] = sum
        }
        return sums.sorted { $0.key < $1.key }.map(\.value)
    }

    private struct Key: Hashable, Comparable {
        var type: Int
        var state: Int
        var currency: String

        static func < (left: Key, right: Key) -> Bool {
            (left.type, left.state, left.currency) < (right.type, right.state, right.currency)
        }
    }
}

extension HoldView.State {
    /// The order in which counts are listed.
    fileprivate var rank: Int {
        switch self {
        case .held: 0
        case .purchased: 1
        case .returned: 2
        case .released: 3
        case .expired: 4
        }
    }
}
