/// What an operator corrects of a live hold or of a purchase: its buyer, and a note (R40 Corrections).
public struct Correction: Sendable, Equatable {
    /// What can be corrected.
    public struct State: Sendable, Equatable {
        public var buyer: Buyer?
        public var note: SaleNote?

        public init(buyer: Buyer? = nil, note: SaleNote? = nil) {
            self.buyer = buyer
            self.note = note
        }
    }

    /// What its author has seen. If the hold says something else by then, nothing is corrected: so no correction overwrites
    /// another one unseen, and what the audit says of the difference is right.
    public var from: State
    public var to: State
    /// Whether the hold must have been purchased.
    public var onlyPurchase: Bool

    public init(from: State, to: State, onlyPurchase: Bool = false) {
        self.from = from
        self.to = to
        self.onlyPurchase = onlyPurchase
    }
}
