public import BoxOffice

/// Numbers of holds that a store gave out between one opening and the next.
///
/// A store that lost its newest facts, or was put back from a copy, gives their numbers out once more. Tokens are bound to
/// the mark of their series as well, so whoever had a number before cannot act on the hold that has it now.
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
