/// How fast a queue moves, measured (Q8 Honest information).
public struct QueuePace: Sendable, Equatable {
    private struct Sample: Sendable, Equatable {
        var at: Timestamp
        var head: UInt32
    }

    /// Between two samples that are kept.
    private static let interval: Int64 = 10_000
    /// What lies longer ago says nothing about now.
    private static let kept: Int64 = 600_000
    /// A range needs a measurement of at least this length.
    private static let leastSpan: Int64 = 30_000
    /// How far back the rates go that span a range.
    private static let spans: [Int64] = [60_000, 180_000, 600_000]
    /// By how much a range is wider than the rates that were measured, on each side.
    private static let margin = 1.15

    /// The oldest first.
    private var samples: [Sample] = []

    public init() {}

    /// The head is here now. Times do not run backwards.
    public mutating func note(head: UInt32, at now: Timestamp) {
        // The newest one moves with the head, so that no move is missing.
        if samples.count > 1, now.milliseconds - samples[samples.count - 2].at.milliseconds < Self.interval {
            samples[samples.count - 1] = Sample(at: now, head: head)
        } else {
            samples.append(Sample(at: now, head: head))
        }
        while let first = samples.first, now.milliseconds - first.at.milliseconds > Self.kept + Self.interval {
            samples.removeFirst()
        }
    }

    /// Entries called within the last minute.
    public func calledPerMinute(at now: Timestamp) -> Int {
        guard let last = samples.last else { return 0 }
        guard let first = sample(since: now.milliseconds - Self.spans[0]) else { return 0 }
        let span = now.milliseconds - first.at.milliseconds
        guard span >= Self.interval else { return Int(last.head - first.head) }
        return Int(Double(last.head - first.head) / Double(span) * 60_000)
    }

    /// How long a hundred entries take, from the fastest to the slowest of the last one, three and ten minutes; `nil` while
    /// nothing has moved.
    public func secondsPerHundred(at now: Timestamp) -> ClosedRange<Int>? {
        guard let last = samples.last else { return nil }
        let seconds = Self.spans.compactMap { span -> Double? in
            guard let first = sample(since: now.milliseconds - span), last.head > first.head else { return nil }
            let taken = now.milliseconds - first.at.milliseconds
            return taken < Self.leastSpan ? nil : Double(taken) / 10 / Double(last.head - first.head)
        }
        guard let fastest = seconds.min(), let slowest = seconds.max() else { return nil }
        // Ten days are longer than any queue.
        let longest = 864_000.0
        let least = Int(min(longest, fastest / Self.margin).rounded(.down))
        return least...max(least, Int(min(longest, slowest * Self.margin).rounded(.up)))
    }

    /// The last sample at or before a moment, or the first of all.
    private func sample(since moment: Int64) -> Sample? {
        samples.last { $0.at.milliseconds <= moment } ?? samples.first
    }
}
