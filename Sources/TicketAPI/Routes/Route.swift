internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import TicketStore

/// A path that the service knows: what may be done there, by whom, and who answers.
struct Route: Sendable {
    /// Who answers, and who may ask.
    enum Handler: Sendable {
        /// The fast path; the router never gets such a request.
        case fastPath
        /// Anybody may ask; the answer may depend on the caller.
        case anyone(@Sendable (RouteRequest) async throws -> Response)
        /// An operator's key with this right is needed.
        case operators(
            OperatorKey.Right, @Sendable (RouteRequest, OperatorKey) async throws -> Response)
    }

    /// A segment that begins with `:` stands for any text; a path has one at most.
    let path: String
    /// In the order in which `Allow` lists them.
    let handlers: [(method: HTTPRequest.Method, handler: Handler)]
    /// The members that a query may have; `nil` for any.
    let query: Set<String>?
    private let segments: [Substring]

    init(_ path: String, query: Set<String>? = [], _ handlers: (HTTPRequest.Method, Handler)...) {
        self.path = path
        self.query = query
        self.handlers = handlers.map { (method: $0.0, handler: $0.1) }
        segments = path.split(separator: "/")
    }

    /// Methods that work here. HEAD works where GET does.
    var methods: [String] {
        handlers.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
    }

    func handler(of method: HTTPRequest.Method) -> Handler? {
        let method = method == .head ? .get : method
        return handlers.first { $0.method == method }?.handler
    }

    /// The text of the path's variable segment, empty if it has none; `nil` if `other` is another path.
    ///
    /// - Parameter other: split at its slashes.
    func match(_ other: ArraySlice<Substring>) -> Substring? {
        guard segments.count == other.count else { return nil }
        var variable: Substring = ""
        for (segment, text) in zip(segments, other) where segment != text {
            guard segment.hasPrefix(":"), !text.isEmpty else { return nil }
            variable = text
        }
        return variable
    }
}

/// A request on its way to the handler of its route.
struct RouteRequest: Sendable {
    let request: Request
    /// The text of the path's variable segment.
    let segment: String
    let fields: BuyerFields
    let logger: Logger
}

/// Answers requests by the table of routes, and turns everything that is refused or fails into problems (RFC 9457).
struct RouteResponder: HTTPResponder {
    let routes: [Route]
    let authorizer: OperatorAuthorizer

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        let fields = BuyerFields(request.headers)
        let response: Response
        do {
            response = try await answer(request, fields, context.logger)
        } catch {
            let refused = refused(error, context.logger)
            response = refused.response(traceID: fields.traceID, instance: request.uri.path)
        }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ fields: BuyerFields, _ logger: Logger) async throws
        -> Response
    {
        guard let (route, segment) = route(at: request.uri.path) else {
            throw Refused(.notFound, "There is nothing at this path.")
        }
        if let known = route.query,
            let mistake = RequestQuery.mistake(in: request.uri.string, known: known)
        {
            throw Refused(.malformedRequest, mistake)
        }
        let routed = RouteRequest(request: request, segment: segment, fields: fields, logger: logger)
        switch route.handler(of: request.method) {
        case .anyone(let answer): return try await answer(routed)
        case .operators(let right, let answer):
            return try await answer(routed, try await authorizer.admit(fields, right))
        case .fastPath, nil:
            var refused = Refused(.methodNotAllowed, "\(request.method) does not work here.")
            refused.headers[.allow] = route.methods.joined(separator: ", ")
            throw refused
        }
    }

    private func route(at path: String) -> (Route, segment: String)? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for route in routes {
            if let segment = route.match(segments) { return (route, String(segment)) }
        }
        return nil
    }

    private func refused(_ error: any Error, _ logger: Logger) -> Refused {
        if let refused = error as? Refused { return refused }
        if let failure = error as? StoreFailure { return Refused(failure) }
        if let error = error as? HTTPError, error.status == .contentTooLarge {
            return Refused(.contentTooLarge)
        }
        logger.error("A request failed", metadata: ["error": "\(error)"])
        return Refused(.internalError)
    }
}
