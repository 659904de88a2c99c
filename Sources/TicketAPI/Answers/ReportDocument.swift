internal import BoxOffice
internal import StrictJSON
package import TicketStore

/// Where a day begins, as `+02:00`, `-03:30` or `Z`.
package struct UTCOffset: Sendable, Equatable {
    /// What a text must be, in words that follow its name.
    package static let demand = "must be Z, or such as +02:00 or -03:30, up to 14 hours"
    /// No place on earth is further from UTC.
    private static let most = 14 * 60

    /// East of UTC.
    package let minutes: Int

    /// `nil` if the text is not an offset. A space counts as a plus: in a query, clients write the one for the other.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if text == "Z" || text == "z" {
            minutes = 0
            return
        }
        guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"), "+- ".utf8.contains(bytes[0]) else { return nil }
        let digits = [1, 2, 4, 5].map { Int(bytes[$0]) - 48 }
        guard digits.allSatisfy({ (0...9).contains($0) }), digits[2] < 6 else { return nil }
        let length = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]
        guard length <= Self.most else { return nil }
        minutes = bytes[0] == UInt8(ascii: "-") ? -length : length
    }

    package init(minutes: Int) {
        self.minutes = minutes
    }

    /// With a sign, also for UTC.
    package var text: String {
        let (hours, rest) = abs(minutes).quotientAndRemainder(dividingBy: 60)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return (minutes < 0 ? "-" : "+") + two(hours) + ":" + two(rest)
    }
}

/// A report as JSON and as CSV (R50 Reports).
package enum ReportDocument {
    /// Refusals, which the process that writes the report has counted.
    package struct Refused: Sendable {
        var since: WallTime
        var counts: [(problem: Problem, count: UInt64)]
    }

    /// - Parameter refused: `nil` where nobody counted.
    package static func json(_ report: SalesReport, _ refused: Refused?) -> [UInt8] {
        var writer = JSONWriter(reserving: 4_096)
        writer.object { writer in
            writer.member("event", report.event.text)
            writer.member("at", report.at)
            writer.member("utc_offset", UTCOffset(minutes: report.utcOffset).text)
            writer.member("holds") { value in
                value.object { holds in for (name, count) in figures(report.holds) { holds.member(name, count) } }
            }
            writer.member("conversion_permille", report.conversion)
            writer.member("tickets_held", report.ticketsHeld)
            writer.rows("totals", report.totals) { row, total in
                row.member("currency", total.currency)
                row.sum(total.sum)
            }
            writer.rows("by_type", report.prices) { row, price in
                row.member("type", price.type)
                row.member("price", price.price)
                row.member("currency", price.currency)
                row.sum(price.sum)
            }
            writer.rows("by_day", report.days) { row, day in
                row.member("day", day.day.map(text))
                row.member("currency", day.currency)
                row.sum(day.sum)
            }
            writer.member("hold_to_purchase") { value in
                value.object { waits in for (name, wait) in figures(report.waits) { waits.member(name, wait) } }
            }
            writer.member("refused") { value in
                guard let refused else { return value.value(String?.none) }
                value.object { object in
                    object.member("since", refused.since)
                    object.rows("reasons", refused.counts) { row, reason in
                        row.member("code", reason.problem.code)
                        row.member("count", reason.count)
                    }
                }
            }
        }
        return writer.bytes
    }

    /// One row for each figure (RFC 4180), so that a spreadsheet can filter and pivot them.
    package static func csv(_ report: SalesReport, _ refused: Refused?) -> [UInt8] {
        var text = "section,name,price,currency,figure,value\r\n"
        func add(_ head: String, _ figures: [(String, some Any)]) {
            for (name, value) in figures { text += "\(head),\(name),\(value)\r\n" }
        }
        add("holds,,,", figures(report.holds))
        if let conversion = report.conversion { add("holds,,,", [("conversion_permille", conversion)]) }
        add("holds,,,", [("tickets_held", report.ticketsHeld)])
        for total in report.totals { add("total,,,\(total.currency)", figures(total.sum)) }
        for row in report.prices {
            let price = row.price.map { "\($0)" } ?? ""
            add("type,\(row.type ?? ""),\(price),\(row.currency)", figures(row.sum))
        }
        for row in report.days { add("day,\(row.day.map(Self.text) ?? ""),,\(row.currency)", figures(row.sum)) }
        for (name, wait) in figures(report.waits) {
            if let wait { add("hold_to_purchase,,,", [(name, wait)]) }
        }
        for reason in refused?.counts ?? [] { add("refused,\(reason.problem.code),,", [("count", reason.count)]) }
        return Array(text.utf8)
    }

    /// A day of the calendar.
    private static func text(_ day: Int64) -> String {
        String(WallTime(milliseconds: day * 86_400_000).rfc3339.prefix(10))
    }

    private static func figures(_ holds: SalesReport.Holds) -> [(String, Int)] {
        [
            ("made", holds.made), ("held", holds.held), ("released", holds.released), ("expired", holds.expired),
            ("purchased", holds.purchased),
        ]
    }

    private static func figures(_ waits: WaitHistogram) -> [(String, Int64?)] {
        [
            ("median_ms", waits.percentile(50)), ("p90_ms", waits.percentile(90)), ("p99_ms", waits.percentile(99)),
        ]
    }

    fileprivate static func figures(_ sum: SalesReport.Sum) -> [(String, Int64)] {
        [
            ("purchases", Int64(sum.purchases)), ("sold", Int64(sum.sold)), ("returned", Int64(sum.returned)),
            ("kept", Int64(sum.kept)), ("gross", sum.gross), ("returned_amount", sum.returnedAmount),
            ("kept_amount", sum.keptAmount),
        ]
    }
}

extension JSONWriter {
    fileprivate mutating func rows<Row>(
        _ name: String, _ rows: [Row], _ write: (inout JSONWriter, Row) -> Void
    ) {
        member(name) { value in
            value.array { list in
                for row in rows { list.object { write(&$0, row) } }
            }
        }
    }

    fileprivate mutating func sum(_ sum: SalesReport.Sum) {
        for (name, figure) in ReportDocument.figures(sum) { member(name, figure) }
    }
}
