internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import Synchronization
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
    /// Whether what operators change here takes the operator's `reason` in its query, for the audit (R49 Audit differences). The query has
    /// it because the bodies of most changes are documents of their own, and a header has no letters beyond ASCII.
    let takesReason: Bool
    /// Whether the handlers leave out by themselves what a key that is bound to events may not see.
    private let isNarrowed: Bool
    /// Whether it is for people: its refusals are pages.
    let isPage: Bool
    private let segments: [Substring]

    init(
        _ path: String, query: Set<String>? = [], takesReason: Bool = false, isNarrowed: Bool = false,
        _ handlers: (HTTPRequest.Method, Handler)...
    ) {
        self.init(
            path, query, handlers.map { (method: $0.0, handler: $0.1) }, takesReason: takesReason,
            isNarrowed: isNarrowed, isPage: false)
    }

    private init(
        _ path: String, _ query: Set<String>?, _ handlers: [(method: HTTPRequest.Method, handler: Handler)],
        takesReason: Bool, isNarrowed: Bool, isPage: Bool
    ) {
        self.path = path
        self.query = query
        self.takesReason = takesReason
        self.isNarrowed = isNarrowed
        self.isPage = isPage
        self.handlers = handlers
        segments = path == "/" ? [""] : path.split(separator: "/")
    }

    /// A page for people. Its query may choose the language.
    static func page(
        _ path: String, query: Set<String> = [],
        _ handlers: (HTTPRequest.Method, @Sendable (PageRequest) async throws -> Response)...
    ) -> Route {
        Route(
            path, query.union([PageRequest.languageMember]),
            handlers.map { method, answer in
                (method, .anyone { try await answer(PageRequest($0.request, segment: $0.segment)) })
            },
            takesReason: false, isNarrowed: false, isPage: true)
    }

    /// Methods that work here. HEAD works where GET does.
    var methods: [String] {
        handlers.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
    }

    func handler(of method: HTTPRequest.Method) -> Handler? {
        let method = method == .head ? .get : method
        return handlers.first { $0.method == method }?.handler
    }

    /// The members that the query of this method may have; `nil` for any.
    func query(of method: HTTPRequest.Method) -> Set<String>? {
        switch handler(of: method) {
        // What buyers do is not in the audit, and looking changes nothing.
        case .anyone, .fastPath: return query
        case .operators where method == .get || method == .head: return query
        // A method that does not work here is refused as such, whatever its query.
        case .operators, nil: return takesReason ? query?.union(["reason"]) : query
        }
    }

    /// What a request is about, for keys that are bound to events. A new path is for no bound key unless it begins with an
    /// event, a hold or a purchase.
    func scope(_ segment: String) -> KeyScope {
        if isNarrowed { return .narrowed }
        return switch segments.prefix(3) {
        case ["v1", "events", ":event"]: .event(segment)
        case ["v1", "holds", ":hold"]: .hold(HoldID(public: segment))
        case ["v1", "purchases", ":purchase"]: .hold(HoldID(purchase: segment))
        default: .everything
        }
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
    /// Why the operator changes something, in their words.
    let reason: String?
}

extension FlatDictionary<Substring, Substring> {
    /// The value of a query's member; `nil` if the query does not have it.
    func get(_ name: String) -> String? {
        self[name[...]].map { String($0) }
    }
}

/// Answers requests by the table of routes, and turns everything that is refused or fails into problems (RFC 9457).
struct RouteResponder: Sendable {
    private let routes: [Route]
    private let authorizer: OperatorAuthorizer
    private let pages: PageWriter
    /// `nil` if no page on another origin may call.
    private let origins: SharedOrigins?
    /// `nil` for a responder that nobody outside asks.
    private let figures: LoopFigures?
    /// The numbers of calls in the figures, by method and path.
    private let calls: [String: Int]

    init(
        routes: [Route], authorizer: OperatorAuthorizer, pages: PageWriter, figures: ServiceFigures?,
        origins: SharedOrigins? = nil
    ) {
        self.origins = origins
        self.routes = routes
        self.authorizer = authorizer
        self.pages = pages
        self.figures = figures?.routed
        let names = routes.flatMap { route in route.handlers.map { "\($0.method.rawValue) \(route.path)" } }
        let first = figures?.add(calls: names) ?? 0
        calls = Dictionary(uniqueKeysWithValues: zip(names, first...))
    }

