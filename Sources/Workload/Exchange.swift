public import BoxOffice
public import TicketStore

/// What a client asked. Names are texts, as they travel over HTTP.
public enum Asked: Hashable, Sendable {
    public struct Line: Hashable, Sendable {
        public var type: String
        public var quantity: Int
        /// The least that the client takes.
        public var minimum: Int

        public init(type: String, quantity: Int, minimum: Int? = nil) {
            self.type = type
            self.quantity = quantity
            self.minimum = minimum ?? quantity
        }

        func taking(_ quantity: Int) -> Line {
            Line(type: type, quantity: quantity)
        }

        /// The quantity within bounds that keep sums small. No hold has more than a million tickets.
        var bounded: Int { min(max(quantity, 0), 1_000_000) }
    }

    /// The buyer of a hold and the note about it (R40 Corrections).
    public struct Says: Hashable, Sendable {
        public var buyer: String?
        public var note: String?

        public init(buyer: String?, note: String?) {
            self.buyer = buyer
            self.note = note
        }
    }

    /// `code`: an access code, as its batch and number: `club#7`.
    case hold(
        event: String, lines: [Line], buyer: String?, override: Override = [], code: String? = nil, pass: UInt32? = nil)
    case extend(String)
    case release(String)
    /// Under whose name a hold is completed (R48 Operator keys).
    public struct Seller: Hashable, Sendable {
        public var name: String
        public var isShop: Bool

        public init(_ name: String, isShop: Bool) {
            self.name = name
            self.isShop = isShop
        }
    }

    /// `byKey`: with the shop's or the operator's key, and not with a token alone.
    case purchase(String, payment: String?, byKey: Bool = false, seller: Seller? = nil)
    case returnPurchase(String)
    case returnPart(String, lines: [Line], reason: String? = nil)
    case correct(String, from: Says, to: Says, onlyPurchase: Bool = false)
    case payBack(String, payment: String)
    case erase(String, onlyPurchase: Bool = false, isTrial: Bool = false)
    case look(String)

    /// The hold that the request is about; `nil` if it asks for a new one.
    public var hold: String? {
        switch self {
        case .hold: nil
        case .extend(let hold), .release(let hold), .purchase(let hold, _, _, _), .returnPurchase(let hold),
            .returnPart(let hold, _, _), .correct(let hold, _, _, _), .payBack(let hold, _), .erase(let hold, _, _),
            .look(let hold):
            hold
        }
    }
}

/// What a client got as its answer.
public enum Heard: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        case held, purchased, released, expired, returned
    }

    /// `told`: the deadline that the client sees, on the oracle's clock; a range if the answer had only the time left.
    /// `got`: the tickets of each line.
    case held(String, told: ClosedRange<Int64>, got: [Int])
    case extended(told: ClosedRange<Int64>)
    /// A replay: the same request with the same key held or extended before. The state is the hold's state now.
    case again(String, State, told: ClosedRange<Int64>, got: [Int])
    case released(repeated: Bool)
    case purchased(late: Bool, repeated: Bool)
    case returned(repeated: Bool)
    /// A part is to be returned, and the purchase has only `remaining` tickets of this type left.
    case returnTooLarge(type: String, remaining: Int)
    /// What a look says of payments.
    case looked(State, SeenPayment = [])
    case expired(refund: Bool)
    case soldOut
    case temporarilyHeld
    case insufficient(available: Int)
    case buyerLimit(remaining: Int)
    /// The event was cancelled.
    case eventCancelled(refund: Bool)
    /// The limit of a ticket type.
    case typeLimit(type: String, remaining: Int)
    /// So many tickets are left of the access code.
    case codeUsedUp(remaining: Int)
    case alreadyPurchased
    /// `refund`, here and below: the payment of the request is owed back.
    case wasReleased(refund: Bool)
    case wasReturned(refund: Bool)
    case notPurchased
    case paymentConflict(refund: Bool)
    case corrected(repeated: Bool)
    /// A correction of an erased purchase.
    case purchaseErased
    /// A correction by somebody who had seen something else.
    case outdated
    case paidBack(repeated: Bool)
    case unknownDebt
    case erased(repeated: Bool)
    /// A live hold is not erased.
    case isLive
    /// A hold with an open debt is not erased.
    case hasDebt
    /// The shop completes the holds of this event.
    case completedByShop
    case extensionDenied
    case unknownHold
    case keyReused
    /// Refused before anything was decided, or for a reason other than places, holds and payments.
    case refused
    /// The outcome is unknown, or the connection died: it may have happened or not.
    case unknown
}

