/// The number of a hold: from 1, without gaps, in the order of holding, over all events of a ledger.
///
/// It is an index, so finding a hold needs no search. It is not a secret: a token proves who may use the hold.
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

/// What a buyer asks for: a number of tickets of one type, or fewer if the buyer accepts that.
public struct Line: Hashable, Sendable {
    /// The type's code, or with the name of an allocation: `GA/guests` (R45 Allocations).
    public var type: Code
    public var quantity: Int
    /// The buyer wants this many or none: from 1 to `quantity` (R22 Minimum quantity).
    public var minimum: Int

    /// - Parameter minimum: `nil` for all or nothing.
    public init(type: Code, quantity: Int, minimum: Int? = nil) {
        self.type = type
        self.quantity = quantity
        self.minimum = minimum ?? quantity
    }
}

/// The tickets of one type in a hold, at the price of the moment of holding.
public struct HeldLine: Hashable, Sendable {
    /// The index of the type within its event. An index never changes its meaning.
    public var type: UInt16
    /// How many of the tickets were purchased and returned, at most `quantity` (R39 Partial return). It lies where the line
    /// would have two unused bytes.
    public var returned: UInt16
    public var quantity: Int32
    /// The price of one ticket, in minor units.
    public var price: Int64

    /// The tickets that were not returned.
    public var kept: Int32 { quantity - Int32(returned) }

    public init(type: UInt16, quantity: Int32, price: Int64, returned: UInt16 = 0) {
        self.type = type
        self.returned = returned
        self.quantity = quantity
        self.price = price
    }
}

extension OneOrMore<HeldLine> {
    /// Every ticket was returned.
    package mutating func returnAll() {
        for index in indices { self[index].returned = UInt16(clamping: self[index].quantity) }
    }
}

/// The recorded state of a hold. `held` may become `purchased` or `released`; `purchased` may become `returned`. A hold that
/// is `held` past its deadline has expired: nothing is written for that.
public enum HoldState: UInt8, Sendable {
    case held = 0
    case purchased = 1
    case released = 2
    /// The operator undid the purchase.
    case returned = 3
}

/// A hold as the box office keeps it: 40 bytes, and an entry beside the table for the rare hold of several lines.
public struct HoldRecord: Sendable, Equatable {
    /// The hold is good before this moment, and has ended at it (R6 Deadline).
    public internal(set) var deadline: Timestamp
    public internal(set) var line: HeldLine
    public internal(set) var event: UInt32
    /// The buyer's account in the event.
    var buyer: BuyerAccountID
    public internal(set) var state: HoldState
    public internal(set) var extensions: UInt8
    /// The other lines are kept beside the table.
    var hasMoreLines: Bool
    /// A late payment bought it (R9 Late payment).
    public internal(set) var late: Bool
    /// The index of the terms that it was made under (R11 Terms of a hold).
    var terms: UInt16
    /// The index of who sold it; 0 for nobody (R48 Operator keys). It lies where the record would have two unused bytes.
    var seller: UInt16 = 0

    /// Whether it was purchased before its deadline, even if it was returned later.
    var isSoldInTime: Bool {
        (state == .purchased || state == .returned) && !late
    }

    /// Whether its buyer was erased (R41 Erasure).
    var isErased: Bool { buyer == .erased }

    /// Whether it holds its places at `now` and is not purchased.
    public func isLive(at now: Timestamp) -> Bool {
        state == .held && now < deadline
    }
}

/// A hold as answers show it.
public struct HoldView: Sendable, Equatable {
    public enum State: String, Sendable {
        case held, purchased, released, expired, returned
    }

    public var id: HoldID
    public var event: UInt32
    public var state: State
    /// The index of the terms that it was made under; see ``EventCatalogue/currency(of:)``.
    public var terms: UInt16
    public var lines: OneOrMore<HeldLine>
    /// The end of the hold as the client sees it: the event's grace before the deadline (R6 Deadline).
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
