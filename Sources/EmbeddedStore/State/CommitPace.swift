/// How many callers the committer waits for before the next commit, and for how long.
///
/// After a batch its callers are likely to ask again at once. If the committer took only those who already wait, the
/// callers would split into groups that never meet, with a commit for each group. So it waits until as many requests
/// are queued as it just answered. It never waits for a lone caller.
package struct CommitPace: Sendable {
    /// The longest wait, as a multiple of the last commit's time. With 64 connections that ask again at once, one
    /// commit's time gave 25 holds a commit, two gave 32, four gave 63, with less than half the context switches for
    /// each hold.
    package static let patienceInCommits = 4
    /// The longest wait, however slow the disk was.
    package static let longestPatience = Duration.milliseconds(2)

    /// The number of queued callers that starts the next commit; 0 for any number.
    package private(set) var enough = 0
    /// How long the committer waits for them.
    package private(set) var patience = Duration.zero

    package init() {}

    package var isGathering: Bool { enough > 0 }

    /// ``longestPatience`` is less than a second, so the attoseconds are all there is.
    var patienceInNanoseconds: Int { Int(patience.components.attoseconds / 1_000_000_000) }

    /// A commit is done.
    ///
    /// - Parameters:
    ///   - callers: how many it answers, and how many are queued by now.
    ///   - time: how long it took.
    package mutating func committed(_ callers: Int, in time: Duration) {
        enough = callers > 1 ? callers : 0
        patience = min(time * Self.patienceInCommits, Self.longestPatience)
    }

    /// The wait is over, whether enough callers came or not.
    package mutating func gathered() {
        enough = 0
    }
}
