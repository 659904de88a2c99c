internal import ArgumentParser
internal import BoxOffice
internal import NIOCore

/// Exports what a running service has sold.
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Export what was sold, or a whole sale to move it.",
        subcommands: [Purchases.self, Sale.self])

    enum Form: String, CaseIterable, ExpressibleByArgument {
        case csv
        case ndjson

        var mediaType: String {
            switch self {
            case .csv: "text/csv"
            case .ndjson: "application/x-ndjson"
            }
        }
    }

    struct Purchases: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Export all purchases of an event, returned ones included.",
            discussion: """
                CSV has one row for each line of a purchase, NDJSON one object for each
                purchase. The export needs little memory, however many there are. The file
                appears when it is complete, and only its owner can read it.

                Buyers write some of the fields, and a spreadsheet runs a field that begins
                with =, +, - or @ as a formula. In CSV such a field gets an apostrophe in
                front, unless --keep-formulas is given.

                EXAMPLES
                  holdfast export purchases friday --output friday.csv
                  holdfast export purchases friday --bom --output for-excel.csv
                  holdfast export purchases friday --format ndjson | jq 'select(.state == "purchased") | .total'
                """)

        @Argument(help: "The event.")
        var id: Code

        @Option(help: "csv or ndjson.")
        var format = Form.csv

        @Option(name: .shortAndLong, help: "The file (default: standard output).", completion: .file())
        var output: String?

        @Flag(help: "Replace the file if it exists.")
        var force = false

        @Flag(help: "Begin CSV with a byte order mark, so that Excel recognises UTF-8.")
        var bom = false

        @Flag(help: "Write CSV fields unchanged, even if a spreadsheet would run them as formulas.")
        var keepFormulas = false

        @OptionGroup(title: "Service") var service: ServiceOptions

        func validate() throws {
            if service.json { throw ValidationError("--json does not apply here: use --format csv or --format ndjson") }
            if format != .csv, bom || keepFormulas {
                throw ValidationError("--bom and --keep-formulas apply only to --format csv")
            }
            if force, output == nil { throw ValidationError("--force applies only to --output") }
        }

        func run() async throws {
            try await Failure.reported {
                try await OutputFile.export(to: output, replacing: force) { try await write($0) }
            }
        }

        private func write(_ take: (ByteBuffer) throws -> Void) async throws {
            try await service.withClient { client in
                let path = "/v1/events/\(id)/purchases" + (keepFormulas ? "?formulas=kept" : "")
                var isFirst = bom
                let answer = try await client.stream(path, accept: format.mediaType) { piece in
                    if isFirst { try take(ByteBuffer(bytes: [0xEF, 0xBB, 0xBF])) }
                    isFirst = false
                    try take(piece)
                }
                if let answer {
                    throw answer.refusal(of: id.text)
                }
            }
        }
    }
}
