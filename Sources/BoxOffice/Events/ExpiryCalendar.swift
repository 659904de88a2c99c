internal import DequeModule

/// A part of a pool: so many places, and so many holds that are counted with them.
///
/// A hold is counted once, in the first pool that its first line draws from. Two halves of a word: an entry of the
/// calendar stays 16 bytes.
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

/// How many places of one pool come free at which moment, if nobody completes before.
///
/// One entry a millisecond that has holds, however many end in it: a million holds that expire in one second are at
/// most a thousand entries, and the holds themselves are not touched. All holds of an event live equally long, so a
/// new deadline nearly always belongs at the end, and one that is taken out (a purchase) is nearly always close to
/// it: the search gallops from there. 16 bytes an entry.
struct ExpiryCalendar: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        var deadline: Timestamp
        var share: Share
    }

    private var entries = Deque<Entry>()

    /// The first moment at which something comes free.
    var earliest: Timestamp? {
        entries.first?.deadline
    }

    /// Takes out everything that has ended at `now`, and says how much that is.
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
            // Only where an event's hold time was shortened, or after a restart.
            entries.insert(Entry(deadline: deadline, share: share), at: index)
        }
    }

    /// - Returns: `false`, and nothing is changed, if fewer were added at `deadline` or it has passed.
    mutating func remove(_ share: Share, at deadline: Timestamp) -> Bool {
        let index = firstIndex(notBefore: deadline)
        guard index < entries.count, entries[index].deadline == deadline, entries[index].share.places >= share.places
        else { return false }
        entries[index].share -= share
        // An empty entry in the middle goes when its moment comes; those at the ends must not mislead `earliest`.
        while let last = entries.last, last.share.places == 0 { entries.removeLast() }
        while let first = entries.first, first.share.places == 0 { entries.removeFirst() }
        return true
    }

    /// The index of the first entry at `deadline` or later, looked for from the end in doubling steps.
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
