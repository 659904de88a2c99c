internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What the connections of one event loop share: their waiting requests, prepared answers, and the time.
///
/// Lives on its loop and is touched nowhere else.
final class LoopContext {
    /// A request that the store has and has not answered.
    private struct Waiting {
        var handler: FastPathHandler
        var slot: Int
    }

    let store: any TicketStore
    let known: KnownKeys
    let configuration: ServiceConfiguration
    /// `nil` while everybody may ask as often as they like.
    let quota: SharedQuota?
    let patience: ConnectionPatience.Limits
    private let room: ConnectionRoom
    var answers: ClassicAnswers
    private var buyers: BuyerAnswers
    private let keys: KeyDigester
    /// Seconds since the loop started; what timeouts are counted in.
    private(set) var tick: UInt32 = 0
    /// Connections of this loop that are open.
    private var handlers: [FastPathHandler] = []
    /// Those among them that there is no room for, the oldest first.
    private var spares: [FastPathHandler] = []
    private let mostSpares: Int
    private var waiting: [Waiting?] = []
    private var freeTickets: [Int] = []
    /// What can be bought, by type, and at which request target.
    private var products: [(type: Code, command: Command)] = []
    private var productIndexes: [String: Int] = [:]
    private var random = SystemRandomNumberGenerator()

    init(
        store: any TicketStore, configuration: ServiceConfiguration, mint: TokenMint, keys: KeyDigester,
        known: KnownKeys, quota: SharedQuota?, room: ConnectionRoom
    ) {
        self.store = store
        self.keys = keys
        self.known = known
        self.configuration = configuration
        self.quota = quota
        self.room = room
        mostSpares = configuration.spareConnections
        patience = ConnectionPatience.Limits(
            request: UInt32(configuration.request.components.seconds),
            idle: UInt32(configuration.idle.components.seconds),
            write: UInt32(configuration.write.components.seconds))
        self.answers = ClassicAnswers(mint: mint, statuses: configuration.classicStatus)
        buyers = BuyerAnswers(RequestReader(store: store, bodyBytes: configuration.bodyBytes, keys: keys), mint: mint)
        setDate()
    }

    // MARK: Connections

    func enter(_ handler: FastPathHandler) {
        handler.place = handlers.count
        handlers.append(handler)
    }

    /// Finds out whether there is room for a connection. Where there is not, it becomes a spare one, and the oldest of
    /// these is closed for it if there are many: whoever connects to ask whether the service is well does so at once.
    ///
    /// - Returns: whether there is room.
    @discardableResult
    func admit(_ handler: FastPathHandler) -> Bool {
        guard let shortage = room.take(handler.caller) else {
            if handler.standing != .new { spares.removeAll { $0 === handler } }
            handler.standing = .counted
            return true
        }
        if handler.standing == .new {
            spares.append(handler)
            room.countBeyond()
            if spares.count > mostSpares { spares.removeFirst().closeAtOnce() }
        }
        handler.standing = .spare(shortage)
        return false
    }

    func leave(_ handler: FastPathHandler) {
        switch handler.standing {
        case .new: break
        case .counted: room.leave(handler.caller)
        case .spare: spares.removeAll { $0 === handler }
        }
        let last = handlers.removeLast()
        guard last !== handler else { return }
        handlers[handler.place] = last
        last.place = handler.place
    }

    /// Closes every connection with whatever is owed on it.
    func closeAll() {
        // A copy: a connection that is closed leaves the list.
        for handler in handlers { handler.closeAtOnce() }
    }

    /// Once a second: the date, and connections that idle or dawdle.
    func everySecond() {
        tick += 1
        setDate()
        room.tell(at: tick)
        // A copy: a connection that is closed leaves the list.
        for handler in handlers { handler.everySecond() }
    }

    private func setDate() {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        // Day and month names are those of the C locale, which nothing here leaves.
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        let date = text[..<count].map { UInt8(bitPattern: $0) }
        answers.setDate(date)
        buyers.setDate(date)
    }

    // MARK: Requests

