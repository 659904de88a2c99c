internal import ArgumentParser
internal import BoxOffice
internal import Foundation
internal import NIOCore
internal import UnixSignals

/// Takes what was sold out of a running service.
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write what was sold into a file or a pipe.",
        subcommands: [Purchases.self])

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
            abstract: "Write all purchases of an event, returned ones too.",
            discussion: """
                CSV has a row a line of a purchase, NDJSON an object a purchase. However many
                there are, they take little memory. The file is there when it is whole, and
                only its owner can read it.

                EXAMPLES
                  holdfast export purchases friday --output friday.csv
                  holdfast export purchases friday --format ndjson | jq .total
                """)

        @Argument(help: "The event.")
        var id: Code

        @Option(help: "csv or ndjson.")
        var format = Form.csv

        @Option(name: .shortAndLong, help: "The file; standard output without.", completion: .file())
        var output: String?

        @Flag(help: "Replace the file if it is there.")
        var force = false

        @OptionGroup(title: "Service") var service: ServiceOptions

        func validate() throws {
            if service.json { throw ValidationError("--json: purchases are exported with --format csv or ndjson") }
            if force, output == nil { throw ValidationError("--force is about the file of --output") }
        }

        func run() async throws {
            try await Failure.told {
                guard let output else {
                    return try await write { try OutputFile.write($0, to: STDOUT_FILENO, "standard output") }
                }
                try await untilStopped {
                    let file = try OutputFile(path: output, replacing: force)
                    do {
                        try await write(file.write)
                        try file.finish()
                    } catch {
                        file.discard()
                        throw error
                    }
                }
            }
        }

        private func write(_ take: (ByteBuffer) throws -> Void) async throws {
            try await service.withClient { client in
                let path = "/v1/events/\(id)/purchases"
                if let answer = try await client.stream(path, accept: format.mediaType, take) {
                    throw answer.refusal(of: id.text)
                }
            }
        }

        /// Runs `body`; a signal that asks to stop ends it first, so that it leaves nothing behind.
        private func untilStopped(_ body: @escaping @Sendable () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await body()
                    return true
                }
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return false }
                    return false
                }
                let isDone = try await group.next() ?? false
                group.cancelAll()
                guard isDone else { throw Failure("stopped before the end; no file was made", status: Failure.atWork) }
            }
        }
    }
}
