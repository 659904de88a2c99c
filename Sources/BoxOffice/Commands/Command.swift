/// What can be asked of a box office. Who may ask was settled before (tokens and keys are the edge's concern).
public enum Command: Sendable, Equatable {
    case hold(HoldRequest)
    /// Longer: the event's hold time anew from now (rule 13).
    case extend(HoldID, key: IdempotencyKey? = nil)
    /// Given back by the buyer (rule 12).
    case release(HoldID)
    /// Paid for, or simply completed where no payment is told (R8 to R10).
    case purchase(HoldID, PaymentReference? = nil, by: Completer = .token)
    /// A purchase undone by the operator (rule 14).
    case returnPurchase(HoldID)
    /// A payment that bought nothing for this hold was paid back by the operator (R23 Debts).
    case payBack(HoldID, PaymentReference)
    /// Where the hold stands; changes nothing.
    case look(HoldID)
    /// A new event, or a new definition for one that is there.
    ///
    /// `paused`: nothing new is held until it is resumed, holds go on (rule 11); nil leaves it as it is. `expecting`: the
    /// revision that the event must have, 0 where there must be none; nil takes whatever is there.
    case define(EventDefinition, paused: Bool? = nil, expecting: UInt64? = nil)
    case pause(event: Code)
    case resume(event: Code)
    /// Takes an event away of which nothing was ever sold and nothing is held.
    case remove(event: Code, expecting: UInt64? = nil)
}

/// Who completes a hold, as the edge found out.
public enum Completer: UInt8, Sendable {
    /// Somebody with the hold's token and nothing more.
    case token = 0
    /// A key of the role `shop` or `operator`.
    case key = 1
}

/// Places for one buyer, all of them or none (rule 3).
public struct HoldRequest: Sendable, Equatable {
    public var event: Code
    public var lines: OneOrMore<Line>
    public var buyer: Buyer?
    public var key: IdempotencyKey?

    public init(event: Code, lines: OneOrMore<Line>, buyer: Buyer? = nil, key: IdempotencyKey? = nil) {
        self.event = event
        self.lines = lines
        self.buyer = buyer
        self.key = key
    }

    /// Whether some line would rather have fewer tickets than none.
    var takesFewer: Bool {
        lines.contains { $0.minimum < $0.quantity }
    }
}
