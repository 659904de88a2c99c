internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import TicketStore

/// Everything that is not hot, by the framework's router; and the answers where there is nothing.
struct Routes: Sendable {
    let store: any TicketStore

    func responder() -> some HTTPResponder<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware())
        router.get("/health/live") { _, _ in
            // That this runs is the answer.
            json(.ok, Array(#"{"status":"live"}"#.utf8))
        }
        router.get("/health/ready") { _, _ in ready() }
        return router.buildResponder()
    }

    private func ready() -> Response {
        let reason: String
        switch store.condition {
        case .selling: return json(.ok, Array(#"{"status":"ready"}"#.utf8))
        case .suspended(let why): reason = why.rawValue
        case .closing: reason = "closing"
        }
        return problem(.notReady, detail: "The store takes no facts: \(reason).")
    }
}

/// Where something may be asked, and how; for the 405 that the router does not know.
private let methodsOfPaths: [String: String] = [
    "/health/live": "GET, HEAD",
    "/health/ready": "GET, HEAD",
]

/// Turns what the router refuses into problems (RFC 9457): its own 404 has no body, and its wrong method is a 404.
private struct ProblemMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let response = try await answer(request, context: context, next: next)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            if let allowed = methodsOfPaths[request.uri.path] {
                var response = problem(.methodNotAllowed, detail: "\(request.method) does not work here.")
                response.headers[.allow] = allowed
                return response
            }
            return problem(.notFound, detail: "There is nothing at this path.")
        } catch {
            context.logger.error("A request failed", metadata: ["error": "\(error)"])
            return problem(.internalError)
        }
    }
}

private func json(_ status: HTTPResponse.Status, _ body: [UInt8]) -> Response {
    Response(
        status: status,
        headers: [.contentType: "application/json", .cacheControl: "no-store"],
        body: .init(byteBuffer: ByteBuffer(bytes: body)))
}

private func problem(_ problem: Problem, detail: String? = nil) -> Response {
    var response = json(.init(code: problem.status), problem.document(detail: detail))
    response.headers[.contentType] = "application/problem+json"
    return response
}
