public import BoxOffice

/// The holds that a store made between one opening and the next.
///
/// A store that lost its newest facts, or was restored from a copy, uses the numbers of lost holds again. Tokens are
/// bound to the mark of their series as well (R20 Tokens), so the token of a lost hold cannot act on the hold that has
/// its number now.
public struct HoldSeries: Sendable, Equatable {
    /// The first number of the series; it ends where the next one begins.
    public var first: HoldID
    /// Drawn at random when the series began. No secret.
    public var mark: UInt64

    public init(first: HoldID, mark: UInt64) {
        self.first = first
        self.mark = mark
    }
}
