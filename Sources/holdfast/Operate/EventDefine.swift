internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// Defines the events in files.
struct EventDefine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "define",
        abstract: "Define events from files, and print what changed.",
        discussion: """
            All files are checked before the first request. An event that exists is replaced
            only if nobody changed it in between. An event that matches its file is not
            touched.

            EXAMPLES
              holdfast event define friday.json saturday.json
              holdfast event define --dry-run friday.json       print what would change
            """)

    @Argument(help: "Files with the definitions.", completion: .file(extensions: ["json"]))
    var files: [String]

    @Flag(help: "Only print what would change.")
    var dryRun = false

    @OptionGroup var why: ReasonOption

    @OptionGroup(title: "Service") var service: ServiceOptions

    func run() async throws {
        try await Failure.reported {
            let definitions = try read()
            try await service.withClient { client in
                for definition in definitions { try await define(definition, client) }
            }
        }
    }

    /// The definitions in the files. A failure lists the mistakes of all of them.
    private func read() throws -> [EventDefinition] {
        var definitions: [EventDefinition] = []
        var wrong: [String] = []
        for file in files {
            do {
                definitions.append(try EventFile.read(file))
            } catch let failure as Failure {
                wrong.append(failure.description)
            }
        }
        guard wrong.isEmpty else {
            throw Failure(wrong.joined(separator: "\n"), status: Failure.badConfiguration)
        }
        try EventFile.refuseDoubles(definitions, in: files)
        return definitions
    }

    private func define(_ definition: EventDefinition, _ client: ServiceClient) async throws {
        let id = definition.id
        let before = try await client.event(id)
        let changes = before.map { EventOnService.changes(from: $0.definition, to: definition) }
        if let before, changes == [] {
            return print(service.json ? before.text : "\(id): unchanged")
        }
        if dryRun {
            return report("\(id): would be \(before == nil ? "made" : "replaced")", changes)
        }
        let precondition = before.map { ("If-Match", $0.tag) } ?? ("If-None-Match", "*")
        let answer = try await client.ask(
            .put, "/v1/events/\(id)\(why.query)", headers: [precondition, ("Content-Type", "application/json")],
            body: EventDocument.write(definition, layout: .compact))
        switch answer.status {
        case 200, 201:
            if service.json { return print(answer.text) }
            report("\(id): \(before == nil ? "made" : "replaced")", changes)
            for warning in try EventOnService(answer).warnings { print("  warning: \(warning)") }
        case 412:
            throw Failure(
                "\(id): another change came first, so nothing was done; `holdfast event show \(id)` shows the event",
                status: Failure.atWork)
        default: throw answer.refusal(of: id.text)
        }
    }

    private func report(_ line: String, _ changes: [String]?) {
        print(line)
        for change in changes ?? [] { print("  \(change)") }
    }
}
