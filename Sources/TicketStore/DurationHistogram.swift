/// Counts how long things took, in a fixed number of steps, so that sums and percentiles need no list.
///
/// The first step goes up to 16 µs. Above, each doubling has four steps, up to 67 s; the last step counts everything
/// longer. So a percentile is at most a quarter too high. An empty one takes no memory, another one 720 bytes.
public struct DurationHistogram: Sendable, Equatable {
    private static let firstDoubling = 4
    private static let doublings = 22
    /// Steps in all.
    public static let steps = 4 * doublings + 2

    /// By step; empty before the first duration.
    public private(set) var counts: [UInt64] = []
    /// How many durations were added.
    public private(set) var count: UInt64 = 0
    /// Of all durations together.
    public private(set) var nanoseconds: UInt64 = 0

    public init() {}

    /// The time below which all durations of a step are, in microseconds; `nil` for the last step.
    public static func end(of step: Int) -> UInt64? {
        guard step > 0 else { return 1 << UInt64(firstDoubling) }
        guard step < steps - 1 else { return nil }
        let (doubling, quarter) = (step - 1).quotientAndRemainder(dividingBy: 4)
        return UInt64(quarter + 5) << UInt64(doubling + firstDoubling - 2)
    }

    private static func step(of microseconds: UInt64) -> Int {
        guard microseconds >> firstDoubling > 0 else { return 0 }
        let doubling = UInt64.bitWidth - 1 - microseconds.leadingZeroBitCount
        guard doubling < firstDoubling + doublings else { return steps - 1 }
        return (doubling - firstDoubling) * 4 + Int(microseconds >> UInt64(doubling - 2) & 3) + 1
    }

    /// Adds a duration. A negative one counts as none.
    public mutating func add(nanoseconds took: Int64) {
        if counts.isEmpty { counts = [UInt64](repeating: 0, count: Self.steps) }
        let took = UInt64(max(0, took))
        counts[Self.step(of: took / 1_000)] += 1
        count += 1
        nanoseconds &+= took
    }

    /// Adds a duration.
    public mutating func add(_ took: Duration) {
        let (seconds, attoseconds) = took.components
        add(
            nanoseconds: seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue + attoseconds
                / 1_000_000_000)
    }

    public static func += (left: inout Self, right: Self) {
        guard right.count > 0 else { return }
        if left.counts.isEmpty { left.counts = [UInt64](repeating: 0, count: steps) }
        for step in 0..<steps { left.counts[step] += right.counts[step] }
        left.count += right.count
        left.nanoseconds &+= right.nanoseconds
    }

    /// The time, in microseconds, below which `share` percent of all durations are; `nil` if there are none. For what
    /// took longer than the last step but one, that step's end.
    public func percentile(_ share: UInt64) -> UInt64? {
        guard count > 0 else { return nil }
        let rank = max(1, (count * share + 99) / 100)
        var seen: UInt64 = 0
        for (step, some) in counts.enumerated() {
            seen += some
            if seen >= rank { return Self.end(of: step) ?? Self.end(of: Self.steps - 2) }
        }
        return nil
    }
}