    /// The request that a head begins, or `nil` if it is not for the fast path.
    ///
    /// - Parameter standing: who is over their quota is told so by the fast path, whatever they ask.
    func request(
        _ head: HTTPRequestHead, endsConnection: Bool, key header: String?, _ standing: CallerQuota.Standing?
    ) -> FastRequest? {
        var buyer: BuyerRequest?
        let isAllowed = standing?.isAllowed ?? true
        guard var call = isAllowed ? call(head, &buyer) : refusal(head, standing, &buyer) else { return nil }
        var key: IdempotencyKey?
        if let header, call.takesKey {
            // The classic calls know no operators: their callers are anonymous.
            if let text = KeyText(header, isAnonymous: true) {
                key = keys.digest(text, in: .holding(configuration.classicEvent, nil), of: "")
            } else {
                call = .unfitKey
            }
        }
        return FastRequest(
            call: call, head: head, endsConnection: endsConnection, buyer: buyer, standing: standing, key: key)
    }

    private func refusal(
        _ head: HTTPRequestHead, _ standing: CallerQuota.Standing?, _ buyer: inout BuyerRequest?
    ) -> FastCall? {
        guard let standing else { return nil }
        var target = head.uri
        let isClassic = target.withUTF8 { bytes in
            switch RequestPath(bytes) {
            case .remaining, .buy, .complete: true
            case .buyer, nil: false
            }
        }
        if isClassic { return .overQuota }
        buyer = BuyerRequest(Refused(standing), head)
        return .buyer
    }

    /// What an answer tells of its caller's standing, as header lines.
    func quotaFields(_ standing: CallerQuota.Standing?) -> String {
        guard let quota, let standing else { return "" }
        return quota.fields(standing).map { "\($0.name): \($0.value)\r\n" }.joined()
    }

    private func call(_ head: HTTPRequestHead, _ buyer: inout BuyerRequest?) -> FastCall? {
        let method = head.method
        if method == .POST, let known = productIndexes[head.uri] { return .buy(product: known) }
        var target = head.uri
        return target.withUTF8 { bytes in
            let mistake = bytes.has(UInt8(ascii: "?")) ? RequestQuery.mistake(in: head.uri) : nil
            switch RequestPath(bytes) {
            case nil: return nil
            case .some(let target) where mistake != nil:
                buyer = BuyerRequest(Refused(.malformedRequest, mistake), head)
                if case .buyer = target { return .buyer }
                return .wrongQuery
            case .buyer(let target):
                buyer = BuyerCall(target, method).flatMap { BuyerRequest($0, head, known) }
                return buyer == nil ? nil : .buyer
            case .remaining: return method == .GET || method == .HEAD ? .remaining : .wrongMethod(allowed: .get)
            case .buy(let type): return method == .POST ? product(type, bytes) : .wrongMethod(allowed: .post)
            case .complete(let token):
                guard method == .POST else { return .wrongMethod(allowed: .post) }
                guard let hold = answers.mint.hold(of: token) else { return .completeUnknownHold }
                return complete(hold, head)
            }
        }
    }

    /// With a key besides, the shop says that it is paid: known here, or for the router to look up.
    private func complete(_ hold: HoldID, _ head: HTTPRequestHead) -> FastCall? {
        guard let credential = BuyerFields.key(in: head.headers) else { return .complete(hold, by: .token) }
        return known.known(credential)?.role == .shop ? .complete(hold, by: .key) : nil
    }

    /// A type that was not bought here before. Only what the event has is kept: nobody fills the table with guesses.
    private func product(_ type: RequestPath.Bytes, _ target: RequestPath.Bytes) -> FastCall {
        guard let code = Code(String(decoding: type, as: UTF8.self)),
            case .current(let current, _) = store.availability(of: configuration.classicEvent, unless: nil),
            current.types.contains(where: { $0.code == code })
        else { return .buyUnknownType }
        if let known = products.firstIndex(where: { $0.type == code }) { return .buy(product: known) }
        let line = OneOrMore(Line(type: code, quantity: 1))
        products.append((code, .hold(HoldRequest(event: configuration.classicEvent, lines: line))))
        // Only where it was asked for without a query, which anyone can vary.
        if !target.has(UInt8(ascii: "?")) {
            productIndexes[String(decoding: target, as: UTF8.self)] = products.count - 1
        }
        return .buy(product: products.count - 1)
    }

