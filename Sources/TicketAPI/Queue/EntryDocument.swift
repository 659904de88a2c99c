package import BoxOffice
internal import StrictJSON
internal import TicketStore

/// An entry of a queue as its owner sees it.
package struct EntryDocument: Sendable {
    package var entry: QueueEntry
    package var queue: QueueName
    package var moment: Moment
    package var joinedAt: WallTime
    /// It answers the join: only then it has token and receipt.
    package var isNew = false
    /// When to look again.
    package var pollAfter: Duration

    package init(
        _ entry: QueueEntry, in queue: QueueName, joinedAt: WallTime, at moment: Moment, pollAfter: Duration
    ) {
        self.entry = entry
        self.queue = queue
        self.joinedAt = joinedAt
        self.moment = moment
        self.pollAfter = pollAfter
    }

    package static func name(_ number: EntryNumber, in event: Code) -> String { "E\(number).\(event)" }

    /// When an entry looks again (Q7 Admission): soon where it is called soon, otherwise about once a minute, spread so that not
    /// all entries look at once.
    ///
    /// - Parameters:
    ///   - waiting: entries that wait.
    ///   - chance: from 0 to 1.
    package static func pollAfter(_ entry: QueueEntry, waiting: UInt32, chance: Double) -> Duration {
        switch entry.state {
        case .called, .inside: return .milliseconds(4_000 + Int64(chance * 2_000))
        case .passedBy, .done, .closed: return .milliseconds(45_000 + Int64(chance * 30_000))
        case .waiting:
            // The next 2 %, and a few people in any case.
            let isNear = entry.ahead.map { $0 <= max(leastNear, waiting / 50) } ?? false
            return isNear
                ? .milliseconds(4_000 + Int64(chance * 2_000)) : .milliseconds(45_000 + Int64(chance * 30_000))
        }
    }

    private static let leastNear: UInt32 = 100

    /// Where in the spread an entry looks next, from 0 to 1: another place each time, and nothing that must not be guessed. The
    /// system's generator would be a call into the kernel in each look.
    package static func chance(_ number: EntryNumber, at now: Timestamp) -> Double {
        // SplitMix64 (Steele, Lea and Flood 2014).
        var mixed = UInt64(number.value) << 32 ^ UInt64(bitPattern: now.milliseconds)
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Double((mixed ^ mixed >> 31) >> 11) / Double(1 << 53)
    }

    package func bytes(_ mint: QueueMint) -> [UInt8] {
        var writer = JSONWriter(reserving: 768)
        let signed = SignedEntry(number: entry.number.value, joinedAt: joinedAt)
        writer.object { writer in
            writer.member("id", Self.name(entry.number, in: queue.event))
            if isNew { writer.member("token", mint.token(of: signed, in: queue)) }
            writer.member("event", queue.event.text)
            writer.member("number", entry.number.value)
            writer.member("position", entry.position)
            writer.member("state", entry.state.rawValue)
            writer.member("ahead", entry.ahead)
            let endsAt = entry.turnEndsAt
            let isCalled = entry.state == .called || entry.state == .inside
            writer.member("pass", isCalled ? endsAt.flatMap { pass(of: signed, until: $0, mint) } : nil)
            writer.member("turn_ends_at") { value in
                value.value(rfc3339: endsAt.map { moment.wallTime(of: $0).milliseconds })
            }
            writer.member(
                "turn_ends_in_ms", endsAt.map { max(0, $0.milliseconds - moment.office.milliseconds) })
            writer.member("server_time") { $0.value(rfc3339: moment.wall.milliseconds) }
            writer.member("poll_after_ms", pollAfter.inMilliseconds)
            if isNew { writer.member("receipt", mint.receipt(of: signed, in: queue)) }
        }
        return writer.bytes
    }

    private func pass(of signed: SignedEntry, until end: Timestamp, _ mint: QueueMint) -> String? {
        entry.position.map { mint.pass(SignedPass(signed, position: $0, end: end), in: queue) }
    }
}
