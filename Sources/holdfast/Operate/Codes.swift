internal import ArgumentParser
internal import BoxOffice
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// The commands for access codes (R46 Access codes).
struct Codes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "code",
        abstract: "Make access codes, list what became of them, and revoke them.",
        discussion: """
            A code is good for a number of tickets. It may be for some ticket types, for an
            allocation, for a time before the sale, or at a price of its own. Everybody who
            knows a code can use it.

            EXAMPLES
              holdfast code make friday club --count 200 --tickets 2
              holdfast code make friday press --count 20 --tickets 1 --allocation press --price 0
              holdfast code list friday club
              holdfast code list friday club --csv > club.csv
              holdfast code revoke friday club 17 18
            """,
        subcommands: [Make.self, List.self, Revoke.self])

    struct Make: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a batch of codes to an event.",
            discussion: "`holdfast code list` shows the codes.")

        @Argument(help: "The event.")
        var id: Code

        @Argument(help: "The name of the new batch, 1 to 32 of A-Z a-z 0-9 _ -.")
        var batch: Code

        @Option(help: "How many codes.")
        var count: Int

        @Option(help: "How many tickets each code is good for.")
        var tickets: Int

        @Option(
            name: .customLong("type"),
            help: ArgumentHelp("A ticket type that it is good for (default: all). Repeat it.", valueName: "type"))
        var types: [Code] = []

        @Option(help: "The allocation that its holds draw on.")
        var allocation: Code?

        @Option(help: ArgumentHelp("Good from this moment on, although the sale is not open.", valueName: "moment"))
        var from: String?

        @Option(help: ArgumentHelp("Good until this moment.", valueName: "moment"))
        var until: String?

        @Option(help: "The price of a ticket, in minor units (default: that of the type).")
        var price: Int64?

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let before = try await client.knownEvent(id)
                    guard !before.definition.codes.contains(where: { $0.name == batch }) else {
                        throw Failure("\(id) has a batch \(batch) already", status: Failure.atWork)
                    }
                    let patch = JSONValue.object([.init("codes", .object([.init(batch.text, .object(members))]))])
                    let (event, answer) = try await client.patch(id, ifMatch: before.tag, patch, why)
                    guard let event else { throw answer.refusal(of: id.text) }
                    print(
                        service.json
                            ? event.text
                            : "\(id): \(batch) has \(grouped(count)) codes for \(grouped(tickets)) tickets each")
                }
            }
        }

        private var members: [JSONValue.Member] {
            var members: [JSONValue.Member] = [
                .init("count", .integer(Int64(count))), .init("tickets", .integer(Int64(tickets))),
            ]
            if !types.isEmpty { members.append(.init("types", .array(types.map { .string($0.text) }))) }
            if let allocation { members.append(.init("allocation", .string(allocation.text))) }
            if let from { members.append(.init("opens_at", .string(from))) }
            if let until { members.append(.init("closes_at", .string(until))) }
            if let price { members.append(.init("price", .integer(price))) }
            return members
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the codes of a batch, with what became of each.",
            discussion: "Keep the list secret: everybody who knows a code can use it.")

        @Argument(help: "The event.")
        var id: Code

        @Argument(help: "The batch.")
        var batch: Code

        @Flag(help: "Print CSV.")
        var csv = false

        @OptionGroup(title: "Service") var service: ServiceOptions

        func validate() throws {
            if csv, service.json { throw ValidationError("--csv and --json exclude each other") }
        }

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let path = "/v1/events/\(id)/codes?batch=\(batch)"
                    var text: [UInt8] = []
                    let form = csv ? "text/csv" : "application/x-ndjson"
                    let refusal = try await client.stream(path, accept: form) { text += $0.readableBytesView }
                    if let refusal { throw refusal.refusal(of: "\(id) \(batch)") }
                    let written = String(decoding: text, as: UTF8.self)
                    if csv || service.json { return print(written, terminator: "") }
                    print(try Self.table(written).joined(separator: "\n"))
                }
            }
        }

        private static func table(_ lines: String) throws -> [String] {
            let rows = try lines.split(separator: "\n").map { line in
                let code = try JSONValue.read(line.utf8)
                return ["number", "code", "state", "tickets", "held", "sold", "left"].map { name in
                    switch code.member(name) {
                    case .integer(let number)?: grouped(number)
                    case let value: (value?.text ?? "").printable
                    }
                }
            }
            return Table.lines(
                [["NUMBER", "CODE", "STATE", "TICKETS", "HELD", "SOLD", "LEFT"]] + rows, right: [0, 3, 4, 5, 6])
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke codes of a batch, or all of them.",
            discussion: "What is held or bought with them stays.")

        @Argument(help: "The event.")
        var id: Code

        @Argument(help: "The batch.")
        var batch: Code

        @Argument(help: "The numbers of the codes, as in the list.")
        var numbers: [Int] = []

        @Flag(help: "Revoke all codes of the batch.")
        var all = false

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func validate() throws {
            guard all == numbers.isEmpty else { throw ValidationError("name codes by their numbers, or give --all") }
        }

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let before = try await client.knownEvent(id)
                    guard let known = before.definition.codes.first(where: { $0.name == batch }) else {
                        throw Failure("\(id) has no batch \(batch)", status: Failure.atWork)
                    }
                    if known.isRevoked {
                        throw Failure("\(id): all codes of \(batch) are revoked", status: Failure.atWork)
                    }
                    let revoked = known.revoked + numbers.filter { !known.revoked.contains($0) }
                    let value: JSONValue = all ? .boolean(true) : .array(revoked.map { .integer(Int64($0)) })
                    let patch = JSONValue.object([
                        .init("codes", .object([.init(batch.text, .object([.init("revoked", value)]))]))
                    ])
                    let (event, answer) = try await client.patch(id, ifMatch: before.tag, patch, why)
                    guard let event else { throw answer.refusal(of: id.text) }
                    let what = all ? "all codes of \(batch)" : "\(numbers.count) codes of \(batch)"
                    print(service.json ? event.text : "\(id): \(what) are revoked")
                }
            }
        }
    }
}
