public import BoxOffice

/// Which holds an operator wants to erase (R41 Erasure).
public enum ErasureScope: Sendable, Equatable {
    case hold(HoldID)
    /// Everything of a buyer, of one event or of all events, removed ones included.
    case buyer(Buyer, event: Code?)
    /// Holds of an event that were made before a moment.
    case event(Code, before: WallTime)
}

/// A hold of which there is something to erase.
public struct ErasableHold: Sendable, Equatable {
    public var hold: HoldID
    /// Whether it was purchased, returned or not.
    public var isSold: Bool
    /// The payments that were ever reported for it, as far as the store needs them for a ``BoxOffice/ErasureRequest``.
    public var references: [PaymentReference]

    public init(hold: HoldID, isSold: Bool, references: [PaymentReference]) {
        self.hold = hold
        self.isSold = isSold
        self.references = references
    }
}

/// A part of the holds in a scope.
public struct ErasurePage: Sendable, Equatable {
    /// The most holds of a page.
    public static let most = 500

    public var holds: [ErasableHold]
    /// Where the next page begins: behind this hold; `nil` if there is none.
    public var behind: HoldID?

    public init(holds: [ErasableHold], behind: HoldID?) {
        self.holds = holds
        self.behind = behind
    }
}