    /// Hands a call to the store.
    ///
    /// - Returns: the reply, if it is there at once; otherwise `handler` is told of it, with `slot`.
    func submit(_ command: Command, for handler: FastPathHandler, slot: Int, sink: LoopReplySink) -> StoreReply? {
        let ticket: Int
        if let free = freeTickets.popLast() {
            ticket = free
            waiting[free] = Waiting(handler: handler, slot: slot)
        } else {
            ticket = waiting.count
            waiting.append(Waiting(handler: handler, slot: slot))
        }
        guard let reply = store.submit(command, ticket: UInt64(ticket), replyTo: sink) else { return nil }
        waiting[ticket] = nil
        freeTickets.append(ticket)
        return reply
    }

    /// What the store is asked for a request; `nil` if it need not be.
    func command(of request: FastRequest) -> Command? {
        // In a closure, as `map` would have it, all of it was copied for each request.
        if let buyer = request.buyer { return buyers.command(of: buyer) }
        return switch request.call {
        case .remaining, .buyUnknownType, .unfitKey, .completeUnknownHold, .wrongMethod, .wrongQuery, .overQuota,
            .buyer:
            nil
        case .buy(let product):
            request.key.map { command(of: product, $0) } ?? products[product].command
        case .complete(let hold, let completer): .purchase(hold, nil, by: completer)
        }
    }

    private func command(of product: Int, _ key: IdempotencyKey) -> Command {
        .hold(
            HoldRequest(
                event: configuration.classicEvent,
                lines: OneOrMore(Line(type: products[product].type, quantity: 1)), key: key))
    }

    /// Writes the answer to a request.
    ///
    /// - Parameter reply: `nil` for a call that the store is not asked for.
    func write(_ reply: StoreReply?, to request: FastRequest, into buffer: inout ByteBuffer) {
        if let buyer = request.buyer {
            if case .wrongQuery = request.call, let refused = buyer.refused {
                return answers.writeRefusal(refused.problem, detail: refused.detail, request.manner, to: &buffer)
            }
            buyers.write(
                reply, to: buyer, request.manner, quota: quotaFields(request.standing), into: &buffer)
            return
        }
        if let reply {
            answers.write(reply, request.manner, jitter: jitter(), to: &buffer)
            return
        }
        switch request.call {
        case .remaining:
            answers.writeRemaining(configuration.classicEvent, of: store, request.manner, to: &buffer)
        case .unfitKey:
            // v1 says it in the details.
            let detail = "The Idempotency-Key must be 16 to 255 printable characters, best a UUID"
            answers.writeRefusal(.invalid, detail: detail, request.manner, to: &buffer)
        case .buyUnknownType: answers.writeRefusal(.unknownTicketType, request.manner, to: &buffer)
        case .wrongMethod(let allowed):
            answers.writeRefusal(.methodNotAllowed, fields: allowed.header, request.manner, to: &buffer)
        case .completeUnknownHold: answers.writeRefusal(.unknownHold, request.manner, to: &buffer)
        case .overQuota:
            let seconds = request.standing.flatMap { Refused($0).retryAfterSeconds } ?? 1
            let fields = "retry-after: \(seconds)\r\n" + quotaFields(request.standing)
            answers.writeRefusal(.quotaExceeded, fields: fields, request.manner, to: &buffer)
        case .buy, .complete, .buyer, .wrongQuery: preconditionFailure("the store, or a buyer's request, answers these")
        }
    }

    /// Hands replies to the connections that wait for them, then lets each of these connections send what it has.
    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        var answered: [FastPathHandler] = []
        answered.reserveCapacity(replies.count)
        for reply in replies {
            let ticket = Int(reply.ticket)
            guard let request = waiting[ticket] else { continue }
            waiting[ticket] = nil
            freeTickets.append(ticket)
            request.handler.answer(slot: request.slot, with: reply.reply)
            answered.append(request.handler)
        }
        for handler in answered where handler.hasUnsent { handler.send() }
    }

    /// From 0 to 1, to spread what would otherwise happen to many at once.
    private func jitter() -> Double {
        Double.random(in: 0..<1, using: &random)
    }
}
