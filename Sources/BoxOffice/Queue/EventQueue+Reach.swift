// How far the head moves (Q4 Head).

extension EventQueue {
    /// Positions from `first` to before `end`, and how many people stand there.
    private struct Stretch {
        var first: UInt64
        var end: UInt64
        var people: UInt64
    }

    /// How far the head would have to move for `people` entries, at most; and how many it passes.
    func reach(for people: Int) -> (head: UInt32, people: UInt32) {
        guard people > 0, head < issued else { return (head, 0) }
        var (position, rest) = (UInt64(head), UInt64(people))
        for stretch in presence.isComplete ? present : everybody where stretch.people > 0 {
            // A part of a stretch has a part of its people.
            let (from, end) = (max(stretch.first, UInt64(head)), min(stretch.end, UInt64(issued)))
            guard end > from, rest > 0 else { continue }
            let width = stretch.end - stretch.first
            let here = (stretch.people * (end - from) + width - 1) / width
            if here <= rest {
                position = end
                rest -= here
            } else {
                position = from + (rest * (end - from) + here - 1) / here
                rest = 0
            }
        }
        if !presence.isComplete { position = past(gapAt: position) }
        return (UInt32(position), position > head ? UInt32(UInt64(people) - rest) : 0)
    }

    /// Entries that looked lately.
    private var present: [Stretch] {
        presence.counts.enumerated().map { index, count in
            let first = UInt64(presence.first) + UInt64(index) * UInt64(presence.width)
            return Stretch(first: first, end: first + UInt64(presence.width), people: UInt64(count))
        }
    }

    /// Everybody who has a number: as long as nobody knows who is there, nobody is taken for absent. The draw spreads the numbers
    /// that nobody has evenly.
    private var everybody: [Stretch] {
        let drawn = UInt64(count ?? 0)
        let nobody = gaps.reduce(0) { $0 + UInt64($1.clamped(to: 0..<UInt32(drawn)).count) }
        // One at least, so that the head can move.
        var found = [Stretch(first: 0, end: drawn, people: max(1, drawn - nobody))]
        var first = max(drawn, UInt64(head))
        for gap in gaps where UInt64(gap.upperBound) > first {
            let end = max(first, UInt64(gap.lowerBound))
            found.append(Stretch(first: first, end: end, people: end - first))
            first = UInt64(gap.upperBound)
        }
        if first < issued { found.append(Stretch(first: first, end: UInt64(issued), people: UInt64(issued) - first)) }
        return found
    }

    /// The end of the gap in which a position is that was not drawn, or the position itself.
    private func past(gapAt position: UInt64) -> UInt64 {
        guard position >= count ?? 0, let gap = gaps.first(where: { $0.contains(UInt32(position)) }) else {
            return position
        }
        return min(UInt64(gap.upperBound), UInt64(issued))
    }
}
