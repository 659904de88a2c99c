/// Decides when to cut the write-ahead log, so that it has no older copies of what was erased (R41 Erasure). A value
/// that gets the time.
struct LogCutter {
    /// Each cut syncs twice, so one serves all erasures of a second.
    private static let apart = Duration.seconds(1)
    /// Of this many failed attempts, one is logged.
    private static let attemptsBetweenWarnings = 60

    private var isNeeded = false
    private var nextAt: ContinuousClock.Instant?
    private var failures = 0

    /// A batch with erasures was committed.
    mutating func noteErasure() {
        isNeeded = true
    }

    func isDue(at now: ContinuousClock.Instant) -> Bool {
        isNeeded && nextAt.map { $0 <= now } ?? true
    }

    /// Notes an attempt.
    ///
    /// - Parameter isCut: `false` if a reader was in the way.
    /// - Returns: whether the log should report that erased texts stay.
    mutating func noteAttempt(isCut: Bool, at now: ContinuousClock.Instant) -> Bool {
        nextAt = now + Self.apart
        isNeeded = !isCut
        failures = isCut ? 0 : failures + 1
        return failures % Self.attemptsBetweenWarnings == 1 && failures > 1
    }
}
