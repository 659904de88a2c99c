internal import BoxOffice
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import TicketStore

/// What anyone may ask of v1, and what whoever has a hold's token may.
struct BuyerRoutes: Sendable {
    let store: any TicketStore
    let mint: TokenMint
    let bodyBytes: Int
    private var documents: BuyerDocuments { BuyerDocuments(store: store) }

    init(store: any TicketStore, mint: TokenMint, bodyBytes: Int) {
        self.store = store
        self.mint = mint
        self.bodyBytes = bodyBytes
    }

    func add(to router: Router<BasicRequestContext>) {
        router.get("/v1/events") { _, _ in json(.ok, documents.events(at: store.now)) }
        router.get("/v1/events/:event") { _, context in
            json(.ok, documents.event(try event(context), at: store.now))
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
        let event = try event(context)
        guard case .current(let left, let moment) = store.availability(of: event.definition.id, unless: nil) else {
            throw Refused(.unknownEvent)
        }
        // The state of the sale changes by time alone, without a new version.
        let tag = "\"\(left.version)-\(SaleState(event, at: moment).rawValue)\""
        var headers: HTTPFields = [.eTag: tag, .cacheControl: "public, max-age=1, stale-while-revalidate=5"]
        if Self.matches(request.headers[.ifNoneMatch], tag) { return Response(status: .notModified, headers: headers) }
        headers[.contentType] = "application/json"
        let body = documents.availability(left, of: event, at: moment)
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// Whether `If-None-Match` names `tag` (compared weakly, RFC 9110 13.1.2).
    private static func matches(_ header: String?, _ tag: String) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains { part in
            let one = part.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()
            let text = String(one)
            return text == "*" || text == tag || text == "W/" + tag
        }
    }

    @Sendable private func hold(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let event = try event(context)
        guard let header = request.headers[Self.idempotencyKey] else { throw Refused(.keyMissing) }
        let body = try await self.body(request, BuyerRequests.hold, whenEmpty: nil)
        let scope = "hold \(event.definition.id) \(body.buyer?.text ?? "")"
        let key = try Self.key(header, scope: scope)
        let asked = HoldRequest(event: event.definition.id, lines: body.lines, buyer: body.buyer, key: key)
        let (outcome, moment) = try await perform(.hold(asked))
        guard case .held(let hold, let isReplay) = outcome else { throw unexpected(outcome) }
        var response = answer(hold, at: moment, status: .created, token: mint.token(of: hold.id))
        response.headers[.location] = "/v1/holds/\(hold.id.public)"
        if isReplay { response.headers[Self.replayed] = "true" }
        return response
    }

    // MARK: Whoever has the token

    @Sendable private func look(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (outcome, moment) = try await perform(.look(try holdID(request, context)))
        guard case .looked(let hold) = outcome else { throw unexpected(outcome) }
        return answer(hold, at: moment)
    }

    @Sendable private func extend(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let id = try holdID(request, context)
        _ = try await body(request, BuyerRequests.nothing, whenEmpty: true)
        let key = try request.headers[Self.idempotencyKey].map { try Self.key($0, scope: "extend \(id)") }
        let (outcome, moment) = try await perform(.extend(id, key: key))
        guard case .extended(let hold, let isReplay) = outcome else { throw unexpected(outcome) }
        var response = answer(hold, at: moment)
        if isReplay { response.headers[Self.replayed] = "true" }
        return response
    }

    @Sendable private func release(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let (outcome, moment) = try await perform(.release(try holdID(request, context)))
        guard case .released(let hold, _) = outcome else { throw unexpected(outcome) }
        return answer(hold, at: moment)
    }

    @Sendable private func purchase(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let id = try holdID(request, context)
        let body = try await self.body(request, BuyerRequests.purchase, whenEmpty: BuyerRequests.Purchase())
        let (outcome, moment) = try await perform(.purchase(id, body.payment))
        guard case .purchased(let hold, let isLate, let isRepeat) = outcome else { throw unexpected(outcome) }
        var response = answer(hold, at: moment, isLate: isLate)
        if isRepeat { response.headers[Self.replayed] = "true" }
        return response
    }

    // MARK: Taking requests apart

    private static let idempotencyKey = name("Idempotency-Key")
    private static let replayed = name("Idempotency-Replayed")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a name of a field") }
        return name
    }

    private static func key(_ header: String, scope: String) throws -> IdempotencyKey {
        guard let key = BuyerRequests.key(header, scope: scope) else {
            throw invalid([Mistake("", "must be 1 to 255 printable characters in the header Idempotency-Key")])
        }
        return key
    }

