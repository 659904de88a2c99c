/// How an event queues its buyers, as the member `queue` of its definition says (Q1 Phases to Q10 One decision).
public struct QueueTerms: Sendable, Equatable {
    /// What an entry of the queue belongs to.
    public enum Identity: String, Sendable, CaseIterable {
        /// Each join makes an entry.
        case device
        /// A shop joins for its signed-in buyer, who has one entry on all devices. Holds must name the same buyer.
        case buyer
    }

    /// A public random value, announced by its name before anybody knows it (Q3 Draw).
    public struct Beacon: Sendable, Equatable {
        public var name: String
        /// How long the draw waits for the value, from the end of gathering.
        public var wait: Duration

        public init(name: String, wait: Duration = .seconds(30)) {
            self.name = name
            self.wait = wait
        }
    }

    /// When people can join; `nil` for ``leadTime`` before the sale opens, and at once if the sale has no opening.
    public var opensAt: WallTime?
    public var identity: Identity
    /// How long a turn lasts.
    public var turn: Duration
    /// How long the next look of an entry begins its turn, after the head passed it (Q5 Turn).
    public var returning: Duration
    public var purchasesPerEntry: Int
    /// The most people who are let in within a second.
    public var mostPerSecond: Int
    public var beacon: Beacon?

    /// How long before the sale a queue opens that says nothing of it.
    public static let leadTime = Duration.seconds(3600)

    public init(
        opensAt: WallTime? = nil, identity: Identity = .device, turn: Duration = .seconds(180),
        returning: Duration = .seconds(900), purchasesPerEntry: Int = 1, mostPerSecond: Int = 500,
        beacon: Beacon? = nil
    ) {
        self.opensAt = opensAt
        self.identity = identity
        self.turn = turn
        self.returning = returning
        self.purchasesPerEntry = purchasesPerEntry
        self.mostPerSecond = mostPerSecond
        self.beacon = beacon
    }

    /// The members of the document in its order; `beacon` comes after them.
    public static let members: [DocumentMember<QueueTerms>] = [
        .init(
            "opens_at", .moment(\.opensAt),
            "When people can join, before the sale opens; `null` for one hour before, and for at once if the sale has no "
                + "opening (Q1 Phases)."),
        .init(
            "identity", .word(\.identity),
            "What an entry belongs to: the `device` that joins, or the `buyer` for whom a shop joins."),
        .init(
            "turn_seconds", .seconds(\.turn, Limits.queueTurnSeconds), "How long a turn lasts (Q5 Turn)."),
        .init(
            "return_seconds", .seconds(\.returning, Limits.queueReturnSeconds),
            "How long somebody who was not there when the queue came to them can still begin their turn."),
        .init(
            "purchases_per_entry", .count(\.purchasesPerEntry, Limits.queuePurchases),
            "How many purchases one entry allows in all (Q6 Pass)."),
        .init(
            "most_per_second", .count(\.mostPerSecond, Limits.queueRates),
            "The most people who are let in within a second (Q7 Admission)."),
    ]
}

extension EventDefinition {
    /// The member that documents leave out where there is no queue.
    public static let queueMember = "queue"

    /// From when on people can join the queue; `nil` for at once.
    public var queueOpensAt: WallTime? {
        queue?.opensAt
            ?? opensAt.map { WallTime(milliseconds: $0.milliseconds - QueueTerms.leadTime.inMilliseconds) }
    }

    /// What is wrong with the queue. A queue that opens with the sale or after it would never gather anybody.
    func mistakesOfQueue() -> [Mistake] {
        guard let queue else { return [] }
        let place = "/" + Self.queueMember
        var found = QueueTerms.members.compactMap { $0.mistake(in: queue, at: place) }
        if let joined = queue.opensAt, let opensAt, joined >= opensAt {
            found.append(.queueOpensLate(at: place + "/opens_at"))
        }
        if let beacon = queue.beacon {
            let place = place + "/beacon"
            if BeaconText(beacon.name) == nil { found.append(.beaconText(at: place + "/name")) }
            let (seconds, fraction) = beacon.wait.components
            if fraction != 0 || !Limits.beaconSeconds.contains(Int(clamping: seconds)) {
                found.append(.outside(Limits.beaconSeconds, at: place + "/wait_seconds"))
            }
        }
        return found
    }

    /// What is allowed of a queue, but probably a mistake.
    var warningsOfQueue: [Mistake] {
        guard queue?.beacon != nil, opensAt == nil else { return [] }
        return [Mistake("/queue/beacon", "is never used: without an opening of the sale there is no draw")]
    }
}

public enum BeaconKind: ReferenceKind {
    /// Random values are 32 or 64 bytes in hexadecimal digits, or a line of numbers.
    public static let maximumLength = 255
}

/// The name or the value of a public random value (Q3 Draw).
public typealias BeaconText = Reference<BeaconKind>

extension Reference where Kind == BeaconKind {
    /// A value in its one spelling: its letters, as small ones, and its digits. Blanks and punctuation are left out. Each spelling
    /// would make another draw, so an operator could choose among draws.
    ///
    /// `nil` if nothing is left, and for other letters than those from A to Z, which Unicode spells in several ways.
    public init?(value text: String) {
        guard text.utf8.count <= Kind.maximumLength else { return nil }
        var spelled: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): spelled.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): spelled.append(byte | 0x20)
            case 0x09, 0x0a, 0x0d, 0x20...0x7e: continue
            default: return nil
            }
        }
        self.init(String(decoding: spelled, as: UTF8.self))
    }

    /// What a value must be, in words that follow its name.
    package static var valueForm: String {
        "must have letters from A to Z or digits, and besides these only blanks and punctuation, "
            + "\(Kind.maximumLength) bytes in all at most"
    }
}