extension Asked {
    /// `nil` for a command about an event.
    public init?(_ command: Command) {
        switch command {
        case .hold(let request):
            self = .hold(
                event: request.event.text,
                lines: request.lines.map { Line(type: $0.type.text, quantity: $0.quantity, minimum: $0.minimum) }.map {
                    $0
                },
                buyer: request.buyer.map { Self.ascii($0.text) }, override: request.override,
                code: request.code.map { "\($0.batch)#\($0.number)" }, pass: request.pass?.number.value)
        case .extend(let id, _): self = .extend(id.description)
        case .release(let id): self = .release(id.description)
        case .purchase(let id, let payment, let completer):
            self = .purchase(
                id.description, payment: payment.map { Self.ascii($0.text) }, byKey: completer.isKey,
                seller: Seller(completer))
        case .payBack(let id, let payment): self = .payBack(id.description, payment: Self.ascii(payment.text))
        case .returnPurchase(let id): self = .returnPurchase(id.description)
        case .returnPart(let id, let part):
            self = .returnPart(
                id.description, lines: part.lines.map { Line(type: $0.type.text, quantity: $0.quantity) }.map { $0 },
                reason: part.reason?.text)
        case .correct(let id, let asked):
            self = .correct(
                id.description, from: Says(asked.from), to: Says(asked.to), onlyPurchase: asked.onlyPurchase)
        case .erase(let request):
            self = .erase(request.hold.description, onlyPurchase: request.onlyPurchase, isTrial: request.isTrial)
        case .look(let id): self = .look(id.description)
        case .define, .pause, .resume, .cancel, .reinstate, .remove, .queue: return nil
        }
    }

    /// Texts with the same bytes, and no others, are the same: a `String` takes é written in two ways for one text.
    fileprivate static func ascii(_ text: String) -> String {
        text.utf8.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "<\($0)>" }.joined()
    }
}

extension Asked.Seller {
    fileprivate init?(_ completer: Completer) {
        guard case .seller(let seller, let isShop) = completer else { return nil }
        self.init(Asked.ascii(seller.text), isShop: isShop)
    }
}

extension Asked.Says {
    fileprivate init(_ state: Correction.State) {
        self.init(buyer: state.buyer.map { Asked.ascii($0.text) }, note: state.note.map { Asked.ascii($0.text) })
    }
}

extension Command {
    /// The key that it carries, as a text.
    public var keyText: String? {
        switch self {
        case .hold(let request): request.key?.description
        case .extend(_, let key): key?.description
        case .returnPart(_, let part): part.key.description
        default: nil
        }
    }
}

extension Heard {
    /// On the box office's own clock.
    public init(_ reply: StoreReply) {
        switch reply {
        case .decided(let outcome, _): self.init(outcome)
        case .failed(.outcomeUnknown): self = .unknown
        case .failed(.overloaded), .failed(.suspended), .failed(.closing): self = .refused
        }
    }

