package import BoxOffice
internal import NIOCore
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

    /// Written in pieces, as documents of holds are (``BuyerDocuments``), since each entry looks once a minute. Nothing in it needs an
    /// escape.
    func write(_ mint: QueueMint, _ texts: inout MomentTexts, to buffer: inout ByteBuffer) {
        let signed = SignedEntry(number: entry.number.value, joinedAt: joinedAt)
        buffer.writeStaticString(#"{"id":"E"#)
        buffer.writeDecimal(Int(signed.number))
        buffer.writeStaticString(".")
        buffer.writeString(queue.event.text)
        if isNew {
            buffer.writeStaticString(#"","token":""#)
            buffer.writeString(mint.token(of: signed, in: queue))
        }
        buffer.writeStaticString(#"","event":""#)
        buffer.writeString(queue.event.text)
        buffer.writeStaticString(#"","number":"#)
        buffer.writeDecimal(Int(signed.number))
        buffer.writeStaticString(#","position":"#)
        buffer.write(orNull: entry.position)
        buffer.writeStaticString(#","state":""#)
        buffer.writeString(entry.state.rawValue)
        buffer.writeStaticString(#"","ahead":"#)
        buffer.write(orNull: entry.ahead)
        writeTurn(of: signed, mint, &texts.end, to: &buffer)
        buffer.writeStaticString(#","server_time":""#)
        texts.now.write(moment.wall, to: &buffer)
        buffer.writeStaticString(#"","poll_after_ms":"#)
        buffer.writeDecimal(Int(pollAfter.inMilliseconds))
        if isNew {
            buffer.writeStaticString(#","receipt":""#)
            buffer.writeString(mint.receipt(of: signed, in: queue))
            buffer.writeStaticString("\"")
        }
        buffer.writeStaticString("}")
    }

    private func writeTurn(
        of signed: SignedEntry, _ mint: QueueMint, _ text: inout MomentText, to buffer: inout ByteBuffer
    ) {
        guard let end = entry.turnEndsAt else {
            buffer.writeStaticString(#","pass":null,"turn_ends_at":null,"turn_ends_in_ms":null"#)
            return
        }
        if entry.state == .called || entry.state == .inside, let position = entry.position {
            buffer.writeStaticString(#","pass":""#)
            buffer.writeString(mint.pass(SignedPass(signed, position: position, end: end), in: queue))
            buffer.writeStaticString(#"","turn_ends_at":""#)
        } else {
            buffer.writeStaticString(#","pass":null,"turn_ends_at":""#)
        }
        text.write(moment.wallTime(of: end), to: &buffer)
        buffer.writeStaticString(#"","turn_ends_in_ms":"#)
        buffer.writeDecimal(max(0, Int(end.milliseconds - moment.office.milliseconds)))
    }

    func bytes(_ mint: QueueMint) -> [UInt8] {
        var (buffer, texts) = (ByteBuffer(), MomentTexts())
        write(mint, &texts, to: &buffer)
        return Array(buffer.readableBytesView)
    }
}

extension ByteBuffer {
    /// Appends a number in decimal, or `null`.
    fileprivate mutating func write(orNull number: UInt32?) {
        if let number { writeDecimal(Int(number)) } else { writeStaticString("null") }
    }
}
