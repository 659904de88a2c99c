internal import BoxOffice
internal import NIOHTTP1
internal import TicketStore

/// Reads heads of requests into calls, and calls into commands for the store, on one event loop.
///
/// A class, since a struct in one was copied for calls that change nothing.
final class CallReader {
    private let store: any TicketStore
    private let classicEvent: Code
    private let mint: TokenMint
    private let keys: KeyDigester
    private let known: KnownKeys
    private let buyers: BuyerCalls
    private let queues: QueueCalls
    private let origins: SharedOrigins?
    /// The ticket types that classic calls asked for. Only types that the event has, so that guesses do not fill the table.
    private var products: [(type: Code, command: Command)] = []
    /// Their indexes by request target.
    private var productIndexes: [String: Int] = [:]

    init(_ service: ServiceContext) {
        store = service.store
        keys = service.keys
        classicEvent = service.configuration.classicEvent
        mint = service.mint
        known = service.known
        origins = service.origins
        let reader = RequestReader(service)
        buyers = BuyerCalls(reader: reader, mint: mint, queues: service.queues)
        queues = QueueCalls(reader: reader, queues: service.queues)
    }

    // MARK: Calls

    /// - Parameters:
    ///   - endsConnection: nothing can follow the request on its connection.
    ///   - sharing: what pages on other origins may do with the answer.
    ///   - standing: a caller without a token left is refused here, whatever the call (R26 Quota).
    func read(
        _ head: HTTPRequestHead, _ target: RequestTarget, _ fields: BuyerFields, endsConnection: Bool,
        _ sharing: SharedOrigins.Standing = .off,
        _ standing: CallerQuota.Standing?
    ) -> CallRequest {
        var form = AnswerForm(head, endsConnection: endsConnection)
        form.sharing = sharing
        if let standing, !standing.isAllowed {
            if target.path.isClassic { return CallRequest(.refused(.overQuota), form, standing) }
            let refused = Refused(standing)
            let kind: BuyerRequest.Kind =
                RefusalPages.areWanted(by: head) ? .refusedPage(refused, of: head) : .refused(refused)
            return CallRequest(.buyer(BuyerRequest(kind, fields, target)), form, standing)
        }
        let preflight = head.method == .OPTIONS && sharing.isAllowed ? preflight(head, target, fields) : nil
        let call = preflight ?? call(head, target, fields)
        // The router's answers outside v1 say nothing about the quota.
        return CallRequest(call, form, call.isRouted && !target.isOfV1 ? nil : standing)
    }

    /// `nil` if the request is not a preflight, or the router has to answer it.
    private func preflight(_ head: HTTPRequestHead, _ target: RequestTarget, _ fields: BuyerFields) -> Call? {
        guard head.headers.contains(name: "origin"), let methods = target.path.methods,
            let wanted = head.headers.first(name: "access-control-request-method")
        else { return nil }
        if "\(methods)".split(separator: ", ").contains(wanted[...]) { return .preflight(methods: methods) }
        if target.path.isClassic { return .refused(.wrongMethod(allowed: methods)) }
        let refused = Refused.wrongMethod(wanted, allowed: "\(methods)")
        return .buyer(BuyerRequest(.refused(refused), fields, target))
    }

    private func call(_ head: HTTPRequestHead, _ target: RequestTarget, _ fields: BuyerFields) -> Call {
        let method = head.method
        if target.hasQuery, target.path.isFast, !isOfOperators(method, target.path),
            let mistake = RequestQuery.mistake(in: target.text)
        {
            if target.path.isClassic { return .refused(.wrongQuery(mistake)) }
            return .buyer(BuyerRequest(.refused(Refused(.malformedRequest, mistake)), fields, target))
        }
        switch target.path {
        case .remaining:
            return method == .GET || method == .HEAD ? .remaining : .refused(.wrongMethod(allowed: "GET, HEAD"))
        case .buy(let type):
            return method == .POST ? buy(type, target, fields) : .refused(.wrongMethod(allowed: "POST"))
        case .complete(let token):
            guard method == .POST else { return .refused(.wrongMethod(allowed: "POST")) }
            return complete(token, head, target, fields)
        case .availability, .holds, .hold, .purchase, .queue, .queueEntry:
            return buyerCall(method, target, fields).map { .buyer(BuyerRequest($0, fields, target)) }
                ?? .routed(RoutedRequest(.other, head, target))
        case .stream:
            let stream = StreamRequest(head, target).map { RoutedRequest.Kind.stream($0) }
            return .routed(RoutedRequest(stream ?? .other, head, target))
        case .recount: return .routed(RoutedRequest(.recount, head, target))
        case .probe, .other: return .routed(RoutedRequest(.other, head, target))
        }
    }

