/// A request to the box office. The edge has already checked that the caller may make it (tokens and keys).
public enum Command: Sendable, Equatable {
    case hold(HoldRequest)
    /// Gives the hold the event's whole hold time again, from now (R13 Extension).
    case extend(HoldID, key: IdempotencyKey? = nil)
    /// The buyer gives the places back (R12 Release once).
    case release(HoldID)
    /// The hold is paid for, or just completed if no payment is named (R8 Purchase once, R9 Late payment, R10 One payment,
    /// one hold).
    case purchase(HoldID, PaymentReference? = nil, by: Completer = .token)
    /// The operator undoes a purchase, or what is left of it (R14 Return once).
    case returnPurchase(HoldID)
    /// The operator takes back a part of a purchase (R39 Partial return). Rare and large, so indirect.
    indirect case returnPart(HoldID, PartReturn)
    /// The operator corrects the buyer or the note of a live hold or a purchase (R40 Corrections). Rare and large, so indirect.
    indirect case correct(HoldID, Correction)
    /// The operator paid a payment back that bought nothing for this hold (R23 Debts).
    case payBack(HoldID, PaymentReference)
    /// The operator erases who had a hold and how it was paid (R41 Erasure).
    case erase(ErasureRequest)
    /// The state of the hold. It changes nothing.
    case look(HoldID)
    /// A new event, or a new definition for an event.
    ///
    /// `paused`: no new holds until the event is resumed, while live holds go on (R11 Terms of a hold); `nil` leaves it as
    /// it is. `expecting`: the revision that the event must have, 0 if it must not exist; `nil` accepts any. Rare and large, so
    /// indirect.
    indirect case define(EventDefinition, paused: Bool? = nil, expecting: UInt64? = nil)
    case pause(event: Code)
    case resume(event: Code)
    /// Ends the sale of an event and its live holds (R42 Cancelled event).
    case cancel(event: Code)
    /// Undoes a cancellation within ``Limits/cancellationUndone``, if nothing was paid back.
    case reinstate(event: Code)
    /// Removes an event that never sold anything and has no live holds.
    case remove(event: Code, expecting: UInt64? = nil)
    /// A command for the queue of an event (Q1 Phases). Indirect, because it is large.
    indirect case queue(Code, QueueCommand)
}

/// Who completes a hold, as the edge established (R24 Who completes).
public enum Completer: Hashable, Sendable {
    /// A caller who has the hold's token and nothing more.
    case token
    /// A key of the role `shop` or `operator` that names no seller, as in earlier releases.
    case key
    /// A key of the role `shop` or `operator`, which sells under this name (R48 Operator keys). Indirect, so
    /// that the commands of those who sell under no name stay small.
    indirect case seller(Seller, isShop: Bool)

    /// Whether a key completes, and not a token alone.
    public var isKey: Bool { if case .token = self { false } else { true } }

    /// Under which name the hold is sold.
    public var seller: Seller? {
        if case .seller(let seller, _) = self { seller } else { nil }
    }
}

/// A request for places for one buyer, all lines or none (R3 One decision per hold).
public struct HoldRequest: Sendable, Equatable {
    public var event: Code
    public var lines: OneOrMore<Line>
    public var buyer: Buyer?
    public var key: IdempotencyKey?
    /// What does not count for this hold (R43 Override). It lies where the key leaves unused bytes.
    public var override: Override
    /// The access code that comes with it (R46 Access codes).
    public var code: AccessCode? {
        get { rights?.code }
        set { rights = Rights(code: newValue, pass: pass) }
    }
    /// The pass that comes with it (Q6 Pass).
    public var pass: QueuePass? {
        get { rights?.pass }
        set { rights = Rights(code: code, pass: newValue) }
    }
    private var rights: Rights?

    /// What comes with a request beyond what it asks for. It is a class, so that the many requests without it carry one empty
    /// word more.
    private final class Rights: Sendable, Equatable {
        let code: AccessCode?
        let pass: QueuePass?

        init?(code: AccessCode?, pass: QueuePass?) {
            if code == nil, pass == nil { return nil }
            self.code = code
            self.pass = pass
        }

        static func == (left: Rights, right: Rights) -> Bool {
            left.code == right.code && left.pass == right.pass
        }
    }

    public init(
        event: Code, lines: OneOrMore<Line>, buyer: Buyer? = nil, key: IdempotencyKey? = nil, override: Override = [],
        code: AccessCode? = nil, pass: QueuePass? = nil
    ) {
        self.event = event
        self.lines = lines
        self.buyer = buyer
        self.key = key
        self.override = override
        rights = Rights(code: code, pass: pass)
    }

    /// Whether a line accepts fewer tickets than it asks for (R22 Minimum quantity).
    var takesFewer: Bool {
        lines.contains { $0.minimum < $0.quantity }
    }
}
