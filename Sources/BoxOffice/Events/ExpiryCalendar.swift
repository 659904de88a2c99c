internal import DequeModule

/// A part of a pool: a number of places, and the number of holds that are counted with them.
///
/// A hold is counted once, in the first pool of its first line. Both numbers share one word, so that an entry of the
/// calendar takes 16 bytes.
struct Share: Sendable, Equatable {
    var places: Int32
    var holds: Int32

    static func += (left: inout Share, right: Share) {
        left.places += right.places
        left.holds += right.holds
    }

    static func -= (left: inout Share, right: Share) {
        left.places -= right.places
        left.holds -= right.holds
    }
}

/// How many places of one pool come free at which moment if nobody completes their holds.
///
/// All holds that end in the same millisecond share one entry of 16 bytes. A million holds that expire in one second are
/// at most a thousand entries, and expiry does not touch the holds themselves. All holds of an event live equally long, so
/// a new deadline nearly always belongs at the end, and a purchase nearly always takes out one close to the end: the
/// search gallops from there.
struct ExpiryCalendar: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        var deadline: Timestamp
        var share: Share
    }

    private var entries = Deque<Entry>()

    /// The first moment at which places come free; `nil` if nothing is held.
    var earliest: Timestamp? {
        entries.first?.deadline
    }

    /// Takes out everything that has ended at `now`, and returns how much that is.
    mutating func expire(at now: Timestamp) -> Share {
        var freed = Share(places: 0, holds: 0)
        while let first = entries.first, first.deadline <= now || first.share.places == 0 {
            freed += first.share
            entries.removeFirst()
        }
        return freed
    }

    mutating func add(_ share: Share, at deadline: Timestamp) {
        guard let last = entries.last, deadline <= last.deadline else {
            entries.append(Entry(deadline: deadline, share: share))
            return
        }
        let index = firstIndex(notBefore: deadline)
        if entries[index].deadline == deadline {
            entries[index].share += share
        } else {
            // Only after the event's hold time was shortened, or after a restart.
            entries.insert(Entry(deadline: deadline, share: share), at: index)
        }
    }

    /// - Returns: `false` if fewer places end at `deadline` than `share` has. Nothing is changed then.
    mutating func remove(_ share: Share, at deadline: Timestamp) -> Bool {
        let index = firstIndex(notBefore: deadline)
        guard index < entries.count, entries[index].deadline == deadline, entries[index].share.places >= share.places
        else { return false }
        entries[index].share -= share
        // An empty entry in the middle goes when its moment comes. At the ends it would make `earliest` wrong.
        while let last = entries.last, last.share.places == 0 { entries.removeLast() }
        while let first = entries.first, first.share.places == 0 { entries.removeFirst() }
        return true
    }

    /// The index of the first entry at `deadline` or later. It searches from the end in doubling steps.
    private func firstIndex(notBefore deadline: Timestamp) -> Int {
        var high = entries.count
        var step = 1
        while high > 0, entries[max(0, high - step)].deadline >= deadline {
            high = max(0, high - step)
            step *= 2
        }
        var low = max(0, high - step)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].deadline < deadline { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
