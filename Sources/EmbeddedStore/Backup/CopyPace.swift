/// How a copy makes way for the sale: while somebody writes to the ledger, the copy rests after each step as long as the step
/// took, and the disk and the cores are the sale's meanwhile.
package enum CopyPace {
    /// A ledger that nobody wrote to for this long is not selling.
    private static let quiet: Duration = .milliseconds(250)
    /// However slow the disk is, a copy that is stopped ends soon.
    private static let longestRest: Duration = .milliseconds(500)

    /// How long to rest after a step.
    ///
    /// - Parameter sinceWrite: how long ago somebody wrote to the ledger; `nil` if nobody can have.
    package static func rest(after step: Duration, sinceWrite: Duration?) -> Duration {
        guard let sinceWrite, sinceWrite < quiet else { return .zero }
        return min(step, longestRest)
    }
}