    /// Whether it is a call of operators, with a query of its own, that shares its path with a call of buyers.
    private func isOfOperators(_ method: HTTPMethod, _ path: RequestPath) -> Bool {
        switch path {
        case .holds: method == .GET || method == .HEAD
        case .hold: method == .PATCH
        case .queue: method == .PATCH
        default: false
        }
    }

    private func buy(_ type: Range<Int>, _ target: RequestTarget, _ fields: BuyerFields) -> Call {
        guard let product = productIndexes[target.text] ?? addProduct(type, target) else {
            return .refused(.unknownType)
        }
        var digest: IdempotencyKey?
        if let header = fields.idempotencyKey {
            // The classic calls know no operators: their callers are anonymous.
            guard let key = KeyText(header, isAnonymous: true) else { return .refused(.unfitKey) }
            digest = keys.digest(key, in: .holding(classicEvent, nil), of: "")
        }
        guard let pass = fields.queuePass else { return .buy(product: product, key: digest) }
        do throws(WrongPass) {
            let pass = try buyers.queues.pass(pass, for: classicEvent)
            return .buyQueued(product: product, key: digest, .success(pass))
        } catch {
            return .buyQueued(product: product, key: digest, .failure(error))
        }
    }

    private func addProduct(_ type: Range<Int>, _ target: RequestTarget) -> Int? {
        guard let code = Code(target.segment(type)),
            case .current(let current, _) = store.availability(of: classicEvent, unless: nil),
            current.types.contains(where: { $0.code == code })
        else { return nil }
        let index = products.firstIndex { $0.type == code } ?? products.count
        if index == products.count { products.append((code, command(of: code, key: nil))) }
        if !target.hasQuery { productIndexes[target.text] = index }
        return index
    }

    private func complete(
        _ token: Range<Int>, _ head: HTTPRequestHead, _ target: RequestTarget, _ fields: BuyerFields
    ) -> Call {
        guard let hold = target.withBytes(token, mint.hold) else { return .refused(.unknownHold) }
        guard let completer = completer(fields) else { return .routed(RoutedRequest(.other, head, target)) }
        // It needs no key (R16 Completion without a key); a key that comes has to be well formed.
        if let header = fields.idempotencyKey, KeyText(header, isAnonymous: true) == nil { return .refused(.unfitKey) }
        return .complete(hold, by: completer)
    }

    /// `nil` if the router has to answer.
    private func buyerCall(
        _ method: HTTPMethod, _ target: RequestTarget, _ fields: BuyerFields
    ) -> BuyerRequest.Kind? {
        switch (target.path, method) {
        case (.availability(let event), .GET), (.availability(let event), .HEAD):
            // Operators see the numbers of an event that does not disclose them.
            if fields.isOperators { return nil }
            return Code(target.segment(event)).map { .availability($0) } ?? .refused(Refused(.unknownEvent))
        case (.queue(let event), .GET), (.queue(let event), .HEAD):
            // Operators see what admission decides by.
            if fields.isOperators { return nil }
            return Code(target.segment(event)).map { .queue($0) } ?? .refused(Refused(.unknownEvent))
        case (.queue(let event), .POST):
            // The router looks a shop's key up.
            if fields.isOperators { return nil }
            return Code(target.segment(event)).map { .join($0) } ?? .refused(Refused(.unknownEvent))
        case (.queueEntry(let entry), .GET), (.queueEntry(let entry), .HEAD):
            return .look(EntryLook(target.segment(entry)))
        case (.holds(let event), .POST):
            // Most buyers have no key, and the router looks an operator's key up.
            guard let caller = completer(fields) else { return nil }
            return Code(target.segment(event)).map { .hold($0, by: caller) } ?? .refused(Refused(.unknownEvent))
        case (.hold(let hold), .DELETE):
            return completer(fields).map { .release(HoldID(public: target.segment(hold)), by: $0) }
        case (.purchase(let hold), .POST):
            return completer(fields).map { .purchase(HoldID(public: target.segment(hold)), by: $0) }
        default: return nil
        }
    }

