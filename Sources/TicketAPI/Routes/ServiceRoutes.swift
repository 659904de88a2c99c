internal import HTTPTypes
internal import HummingbirdCore
public import Logging
internal import StrictJSON
internal import TicketStore

/// How much the service logs, which may change while it runs.
public protocol LogControl: AnyObject, Sendable {
    /// The least severe level that is written.
    var level: Logger.Level { get set }
}

/// How the service runs, for operators.
struct ServiceRoutes: Sendable {
    let reader: RequestReader
    let log: any LogControl
    let logger: Logger

    private static let levels = Logger.Level.allCases.map(\.rawValue)
    private static let change = JSONShape<Logger.Level>.object { body in
        body.required("level", as: JSONShape<String>.word(levels)).flatMap { Logger.Level(rawValue: $0) }
    }

    var routes: [Route] {
        [
            Route(
                "/v1/service/log", (.get, .operators(.readLists, show)),
                (.patch, .operators(.runService, change)))
        ]
    }

    @Sendable private func show(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        document(log.level)
    }

    @Sendable private func change(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let types: Set<String> = ["application/merge-patch+json", "application/json"]
        let patch = try await reader.json(call.request, types: types)
        let level = try RequestReader.reading { () throws(DocumentError) in try Self.change.read(patch) }
        let before = log.level
        // In force are the more talkative of both, so that the line itself is written.
        log.level = min(before, level)
        logger.log(
            level: max(.notice, log.level), "The log level was changed",
            metadata: ["from": "\(before)", "to": "\(level)", "key": "\(key.id)", "name": "\(key.name)"])
        log.level = level
        return document(level)
    }

    private func document(_ level: Logger.Level) -> Response {
        var writer = JSONWriter()
        writer.object { $0.member("level", level.rawValue) }
        return json(.ok, writer.bytes)
    }
}
