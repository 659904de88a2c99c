package import BoxOffice

/// When the entries of a queue looked last, in the memory of this process (Q7 Admission): 8 bytes for each.
package struct QueuePresence: Sendable {
    /// Who looked within so many seconds is there. An entry looks once in 75.
    package static let span: UInt32 = 120
    static let spanOfLooks = Duration.seconds(Int64(span))
    /// Stands for an entry that left.
    private static let left = UInt32.max

    /// By number, in seconds since ``began``, from 1 on; 0 for never.
    private var looks: [UInt32] = []
    /// By number, when it joined, in milliseconds since ``beganOnWall``, from 1 on; 0 where this process does not know it.
    private var joins: [UInt32] = []
    private let began: Timestamp
    private let beganOnWall: WallTime

    package init(at now: Timestamp, _ wall: WallTime) {
        began = now
        beganOnWall = wall
    }

    /// An entry joined or looked.
    package mutating func note(_ number: EntryNumber, at now: Timestamp) {
        make(room: number)
        guard looks[index(number)] != Self.left else { return }
        looks[index(number)] = second(now)
    }

    /// An entry left the queue: it is absent from now on, even if somebody still looks with its token.
    package mutating func leave(_ number: EntryNumber) {
        make(room: number)
        looks[index(number)] = Self.left
    }

    /// Whether the entry looked or joined since the process began, and has not left.
    package func knows(_ number: EntryNumber) -> Bool {
        index(number) < looks.count && looks[index(number)] != 0 && looks[index(number)] != Self.left
    }

    /// Remembers when an entry joined, once: for 49 days from the begin of the process on, which is as far as it can count. What is
    /// not remembered is only what a repeated join is answered.
    package mutating func noteJoin(_ number: EntryNumber, at wall: WallTime) {
        make(room: number)
        guard joins[index(number)] == 0 else { return }
        joins[index(number)] = UInt32(exactly: wall.milliseconds - beganOnWall.milliseconds + 1) ?? 0
    }

    /// When an entry joined; `nil` if it did so before the process began, or too long after that.
    package func joined(_ number: EntryNumber) -> WallTime? {
        guard index(number) < joins.count, joins[index(number)] != 0 else { return nil }
        return WallTime(milliseconds: beganOnWall.milliseconds + Int64(joins[index(number)]) - 1)
    }

    /// Who is there, by where they stand. It walks over all entries, a millisecond for a million.
    ///
    /// - Parameters:
    ///   - head: entries before it do not wait.
    ///   - joined: how many entries there are.
    ///   - order: the positions of the first numbers; empty without a draw. `nil` before it: then nobody has a position.
    package func report(head: UInt32, joined: UInt32, order: [UInt32]?, at now: Timestamp) -> PresenceReport {
        let since = max(1, Int64(second(now)) - Int64(Self.span))
        let waiting = joined > head ? joined - head : 0
        let width = max(1, (waiting + UInt32(PresenceReport.slices) - 1) / UInt32(PresenceReport.slices))
        var counts = [UInt32](repeating: 0, count: order == nil ? 0 : PresenceReport.slices)
        var present: UInt32 = 0
        for (number, look) in looks.enumerated() where Int64(look) >= since && look != Self.left {
            guard let order else {
                present += 1
                continue
            }
            let position = number < order.count ? order[number] : UInt32(number)
            guard position >= head else { continue }
            present += 1
            let slice = Int((position - head) / width)
            if slice < counts.count { counts[slice] += 1 }
        }
        let isComplete = order != nil && age(now) >= QueueBounds.looksWithin.inMilliseconds
        return PresenceReport(first: head, width: width, counts: counts, present: present, isComplete: isComplete)
    }

    private mutating func make(room number: EntryNumber) {
        let missing = index(number) + 1 - looks.count
        guard missing > 0 else { return }
        looks.append(contentsOf: repeatElement(0, count: missing))
        joins.append(contentsOf: repeatElement(0, count: missing))
    }

    private func index(_ number: EntryNumber) -> Int { Int(number.value) }

    private func age(_ now: Timestamp) -> Int64 { max(0, now.milliseconds - began.milliseconds) }

    private func second(_ now: Timestamp) -> UInt32 { UInt32(clamping: age(now) / 1_000 + 1) }
}
