internal import DequeModule

/// The idempotency keys in memory, and what each was used for (R15 Idempotency keys).
///
/// A key takes 24 bytes, and 32 at the most with the free slots between keys. Digests are spread evenly. Their upper bits
/// choose one of 1,024 segments, and their lower half gives the order within it. A segment is a sorted list with gaps
/// (ordered linear probing, Amble and Knuth 1974): a lookup that finds nothing is as fast as one that finds a key, and the
/// list grows in one pass from left to right. Segments grow and are swept one at a time, so no command waits for the whole
/// table.
///
/// 74 of the 128 bits of a digest are compared: the 10 that choose the segment and the 64 that a slot keeps. The digest is
/// keyed with a secret, so nobody can search for two keys that share these bits. By chance a new key collides with one of
/// four million others once in 5 × 10^15 requests.
struct KeyTable: Sendable {
    /// What a key was used for.
    struct Use: Sendable, Equatable {
        /// The request's fingerprint, folded to 32 bits. It only tells two requests of one caller apart.
        var fingerprint: UInt32
        var hold: HoldID
        /// The moment of use, from which R15 Idempotency keys counts.
        var at: Timestamp
    }

    /// Two to this power is the number of segments. Of four million keys each has 4,000 and grows in some 20 µs.
    private static let segmentBits: UInt64 = 10
    /// The room is given up in this many parts, oldest first.
    private static let partsOfRoom = 32

    private(set) var count = 0
    private var segments = ContiguousArray<Segment>(repeating: Segment(), count: 1 << segmentBits)
    /// The next slot of the sweep.
    private var hand = (segment: 0, slot: 0)
    /// The moments at which another part of the room was used up, for ``crowdOut()``.
    private var parts = Deque<Timestamp>()
    private var addedSincePart = 0
    /// Keys of ended holds that were used before this moment gave way to newer ones.
    private(set) var crowdedOutBefore = Timestamp.zero

    /// What `key` was used for; `nil` if it is not in the table. The caller decides whether it still counts.
    func use(of key: IdempotencyKey) -> Use? {
        segments[Self.segment(of: key)].use(of: key.low)
    }

    /// Adds or replaces a key.
    ///
    /// - Parameter room: how many keys there should be at the most. The table may exceed it.
    mutating func remember(_ key: IdempotencyKey, _ use: Use, room: Int) {
        if segments[Self.segment(of: key)].insert(Slot(key.low, use)) { count += 1 }
        addedSincePart += 1
        guard addedSincePart >= max(1, room / Self.partsOfRoom) else { return }
        addedSincePart = 0
        parts.append(use.at)
    }

    /// Looks at about the next `limit` keys and drops those for which `isExpired` is true.
    ///
    /// - Returns: whether the sweep finished a round.
    mutating func sweep(_ limit: Int, where isExpired: (Use) -> Bool) -> Bool {
        var looked = 0
        while looked < limit {
            guard let slot = segments[hand.segment].next(from: hand.slot) else {
                segments[hand.segment].fit()
                hand = ((hand.segment + 1) & (segments.count - 1), 0)
                if hand.segment == 0 { return true }
                continue
            }
            looked += 1
            hand.slot = slot + 1
            guard isExpired(segments[hand.segment].use(at: slot)) else { continue }
            segments[hand.segment].remove(at: slot)
            count -= 1
            hand.slot = slot
        }
        return false
    }

    /// Gives up the oldest part of the room: keys of ended holds that were used in it no longer count.
    mutating func crowdOut() {
        guard let moment = parts.popFirst() else { return }
        crowdedOutBefore = max(crowdedOutBefore, moment.advanced(by: .milliseconds(1)))
    }

    /// Forgets the parts of the room whose keys have expired anyway.
    mutating func dropParts(before moment: Timestamp) {
        while let first = parts.first, first < moment { parts.removeFirst() }
    }

    private static func segment(of key: IdempotencyKey) -> Int {
        Int(key.high >> (64 - segmentBits))
    }
}

/// A key in its segment: 24 bytes without padding.
private struct Slot: Sendable {
    private static let half: UInt64 = 0xffff_ffff_ffff
    static let free = Slot()

    let tag: UInt64
    /// 48 bits of the hold's number, enough for 10^14 rows, and the upper half of the fingerprint.
    private let holdAndPrint: UInt64
    /// 48 bits of the moment, enough until the year 10889, and the lower half of the fingerprint.
    private let atAndPrint: UInt64

