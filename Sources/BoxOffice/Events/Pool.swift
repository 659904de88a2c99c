/// A number of places, and where they are: `free + held + sold = capacity`.
struct Pool: Sendable, Equatable {
    let code: Code
    var capacity: Int
    /// Places of live holds as of the last `settle(at:)`.
    private(set) var held = 0
    private(set) var sold = 0
    /// Live holds that are counted in this pool, as of the last `settle(at:)`.
    private(set) var holds = 0
    private var calendar = ExpiryCalendar()
    /// The most that may be promised: the capacity, or what was promised when it was lowered below that. Falls back
    /// to the capacity as promises end.
    private var ceiling: Int
    /// No definition names it any more.
    var isRetired = false
    /// A rule about this pool was found broken (rule 4): it sells no more.
    private(set) var isClosed = false

    init(code: Code, capacity: Int) {
        self.code = code
        self.capacity = capacity
        self.ceiling = capacity
    }

    var promised: Int { held + sold }
    var free: Int { max(0, capacity - promised) }
    /// How many more are promised than there are, after the capacity was lowered.
    var oversubscribed: Int { max(0, promised - capacity) }
    /// When places come free by themselves, at the earliest.
    var earliestExpiry: Timestamp? { calendar.earliest }

    /// Gives back what has expired; every look at the numbers comes after it. Costs what ended since the last time,
    /// by the millisecond and not by the hold.
    ///
    /// - Returns: whether any number changed.
    @discardableResult
    mutating func settle(at now: Timestamp) -> Bool {
        guard let earliest = calendar.earliest, earliest <= now else { return false }
        let freed = calendar.expire(at: now)
        held -= Int(freed.places)
        holds -= Int(freed.holds)
        check()
        return true
    }

    /// Counts up to now, and changes it: one way into the list of pools for both.
    @inline(__always)
    mutating func change(at now: Timestamp, _ change: (inout Pool) -> Void) {
        settle(at: now)
        change(&self)
    }

    mutating func hold(_ share: Share, until deadline: Timestamp) {
        held += Int(share.places)
        holds += Int(share.holds)
        calendar.add(share, at: deadline)
        check()
    }

    mutating func release(_ share: Share, heldUntil deadline: Timestamp) {
        takeOut(share, at: deadline)
        held -= Int(share.places)
        holds -= Int(share.holds)
        check()
    }

    mutating func extend(_ share: Share, from old: Timestamp, to new: Timestamp) {
        takeOut(share, at: old)
        calendar.add(share, at: new)
    }

    mutating func sell(_ share: Share, heldUntil deadline: Timestamp) {
        takeOut(share, at: deadline)
        held -= Int(share.places)
        holds -= Int(share.holds)
        sold += Int(share.places)
        check()
    }

    /// Sells places that nobody holds: a late payment that won.
    mutating func sellFree(_ share: Share) {
        sold += Int(share.places)
        check()
    }

    mutating func takeBack(_ share: Share) {
        sold -= Int(share.places)
        check()
    }

    mutating func setCapacity(_ newCapacity: Int) {
        capacity = newCapacity
        ceiling = max(newCapacity, promised)
        check()
    }

    /// A purchase read back from a ledger. What the ledger promised may be promised: whether that was right is for
    /// `verify` to say, and a capacity that was lowered since must not close the pool.
    mutating func restoreSold(_ share: Share) {
        sold += Int(share.places)
        ceiling = max(ceiling, promised)
    }

    /// A live hold read back from a ledger.
    mutating func restoreHeld(_ share: Share, until deadline: Timestamp) {
        held += Int(share.places)
        holds += Int(share.holds)
        calendar.add(share, at: deadline)
        ceiling = max(ceiling, promised)
    }

    mutating func close() { isClosed = true }

    private mutating func takeOut(_ share: Share, at deadline: Timestamp) {
        if !calendar.remove(share, at: deadline) { isClosed = true }
    }

    /// A broken rule never ends the process: the pool closes, what is held can still be completed.
    private mutating func check() {
        if held < 0 || sold < 0 || promised > ceiling { isClosed = true }
        ceiling = max(capacity, min(ceiling, promised))
    }
}
