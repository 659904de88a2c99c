internal import BoxOffice
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import TicketStore

/// What the router answers of v1 for buyers: all that is not hot, and the fast path's calls about a hold for operators.
struct BuyerRoutes: Sendable {
    let calls: BuyerCalls
    let authorizer: OperatorAuthorizer
    private var reader: RequestReader { calls.reader }
    private var store: any TicketStore { reader.store }

    func add(to router: Router<BasicRequestContext>) {
        router.get("/v1/events") { _, _ in json(.ok, BuyerDocuments.events(store.events, at: store.now)) }
        router.get("/v1/events/:event", use: event)
        router.get("/v1/events/:event/availability", use: availability)
        router.get("/v1/holds/:hold", use: look)
        router.delete("/v1/holds/:hold", use: release)
        router.post("/v1/holds/:hold/extend", use: extend)
        router.post("/v1/holds/:hold/purchase", use: purchase)
    }

    @Sendable private func event(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let event = try reader.event(context)
        let mayKnow = try await mayKnowPlaces(of: event, request)
        var response = json(.ok, BuyerDocuments.event(event, at: store.now, showsCapacities: mayKnow))
        response.headers[.eTag] = event.tag
        return response
    }

    /// What is left, for operators: they see the numbers of an event that does not disclose them.
    @Sendable private func availability(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let event = try reader.event(context)
        let mayKnow = try await mayKnowPlaces(of: event, request)
        guard case .current(let left, let now) = store.availability(of: event.definition.id, unless: nil) else {
            throw Refused(.unknownEvent)
        }
        let sale = SaleState(event, at: now)
        let tag = "\"\(left.version)-\(sale.rawValue)\""
        if EntityTags(request.headers[.ifNoneMatch]).contain(tag) {
            return Response(status: .notModified, headers: [.eTag: tag, .cacheControl: "no-store"])
        }
        var response = json(.ok, BuyerDocuments.availability(left, of: event, sale, counts: mayKnow))
        response.headers[.eTag] = tag
        return response
    }

    /// Whether who asks may know how many places an event has.
    private func mayKnowPlaces(of event: EventReading, _ request: Request) async throws -> Bool {
        if event.definition.disclosure == .counts { return true }
        guard BuyerFields(request.headers).isOperators else { return false }
        return try await authorizer.admit(request, toHold: .lookAtHolds).may(.readLists)
    }

    @Sendable private func look(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, _) = try await holder(request, context, toChange: nil)
        return try await answer(.look(id), nil)
    }

    @Sendable private func extend(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, note) = try await holder(request, context, toChange: "hold.extend")
        let body = try await reader.collect(request)
        return try await answer(try calls.extend(id, BuyerFields(request.headers), body), note)
    }

    @Sendable private func release(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, note) = try await holder(request, context, toChange: "hold.release")
        return try await answer(.release(id), note)
    }

    @Sendable private func purchase(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (id, note) = try await holder(request, context, toChange: "hold.purchase")
        let body = try await reader.collect(request)
        let fields = BuyerFields(request.headers)
        return try await answer(
            try calls.purchase(id, fields, body, by: fields.isOperators ? .key : .token), note)
    }

    /// The hold of the path, if the token is its own or a key may do it.
    ///
    /// - Parameter action: what an operator's audit calls it; nil changes nothing.
    /// - Returns: a note for the audit where it is an operator.
    private func holder(
        _ request: Request, _ context: BasicRequestContext, toChange action: String?
    ) async throws -> (HoldID, AuditNote?) {
        let named = context.parameters.get("hold").flatMap { HoldID(public: $0) }
        let fields = BuyerFields(request.headers)
        guard fields.isOperators else { return (try calls.hold(named: named, fields), nil) }
        let key = try await authorizer.admit(request, toHold: action == nil ? .lookAtHolds : .sell)
        guard let named else { throw Refused(.unknownHold) }
        return (named, action.flatMap { key.noteOnHold($0, named) })
    }

    private func answer(_ command: Command, _ note: AuditNote?) async throws -> Response {
        let answer = try HoldAnswer(await store.perform(command, note: note))
        var body = ByteBuffer()
        var texts = HoldTexts()
        answer.writeBody(store.catalogue(at: answer.event), calls.mint, &texts, to: &body)
        var response = json(.init(code: answer.status), Array(body.readableBytesView))
        response.headers[.eTag] = answer.tag
        if answer.isNew { response.headers[.location] = answer.location }
        if answer.isReplay { response.headers[.idempotencyReplayed] = "true" }
        return response
    }
}
