/// What happened to the queue of an event, as a store records it. Presence is not recorded (Q9 Fails closed).
public enum QueueFact: Sendable, Equatable {
    /// People can join. `gathers`: they gather until the sale opens, and then there is a draw. The identity never changes after
    /// this. The fact also takes the first block of numbers.
    case opened(secret: [UInt8], gathers: Bool, QueueTerms.Identity)
    /// A block of numbers was taken: those below `end` may be given (Q2 Numbers).
    case numbered(end: UInt32)
    /// A buyer got this number, in a queue by buyers.
    case joined(EntryNumber, BuyerDigest)
    /// Gathering ended: the numbers below `count` are drawn.
    case gathered(count: UInt32)
    case drawn(QueueBeacon)
    /// The numbers from `from` on to before `below` were given, and those before that no fact names were not. It follows a join by a
    /// moment, so that a restart knows nearly all numbers that somebody has.
    case given(from: UInt32, below: UInt32)
    /// Entries before `head` may enter. `people`: how many of those that it passed were taken for present. `isKnown`: whether they
    /// are known to be; else admission learns nothing from them.
    case moved(head: UInt32, people: UInt32, isKnown: Bool)
    /// The turn of an entry began. `head`: 0, or where it stands now if the entry was let in with its first look.
    case began(EntryNumber, position: UInt32, endsAt: Timestamp, head: UInt32)
    /// An operator changed how people are let in. `mostPerSecond`: 0 for what the definition says.
    case adjusted(isPaused: Bool, mostPerSecond: Int, head: UInt32, people: UInt32, isKnown: Bool)
    case left(EntryNumber)
    case over
    /// Places came back after it was over.
    case reopened
}

/// What became of the public random value of a draw (Q3 Draw).
public enum QueueBeacon: Sendable, Equatable {
    case notAnnounced
    /// It was announced and did not come in time: nobody witnessed the draw.
    case missed
    case given(BeaconText)

    /// What the seed is made with; empty if there is none.
    public var text: String {
        if case .given(let value) = self { value.text } else { "" }
    }
}

/// What a store keeps of a buyer in a queue. It does not tell a reader who the buyer is (R41 Erasure).
public struct BuyerDigest: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// What stands in the place of an erased buyer. It is no buyer's digest, but for a chance of one in 2¹²⁸.
    static func erased(_ number: EntryNumber) -> BuyerDigest {
        BuyerDigest(high: 0, low: UInt64(number.value))
    }
}

/// The entry that a hold was made by, or none, in 4 bytes.
public struct HeldEntry: Sendable, Hashable {
    public static let none = HeldEntry(packed: 0)

    /// 0 for none, else the number and 1.
    public let packed: UInt32

    public init(packed: UInt32) {
        self.packed = packed
    }

    public init(_ number: EntryNumber) {
        packed = number.value + 1
    }

    public var isNone: Bool { packed == 0 }

    public var number: EntryNumber? { packed == 0 ? nil : EntryNumber(packed - 1) }
}
