internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// Everything that is not hot, by the framework's router; and the answers where there is nothing.
struct Routes: Sendable {
    let store: any TicketStore
    let ledger: any SalesLedger
    let keyring: any OperatorKeyring
    let known: KnownKeys
    let mint: TokenMint
    let keys: KeyDigester
    let bodyBytes: Int
    let classicStatus: ServiceConfiguration.ClassicStatus
    let worth: DurabilityPromise
    let notice: StopNotice

    /// Every path there is and what may be done there; for the 405 that the router does not know.
    private static let paths = PathTable(
        methods: [
            "/health/live": "GET, HEAD",
            "/health/ready": "GET, HEAD",
            "/v1/events": "GET, HEAD",
            "/v1/events/:event": "GET, HEAD, PUT, PATCH, DELETE",
            "/v1/events/:event/availability": "GET, HEAD",
            "/v1/events/:event/availability/stream": "GET, HEAD",
            "/v1/events/:event/holds": "POST",
            "/v1/events/:event/purchases": "GET, HEAD",
            "/v1/events/:event/reconciliation": "GET, HEAD",
            "/v1/events/:event/reconciliation/unconfirmed": "GET, HEAD",
            "/v1/reconciliation": "GET, HEAD",
            "/v1/reconciliation/unconfirmed": "GET, HEAD",
            "/v1/holds/:hold/paid-back": "POST",
            "/v1/purchases/:purchase/return": "POST",
            "/v1/audit": "GET, HEAD",
            "/v1/invariants": "GET, HEAD",
            "/v1/holds/:hold": "GET, HEAD, DELETE",
            "/v1/holds/:hold/extend": "POST",
            "/v1/holds/:hold/purchase": "POST",
        ].merging(DocumentRoutes.paths) { ours, _ in ours },
        queries: queries, anyQuery: anyQuery)

    /// The members of a query that a path takes, where it takes any.
    private static let queries: [String: Set<String>] = [
        "/v1/events/:event/purchases": ["cursor", "formulas", "limit"],
        "/v1/events/:event/reconciliation": ["cursor", "limit"],
        "/v1/events/:event/reconciliation/unconfirmed": ["cursor", "limit"],
        "/v1/reconciliation": ["cursor", "limit"],
        "/v1/reconciliation/unconfirmed": ["cursor", "limit"],
        "/v1/audit": ["cursor", "limit"],
    ]
    /// What balancers and browsers ask with whatever they like behind it, and what has one answer anyway.
    private static let anyQuery: [String] = ["/health/live", "/health/ready"] + DocumentRoutes.paths.keys

    func responder() -> some HTTPResponder<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(paths: Self.paths))
        router.get("/health/live") { _, _ in
            // That this runs is the answer.
            json(.ok, Array(#"{"status":"live"}"#.utf8))
        }
        router.get("/health/ready") { _, _ in ready() }
        let reader = RequestReader(store: store, bodyBytes: bodyBytes, keys: keys)
        let authorizer = OperatorAuthorizer(keyring: keyring, known: known)
        BuyerRoutes(calls: BuyerCalls(reader: reader, mint: mint), authorizer: authorizer).add(to: router)
        ClassicRoutes(store: store, authorizer: authorizer, mint: mint, statuses: classicStatus).add(to: router)
        StreamRoutes(reader: reader).add(to: router)
        EventRoutes(reader: reader, authorizer: authorizer).add(to: router)
        SalesRoutes(reader: reader, authorizer: authorizer, ledger: ledger).add(to: router)
        DocumentRoutes().add(to: router)
        return router.buildResponder()
    }

    private func ready() -> Response {
        if notice.isGiven { return Refused(.notReady, "The service is about to stop.").response(traceID: nil) }
        let reason: String
        switch store.condition {
        case .selling: return json(.ok, readiness(store.concerns))
        case .suspended(let why): reason = why.rawValue
        case .closing: reason = "closing"
        }
        return Refused(.notReady, "The store takes no facts: \(reason).").response(traceID: nil)
    }
}