    /// Who completes, or holds: a shop with its key, or a caller with the token (R24 Who completes). `nil` for an operator's key and
    /// for one that was not looked up a moment ago, or is bound to events: the router answers these.
    private func completer(_ fields: BuyerFields) -> Completer? {
        guard let credential = fields.key else { return .token }
        guard let key = known.known(credential), key.role == .shop, !key.isBound else { return nil }
        return key.completer
    }

    // MARK: Commands

    /// The command that answers a call; `nil` if the store need not be asked.
    ///
    /// - Precondition: the call is not the router's.
    func command(of call: Call) throws(Refused) -> Command? {
        switch call {
        case .remaining, .refused, .preflight: return nil
        case .buy(let product, let key):
            guard let key else { return products[product].command }
            return command(of: products[product].type, key: key)
        case .buyQueued(let product, let key, let pass):
            var request = HoldRequest(
                event: classicEvent, lines: OneOrMore(Line(type: products[product].type, quantity: 1)), key: key)
            request.pass = try? pass.get()
            return .hold(request)
        case .complete(let hold, let completer): return .purchase(hold, nil, by: completer)
        case .buyer(let request): return try command(of: request)
        case .routed: preconditionFailure("the router asks the store itself")
        }
    }

    private func command(of type: Code, key: IdempotencyKey?) -> Command {
        .hold(HoldRequest(event: classicEvent, lines: OneOrMore(Line(type: type, quantity: 1)), key: key))
    }

    private static let needsKey = Refused.unauthenticated(
        "An allocation and an override need the key of a shop or an operator.")

    private func command(of request: BuyerRequest) throws(Refused) -> Command? {
        let body = request.takeBody()
        switch request.kind {
        case .availability, .queue, .refused, .refusedPage: return nil
        case .join(let event): return try queues.join(event, request.fields, body, hasKey: false)
        case .look(let look): return try queues.look(look, request.fields)
        case .hold(let event, let caller):
            do throws(Refused) {
                let refusal = caller.isKey ? nil : Self.needsKey
                return try buyers.hold(in: event, request.fields, body, refusingPrivileges: refusal)
            } catch {
                // The store would refuse an unknown event first. It is asked only if something is wrong.
                throw store.event(event) == nil ? Refused(.unknownEvent) : error
            }
        case .release(let name, let completer): return .release(try hold(named: name, completer, request.fields))
        case .purchase(let name, let completer):
            let hold = try hold(named: name, completer, request.fields)
            return try buyers.purchase(hold, request.fields, body, by: completer)
        }
    }

    /// The audit's note about a command; `nil` unless it is a shop's hold with an override (R43 Override).
    func note(on command: Command, of call: Call) throws(Refused) -> AuditNote? {
        guard case .buyer(let request) = call, case .hold(_, let caller) = request.kind, caller.isKey,
            case .hold(let asked) = command, !asked.override.isEmpty
        else { return nil }
        // It was known when the head of the request came.
        guard let key = request.fields.key.flatMap({ known.letIn($0) }) else { throw Refused.unknownKey }
        return try key.noteOnOverride(command)
    }

    /// The hold that a path names, for its token or for a shop's key.
    private func hold(named name: HoldID?, _ completer: Completer, _ fields: BuyerFields) throws(Refused) -> HoldID {
        guard completer.isKey else { return try buyers.hold(named: name, fields) }
        guard let name else { throw Refused(.unknownHold) }
        return name
    }
}
