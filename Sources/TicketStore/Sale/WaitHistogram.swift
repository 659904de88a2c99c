/// Counts lengths of time in a fixed number of steps, so that their percentiles need no list.
///
/// Up to 64 ms each millisecond has a step; above, each doubling has 32. So a percentile is at most a thirty-second too
/// high.
public struct WaitHistogram: Sendable, Equatable {
    private static let exact: Int64 = 64
    private static let stepsOfDoubling: Int64 = 32
    /// 34 years. A longer wait counts as this one.
    private static let longest: Int64 = 1 << 40 - 1
    private static let steps = Int(step(of: longest)) + 1

    private var counts = [UInt64](repeating: 0, count: steps)
    /// How many waits were added.
    public private(set) var count: UInt64 = 0

    public init() {}

    /// Adds a wait. A negative one, which a corrected clock makes, counts as none.
    public mutating func add(milliseconds: Int64) {
        counts[Int(Self.step(of: min(max(0, milliseconds), Self.longest)))] += 1
        count += 1
    }

    /// The wait, in milliseconds, that `share` percent of all waits do not exceed; `nil` if there are none.
    public func percentile(_ share: UInt64) -> Int64? {
        guard count > 0 else { return nil }
        let rank = max(1, (count * share + 99) / 100)
        var seen: UInt64 = 0
        for (step, some) in counts.enumerated() {
            seen += some
            if seen >= rank { return Self.end(of: Int64(step)) }
        }
        return Self.longest
    }

    private static func step(of wait: Int64) -> Int64 {
        guard wait >= exact else { return wait }
        let shift = Int64(Int64.bitWidth - 1 - wait.leadingZeroBitCount) - 5
        return exact + (shift - 1) * stepsOfDoubling + (wait >> shift) - stepsOfDoubling
    }

    /// The longest wait that counts in a step.
    private static func end(of step: Int64) -> Int64 {
        guard step >= exact else { return step }
        let (doublings, rest) = (step - exact).quotientAndRemainder(dividingBy: stepsOfDoubling)
        return (rest + stepsOfDoubling + 1) << (doublings + 1) - 1
    }
}