extension Routes {
    /// That it sells, what an answer is worth then, and what an operator should see to. A balancer goes by the status
    /// 200: one closed pool must not take every node out of it.
    private func readiness(_ concerns: [StoreConcern]) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        writer.object { document in
            document.member("status", concerns.isEmpty ? "ready" : "degraded")
            if !concerns.isEmpty {
                document.member("concerns") { value in
                    value.array { list in
                        for concern in concerns.prefix(StoreConcern.most) {
                            list.object { item in
                                item.member("code", concern.kind.rawValue)
                                item.member("detail", concern.detail)
                            }
                        }
                    }
                }
            }
            document.member("durability") { value in
                value.object { durability in
                    durability.member("purchases", worth.purchases)
                    durability.member("holds", worth.holds)
                }
            }
        }
        return writer.bytes
    }
}

/// Where something may be asked, and how.
private struct PathTable: Sendable {
    struct Row: Sendable {
        let segments: [Substring]
        let methods: String
        /// The members that a query may have; `nil` for any.
        let query: Set<String>?
    }

    private let rows: [Row]

    /// - Parameters:
    ///   - methods: by path; a segment that begins with `:` stands for any.
    ///   - queries: the members of a query, by path; paths that are not there take none.
    ///   - anyQuery: paths that pass over what a query says.
    init(methods: [String: String], queries: [String: Set<String>], anyQuery: [String]) {
        rows = methods.map { path, methods in
            Row(
                segments: path.split(separator: "/"), methods: methods,
                query: anyQuery.contains(path) ? nil : queries[path] ?? [])
        }
    }

    func row(of path: String) -> Row? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        return rows.first { row in
            row.segments.count == segments.count
                && zip(row.segments, segments).allSatisfy { $0 == $1 || $0.hasPrefix(":") && !$1.isEmpty }
        }
    }
}

/// Turns whatever is refused or fails into problems (RFC 9457): the router's own 404 has no body, and its wrong
/// method is a 404.
private struct ProblemMiddleware: RouterMiddleware {
    let paths: PathTable

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let response: Response
        do {
            try check(request.uri)
            response = try await next(request, context)
        } catch {
            let refused = refused(error, request, context)
            response = refused.response(
                traceID: BuyerFields(request.headers).traceID, instance: request.uri.path)
        }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func check(_ uri: URI) throws(Refused) {
        // The router would pass over an empty segment, and the fast path does not.
        guard !uri.path.contains("//") else { throw Refused(.notFound, "There is nothing at this path.") }
        guard let row = paths.row(of: uri.path), let known = row.query,
            let mistake = RequestQuery.mistake(in: uri.string, known: known)
        else { return }
        throw Refused(.malformedRequest, mistake)
    }

    private func refused(_ error: any Error, _ request: Request, _ context: BasicRequestContext) -> Refused {
        if let refused = error as? Refused { return refused }
        if let failure = error as? StoreFailure { return Refused(failure) }
        if let error = error as? HTTPError, error.status == .notFound {
            guard let allowed = paths.row(of: request.uri.path)?.methods else {
                return Refused(.notFound, "There is nothing at this path.")
            }
            var refused = Refused(.methodNotAllowed, "\(request.method) does not work here.")
            refused.headers[.allow] = allowed
            return refused
        }
        if let error = error as? HTTPError, error.status == .contentTooLarge { return Refused(.contentTooLarge) }
        context.logger.error("A request failed", metadata: ["error": "\(error)"])
        return Refused(.internalError)
    }
}

func json(_ status: HTTPResponse.Status, _ body: [UInt8]) -> Response {
    Response(
        status: status,
        headers: [.contentType: "application/json", .cacheControl: "no-store"],
        body: .init(byteBuffer: ByteBuffer(bytes: body)))
}
