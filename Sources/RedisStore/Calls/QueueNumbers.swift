internal import BoxOffice

// The numbers of the queue that nodes and the functions exchange (see ``WireNumbers``).

/// The kind of a command for a queue.
enum QueueCommandCode: UInt8, CaseIterable {
    case open = 1
    case join, look, attend, beacon, leave, adjust
}

/// What became of a command for a queue that was done.
enum QueueOutcomeCode: UInt8, CaseIterable {
    case joined = 1
    case looked, attended, changed
}

/// Why a queue refused. Each is a `QueueRefusal`.
enum QueueRefusalCode: UInt8, CaseIterable {
    case noQueue = 1
    case notOpen, unknownEntry, full, passRequired, notYourTurn, turnOver, passUsed, otherBuyer
    case noBeacon, otherBeacon, beaconEarly, beaconLate
}

/// A `QueueEntry.State`.
enum QueueEntryCode: UInt8, CaseIterable {
    case waiting = 1
    case called, passedBy, inside, done, closed

    var state: QueueEntry.State {
        switch self {
        case .waiting: .waiting
        case .called: .called
        case .passedBy: .passedBy
        case .inside: .inside
        case .done: .done
        case .closed: .closed
        }
    }
}

/// A `QueueView.Phase`; all but ``paused`` are also kept as the stage of a queue.
enum QueuePhaseCode: UInt8, CaseIterable {
    case gathering = 1
    case drawing, moving, paused, over

    var phase: QueueView.Phase {
        switch self {
        case .gathering: .gathering
        case .drawing: .drawing
        case .moving: .moving
        case .paused: .paused
        case .over: .over
        }
    }
}

/// A `QueueBeacon`, or none before the draw.
enum QueueBeaconCode: UInt8, CaseIterable {
    case none = 0
    case notAnnounced, missed, given
}

/// What stands behind a hold. The other flags are those of ``CommandFlag``.
enum HoldFlag: UInt8, CaseIterable {
    /// The pass of an entry (Q6 Pass).
    case pass = 4
}

/// What is wrong with a change of how people are let in.
struct QueueAdjustmentMistakes: OptionSet {
    static let rate = Self(rawValue: 1)
    static let lettingIn = Self(rawValue: 2)
    /// Nobody can be let in by hand, which the functions find.
    static let standing = Self(rawValue: 4)

    let rawValue: UInt8

    init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    init(_ asked: QueueAdjustment) {
        self = []
        if let rate = asked.mostPerSecond, rate != 0, !Limits.queueRates.contains(rate) { insert(.rate) }
        if let people = asked.lettingIn, !Limits.queueLetIn.contains(people) { insert(.lettingIn) }
    }

    /// As the core reports them.
    var mistakes: [Mistake] {
        var mistakes: [Mistake] = []
        if contains(.rate) { mistakes.append(.outside(Limits.queueRates, at: "/most_per_second")) }
        if contains(.lettingIn) { mistakes.append(.outside(Limits.queueLetIn, at: "/let_in")) }
        if contains(.standing) { mistakes.append(.queueStands) }
        return mistakes
    }
}

extension WireNumbers {
    /// One table for everything of the queue, since Lua has room for 200 local names in a text: its enums, whose cases all have
    /// names of their own, and the bounds that the core has, in milliseconds where they are times.
    static var queueTable: String {
        let bounds = """
            entries = \(Limits.queueEntries), block = \(QueueBounds.block), keys = \(Limits.joinKeys), \
            keys_kept = \(Limits.joinKeysKept.inMilliseconds), looks_within = \(QueueBounds.looksWithin.inMilliseconds), \
            minute = 60000, assumed_places = 4, lives = \(QueueBounds.lives), \
            stillness = \(QueueBounds.stillness.inMilliseconds), stretches = \(QueueBounds.stretches)
            """
        let names = [
            members(QueueCommandCode.allCases), members(QueueOutcomeCode.allCases), members(QueueRefusalCode.allCases),
            members(QueueEntryCode.allCases), members(QueuePhaseCode.allCases), members(QueueBeaconCode.allCases),
            members(HoldFlag.allCases), bounds,
        ]
        return "local QUEUE = { \(names.joined(separator: ", ")) }"
    }
}
