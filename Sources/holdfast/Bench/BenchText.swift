internal import Load

/// A report as text.
enum BenchText {
    static func table(_ report: LoadReport) -> String {
        let plan = report.plan
        let loop = plan.rate.map { "\(grouped(Int($0.rounded()))) requests/s due, \(plan.arrivals)" } ?? "closed loop"
        var lines = [
            "",
            "\(plan.scenario) (\(plan.face)), \(plan.connections) connections, \(loop), "
                + "\(plan.duration.components.seconds) s after \(plan.warmUp.components.seconds) s of warm-up",
            "",
            row("answers", "\(grouped(report.answers)), \(grouped(Int(report.rate.rounded()))) a second"),
            row(
                "latency",
                [("p50", 50.0), ("p90", 90), ("p99", 99), ("p99.9", 99.9)]
                    .map { "\($0.0) \(time(report.microseconds(at: $0.1)))" }.joined(separator: "  ")
                    + "  max \(time(report.longest))"),
            row("statuses", statuses(report.tally.statuses)),
        ]
        let tally = report.tally
        if tally.held + tally.refused > 0 {
            lines.append(
                row(
                    "tickets",
                    "\(grouped(tally.held)) held, \(grouped(tally.purchased)) purchased"
                        + (tally.purchasedLate > 0 ? " (\(grouped(tally.purchasedLate)) late), " : ", ")
                        + "\(grouped(tally.released)) released, \(grouped(tally.refused)) refused, "
                        + "\(grouped(tally.expired)) too late"))
        }
        if tally.lost + tally.pushedBack + report.neverSent + report.connectFailures > 0 {
            lines.append(
                row(
                    "trouble",
                    "\(grouped(tally.lost)) without an answer, \(grouped(tally.pushedBack)) pushed back, "
                        + "\(grouped(report.neverSent)) never sent, \(grouped(report.connectFailures)) not connected"))
        }
        if tally.unexpected > 0 {
            lines.append(row("WRONG", "answers that cannot be: \(statuses(report.unexpected))"))
        }
        lines.append(row("books", books(report)))
        lines.append(
            row(
                "this tool",
                "\(Int((report.ownCPU * 100).rounded())) % of its \(plan.threads == 1 ? "thread" : "threads")"
                    + (report.isBottleneck ? ": it is the bottleneck, the server may be faster (--threads)" : "")))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func books(_ report: LoadReport) -> String {
        guard let books = report.books else {
            return "not checked: " + (report.isOurs ? "the service does not count" : "this server is not holdfast")
        }
        let gone = grouped(books.before - books.after)
        let range = books.gone
        let said =
            range.lowerBound == range.upperBound
            ? grouped(range.lowerBound) : "\(grouped(range.lowerBound)) to \(grouped(range.upperBound))"
        return books.balance
            ? "balance: \(gone) tickets are gone, \(said) by the answers"
            : "DO NOT BALANCE: \(gone) tickets are gone, \(said) by the answers (does anybody else buy here?)"
    }

    private static func row(_ name: String, _ text: String) -> String {
        "  " + name + String(repeating: " ", count: max(1, 11 - name.count)) + text
    }

    private static func statuses(_ counts: [Int: Int]) -> String {
        counts.isEmpty
            ? "none"
            : counts.sorted { $0.key < $1.key }.map { "\($0.key) × \(grouped($0.value))" }.joined(separator: "  ")
    }

    /// A length of time with about three digits: `950 µs`, `1.24 ms`, `3.10 s`.
    static func time(_ microseconds: UInt64) -> String {
        if microseconds < 1_000 { return "\(microseconds) µs" }
        let (unit, size) = microseconds < 1_000_000 ? ("ms", UInt64(1_000)) : ("s", 1_000_000)
        let hundredths = microseconds * 100 / size
        if hundredths >= 10_000 { return "\(hundredths / 100) \(unit)" }
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) \(unit)"
    }
}
