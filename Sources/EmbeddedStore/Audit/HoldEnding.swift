/// A deadline in the recount's queue of holds, ordered by moment.
struct HoldEnding: Comparable {
    var deadline: Int64
    /// The number of the hold.
    var hold: Int64

    static func < (left: Self, right: Self) -> Bool {
        (left.deadline, left.hold) < (right.deadline, right.hold)
    }
}
