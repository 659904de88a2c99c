internal import BoxOffice

extension PackedReader {
    /// The outcome of a command for a queue, behind its flags (`Lua/queueing.lua`).
    mutating func queueOutcome(isRepeated: Bool) throws(PackedMistake) -> QueueOutcome {
        guard let code = QueueOutcomeCode(rawValue: try byte()) else { throw PackedMistake() }
        switch code {
        // Blocks are durable when the call is: a store on Redis numbers no facts.
        case .joined: return .joined(try queueEntry(), repeated: isRepeated, recordedBy: 0)
        case .looked: return .looked(try queueEntry())
        case .attended: return .attended(try queueView(), isMoreDue: isRepeated)
        case .changed: return .changed(try queueView(), repeated: isRepeated)
        }
    }

    mutating func queueRefusal() throws(PackedMistake) -> QueueRefusal {
        guard let code = QueueRefusalCode(rawValue: try byte()) else { throw PackedMistake() }
        switch code {
        case .noQueue: return .none
        case .notOpen:
            let isKnown = try byte() == 1
            let opensAt = WallTime(milliseconds: Int64(try number()))
            return .notOpen(opensAt: isKnown ? opensAt : nil)
        case .unknownEntry: return .unknownEntry
        case .full: return .full
        case .passRequired: return .passRequired
        case .notYourTurn: return .notYourTurn(position: try small(), ahead: try small())
        case .turnOver: return .turnOver
        case .passUsed: return .passUsed
        case .otherBuyer: return .otherBuyer
        case .noBeacon: return .noBeacon
        case .otherBeacon: return .otherBeacon
        case .beaconEarly: return .beaconEarly
        case .beaconLate: return .beaconLate
        }
    }

    private mutating func queueEntry() throws(PackedMistake) -> QueueEntry {
        let number = EntryNumber(try small())
        guard let code = QueueEntryCode(rawValue: try byte()) else { throw PackedMistake() }
        let (position, ahead) = (try smallOrNone(), try smallOrNone())
        let end = try self.number()
        return QueueEntry(
            number: number, position: position, state: code.state, ahead: ahead,
            turnEndsAt: end > 0 ? Timestamp(milliseconds: Int64(end)) : nil)
    }

    private mutating func queueView() throws(PackedMistake) -> QueueView {
        guard let phase = QueuePhaseCode(rawValue: try byte()) else { throw PackedMistake() }
        let isPaused = try byte() == 1
        let (joined, present) = (try small(), try small())
        let (head, called) = (try small(), try small())
        let count = try smallOrNone()
        guard let beacon = QueueBeaconCode(rawValue: try byte()) else { throw PackedMistake() }
        let rate = try number()
        let (free, held, inside) = (try number(), try number(), try number())
        let learned = try learning()
        let secret = try bytes(Int(try byte()))
        let value = try text()
        var lives: [QueueLife] = []
        for _ in 0..<(try byte()) {
            lives.append(QueueLife(first: try small(), since: WallTime(milliseconds: Int64(try number()))))
        }
        return QueueView(
            phase: phase.phase, isPaused: isPaused, joined: joined, present: present, head: head,
            calledPerMinute: called, secret: secret, count: count, beacon: try Self.beacon(beacon, value),
            mostPerSecond: rate, admission: Admission(free: free, held: held, inside: Double(inside), learned: learned),
            lives: lives)
    }

    private static func beacon(_ code: QueueBeaconCode, _ value: String) throws(PackedMistake) -> QueueBeacon? {
        switch code {
        case .none: return nil
        case .notAnnounced: return .notAnnounced
        case .missed: return .missed
        case .given:
            guard let value = BeaconText(value) else { throw PackedMistake() }
            return .given(value)
        }
    }

    private mutating func learning() throws(PackedMistake) -> QueueLearning {
        let assumed = try number()
        let (called, asked) = (try number(), try number())
        let (takers, taken, squares) = (try number(), try number(), try number())
        let (ended, sold) = (try number(), try number())
        return QueueLearning(
            assumedPlaces: assumed, called: called, asked: asked, takers: takers, taken: taken, takenSquared: squares,
            ended: ended, sold: sold)
    }

    private mutating func small() throws(PackedMistake) -> UInt32 {
        guard let value = UInt32(exactly: try number()) else { throw PackedMistake() }
        return value
    }

    /// `nil` for -1.
    private mutating func smallOrNone() throws(PackedMistake) -> UInt32? {
        let value = try number()
        if value == -1 { return nil }
        guard let value = UInt32(exactly: value) else { throw PackedMistake() }
        return value
    }
}
