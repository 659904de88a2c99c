internal import ArgumentParser
internal import BoxOffice
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// Shows and exports what operators changed (R49 Audit differences).
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show or export what operators changed: who, when, from what to what, and why.",
        discussion: """
            Without --format it prints a table, or with --json the service's pages; oldest
            first, or with --order newest the last change first. With --format it exports everything in little memory; a file appears
            when it is complete, and only its owner can read it.

            EXAMPLES
              holdfast audit --event friday --since 2026-11-24
              holdfast audit --key 3f9ab2cd
              holdfast audit --order newest --most 20
              holdfast audit --format csv --output audit.csv
            """)

    /// The number of entries in one request.
    private static let page = 1_000

    @Option(help: "Only what is about this event.")
    var event: Code?

    @Option(help: ArgumentHelp("Only what was done with this key; - for the machine.", valueName: "id"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "Only what was done from here on: a moment such as 2026-11-24T09:00:00Z, or a date (UTC).",
            valueName: "moment"))
    var since: AuditStart?

    @Option(help: "Which change comes first: oldest or newest.")
    var order = AuditOrder.oldest

    @Option(help: "How many entries to show at most (default: all).")
    var most: Int?

    @Option(help: "Export as csv or ndjson.")
    var format: Export.Form?

    @Option(name: .shortAndLong, help: "The file of the export (default: standard output).", completion: .file())
    var output: String?

    @Flag(help: "Replace the file if it exists.")
    var force = false

    @Flag(help: "Write CSV fields unchanged, even if a spreadsheet would run them as formulas.")
    var keepFormulas = false

    @OptionGroup(title: "Service") var service: ServiceOptions

    func validate() throws {
        if let most, most < 1 { throw ValidationError("--most must be 1 or more") }
        if format != nil, most != nil || order != .oldest {
            throw ValidationError("--order and --most do not apply to an export, which has everything, oldest first")
        }
        if service.json, format != nil { throw ValidationError("--json does not apply to an export") }
        if keepFormulas, format != .csv { throw ValidationError("--keep-formulas applies only to --format csv") }
        if output != nil, format == nil { throw ValidationError("--output applies only with --format") }
        if force, output == nil { throw ValidationError("--force applies only to --output") }
    }

    func run() async throws {
        try await Failure.reported {
            guard let format else { return try await show() }
            try await OutputFile.export(to: output, replacing: force) { take in
                try await service.withClient { client in
                    let answer = try await client.stream(path(limit: nil, cursor: nil), accept: format.mediaType, take)
                    if let answer { throw answer.refusal(of: "the audit") }
                }
            }
        }
    }

    private func path(limit: Int?, cursor: String?) -> String {
        var members: [String] = []
        if let limit { members.append("limit=\(limit)") }
        if let cursor { members.append("cursor=\(cursor)") }
        if let event { members.append("event=\(event)") }
        // The service says what is wrong with any other text.
        if let key { members.append("key=\(key.filter { $0.isLetter || $0.isNumber || $0 == "-" })") }
        if let since { members.append("since=\(since.moment.rfc3339)") }
        if order != .oldest { members.append("order=\(order.rawValue)") }
        if keepFormulas { members.append("formulas=kept") }
        return "/v1/audit" + (members.isEmpty ? "" : "?" + members.joined(separator: "&"))
    }

    private func show() async throws {
        try await service.withClient { client in
            var rows = [["AT", "KEY", "NAME", "ACTION", "SUBJECT", "CHANGE"]]
            var (cursor, shown) = (String?.none, 0)
            repeat {
                let left = min(Self.page, (most ?? .max) - shown)
                let answer = try await client.ask(.get, path(limit: left, cursor: cursor))
                guard answer.status == 200 else { throw answer.refusal(of: "the audit") }
                if service.json { print(answer.text) }
                let document = try answer.document()
                guard case .array(let entries)? = document.member("entries") else {
                    throw answer.refusal(of: "the audit")
                }
                rows += entries.flatMap(Self.rows)
                shown += entries.count
                cursor = document.member("next_cursor")?.text
            } while cursor != nil && shown < most ?? .max
            if service.json { return }
            print(rows.count == 1 ? "Nothing was changed." : Table.lines(rows).joined(separator: "\n"))
        }
    }

    /// The rows of an entry: one for each difference, and one for its reason.
    private static func rows(_ entry: JSONValue) -> [[String]] {
        func text(_ name: String) -> String { (entry.member(name)?.text ?? "").printable }
        var changes: [String] = []
        if case .array(let differences)? = entry.member("differences") { changes += differences.map(change) }
        if case .integer(let count)? = entry.member("differences_left_out"), count > 0 {
            changes.append("and \(count) more")
        }
        if let reason = entry.member("reason")?.text { changes.append("reason: \(reason.printable)") }
        let head = [text("at"), text("key"), text("name"), text("action"), text("subject")]
        let rest = changes.dropFirst().map { Array(repeating: "", count: head.count) + [$0] }
        return [head + [changes.first ?? ""]] + rest
    }

    private static func change(_ difference: JSONValue) -> String {
        func shown(_ name: String) -> String {
            var writer = JSONWriter()
            writer.value(difference.member(name) ?? .null)
            return String(decoding: writer.bytes, as: UTF8.self).printable
        }
        return "\((difference.member("member")?.text ?? "").printable): \(shown("from")) → \(shown("to"))"
    }
}

/// Which entry of the audit comes first.
enum AuditOrder: String, CaseIterable, ExpressibleByArgument {
    case oldest
    case newest
}

/// From when on the audit is shown: a moment, or a date, from its beginning.
struct AuditStart: ExpressibleByArgument {
    let moment: WallTime

    init?(argument: String) {
        guard let moment = WallTime(rfc3339: argument) ?? WallTime(rfc3339: argument + "T00:00:00Z") else { return nil }
        self.moment = moment
    }
}
