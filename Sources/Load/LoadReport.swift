internal import Histogram
internal import StrictJSON

/// The final check: whether the answers agree with the service's own count.
public struct LoadBooks: Sendable, Equatable {
    /// Free tickets of the plan's type before and after the run.
    public var before: Int
    public var after: Int
    /// By the answers, the least and the most tickets that must be gone.
    public var gone: ClosedRange<Int>

    /// - Parameter mayExpire: whether holds of the run can have expired.
    init(before: Int, after: Int, _ tally: LoadTally, mayExpire: Bool) {
        self.before = before
        self.after = after
        let least = mayExpire ? tally.purchased : tally.held - tally.released - tally.releasesUnknown
        let most = tally.held + tally.holdsUnknown - tally.released
        gone = min(least, most)...max(least, most)
    }

    /// Whether as many tickets are gone as the answers say.
    public var balance: Bool { gone.contains(before - after) }
}

/// The result of a run.
public struct LoadReport: Sendable {
    public let plan: LoadPlan
    /// All answers, including those of the warm-up.
    public let tally: LoadTally
    /// The seconds of the measured time.
    public let seconds: [LoadSecond]
    /// Whether the server is Holdfast.
    public let isOurs: Bool
    /// Nil if the server is not Holdfast or does not count.
    public var books: LoadBooks?
    /// The share of its threads' time that this tool used itself, from 0 to 1.
    public var ownCPU = 0.0
    /// Connections that could not be made.
    public let connectFailures: Int
    /// Requests of an open loop for which no connection became free until the end.
    public let neverSent: Int
    /// Statuses that are no answer to their request, and how often they came.
    public let unexpected: [Int: Int]
    let latencies: Histogram<UInt64>

    init(_ plan: LoadPlan, _ results: [LoadResult], _ seconds: [LoadSecond], isOurs: Bool) {
        self.plan = plan
        self.isOurs = isOurs
        self.seconds = seconds
        var tally = LoadTally()
        var latencies = Histogram<UInt64>(
            highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
        var unexpected: [Int: Int] = [:]
        for result in results {
            tally.add(result.tally)
            latencies.add(result.latencies)
            unexpected.merge(result.unexpected, uniquingKeysWith: +)
        }
        self.tally = tally
        self.latencies = latencies
        self.unexpected = unexpected
        connectFailures = results.reduce(0) { $0 + $1.connectFailures }
        neverSent = results.reduce(0) { $0 + $1.neverSent }
    }

    /// Good answers in the measured time.
    public var answers: Int { Int(latencies.totalCount) }
    /// Good answers a second.
    public var rate: Double {
        Double(answers)
            / (Double(plan.duration.components.seconds) + Double(plan.duration.components.attoseconds) / 1e18)
    }

    /// The latency in microseconds below which `percentile` percent of answers came; 0 if there were none.
    public func microseconds(at percentile: Double) -> UInt64 {
        answers == 0 ? 0 : latencies.valueAtPercentile(percentile)
    }

    /// The longest latency of a good answer, in microseconds; 0 if there were none.
    public var longest: UInt64 { answers == 0 ? 0 : latencies.max }

    /// Whether this tool was so busy that the server may be faster than reported.
    public var isBottleneck: Bool { ownCPU >= 0.9 }

    /// Whether every answer was an expected one, and the final check, if there was one, succeeded.
    public var isClean: Bool { tally.unexpected == 0 && (books?.balance ?? true) && answers > 0 }

    /// The result as JSON, for programs.
    public var json: [UInt8] {
        var writer = JSONWriter(layout: .indented, reserving: 4_096)
        writer.object { writer in
            writer.member("scenario", plan.scenario.rawValue)
            writer.member("face", plan.face.rawValue)
            writer.member("connections", plan.connections)
            writer.member("rate_asked", plan.rate.map { Int($0.rounded()) })
            writer.member("seconds", plan.duration.components.seconds)
            writer.member("answers", answers)
            writer.member("answers_per_second", Int(rate.rounded()))
            writer.member("latency_us") { writer in
                writer.object { writer in
                    for (name, percentile) in Self.percentiles { writer.member(name, microseconds(at: percentile)) }
                    writer.member("max", longest)
                }
            }
            writer.member("statuses") { writer in
                writer.object { writer in
                    for (status, count) in tally.statuses.sorted(by: { $0.key < $1.key }) {
                        writer.member("\(status)", count)
                    }
                }
            }
            writer.member("held", tally.held)
            writer.member("purchased", tally.purchased)
            writer.member("purchased_late", tally.purchasedLate)
            writer.member("released", tally.released)
            writer.member("refused", tally.refused)
            writer.member("expired", tally.expired)
            writer.member("pushed_back", tally.pushedBack)
            writer.member("lost", tally.lost)
            writer.member("unexpected", tally.unexpected)
            writer.member("never_sent", neverSent)
            writer.member("connect_failures", connectFailures)
            writer.member("own_cpu_percent", Int((ownCPU * 100).rounded()))
            writer.member("is_bottleneck", isBottleneck)
            books(to: &writer)
            writer.member("by_second") { writer in
                writer.array { writer in
                    for second in seconds {
                        writer.object { writer in
                            writer.member("answers", second.answers)
                            writer.member("errors", second.errors)
                            writer.member("p50_us", second.microseconds(at: 50))
                            writer.member("p99_us", second.microseconds(at: 99))
                        }
                    }
                }
            }
        }
        return writer.bytes
    }

    private func books(to writer: inout JSONWriter) {
        guard let books else { return writer.member("books", nil as String?) }
        writer.member("books") { writer in
            writer.object { writer in
                writer.member("free_before", books.before)
                writer.member("free_after", books.after)
                writer.member("gone_least", books.gone.lowerBound)
                writer.member("gone_most", books.gone.upperBound)
                writer.member("balance", books.balance)
            }
        }
    }

    static let percentiles: [(name: String, percentile: Double)] = [
        ("p50", 50), ("p90", 90), ("p99", 99), ("p99_9", 99.9), ("p99_99", 99.99),
    ]
}
