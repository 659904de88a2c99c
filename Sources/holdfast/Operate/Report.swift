internal import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore
internal import StrictJSON
internal import TicketAPI
internal import TicketStore

/// Shows what an event has sold (R50 Reports).
struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what an event has sold, by type, price and day.",
        discussion: """
            It asks a running service, which counts while it sells. With --ledger it reads a ledger instead, of a service
            that runs or not; refusals are then missing, because only a service counts them. Money is in minor units.

            EXAMPLES
              holdfast report friday
              holdfast report friday --utc-offset +02:00        with the days of Paris in summer
              holdfast report friday --csv > friday.csv         a row for each figure
              holdfast report friday --ledger holdfast-data     without a service
            """)

    @Argument(help: "The event.")
    var id: Code

    @Option(help: "Where a day begins: Z, or such as +02:00.")
    var utcOffset = "Z"

    @Option(help: "The ledger, or its directory, to read instead of asking a service.", completion: .directory)
    var ledger: String?

    @Flag(help: "Print CSV, with one row for each figure.")
    var csv = false

    @OptionGroup(title: "Service") var service: ServiceOptions

    func validate() throws {
        guard UTCOffset(utcOffset) != nil else { throw ValidationError("--utc-offset \(UTCOffset.demand)") }
        if csv, service.json { throw ValidationError("--csv and --json exclude each other") }
        if ledger != nil, service.url != nil { throw ValidationError("--ledger and --url exclude each other") }
    }

    func run() async throws {
        try await Failure.reported {
            guard let ledger else { return try await service.withClient { try await ask($0) } }
            let report = try read(ledger)
            if csv { return print(String(decoding: ReportDocument.csv(report, nil), as: UTF8.self), terminator: "") }
            try show(ReportDocument.json(report, nil))
        }
    }

    private func ask(_ client: ServiceClient) async throws {
        // A plus in a query may be read as a space.
        let offset = utcOffset.replacing("+", with: "%2B")
        let answer = try await client.ask(
            .get, "/v1/events/\(id)/report?utc_offset=\(offset)", headers: csv ? [("Accept", "text/csv")] : [])
        guard answer.status == 200 else { throw answer.refusal(of: id.text) }
        if csv { return print(answer.text, terminator: "") }
        // An answer that is no JSON comes from something that is no Holdfast.
        _ = try answer.document()
        try show(answer.body)
    }

    private func read(_ ledger: String) throws -> SalesReport {
        do {
            let report = try LedgerReport.read(
                path: try LedgerPath.ledger(at: ledger), event: id, utcOffset: UTCOffset(utcOffset)?.minutes ?? 0)
            guard let report else { throw Failure("the ledger has no event \(id)", status: Failure.atWork) }
            return report
        } catch let error as LedgerError {
            throw Failure(error)
        }
    }

    private func show(_ json: [UInt8]) throws {
        if service.json { return print(String(decoding: json, as: UTF8.self)) }
        print(try ReportText(json).lines.joined(separator: "\n"))
    }
}

/// A report as tables for people, from its JSON.
struct ReportText {
    private let report: JSONValue

    init(_ json: [UInt8]) throws {
        do {
            report = try JSONValue.read(json, limits: JSONLimits(bytes: max(1, json.count), depth: 32))
        } catch {
            throw Failure("the report cannot be read: \(error)", status: Failure.atWork)
        }
    }

    var lines: [String] {
        var lines = ["\(text(report, "event")) at \(text(report, "at")), days at UTC\(text(report, "utc_offset"))", ""]
        let holds = report.member("holds") ?? .null
        let conversion = number(report, "conversion_permille").map { "\($0 / 10).\($0 % 10) %" } ?? ""
        lines += Table.lines(
            [
                ["HOLDS", "HELD", "RELEASED", "EXPIRED", "PURCHASED", "CONVERSION"],
                ["made", "held", "released", "expired", "purchased"].map { figure(holds, $0) } + [conversion],
            ], right: Set(0...5))
        lines += sums("by_type", ["TYPE", "PRICE"]) { [text($0, "type", else: "others"), figure($0, "price")] }
        lines += sums("by_day", ["DAY", ""]) { [text($0, "day", else: "others"), ""] }
        lines += sums("totals", ["TOTAL", ""]) { _ in ["", ""] }
        let waits = report.member("hold_to_purchase") ?? .null
        if number(waits, "median_ms") != nil {
            let parts = [("half", "median_ms"), ("90 %", "p90_ms"), ("99 %", "p99_ms")].map { share, name in
                "\(share) within \(seconds(number(waits, name) ?? 0)) s"
            }
            lines += ["", "From hold to purchase: " + parts.joined(separator: ", ")]
        }
        if let refused = report.member("refused"), refused != .null {
            let reasons = elements(refused, "reasons").map { "\(text($0, "code")) \(figure($0, "count"))" }
            lines += [
                "",
                "Refused since \(text(refused, "since")): "
                    + (reasons.isEmpty ? "none" : reasons.joined(separator: ", ")),
            ]
        }
        return lines
    }

    /// The rows of a list with their sums, as a table behind an empty line; nothing if there are none.
    private func sums(_ list: String, _ head: [String], _ name: (JSONValue) -> [String]) -> [String] {
        let rows = elements(report, list).map { row in
            name(row) + ["sold", "returned", "kept", "gross", "returned_amount", "kept_amount"].map { figure(row, $0) }
                + [text(row, "currency")]
        }
        guard !rows.isEmpty else { return [] }
        let columns = head + ["SOLD", "RETURNED", "KEPT", "GROSS", "PAID BACK", "LEFT", "CURRENCY"]
        return [""] + Table.lines([columns] + rows, right: Set(1...7))
    }

    private func elements(_ value: JSONValue, _ name: String) -> [JSONValue] {
        if case .array(let list)? = value.member(name) { list } else { [] }
    }

    private func text(_ value: JSONValue, _ name: String, else other: String = "") -> String {
        (value.member(name)?.text ?? other).printable
    }

    private func number(_ value: JSONValue, _ name: String) -> Int64? {
        if case .integer(let number)? = value.member(name) { number } else { nil }
    }

    private func figure(_ value: JSONValue, _ name: String) -> String {
        number(value, name).map { grouped($0) } ?? ""
    }

    /// With one digit behind the point.
    private func seconds(_ milliseconds: Int64) -> String {
        let tenths = (milliseconds + 50) / 100
        return "\(grouped(tenths / 10)).\(tenths % 10)"
    }
}
