internal import TicketStore

/// Writes metrics in the text format of Prometheus, version 0.0.4.
///
/// Each metric is written once, with all its samples. Durations are in seconds and sizes in bytes, as its conventions want.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String {
        case counter, gauge, histogram
    }

    /// The label of a sample, in the order in which it is written.
    typealias Label = (name: String, value: String)

    /// Upper ends of the steps of durations, in microseconds: fine where an answer should be, coarse around. Each is the end of a
    /// step of ``DurationHistogram``.
    private static let durations: [UInt64] =
        [64, 256] + (0...10).map { 1_024 << $0 } + [4_194_304, 16_777_216]

    /// The last step of the histogram below each end, and the end as it is written.
    private static let durationSteps: [(step: Int, end: String)] = durations.map { end in
        guard let step = (0..<DurationHistogram.steps).first(where: { DurationHistogram.end(of: $0) == end }) else {
            preconditionFailure("\(end) is the end of a step")
        }
        return (step, seconds(nanoseconds: end * 1_000))
    }

    private(set) var bytes: [UInt8] = []
    private var name = ""

    init(reserving capacity: Int = 65_536) {
        bytes.reserveCapacity(capacity)
    }

    /// A metric and its samples, which `write` writes.
    mutating func metric(_ name: String, _ kind: Kind, _ help: String, _ write: (inout PrometheusText) -> Void) {
        self.name = name
        append("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
        write(&self)
    }

    /// A metric with one sample.
    mutating func metric(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        metric(name, kind, help) { $0.sample(value) }
    }

    mutating func sample(_ value: some BinaryInteger, _ labels: Label...) {
        sample("\(value)", labels)
    }

    /// A sample in seconds.
    mutating func sample(nanoseconds: UInt64, _ labels: Label...) {
        sample(Self.seconds(nanoseconds: nanoseconds), labels)
    }

    mutating func histogram(_ took: DurationHistogram, _ labels: Label...) {
        let labels = Self.written(labels)
        var sum: UInt64 = 0
        var next = 0
        for (step, end) in Self.durationSteps {
            if !took.counts.isEmpty {
                for count in took.counts[next...step] { sum += count }
            }
            next = step + 1
            bucket(labels, end, sum)
        }
        end(labels, count: took.count, sum: Self.seconds(nanoseconds: took.nanoseconds))
    }

    mutating func histogram(_ sizes: SizeHistogram) {
        var sum: UInt64 = 0
        for (bound, count) in zip(SizeHistogram.bounds, sizes.counts) {
            sum += count
            bucket("", "\(bound)", sum)
        }
        end("", count: sizes.count, sum: "\(sizes.sum)")
    }

    // Piece by piece, without texts in between.

    private mutating func bucket(_ labels: String, _ end: String, _ count: UInt64) {
        append(name)
        append("_bucket{")
        append(labels)
        if !labels.isEmpty { append(",") }
        append("le=\"")
        append(end)
        append("\"} ")
        append("\(count)")
        append("\n")
    }

    private mutating func end(_ labels: String, count: UInt64, sum: String) {
        bucket(labels, "+Inf", count)
        for (suffix, value) in [("_sum", sum), ("_count", "\(count)")] {
            append(name)
            append(suffix)
            if !labels.isEmpty {
                append("{")
                append(labels)
                append("}")
            }
            append(" ")
            append(value)
            append("\n")
        }
    }

    private mutating func sample(_ value: String, _ labels: [Label]) {
        append(name)
        if !labels.isEmpty {
            var opening = "{"
            for label in labels {
                append(opening)
                append(label.name)
                append("=\"")
                append(Self.escaped(label.value))
                append("\"")
                opening = ","
            }
            append("}")
        }
        append(" ")
        append(value)
        append("\n")
    }

    private static func written(_ labels: [Label]) -> String {
        labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x5c || $0 == 0x0a }) else { return value }
        return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// `1.5` and not `1.500000000`; exact, which a floating-point number would not be.
    private static func seconds(nanoseconds: UInt64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return "\(whole)" }
        var digits = "\(1_000_000_000 + rest)".dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }
}