    /// On the box office's own clock.
    public init(_ outcome: Outcome) {
        switch outcome {
        case .held(let view, replayed: true), .extended(let view, replayed: true):
            self = .again(view.id.description, State(view.state), told: Self.told(view), got: Self.got(view))
        case .held(let view, replayed: false):
            self = .held(view.id.description, told: Self.told(view), got: Self.got(view))
        case .extended(let view, replayed: false): self = .extended(told: Self.told(view))
        case .released(_, let repeated): self = .released(repeated: repeated)
        case .purchased(_, let late, let repeated): self = .purchased(late: late, repeated: repeated)
        case .returned(_, let repeated): self = .returned(repeated: repeated)
        case .looked(let view, let payment):
            self = .looked(State(view.state), payment)
        case .corrected(_, let repeated): self = .corrected(repeated: repeated)
        case .paidBack(_, let repeated): self = .paidBack(repeated: repeated)
        case .erased(_, let repeated): self = .erased(repeated: repeated)
        case .eventChanged, .eventRemoved, .queue: self = .refused
        case .refused(let refusal): self.init(refusal)
        }
    }

    private static func told(_ view: HoldView) -> ClosedRange<Int64> {
        view.expiresAt.milliseconds...view.expiresAt.milliseconds
    }

    private static func got(_ view: HoldView) -> [Int] {
        view.lines.map { Int($0.quantity) }.map { $0 }
    }

    private init(_ refusal: Refusal) {
        switch refusal {
        case .soldOut: self = .soldOut
        case .temporarilyHeld: self = .temporarilyHeld
        case .insufficientQuantity(let available): self = .insufficient(available: available)
        case .buyerLimitReached(let remaining): self = .buyerLimit(remaining: remaining)
        case .typeLimitReached(let type, let remaining): self = .typeLimit(type: type.text, remaining: remaining)
        case .codeUsedUp(let remaining): self = .codeUsedUp(remaining: remaining)
        case .eventCancelled(let refund): self = .eventCancelled(refund: refund)
        case .holdExpired(let refund): self = .expired(refund: refund)
        case .holdReleased(let refund): self = .wasReleased(refund: refund)
        case .alreadyPurchased: self = .alreadyPurchased
        case .purchaseReturned(let refund): self = .wasReturned(refund: refund)
        case .notPurchased: self = .notPurchased
        case .returnTooLarge(let type, let remaining):
            self = .returnTooLarge(type: type.text, remaining: remaining)
        case .paymentConflict(let refund): self = .paymentConflict(refund: refund)
        case .purchaseErased: self = .purchaseErased
        case .correctionOutdated: self = .outdated
        case .unknownDebt: self = .unknownDebt
        case .holdIsLive: self = .isLive
        case .holdHasDebt: self = .hasDebt
        case .completedByShop: self = .completedByShop
        case .extensionDenied: self = .extensionDenied
        case .unknownHold: self = .unknownHold
        case .keyReused: self = .keyReused
        case .unknownEvent, .unknownTicketType, .unknownAllocation, .invalid, .saleNotStarted, .saleEnded, .salePaused,
            .poolClosed,
            .tooManyHolds, .revisionMismatch, .eventHasSales, .eventHasDebts, .typeSaleNotStarted, .typeSaleEnded,
            .cancellationFinal, .unknownCode, .codeNotForType, .codeNotValidYet, .codeNoLongerValid, .queue:
            self = .refused
        }
    }
}

extension Heard.State {
    public init(_ state: HoldView.State) {
        switch state {
        case .held: self = .held
        case .purchased: self = .purchased
        case .released: self = .released
        case .expired: self = .expired
        case .returned: self = .returned
        }
    }
}

extension IdempotencyKey {
    /// A key that follows from a name, for made-up traffic.
    public init(named name: String) {
        var (high, low) = (Fingerprint(), Fingerprint())
        high.add(name)
        low.add(name.count)
        low.add(name)
        // The last characters of a name change only the lower bits, so these are multiplied into all others.
        self.init(high: Self.spread(high.value), low: Self.spread(low.value))
    }

    private static func spread(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 31) &* 0x7fb5_d329_728e_a185
        value = (value ^ value >> 27) &* 0x81da_def4_bc2d_d44d
        return value ^ value >> 33
    }
}
