/// A request to erase the buyer and the payment references of a hold that ended (R41 Erasure).
public struct ErasureRequest: Sendable, Equatable {
    public var hold: HoldID
    /// The payments that were ever reported for the hold, as far as the caller read them from the store. Decisions do not
    /// depend on them: memory forgets them at once and not with the next start, and a cluster forgets its claims of them.
    public var references: [PaymentReference]
    /// The number by which callers and the audit know the hold, where the store has another one.
    public var knownAs: HoldID?
    /// Whether the hold must have been purchased.
    public var onlyPurchase: Bool
    /// Whether to answer only what an erasure would do, and change nothing.
    public var isTrial: Bool

    public init(
        hold: HoldID, references: [PaymentReference] = [], onlyPurchase: Bool = false, isTrial: Bool = false
    ) {
        self.hold = hold
        self.references = references
        self.onlyPurchase = onlyPurchase
        self.isTrial = isTrial
    }
}
