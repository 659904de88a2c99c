public import BoxOffice

/// A hold with what became of it, as reports read it.
public struct SaleEntry: Sendable, Equatable {
    /// Tickets of a purchase that went back at one moment.
    public struct Returned: Sendable, Equatable {
        public var at: WallTime
        public var lines: [SoldLine]

        public init(at: WallTime, lines: [SoldLine]) {
            self.at = at
            self.lines = lines
        }
    }

    public var id: HoldID
    public var state: HoldView.State
    /// The currency of its prices (R11 Terms of a hold).
    public var currency: String
    public var lines: [SoldLine]
    public var heldAt: WallTime
    /// `nil` unless it was purchased, even if it was returned later.
    public var purchasedAt: WallTime?
    public var returned: [Returned]

    public init(
        id: HoldID, state: HoldView.State, currency: String, lines: [SoldLine], heldAt: WallTime,
        purchasedAt: WallTime? = nil, returned: [Returned] = []
    ) {
        self.id = id
        self.state = state
        self.currency = currency
        self.lines = lines
        self.heldAt = heldAt
        self.purchasedAt = purchasedAt
        self.returned = returned
    }
}

/// Some holds of an event, in the order of their numbers.
public struct SalePage: Sendable, Equatable {
    /// Numbers of holds that are looked at for one page: some milliseconds of reading, in which a server does nothing
    /// else.
    public static let stretch = 1_000

    public var entries: [SaleEntry]
    /// Where the next page begins; `nil` at the end.
    public var next: HoldID?
    /// The newest hold that existed when the page was read.
    public var last: HoldID
    /// When the page was read.
    public var readAt: WallTime

    public init(entries: [SaleEntry], next: HoldID?, last: HoldID, readAt: WallTime) {
        self.entries = entries
        self.next = next
        self.last = last
        self.readAt = readAt
    }
}

extension SalesLedger {
    /// What an event has sold (R50 Reports), counted from its holds while the sale goes on.
    ///
    /// It reads one page after the other, and keeps sums only: its memory does not grow with the sale. Holds that are
    /// made meanwhile are left out. It takes some microseconds for each hold.
    ///
    /// - Parameters:
    ///   - offset: where a day begins, in minutes east of UTC.
    ///   - stretch: numbers of holds that are looked at for one page.
    public func report(
        of event: Code, utcOffset offset: Int, stretch: Int = SalePage.stretch
    ) async throws -> SalesReport {
        var page = try await sale(of: event, from: nil, stretch: stretch)
        let last = page.last
        var account = ReportAccount(event: event, utcOffset: offset, at: page.readAt)
        while true {
            for entry in page.entries where entry.id <= last { account.take(entry) }
            guard let next = page.next, next <= last else { return account.report }
            try Task.checkCancellation()
            page = try await sale(of: event, from: next, stretch: stretch)
        }
    }
}