    func respond(to request: Request, _ logger: Logger) async -> Response {
        let fields = BuyerFields(request.headers)
        figures?.inFlight.wrappingAdd(1, ordering: .relaxed)
        defer { _ = figures?.inFlight.wrappingSubtract(1, ordering: .relaxed) }
        let began = NIODeadline.now()
        let found = route(at: request.uri.path)
        let response: Response
        do {
            response = try await answer(request, at: found, fields, logger)
        } catch {
            let refused = refused(error, logger)
            response =
                isForPerson(request, at: found?.route)
                ? pages.refused(refused, for: PageRequest(request, segment: found?.segment ?? ""))
                : refused.response(traceID: fields.traceID, instance: request.uri.path)
        }
        count(request.method, at: found?.route, response.status, took: NIODeadline.now() - began)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func count(
        _ method: HTTPRequest.Method, at route: Route?, _ status: HTTPResponse.Status, took: TimeAmount
    ) {
        let method = method == .head ? .get : method
        let call = route.flatMap { calls["\(method.rawValue) \($0.path)"] } ?? FastCall.other.rawValue
        figures?.countRequest(call, statusClass: status.code / 100, took: took.nanoseconds)
    }

    /// Whether a person sees the answer: at the path of a page, or at a path that is not there and that a browser was sent to.
    private func isForPerson(_ request: Request, at route: Route?) -> Bool {
        if let route { return route.isPage && PageRequest.isWanted(by: request) }
        return !request.uri.path.hasPrefix("/v1/") && PageRequest.isWanted(by: request)
    }

    private func answer(
        _ request: Request, at found: (route: Route, segment: String)?, _ fields: BuyerFields, _ logger: Logger
    ) async throws -> Response {
        guard let (route, segment) = found else {
            throw Refused(.notFound, "There is nothing at this path.")
        }
        if let known = route.query(of: request.method),
            let mistake = RequestQuery.mistake(in: request.uri.string, known: known)
        {
            throw Refused(.malformedRequest, mistake)
        }
        let routed = RouteRequest(
            request: request, segment: segment, fields: fields, logger: logger,
            reason: route.takesReason ? request.uri.queryParameters.get("reason") : nil)
        switch route.handler(of: request.method) {
        case .anyone(let answer): return try await answer(routed)
        case .operators(let right, let answer):
            let key = try await authorizer.admit(fields, right, route.scope(segment))
            if let reason = routed.reason, !AuditNote.isReason(reason) {
                throw Refused.invalid([.queryReason])
            }
            return try await answer(routed, key)
        case .fastPath, nil:
            let methods = route.methods.joined(separator: ", ")
            guard let wanted = preflightMethod(of: request) else {
                throw Refused.wrongMethod(request.method.rawValue, allowed: methods)
            }
            guard route.methods.contains(wanted) else { throw Refused.wrongMethod(wanted, allowed: methods) }
            return preflight(methods: methods)
        }
    }

    /// The method for which a browser asks whether a page on another origin may use it (R61 Other origins); `nil` if the
    /// request asks nothing of the kind, or such pages may not.
    private func preflightMethod(of request: Request) -> String? {
        guard request.method == .options, let origins, let origin = request.headers[.origin],
            let wanted = request.headers[.accessControlRequestMethod],
            origins.standing(of: origin, at: RequestTarget(request.uri.string)).isAllowed
        else { return nil }
        return wanted
    }

    private func preflight(methods: String) -> Response {
        var headers: HTTPFields = [:]
        for (name, value) in SharedOrigins.preflightFields(methods: methods) {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        return Response(status: .noContent, headers: headers)
    }

    private func route(at path: String) -> (route: Route, segment: String)? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for route in routes {
            if let segment = route.match(segments) { return (route, String(segment)) }
        }
        return nil
    }

    private func refused(_ error: any Error, _ logger: Logger) -> Refused {
        if let refused = error as? Refused { return refused }
        if let failure = error as? StoreFailure { return Refused(failure) }
        if error is NIOTooManyBytesError { return Refused(.contentTooLarge) }
        logger.error("A request failed", metadata: ["error": "\(error)"])
        return Refused(.internalError)
    }
}
