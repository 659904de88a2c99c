internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import StrictJSON
internal import Synchronization

/// Calls of the API that the operators' pages make for the person in front of them, with that person's key. So a page can do
/// what the API can do, refuses what it refuses, and leaves the same audit.
struct APICalls: Sendable {
    /// Bytes of an answer that is read.
    private static let mostBytes = 4 << 20

    /// Answers by the routes of the API.
    let responder: RouteResponder
    let logger: Logger

    /// An answer of the API.
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPFields
        /// `null` for an empty body.
        var body: JSONValue

        var isGood: Bool { status < 300 }

        /// What is wrong with the request.
        var mistakes: [JSONMistake] {
            (body["errors"]?.elements ?? []).map { JSONMistake($0["pointer"]?.text ?? "", $0["detail"]?.text ?? "") }
        }
    }

    /// - Parameters:
    ///   - query: members; those without a text are left out, as forms send them.
    ///   - body: a document.
    func call(
        _ method: HTTPRequest.Method, _ path: String, query: [String: String] = [:], _ body: JSONValue? = nil,
        fields: HTTPFields = [:], with credential: String
    ) async throws -> Answer {
        try await read(await respond(method, path, query: query, body, fields: fields, with: credential))
    }

    /// A whole answer that ``respond(_:_:query:_:fields:with:)`` gave.
    func read(_ response: Response) async throws -> Answer {
        let collected = Collected()
        try await response.body.write(Collector(collected: collected))
        let bytes = collected.bytes.withLock { $0 }
        let document = try bytes.isEmpty ? .null : JSONValue.document(bytes, limits: JSONLimits(bytes: Self.mostBytes))
        return Answer(status: response.status.code, headers: response.headers, body: document)
    }

    /// The answer as the API gives it, for what is handed on unread.
    func respond(
        _ method: HTTPRequest.Method, _ path: String, query: [String: String] = [:], _ body: JSONValue? = nil,
        fields: HTTPFields = [:], with credential: String
    ) async -> Response {
        var fields = fields
        fields[.authorization] = "Bearer \(credential)"
        var bytes = ByteBuffer()
        if let body {
            var writer = JSONWriter()
            writer.value(body)
            bytes.writeBytes(writer.bytes)
            fields[.contentType] = "application/json"
        }
        let members = query.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
        let text = members.map { "\($0.key)=\($0.value.percentEncoded)" }.joined(separator: "&")
        let head = HTTPRequest(
            method: method, scheme: "http", authority: nil, path: text.isEmpty ? path : "\(path)?\(text)",
            headerFields: fields)
        return await responder.respond(to: Request(head: head, body: .init(buffer: bytes)), logger)
    }

    private final class Collected: Sendable {
        let bytes = Mutex<[UInt8]>([])
    }

    private struct Collector: ResponseBodyWriter {
        let collected: Collected

        mutating func write(_ buffer: ByteBuffer) async throws {
            collected.bytes.withLock { $0 += buffer.readableBytesView }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
