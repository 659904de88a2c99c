internal import DequeModule

/// All holds at hand, by number.
///
/// A number is a position: chunk and offset, no hashing. Growing adds a chunk and moves nothing. Old chunks whose
/// holds have all ended go, oldest first, once more than ``Limits/settledHolds`` are kept; a store that is asked for
/// one of those reads it from its ledger and brings it back with ``recall(_:_:moreLines:)``.
struct HoldTable: Sendable, Equatable {
    private struct Chunk: Sendable, Equatable {
        static let capacity = 1_024
        var records: ContiguousArray<HoldRecord> = []
        /// No hold in here is live from then on.
        var latestDeadline = Timestamp.zero
    }

    private var chunks = Deque<Chunk>()
    /// The number of the first hold of the first chunk.
    private var base: UInt64 = 1
    /// The number the next hold gets.
    private(set) var next: UInt64 = 1
    private var moreLines: [HoldID: [HeldLine]] = [:]
    private var recalled: [HoldID: HoldRecord] = [:]
    private var recalledOrder = Deque<HoldID>()

    /// Whether a hold of that number was ever given out, at hand or not.
    func wasGiven(_ id: HoldID) -> Bool {
        id.number >= 1 && id.number < next
    }

    /// `nil` if the hold is unknown or no longer at hand.
    func record(_ id: HoldID) -> HoldRecord? {
        guard id.number >= base else { return recalled.isEmpty ? nil : recalled[id] }
        guard id.number < next else { return nil }
        let position = Int(id.number - base)
        return chunks[position / Chunk.capacity].records[position % Chunk.capacity]
    }

    /// - Precondition: the hold is at hand.
    mutating func update(_ id: HoldID, _ change: (inout HoldRecord) -> Void) {
        guard id.number >= base else {
            guard var record = recalled[id] else { preconditionFailure("a hold that changes is at hand") }
            change(&record)
            recalled[id] = record
            return
        }
        let position = Int(id.number - base)
        let chunk = position / Chunk.capacity
        change(&chunks[chunk].records[position % Chunk.capacity])
        let deadline = chunks[chunk].records[position % Chunk.capacity].deadline
        if chunks[chunk].latestDeadline < deadline { chunks[chunk].latestDeadline = deadline }
    }

    func lines(_ id: HoldID, _ record: HoldRecord) -> OneOrMore<HeldLine> {
        guard record.hasMoreLines else { return OneOrMore(record.line) }
        return OneOrMore(record.line, moreLines[id] ?? [])
    }

    /// Takes the next number for `record`.
    mutating func append(_ record: HoldRecord, moreLines more: [HeldLine]) {
        if chunks.last.map({ $0.records.count == Chunk.capacity }) ?? true {
            chunks.append(Chunk())
            chunks[chunks.count - 1].records.reserveCapacity(Chunk.capacity)
        }
        let last = chunks.count - 1
        if chunks[last].latestDeadline < record.deadline { chunks[last].latestDeadline = record.deadline }
        chunks[last].records.append(record)
        if !more.isEmpty { moreLines[HoldID(next)] = more }
        next += 1
    }

    /// Starts an empty table at `first`: what was before is in the ledger.
    mutating func start(at first: UInt64) {
        precondition(next == base, "only an empty table starts")
        base = first
        next = first
    }

    /// Brings an old hold back to hand. One that is at hand stays as it is: it may be ahead of the ledger.
    mutating func recall(_ id: HoldID, _ record: HoldRecord, moreLines more: [HeldLine], limit: Int) {
        guard id.number < base, recalled[id] == nil else { return }
        recalled[id] = record
        if !more.isEmpty { moreLines[id] = more }
        recalledOrder.append(id)
        while recalledOrder.count > limit, let oldest = recalledOrder.popFirst() {
            recalled[oldest] = nil
            moreLines[oldest] = nil
        }
    }

    /// Forgets the oldest chunks that ended before `now`, as long as more than `limit` holds are kept.
    mutating func forgetSettled(at now: Timestamp, keeping limit: Int) {
        while chunks.count > 1, Int(next - base) - Chunk.capacity >= limit,
            let oldest = chunks.first, oldest.latestDeadline <= now
        {
            chunks.removeFirst()
            if !moreLines.isEmpty {
                for number in base..<(base + UInt64(Chunk.capacity)) { moreLines[HoldID(number)] = nil }
            }
            base += UInt64(Chunk.capacity)
        }
    }

    /// Every hold at hand that is live at `now`, in order of number.
    func live(at now: Timestamp) -> [(HoldID, HoldRecord)] {
        var found = [(HoldID, HoldRecord)]()
        for (index, chunk) in chunks.enumerated() where now < chunk.latestDeadline {
            let first = base + UInt64(index * Chunk.capacity)
            for (offset, record) in chunk.records.enumerated() where record.isLive(at: now) {
                found.append((HoldID(first + UInt64(offset)), record))
            }
        }
        return found
    }
}
