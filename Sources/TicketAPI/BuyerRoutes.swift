internal import BoxOffice
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import TicketStore

/// What anyone may ask of v1, and what whoever has a hold's token may.
struct BuyerRoutes: Sendable {
    let counter: Counter
    let mint: TokenMint
    let doorman: Doorman
    private var store: any TicketStore { counter.store }
    private var documents: BuyerDocuments { BuyerDocuments(store: store) }

    func add(to router: Router<BasicRequestContext>) {
        router.get("/v1/events") { _, _ in json(.ok, documents.events(at: store.now)) }
        router.get("/v1/events/:event") { _, context in
            let event = try counter.event(context)
            var response = json(.ok, documents.event(event, at: store.now))
            response.headers[.eTag] = event.tag
            return response
        }
        router.get("/v1/events/:event/availability", use: availability)
        router.post("/v1/events/:event/holds", use: hold)
        router.get("/v1/holds/:hold", use: look)
        router.delete("/v1/holds/:hold", use: release)
        router.post("/v1/holds/:hold/extend", use: extend)
        router.post("/v1/holds/:hold/purchase", use: purchase)
    }

    // MARK: Anyone

    @Sendable private func availability(_ request: Request, _ context: BasicRequestContext) throws -> Response {
        let event = try counter.event(context)
        guard case .current(let left, let moment) = store.availability(of: event.definition.id, unless: nil) else {
            throw Refused(.unknownEvent)
        }
        // The state of the sale changes by time alone, without a new version.
        let tag = "\"\(left.version)-\(SaleState(event, at: moment).rawValue)\""
        var headers: HTTPFields = [.eTag: tag, .cacheControl: "public, max-age=1, stale-while-revalidate=5"]
        if EntityTags(request.headers[.ifNoneMatch]).containWeakly(tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json"
        let body = documents.availability(left, of: event, at: moment)
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    @Sendable private func hold(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let event = try counter.event(context)
        guard let header = request.headers[.idempotencyKey] else { throw Refused(.keyMissing) }
        let body = try await counter.body(request, BuyerRequests.hold, whenEmpty: nil)
        let scope = "hold \(event.definition.id) \(body.buyer?.text ?? "")"
        let key = try Counter.key(header, scope: scope)
        let asked = HoldRequest(event: event.definition.id, lines: body.lines, buyer: body.buyer, key: key)
        let (outcome, moment) = try await counter.perform(.hold(asked))
        guard case .held(let hold, let isReplay) = outcome else { throw counter.unexpected(outcome) }
        var response = answer(hold, at: moment, status: .created, token: mint.token(of: hold.id))
        response.headers[.location] = "/v1/holds/\(hold.id.public)"
        if isReplay { response.headers[.idempotencyReplayed] = "true" }
        return response
    }

    // MARK: Whoever has the token

    @Sendable private func look(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, _) = try await holder(request, context, toChange: nil)
        let (outcome, moment) = try await counter.perform(.look(id))
        guard case .looked(let hold) = outcome else { throw counter.unexpected(outcome) }
        return answer(hold, at: moment)
    }

    @Sendable private func extend(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, note) = try await holder(request, context, toChange: "hold.extend")
        _ = try await counter.body(request, BuyerRequests.nothing, whenEmpty: true)
        let key = try request.headers[.idempotencyKey].map { try Counter.key($0, scope: "extend \(id)") }
        let (outcome, moment) = try await counter.perform(.extend(id, key: key), note: note)
        guard case .extended(let hold, let isReplay) = outcome else { throw counter.unexpected(outcome) }
        var response = answer(hold, at: moment)
        if isReplay { response.headers[.idempotencyReplayed] = "true" }
        return response
    }

    @Sendable private func release(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, note) = try await holder(request, context, toChange: "hold.release")
        let (outcome, moment) = try await counter.perform(.release(id), note: note)
        guard case .released(let hold, _) = outcome else { throw counter.unexpected(outcome) }
        return answer(hold, at: moment)
    }

    @Sendable private func purchase(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, note) = try await holder(request, context, toChange: "hold.purchase")
        let body = try await counter.body(request, BuyerRequests.purchase, whenEmpty: BuyerRequests.Purchase())
        // A purchase is told by its payment; its key only has to be one.
        _ = try request.headers[.idempotencyKey].map { try Counter.key($0, scope: "purchase \(id)") }
        let (outcome, moment) = try await counter.perform(.purchase(id, body.payment), note: note)
        guard case .purchased(let hold, let isLate, let isRepeat) = outcome else { throw counter.unexpected(outcome) }
        var response = answer(hold, at: moment, isLate: isLate)
        if isRepeat { response.headers[.idempotencyReplayed] = "true" }
        return response
    }

    // MARK: Taking requests apart

    /// The hold of the path, if the token is its own or an operator's key may do it. A wrong token and an unknown hold
    /// get the same answer.
    ///
    /// - Parameter action: what an operator's audit calls it; nil changes nothing.
    /// - Returns: a note for the audit where it is an operator.
    private func holder(
        _ request: Request, _ context: BasicRequestContext, toChange action: String?
    ) async throws -> (HoldID, AuditNote?) {
        let named = context.parameters.get("hold").flatMap { HoldID(public: $0) }
        guard let credential = Doorman.credential(of: request) else { throw doorman.unauthenticated() }
        if Doorman.isOperators(credential) {
            let key = try await doorman.admit(request, toChange: action != nil)
            guard let named else { throw Refused(.unknownHold) }
            return (named, action.map { key.note($0, on: named.public) })
        }
        guard let token = mint.hold(of: credential), token == named else { throw Refused(.unknownHold) }
        return (token, nil)
    }

    // MARK: Asking and answering

    private func answer(
        _ hold: HoldView, at moment: Moment, status: HTTPResponse.Status = .ok, token: String? = nil,
        isLate: Bool = false
    ) -> Response {
        var response = json(status, documents.hold(hold, at: moment, token: token, isLate: isLate))
        let version = "\(hold.state.rawValue)-\(hold.expiresAt.milliseconds)-\(hold.extensionsRemaining)"
        response.headers[.eTag] = "\"\(version)\""
        return response
    }

}