    private init() {
        (tag, holdAndPrint, atAndPrint) = (0, 0, 0)
    }

    init(_ tag: UInt64, _ use: KeyTable.Use) {
        precondition(use.hold.number > 0 && use.hold.number <= Self.half, "a hold's number has 48 bits")
        precondition(use.at.milliseconds >= 0 && use.at.milliseconds <= Self.half, "a moment has 48 bits")
        self.tag = tag
        holdAndPrint = use.hold.number << 16 | UInt64(use.fingerprint >> 16)
        atAndPrint = UInt64(use.at.milliseconds) << 16 | UInt64(use.fingerprint & 0xffff)
    }

    /// Holds are numbered from 1.
    var isFree: Bool { holdAndPrint == 0 }

    var use: KeyTable.Use {
        KeyTable.Use(
            fingerprint: UInt32(truncatingIfNeeded: (holdAndPrint & 0xffff) << 16 | atAndPrint & 0xffff),
            hold: HoldID(holdAndPrint >> 16), at: Timestamp(milliseconds: Int64(atAndPrint >> 16)))
    }
}

/// Keys in the order of their tags, each in its home slot or as near behind it as there was room.
private struct Segment: Sendable {
    /// Slots that are the home of some tag. The slots behind them take what does not fit into the last ones.
    private var homes = 0
    private var count = 0
    private var slots: ContiguousArray<Slot> = []

    func use(of tag: UInt64) -> KeyTable.Use? {
        guard count > 0 else { return nil }
        let slot = firstSlot(notBefore: tag)
        guard slot < slots.count, !slots[slot].isFree, slots[slot].tag == tag else { return nil }
        return slots[slot].use
    }

    func use(at slot: Int) -> KeyTable.Use {
        slots[slot].use
    }

    /// The first slot with a key, from `start` on.
    func next(from start: Int) -> Int? {
        guard count > 0 else { return nil }
        var slot = start
        while slot < slots.count {
            if !slots[slot].isFree { return slot }
            slot += 1
        }
        return nil
    }

    /// - Returns: `false` if the tag was there. The new slot replaces it then.
    mutating func insert(_ new: Slot) -> Bool {
        // At most seven of eight homes are taken. Beyond that, keys end up far from home.
        if count * 8 >= homes * 7 { resize(to: max(8, homes + homes / 7 + 1)) }
        let slot = firstSlot(notBefore: new.tag)
        if slot < slots.count, !slots[slot].isFree, slots[slot].tag == new.tag {
            slots[slot] = new
            return false
        }
        var end = slot
        while end < slots.count, !slots[end].isFree { end += 1 }
        // The slots behind the last home are full. That takes forty keys in a row, so it is rare.
        if end == slots.count { slots.append(contentsOf: repeatElement(.free, count: 8)) }
        while end > slot {
            slots[end] = slots[end - 1]
            end -= 1
        }
        slots[slot] = new
        count += 1
        return true
    }

    /// Frees the slot. Keys behind it that are not at home move up.
    mutating func remove(at slot: Int) {
        var free = slot
        while free + 1 < slots.count, !slots[free + 1].isFree, home(of: slots[free + 1].tag) <= free {
            slots[free] = slots[free + 1]
            free += 1
        }
        slots[free] = .free
        count -= 1
    }

    /// Frees memory after most keys went.
    mutating func fit() {
        guard homes > 8, count < homes / 2 else { return }
        if count == 0 { self = Segment() } else { resize(to: max(8, count + count / 3)) }
    }

    private func home(of tag: UInt64) -> Int {
        Int(tag.multipliedFullWidth(by: UInt64(homes)).high)
    }

    private func firstSlot(notBefore tag: UInt64) -> Int {
        var slot = home(of: tag)
        while slot < slots.count, !slots[slot].isFree, slots[slot].tag < tag { slot += 1 }
        return slot
    }

    private mutating func resize(to newHomes: Int) {
        let old = slots
        homes = newHomes
        slots = ContiguousArray(repeating: .free, count: newHomes + min(40, newHomes / 4 + 4))
        // From left to right, each key goes home or right behind the key before it.
        var next = 0
        for slot in old where !slot.isFree {
            next = max(next, home(of: slot.tag))
            if next < slots.count { slots[next] = slot } else { slots.append(slot) }
            next += 1
        }
    }
}
