internal import BoxOffice
internal import Foundation
internal import Settings
internal import TicketAPI
internal import TicketStore

/// Event definitions in files, and the standard event that is sold without a file.
enum EventFile {
    /// The event that a box office without configuration sells, with the numbers of the service that Holdfast replaced.
    static var standard: EventDefinition {
        func code(_ text: String) -> Code {
            guard let code = Code(text) else { preconditionFailure("\(text) is a code") }
            return code
        }
        return EventDefinition(
            id: code("main"), name: "Main event",
            pools: [
                .init(code: code("floor"), capacity: 44_000), .init(code: code("lounge"), capacity: 1_000),
                .init(code: code("day"), capacity: 5_000),
            ],
            types: [
                .init(code: code("GA"), name: "General admission", pools: [code("floor")]),
                .init(code: code("VIP"), name: "Lounge", pools: [code("lounge")]),
                .init(code: code("ONE_DAY"), name: "One day", pools: [code("day")]),
            ])
    }

    /// The definition in the file at `path`. A failure lists all mistakes in it.
    static func read(_ path: String) throws -> EventDefinition {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            let reason = (error as? CocoaError)?.code == .fileReadNoSuchFile ? "there is no such file" : "\(error)"
            throw Failure("event: cannot read \(path): \(reason)", status: Failure.badConfiguration)
        }
        do {
            return try EventDocument.read(data)
        } catch {
            throw Failure("event: \(path) is not a valid definition:\n\(error)", status: Failure.badConfiguration)
        }
    }

    /// Refuses a page for payments to which this service could send nobody (R55 Checkout).
    static func refuseCheckouts(_ definitions: [EventDefinition], _ settings: Settings, _ secret: [UInt8]?) throws {
        for definition in definitions {
            let mistakes = definition.mistakes(publicURL: settings.publicURL, checkoutSecret: secret)
            guard !mistakes.isEmpty else { continue }
            let lines = mistakes.map { "\n  \($0.pointer) \($0.what)" }.joined()
            throw Failure("event \(definition.id) cannot be defined:\(lines)", status: Failure.badConfiguration)
        }
    }

    /// Refuses two files for one event: their order would decide which one applies.
    static func refuseDoubles(_ definitions: [EventDefinition], in paths: [String]) throws {
        var seen: [Code: String] = [:]
        for (definition, path) in zip(definitions, paths) {
            if let other = seen.updateValue(path, forKey: definition.id) {
                throw Failure(
                    "event: \(other) and \(path) both define \(definition.id)", status: Failure.badConfiguration)
            }
        }
    }
}
