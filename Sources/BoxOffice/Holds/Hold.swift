/// The number of a hold: dense, in the order of holding, from 1, over all events of a ledger.
///
/// Finding a hold is an index and not a search. The number is no secret; a token proves who may use it.
public struct HoldID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64

    public init(_ number: UInt64) {
        self.number = number
    }

    public var description: String { String(number) }

    public static func < (left: Self, right: Self) -> Bool {
        left.number < right.number
    }
}

/// What a buyer asks for: so many tickets of one type, or fewer if need be.
public struct Line: Hashable, Sendable {
    public var type: Code
    public var quantity: Int
    /// Fewer than this are not wanted: from 1 to `quantity`.
    public var minimum: Int

    /// - Parameter minimum: nil for all or nothing.
    public init(type: Code, quantity: Int, minimum: Int? = nil) {
        self.type = type
        self.quantity = quantity
        self.minimum = minimum ?? quantity
    }
}

/// What a hold has of one type, at the price of the moment of holding.
public struct HeldLine: Hashable, Sendable {
    /// The index of the type within its event; it never changes its meaning.
    public var type: UInt16
    public var quantity: Int32
    /// Minor units for one ticket.
    public var price: Int64

    public init(type: UInt16, quantity: Int32, price: Int64) {
        self.type = type
        self.quantity = quantity
        self.price = price
    }
}

/// Where a hold stands. `held` may go to every other state; `purchased` may only go to `returned`. A hold that is `held` past its deadline *is* expired: nothing is written for that.
public enum HoldState: UInt8, Sendable {
    case held = 0
    case purchased = 1
    case released = 2
    /// A purchase that the operator undid.
    case returned = 3
}

/// A hold as the box office keeps it: 40 bytes, and for the rare hold of several lines an entry beside the table.
public struct HoldRecord: Sendable, Equatable {
    /// Gone at this moment, there until then.
    public internal(set) var deadline: Timestamp
    public internal(set) var line: HeldLine
    public internal(set) var event: UInt32
    /// 0 for none, else one more than the index of the buyer's account in the event.
    var buyer: UInt32
    public internal(set) var state: HoldState
    public internal(set) var extensions: UInt8
    /// More lines are kept beside the table.
    var hasMoreLines: Bool
    /// Paid after the deadline and won the places again.
    public internal(set) var late: Bool
    /// Which of its event's terms it was made under (R11 Terms of a hold).
    var terms: UInt16

    /// Whether it was purchased before its deadline, returned since or not.
    var isSoldInTime: Bool {
        (state == .purchased || state == .returned) && !late
    }

    /// Whether the places are this hold's at `now`, not yet paid for.
    public func isLive(at now: Timestamp) -> Bool {
        state == .held && now < deadline
    }
}

/// A hold as an answer tells of it.
public struct HoldView: Sendable, Equatable {
    public enum State: String, Sendable {
        case held, purchased, released, expired, returned
    }

    public var id: HoldID
    public var event: UInt32
    public var state: State
    /// Which of its event's terms it was made under; see ``EventCatalogue/currency(of:)``.
    public var terms: UInt16
    public var lines: OneOrMore<HeldLine>
    /// The deadline as told to the client: the grace that it was made under before the store's own (R6 Deadline).
    public var expiresAt: Timestamp
    public var extensionsRemaining: Int

    public init(
        id: HoldID, event: UInt32, state: State, terms: UInt16, lines: OneOrMore<HeldLine>, expiresAt: Timestamp,
        extensionsRemaining: Int
    ) {
        self.id = id
        self.event = event
        self.state = state
        self.terms = terms
        self.lines = lines
        self.expiresAt = expiresAt
        self.extensionsRemaining = extensionsRemaining
    }
}
