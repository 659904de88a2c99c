/// A number of places, each free, held or sold: `free + held + sold = capacity` (R1 Conservation).
struct Pool: Sendable, Equatable {
    let code: Code
    var capacity: Int
    /// Places of live holds at the last ``settle(at:)``.
    private(set) var held = 0
    private(set) var sold = 0
    /// Live holds that are counted in this pool, at the last ``settle(at:)``.
    private(set) var holds = 0
    /// Holds counted in this pool that expired since this memory began. Expiry leaves no fact, so only memory counts it.
    private(set) var expired = 0
    private var calendar = ExpiryCalendar()
    /// The most that may be promised: the capacity, or what was promised when the capacity was lowered below that. It sinks
    /// to the capacity as promises end.
    private var ceiling: Int
    /// The definition in force does not name it.
    var isRetired = false
    /// The numbers contradict each other, so the pool sells nothing (R4 Broken rule).
    private(set) var isClosed = false

    init(code: Code, capacity: Int) {
        self.code = code
        self.capacity = capacity
        self.ceiling = capacity
    }

    var promised: Int { held + sold }
    /// Places that are neither held nor sold, those that are kept back included (R45 Allocations).
    var free: Int { max(0, capacity - promised) }
    /// It counts what was taken through an allocation of another pool.
    var isOfAllocation: Bool { code.allocation != nil }
    /// Promised places beyond the capacity, after it was lowered.
    var oversubscribed: Int { max(0, promised - capacity) }
    /// The earliest moment at which a hold expires and gives places back.
    var earliestExpiry: Timestamp? { calendar.earliest }

    /// Counts up to `now`: expired holds give their places back. The numbers are right only after this call. It costs
    /// one step for each millisecond in which holds ended since the last call, however many they were.
    ///
    /// - Returns: whether a number changed.
    @discardableResult
    mutating func settle(at now: Timestamp) -> Bool {
        guard let earliest = calendar.earliest, earliest <= now else { return false }
        let freed = calendar.expire(at: now)
        held -= Int(freed.places)
        holds -= Int(freed.holds)
        expired += Int(freed.holds)
        check()
        return true
    }

    /// Settles and changes the pool, with one access to the list of pools for both.
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

    /// Sells free places, for a late payment (R9 Late payment).
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

    /// Restores a purchase from a ledger. The ceiling follows: a capacity that was lowered since must not close the pool,
    /// and `verify` checks whether the promise was right.
    mutating func restoreSold(_ share: Share) {
        sold += Int(share.places)
        ceiling = max(ceiling, promised)
    }

    /// Restores a live hold from a ledger.
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

    /// Closes the pool if its numbers contradict each other. The process goes on, and live holds can still be completed (R4
    /// Broken rule).
    private mutating func check() {
        if held < 0 || sold < 0 || promised > ceiling { isClosed = true }
        ceiling = max(capacity, min(ceiling, promised))
    }
}
