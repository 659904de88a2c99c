internal import ArgumentParser
internal import BoxOffice
internal import NIOCore
internal import StrictJSON
internal import TicketAPI

/// The commands for an event's queue (Q1 Phases to Q10 One decision).
struct Queues: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Watch the queue of an event, change how people are let in, and check a draw.",
        discussion: """
            EXAMPLES
              holdfast queue show friday
              holdfast queue pause friday --reason "the hall is being cleared"
              holdfast queue rate friday 200
              holdfast queue let-in friday 50
              holdfast queue beacon friday "drand quicknet round 1234567" 8f3a…
              curl -s https://tickets.example/v1/events/friday/queue > draw.json
              holdfast queue check-draw draw.json --receipt "friday 17 2026-06-01T08:12:13.123Z …"
            """,
        subcommands: [
            Show.self, Pause.self, Resume.self, LetIn.self, Rate.self, Beacon.self, CheckDraw.self,
        ])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show who waits, and what admission decides by.")

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await Failure.reported {
                try await service.withClient { client in
                    let answer = try await client.ask(.get, "/v1/events/\(id)/queue")
                    guard answer.status == 200 else { throw answer.refusal(of: id.text) }
                    print(service.json ? answer.text : QueueText(try answer.document()).lines.joined(separator: "\n"))
                }
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let nobody in for now. People go on joining, and turns that run go on.")

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.adjust(id, [.init("paused", .boolean(true))], why)
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let people in again.")

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.adjust(id, [.init("paused", .boolean(false))], why)
        }
    }

    struct LetIn: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "let-in", abstract: "Let in so many more people, whatever is free.")

        @Argument(help: "The event.")
        var id: Code

        @Argument(help: "How many people.")
        var people: Int

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.adjust(id, [.init("let_in", .integer(Int64(people)))], why)
        }
    }

    struct Rate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set the most people who are let in within a second.",
            discussion: "Without a number, what the event's definition says counts again.")

        @Argument(help: "The event.")
        var id: Code

        @Argument(help: "The most people within a second.")
        var people: Int?

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            let rate = people.map { JSONValue.integer(Int64($0)) } ?? .null
            try await service.adjust(id, [.init("most_per_second", rate)], why)
        }
    }

    struct Beacon: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a draw the public value that was announced for it.",
            discussion: "It is taken once, after the count of those who joined was published.")

        @Argument(help: "The event.")
        var id: Code

        @Argument(help: "The name under which the value was announced.")
        var name: String

        @Argument(help: "The value.")
        var value: String

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.changeQueue(
                id, .put, "/beacon", [.init("name", .string(name)), .init("value", .string(value))], why)
        }
    }
}

extension ServiceOptions {
    /// Changes how people are let in, and prints the queue.
    fileprivate func adjust(_ id: Code, _ members: [JSONValue.Member], _ why: ReasonOption) async throws {
        try await changeQueue(id, .patch, "", members, why)
    }

    fileprivate func changeQueue(
        _ id: Code, _ method: ServiceClient.Method, _ path: String, _ members: [JSONValue.Member], _ why: ReasonOption
    ) async throws {
        try await Failure.reported {
            try await withClient { client in
                var writer = JSONWriter()
                writer.value(JSONValue.object(members))
                let type = method == .patch ? "application/merge-patch+json" : "application/json"
                let answer = try await client.ask(
                    method, "/v1/events/\(id)/queue\(path)\(why.query)", headers: [("Content-Type", type)],
                    body: writer.bytes)
                guard answer.status == 200 else { throw answer.refusal(of: id.text) }
                print(json ? answer.text : QueueText(try answer.document()).lines.joined(separator: "\n"))
            }
        }
    }
}

/// A queue in lines for people.
struct QueueText {
    let lines: [String]

    init(_ document: JSONValue) {
        func number(_ names: String...) -> String {
            var value: JSONValue? = document
            for name in names { value = value?.member(name) }
            if case .integer(let number)? = value { return grouped(number) }
            return "-"
        }
        let event = document.member("event")?.text ?? ""
        let phase = document.member("phase")?.text ?? ""
        var lines = [
            "\(event.printable): \(phase.printable)",
            "joined \(number("joined")), present \(number("present")), let in \(number("head")), "
                + "\(number("called_per_minute")) in the last minute",
        ]
        if document.member("admission") != nil {
            lines.append(
                "free \(number("admission", "free")), held \(number("admission", "held")), inside "
                    + "\(number("admission", "inside")), next \(number("admission", "next")), at most "
                    + "\(number("most_per_second")) a second")
        }
        lines.append(
            "likely up to position \(number("odds", "likely_up_to")), open up to \(number("odds", "open_up_to")), "
                + "unlikely up to \(number("odds", "unlikely_up_to"))")
        if let commitment = document.member("draw")?.member("commitment")?.text {
            let seed = document.member("draw")?.member("seed")?.text
            lines.append(
                seed.map { "drawn from \(number("draw", "count")) with the seed \($0.printable)" }
                    ?? "committed to \(commitment.printable)")
        }
        self.lines = lines
    }
}
