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
    /// Of the chunks that went last: which of their holds were purchased in time.
    private var sales = Deque<Sales>()

    /// What is left of a chunk for as long as keys of its holds may be remembered: 16 bytes, and 2 a purchase.
    private struct Sales: Sendable, Equatable {
        /// Positions within the chunk, in their order.
        var sold: ContiguousArray<UInt16> = []
        let until: Timestamp
    }

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

    /// Whether the hold is at hand. One that is stays as it is: it may be ahead of the ledger.
    func isAtHand(_ id: HoldID) -> Bool {
        id.number >= base || recalled[id] != nil
    }

    /// Brings an old hold back to hand.
    ///
    /// - Precondition: it is not at hand.
    /// - Returns: the hold that is at hand no more for it, if there were `limit` of them.
    mutating func recall(
        _ id: HoldID, _ record: HoldRecord, moreLines more: [HeldLine], limit: Int
    ) -> HoldRecord? {
        precondition(!isAtHand(id), "a hold is recalled once")
        recalled[id] = record
        if !more.isEmpty { moreLines[id] = more }
        recalledOrder.append(id)
        guard recalledOrder.count > limit, let oldest = recalledOrder.popFirst() else { return nil }
        moreLines[oldest] = nil
        return recalled.removeValue(forKey: oldest)
    }

    /// Forgets the oldest chunk if its holds ended before `now` and more than `limit` holds are kept without it.
    ///
    /// - Parameter retention: how long it stays known which of them were purchased.
    /// - Returns: the holds that are at hand no more, empty if none.
    mutating func forgetSettled(
        at now: Timestamp, keeping limit: Int, retention: Duration
    ) -> ContiguousArray<HoldRecord> {
        while let first = sales.first, first.until < now { sales.removeFirst() }
        guard chunks.count > 1, Int(next - base) - Chunk.capacity >= limit,
            let oldest = chunks.first, oldest.latestDeadline <= now
        else { return [] }
        chunks.removeFirst()
        if !moreLines.isEmpty {
            for number in base..<(base + UInt64(Chunk.capacity)) { moreLines[HoldID(number)] = nil }
        }
        base += UInt64(Chunk.capacity)
        var gone = Sales(until: oldest.latestDeadline.advanced(by: retention))
        for (position, record) in oldest.records.enumerated() where record.isSoldInTime {
            gone.sold.append(UInt16(position))
        }
        sales.append(gone)
        return oldest.records
    }

    /// Whether the hold is live at `now` or was purchased in time, also where it is at hand no more. Once it is neither it
    /// stays so: a late purchase does not count. A hold whose keys are all past their time may show as neither.
    func isLiveOrSold(_ id: HoldID, at now: Timestamp) -> Bool {
        if let record = record(id) { return record.isLive(at: now) || record.isSoldInTime }
        let first = base - UInt64(sales.count * Chunk.capacity)
        guard id.number >= first, id.number < base else { return false }
        let (chunk, position) = Int(id.number - first).quotientAndRemainder(dividingBy: Chunk.capacity)
        let sold = sales[chunk].sold
        var (low, high) = (0, sold.count)
        while low < high {
            let middle = (low + high) / 2
            if sold[middle] < position { low = middle + 1 } else { high = middle }
        }
        return low < sold.count && sold[low] == position
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
