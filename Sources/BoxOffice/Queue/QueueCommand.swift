/// The number of an entry in an event's queue: from 0, in the order of joining (Q2 Numbers). It is no secret: the entry's
/// token proves who may use it.
public struct EntryNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: UInt32

    public init(_ value: UInt32) {
        self.value = value
    }

    public var description: String { String(value) }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// A request to the queue of an event. The edge has checked the tokens, and knows the order that was drawn.
public enum QueueCommand: Sendable, Equatable {
    /// Opens the queue when its time has come (Q1 Phases). `secret`: 32 random bytes, for the draw.
    case open(secret: [UInt8])
    /// Gives the next number (Q2 Numbers). `buyer`: for whom a shop joins, in a queue by buyers.
    case join(buyer: Buyer? = nil, key: IdempotencyKey? = nil)
    /// The state of an entry. If it may enter, its turn begins (Q5 Turn). `position`: in the order that was drawn, from 0; `nil`
    /// before the caller knows that order, and for numbers that were not drawn.
    case look(EntryNumber, position: UInt32? = nil)
    /// Decides what is due: the end of gathering, a draw without its beacon, admission, over. It makes one fact at most; the
    /// outcome says whether more is due. About once a second.
    case attend(PresenceReport = PresenceReport())
    /// The public random value that was announced under this name (Q3 Draw).
    case beacon(name: BeaconText, value: BeaconText)
    /// The entry leaves the queue.
    case leave(EntryNumber)
    /// An operator changes how people are let in (Q7 Admission).
    case adjust(QueueAdjustment)

    /// Whether people in the queue send it. There can be very many of these, and refusing one costs nobody a payment (R21 Bounds).
    package var isOfPeople: Bool {
        switch self {
        case .join, .look, .leave: true
        case .open, .attend, .beacon, .adjust: false
        }
    }
}

/// What an operator changes of a queue; `nil` leaves it as it is.
public struct QueueAdjustment: Sendable, Equatable {
    public var isPaused: Bool?
    /// Instead of the definition's own rate. 0 goes back to that.
    public var mostPerSecond: Int?
    /// Lets in so many more people, whatever is free.
    public var lettingIn: Int?

    public init(isPaused: Bool? = nil, mostPerSecond: Int? = nil, lettingIn: Int? = nil) {
        self.isPaused = isPaused
        self.mostPerSecond = mostPerSecond
        self.lettingIn = lettingIn
    }
}

/// The right of an entry to hold, as a request to hold carries it (Q6 Pass). The edge has checked its signature; when its turn
/// ends is what the box office recorded.
public struct QueuePass: Sendable, Hashable {
    public var number: EntryNumber
    /// From 0, in the order that was drawn.
    public var position: UInt32
    /// When the entry joined. A store that lost facts may have given its number again (Q2 Numbers).
    public var joinedAt: WallTime

    public init(number: EntryNumber, position: UInt32, joinedAt: WallTime) {
        self.number = number
        self.position = position
        self.joinedAt = joinedAt
    }
}

/// How many waiting entries looked within the last two minutes, by where they stand (Q7 Admission).
///
/// Positions from `first` on are counted in slices of `width`. The counts of several nodes can be added.
public struct PresenceReport: Sendable, Equatable {
    /// The slices of a report: more would only make it longer, since people behind them are not let in within a second.
    public static let slices = 256

    public var first: UInt32
    public var width: UInt32
    public var counts: [UInt32]
    /// All entries that looked, wherever they stand.
    public var present: UInt32
    /// Whether the node that reports has counted looks for as long as everybody takes to look once. Until then nobody is taken for
    /// absent.
    public var isComplete: Bool

    public init(
        first: UInt32 = 0, width: UInt32 = 1, counts: [UInt32] = [], present: UInt32 = 0, isComplete: Bool = false
    ) {
        self.first = first
        self.width = max(1, width)
        self.counts = Array(counts.prefix(Self.slices))
        self.present = present
        self.isComplete = isComplete
    }
}
