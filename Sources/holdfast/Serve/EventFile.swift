internal import BoxOffice
internal import Foundation
internal import TicketStore

/// Definitions of events in files, and the one that is sold where there is no file.
enum EventFile {
    /// What a box office with nothing configured sells: the numbers of the service before this one.
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

    /// The definition in the file at `path`; every mistake in it is told at once.
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
            throw Failure("event: \(path) is not a definition:\n\(error)", status: Failure.badConfiguration)
        }
    }

    /// Two files for one event would leave it to their order what is sold.
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
