/// The answer to a command for a queue.
public enum QueueOutcome: Sendable, Equatable {
    /// `repeated`: the key or the buyer had joined before. `recordedBy`: the fact that must be durable before the number is
    /// given; nearly always it is long since.
    case joined(QueueEntry, repeated: Bool, recordedBy: UInt64)
    case looked(QueueEntry)
    /// `isMoreDue`: another fact follows if the command is repeated at once.
    case attended(QueueView, isMoreDue: Bool)
    /// An operator's command was done, or had been before.
    case changed(QueueView, repeated: Bool)
}

/// Why the queue refuses.
public enum QueueRefusal: Sendable, Equatable {
    /// The event has no queue.
    case none
    /// People can join from this moment on; `nil`: as soon as it was opened, which happens within a second.
    case notOpen(opensAt: WallTime?)
    /// There is no such entry, or the store lost it; also of a hold with its pass.
    case unknownEntry
    /// The queue has as many entries as it may have (``Limits/queueEntries``).
    case full
    /// A hold came without a pass.
    case passRequired
    /// The turn has not come. `ahead`: entries before it; 0 if the next look begins its turn.
    case notYourTurn(position: UInt32, ahead: UInt32)
    case turnOver
    /// The pass has a live hold, or bought as often as it may.
    case passUsed
    /// The hold names another buyer than the one who joined.
    case otherBuyer
    /// A beacon came and none was announced.
    case noBeacon
    case otherBeacon
    /// Before the count was published.
    case beaconEarly
    /// The draw was made, with another value or without one.
    case beaconLate
}

/// An entry as answers show it.
public struct QueueEntry: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case waiting
        /// Its turn runs: it has a pass.
        case called
        /// The head passed it, and the time to begin its turn is over, or its turn ended without a purchase.
        case passedBy = "passed-by"
        /// Its turn runs, and it has a live hold.
        case inside
        /// It bought as often as it may, or its turn ended after a purchase.
        case done
        /// It left.
        case closed
    }

    public var number: EntryNumber
    /// From 0; `nil` before the draw, and before the caller knows it.
    public var position: UInt32?
    public var state: State
    /// Entries before it that were not let in.
    public var ahead: UInt32?
    /// By the store's clock; only of a turn that began. In a pause of the sale it is the end if the sale went on now.
    public var turnEndsAt: Timestamp?

    public init(
        number: EntryNumber, position: UInt32? = nil, state: State, ahead: UInt32? = nil, turnEndsAt: Timestamp? = nil
    ) {
        self.number = number
        self.position = position
        self.state = state
        self.ahead = ahead
        self.turnEndsAt = turnEndsAt
    }
}

/// A queue at one moment.
public struct QueueView: Sendable, Equatable {
    public enum Phase: String, Sendable, CaseIterable {
        case closed, gathering, drawing, moving, paused, over
    }

    public var phase: Phase
    /// An operator paused it, also while it gathers.
    public var isPaused: Bool
    /// Numbers that were given or skipped.
    public var joined: UInt32
    /// Entries that looked lately, as last reported.
    public var present: UInt32
    public var head: UInt32
    /// People who were let in within the last minute.
    public var calledPerMinute: UInt32
    /// 32 bytes. It is published with the draw, its digest from the opening on.
    public var secret: [UInt8]
    /// How many numbers are drawn; `nil` before gathering ended, and without a draw.
    public var count: UInt32?
    /// `nil` before the draw, and without one.
    public var beacon: QueueBeacon?
    public var mostPerSecond: Int
    public var admission: Admission
    /// Where a store may have lost numbers that it gave: since when it gives the numbers from `first` on.
    public var lives: [QueueLife]

    public init(
        phase: Phase, isPaused: Bool, joined: UInt32, present: UInt32, head: UInt32, calledPerMinute: UInt32,
        secret: [UInt8], count: UInt32?, beacon: QueueBeacon?, mostPerSecond: Int, admission: Admission,
        lives: [QueueLife] = []
    ) {
        self.phase = phase
        self.isPaused = isPaused
        self.joined = joined
        self.present = present
        self.head = head
        self.calledPerMinute = calledPerMinute
        self.secret = secret
        self.count = count
        self.beacon = beacon
        self.mostPerSecond = mostPerSecond
        self.admission = admission
        self.lives = lives
    }
}

/// A stretch of numbers, from the first one on, and the moment from which on a store gives them (Q2 Numbers). A server that lost
/// facts may give a number of a stretch again: the entry that joined earlier was lost.
public struct QueueLife: Sendable, Equatable {
    public var first: UInt32
    public var since: WallTime

    public init(first: UInt32, since: WallTime) {
        self.first = first
        self.since = since
    }
}

extension QueueView {
    /// Whether the store that lost facts lost the entry with this number that joined at this moment.
    public func hasLost(_ number: EntryNumber, joinedAt: WallTime) -> Bool {
        lives.haveLost(number, joinedAt: joinedAt)
    }
}

extension [QueueLife] {
    func haveLost(_ number: EntryNumber, joinedAt: WallTime) -> Bool {
        contains { $0.first <= number.value && joinedAt < $0.since }
    }
}
