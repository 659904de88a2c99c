internal import ArgumentParser
internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// Makes events of files, or replaces what is different in them.
struct EventDefine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "define",
        abstract: "Make events, or replace their definitions, and say what changed.",
        discussion: """
            All files are checked before the service is asked. An event that is there
            already is replaced only as it was seen: what somebody else changes in between
            is not overwritten. One that is as its file has it is left alone.

            EXAMPLES
              holdfast event define friday.json saturday.json
              holdfast event define --dry-run friday.json       say what would change
            """)

    @Argument(help: "Files with the definitions.", completion: .file(extensions: ["json"]))
    var files: [String]

    @Flag(help: "Only say what would change.")
    var dryRun = false

    @OptionGroup(title: "Service") var service: ServiceOptions

    func run() async throws {
        try await Failure.reported {
            let definitions = try read()
            try await service.withClient { client in
                for definition in definitions { try await define(definition, client) }
            }
        }
    }

    /// The definitions in the files; what is wrong in any of them is told at once.
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
            return print(service.json ? before.text : "\(id): as it was")
        }
        if dryRun {
            return tell("\(id): would be \(before == nil ? "made" : "replaced")", changes)
        }
        let precondition = before.map { ("If-Match", $0.tag) } ?? ("If-None-Match", "*")
        let answer = try await client.ask(
            .put, "/v1/events/\(id)", headers: [precondition, ("Content-Type", "application/json")],
            body: EventDocument.write(definition, layout: .compact))
        switch answer.status {
        case 200, 201:
            if service.json { return print(answer.text) }
            tell("\(id): \(before == nil ? "made" : "replaced")", changes)
            for warning in try EventOnService(answer).warnings { print("  warning: \(warning)") }
        case 412:
            throw Failure(
                "\(id): somebody else changed it just now, so it was left alone; `holdfast event show \(id)` shows it",
                status: Failure.atWork)
        default: throw answer.refusal(of: id.text)
        }
    }

    private func tell(_ line: String, _ changes: [String]?) {
        print(line)
        for change in changes ?? [] { print("  \(change)") }
    }
}