    private func event(_ context: BasicRequestContext) throws -> EventReading {
        guard let code = context.parameters.get("event").flatMap({ Code($0) }), let event = store.event(code) else {
            throw Refused(.unknownEvent)
        }
        return event
    }

    /// The hold of the path, if the token is its own. A wrong token and an unknown hold get the same answer.
    private func holdID(_ request: Request, _ context: BasicRequestContext) throws -> HoldID {
        guard let header = request.headers[.authorization] else {
            var refused = Refused(.unauthenticated)
            refused.headers[.wwwAuthenticate] = "Bearer"
            throw refused
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer", let named = mint.hold(of: String(parts[1])),
            context.parameters.get("hold").flatMap({ HoldID(public: $0) }) == named
        else { throw Refused(.unknownHold) }
        return named
    }

    private func body<Value>(
        _ request: Request, _ shape: JSONShape<Value>, whenEmpty empty: Value?
    ) async throws -> Value {
        let buffer = try await request.body.collect(upTo: bodyBytes)
        if buffer.readableBytes == 0, let empty { return empty }
        let type = request.headers[.contentType]?.split(separator: ";").first?.lowercased() ?? ""
        guard type.filter({ $0 != " " }) == "application/json" else { throw Refused(.unsupportedMediaType) }
        do throws(DocumentError) {
            return try shape.read(buffer.readableBytesView, limits: JSONLimits(bytes: bodyBytes))
        } catch {
            switch error {
            case .syntax(let error): throw Refused(.malformedRequest, "\(error)")
            case .mistakes(let mistakes): throw Self.invalid(mistakes)
            }
        }
    }

    // MARK: Asking and answering

    private func perform(_ command: Command) async throws -> (Outcome, Moment) {
        switch await store.perform(command) {
        case .decided(.refused(let refusal), let moment): throw Self.refused(refusal, at: moment)
        case .decided(let outcome, let moment): return (outcome, moment)
        case .failed(let failure):
            var refused = Refused(Problem(failure))
            refused.retryAfter = .milliseconds(Int.random(in: 500...3_000))
            throw refused
        }
    }

    private func answer(
        _ hold: HoldView, at moment: Moment, status: HTTPResponse.Status = .ok, token: String? = nil,
        isLate: Bool = false
    ) -> Response {
        var response = json(status, documents.hold(hold, at: moment, token: token, isLate: isLate))
        let version = "\(hold.state.rawValue)-\(hold.expiresAt.milliseconds)-\(hold.extensionsRemaining)"
        response.headers[.eTag] = "\"\(version)\""
        return response
    }

    private func unexpected(_ outcome: Outcome) -> Refused {
        preconditionFailure("a command gets an outcome of its own kind, not \(outcome)")
    }

    private static func invalid(_ mistakes: [Mistake]) -> Refused {
        var refused = Refused(.invalid)
        refused.detail = "\(mistakes.count == 1 ? "One thing is" : "\(mistakes.count) things are") wrong."
        refused.more = { writer in
            writer.member("errors") { writer in
                writer.array { writer in
                    for mistake in mistakes {
                        writer.object { writer in
                            writer.member("pointer", mistake.pointer)
                            writer.member("detail", mistake.what)
                        }
                    }
                }
            }
        }
        return refused
    }

    /// A refusal with what its case needs to be told.
    private static func refused(_ refusal: Refusal, at moment: Moment) -> Refused {
        var refused = Refused(Problem(refusal))
        switch refusal {
        case .invalid(let mistakes): return invalid(mistakes)
        case .unknownTicketType(let code): refused.detail = "There is no ticket type \(code)."
        case .saleNotStarted(let opensAt): refused.more = { $0.member("opens_at", opensAt) }
        case .saleEnded(let closedAt): refused.more = { $0.member("closed_at", closedAt) }
        case .buyerLimitReached(let remaining): refused.more = { $0.member("remaining", remaining) }
        case .insufficientQuantity(let available): refused.more = { $0.member("available", available) }
        case .extensionDenied(let limit): refused.more = { $0.member("max_extensions", limit) }
        case .holdExpired(let refundRequired): refused.more = { $0.member("refund_required", refundRequired) }
        case .temporarilyHeld(let earliest):
            // Soon enough to win, spread so that not all come at once.
            let until = min(max(earliest.since(moment.office).inMilliseconds, 500), 10_000)
            refused.retryAfter = .milliseconds(Int64.random(in: until / 2...until))
        default: break
        }
        return refused
    }
}
