/// Why a payment bought nothing (R23 Debts).
public enum DebtReason: UInt8, Sendable, CaseIterable {
    /// The payment was late, and the places were gone or the buyer's limit was used up.
    case placesGone = 0
    /// The payment was late, and the hold's policy is `strict`.
    case late = 1
    /// Another payment had already bought the hold.
    case alreadyPurchased = 2
    /// The hold had been released.
    case released = 3
    /// The operator had returned the purchase.
    case returned = 4
    /// The payment was late, and the event was removed.
    case eventRemoved = 5
    /// The payment was late, and the sale of the event or of a type was not open, or a type was no longer sold.
    case notOnSale = 6
    /// The event was cancelled (R42 Cancelled event).
    case eventCancelled = 7
}

/// A payment that bought nothing and is owed back (R23 Debts).
public struct Debt: Sendable, Equatable {
    public var hold: HoldID
    public var event: UInt32
    public var at: Timestamp
    /// A key of the role `shop` or `operator` reported the payment, and not a token alone.
    public var isConfirmed: Bool

    public init(hold: HoldID, event: UInt32, at: Timestamp, isConfirmed: Bool) {
        self.hold = hold
        self.event = event
        self.at = at
        self.isConfirmed = isConfirmed
    }
}
