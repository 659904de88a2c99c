internal import DequeModule

/// The holds in memory, by number.
///
/// A number gives chunk and offset without hashing. Growing adds a chunk and moves nothing. When more than
/// ``Limits/settledHolds`` are kept, the oldest chunks go whose holds have all ended. A store reads a hold that is gone from
/// its ledger and brings it back with ``recall(_:_:moreLines:limit:)``.
struct HoldTable: Sendable, Equatable {
    private struct Chunk: Sendable, Equatable {
        static let capacity = 1_024
        var records: ContiguousArray<HoldRecord> = []
        /// From this moment on no hold of the chunk is live.
        var latestDeadline = Timestamp.zero
    }

    private var chunks = Deque<Chunk>()
    /// The number of the first hold of the first chunk.
    private var base: UInt64 = 1
    /// The number of the next hold.
    private(set) var next: UInt64 = 1
    private var moreLines: [HoldID: [HeldLine]] = [:]
    /// The keys of partial returns, of holds in memory (R39 Partial return).
    private var returnKeys: [HoldID: [KeyFact]] = [:]
    /// The notes of operators about holds in memory (R40 Corrections).
    private var notes: [HoldID: SaleNote] = [:]
    /// The access codes of holds in memory that have one (R46 Access codes).
    private var codes: [HoldID: HeldCode] = [:]
    /// The entries of the queue that made holds in memory (Q6 Pass).
    private var entries: [HoldID: HeldEntry] = [:]
    private var recalled: [HoldID: HoldRecord] = [:]
    private var recalledOrder = Deque<HoldID>()
    /// Which holds were purchased in time, for the chunks that went last.
    private var sales = Deque<Sales>()

    /// What stays of a chunk as long as keys of its holds may count: 16 bytes, and 2 for each purchase.
    private struct Sales: Sendable, Equatable {
        /// Offsets within the chunk, in ascending order.
        var sold: ContiguousArray<UInt16> = []
        let until: Timestamp
    }

    /// Whether there ever was a hold with this number, in memory or not.
    func wasGiven(_ id: HoldID) -> Bool {
        id.number >= 1 && id.number < next
    }

    /// The record of a hold; `nil` if the hold is unknown or not in memory.
    func record(_ id: HoldID) -> HoldRecord? {
        guard id.number >= base else { return recalled.isEmpty ? nil : recalled[id] }
        guard id.number < next else { return nil }
        let position = Int(id.number - base)
        return chunks[position / Chunk.capacity].records[position % Chunk.capacity]
    }

    /// Changes the record of a hold, which must be in memory.
    mutating func update(_ id: HoldID, _ change: (inout HoldRecord) -> Void) {
        guard id.number >= base else {
            guard var record = recalled[id] else { preconditionFailure("a hold that changes is in memory") }
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

    /// Changes the lines of a hold, which must be in memory. Their number stays.
    mutating func updateLines(_ id: HoldID, _ change: (inout HeldLine, _ position: Int) -> Void) {
        update(id) { change(&$0.line, 0) }
        guard var more = moreLines[id] else { return }
        for index in more.indices { change(&more[index], index + 1) }
        moreLines[id] = more
    }

    /// The keys of the hold's partial returns, which must be in memory.
    func returnKeys(of id: HoldID) -> [KeyFact] {
        returnKeys[id] ?? []
    }

    mutating func rememberReturns(_ keys: [KeyFact], of id: HoldID) {
        if !keys.isEmpty { returnKeys[id, default: []] += keys }
    }

    /// The note about a hold, which must be in memory.
    func note(of id: HoldID) -> SaleNote? {
        notes.isEmpty ? nil : notes[id]
    }

    mutating func setNote(_ note: SaleNote?, of id: HoldID) {
        if note != nil || !notes.isEmpty { notes[id] = note }
    }

    /// The access code of the hold, which must be in memory.
    func code(of id: HoldID) -> HeldCode {
        codes.isEmpty ? .none : codes[id] ?? .none
    }

    mutating func remember(_ code: HeldCode, of id: HoldID) {
        if !code.isNone { codes[id] = code }
    }

    /// The entry of the queue that made the hold, which must be in memory.
    func entry(of id: HoldID) -> HeldEntry {
        entries.isEmpty ? .none : entries[id] ?? .none
    }

    mutating func remember(_ entry: HeldEntry, of id: HoldID) {
        if !entry.isNone { entries[id] = entry }
    }

    /// Adds `record` under the next number.
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

    /// Starts an empty table at `first`. Earlier holds are in the ledger.
    mutating func start(at first: UInt64) {
        precondition(next == base, "only an empty table starts")
        base = first
        next = first
    }

    /// Whether the hold is in memory. Such a hold may be ahead of the ledger, so it is never recalled.
    func isAtHand(_ id: HoldID) -> Bool {
        id.number >= base || recalled[id] != nil
    }

    /// Brings an old hold back into memory, where it must not be already.
    ///
    /// - Returns: the hold that gave way for it, if there were `limit` recalled holds.
    mutating func recall(
        _ id: HoldID, _ record: HoldRecord, moreLines more: [HeldLine], limit: Int
    ) -> HoldRecord? {
        precondition(!isAtHand(id), "a hold is recalled once")
        recalled[id] = record
        if !more.isEmpty { moreLines[id] = more }
        recalledOrder.append(id)
        guard recalledOrder.count > limit, let oldest = recalledOrder.popFirst() else { return nil }
        moreLines[oldest] = nil
        returnKeys[oldest] = nil
        notes[oldest] = nil
        codes[oldest] = nil
        entries[oldest] = nil
        return recalled.removeValue(forKey: oldest)
    }

    /// Drops the oldest chunk if all its holds have ended at `now` and at least `limit` holds stay without it.
    ///
    /// - Parameter retention: how long the table remembers which of them were purchased.
    /// - Returns: the holds that are no longer in memory; empty if there are none.
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
        if !returnKeys.isEmpty {
            for number in base..<(base + UInt64(Chunk.capacity)) { returnKeys[HoldID(number)] = nil }
        }
        if !notes.isEmpty {
            for number in base..<(base + UInt64(Chunk.capacity)) { notes[HoldID(number)] = nil }
        }
        if !codes.isEmpty {
            for number in base..<(base + UInt64(Chunk.capacity)) { codes[HoldID(number)] = nil }
        }
        if !entries.isEmpty {
            for number in base..<(base + UInt64(Chunk.capacity)) { entries[HoldID(number)] = nil }
        }
        base += UInt64(Chunk.capacity)
        var gone = Sales(until: oldest.latestDeadline.advanced(by: retention))
        for (position, record) in oldest.records.enumerated() where record.isSoldInTime {
            gone.sold.append(UInt16(position))
        }
        sales.append(gone)
        return oldest.records
    }

    /// Whether the hold is live at `now` or was purchased in time, even if it is no longer in memory. Once it is neither, it
    /// stays so: a late purchase does not count. When none of its keys can count any more, the answer may be `false`.
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

    /// Every live hold at `now`, in the order of the numbers.
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
