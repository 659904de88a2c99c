internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// What an answer of the fast path is written from.
enum AnswerContent {
    case reply(StoreReply)
    /// Why the store was not asked.
    case refused(Refused)
    /// The call alone: the store need not be asked.
    case known
}

/// Writes the answers of the fast path, on one event loop.
final class AnswerWriter {
    private let store: any TicketStore
    private let classicEvent: Code
    private let quota: SharedQuota?
    private let origins: SharedOrigins?
    private var classic: ClassicAnswers
    private var buyers: BuyerAnswers
    /// What this loop counts.
    let figures: LoopFigures
    private let pages: RefusalPages

    init(_ service: ServiceContext) {
        store = service.store
        classicEvent = service.configuration.classicEvent
        quota = service.quota
        origins = service.origins
        classic = ClassicAnswers(
            mint: service.mint, statuses: service.configuration.classicStatus, origins: service.origins)
        figures = service.figures.makeLoop()
        pages = RefusalPages(writer: PageWriter(service.configuration))
        buyers = BuyerAnswers(
            RequestReader(service), service.queues, mint: service.mint, origins: service.origins, pages)
    }

    /// The `Date` of answers.
    var date: [UInt8] { classic.date }

    func setDate(_ date: [UInt8]) {
        classic.setDate(date)
        buyers.setDate(date)
    }

    /// Header lines about what the caller has left of the quota, each ended with CR LF; empty without a quota.
    func quotaFields(_ standing: CallerQuota.Standing?) -> String {
        guard let quota, let standing else { return "" }
        return quota.fields(standing).map { "\($0.name): \($0.value)\r\n" }.joined()
    }

    /// Header lines of a stream: about the quota, and for pages on other origins.
    func streamFields(_ request: CallRequest) -> String {
        let shared = origins.map { String(decoding: $0.lines(request.form.sharing), as: UTF8.self) } ?? ""
        return quotaFields(request.standing) + shared
    }

    /// - Parameter waited: how long the store took, in nanoseconds; 0 if it answered at once.
    func write(
        _ content: AnswerContent, to request: CallRequest, waited: Int64 = 0, into buffer: inout ByteBuffer
    ) {
        let start = buffer.writerIndex
        write(content, to: request, &buffer)
        // `HTTP/1.1 200 …`: the digit that the client reads is the one that counts.
        let digit = buffer.getInteger(at: start + 9, as: UInt8.self) ?? 0
        figures.count(request.call, content, statusClass: digit & 0xf, waited: waited)
    }

    private func write(_ content: AnswerContent, to request: CallRequest, _ buffer: inout ByteBuffer) {
        let form = request.form
        switch request.call {
        case .buyer(let buyer):
            buyers.write(content, to: buyer, form, quota: quotaFields(request.standing), into: &buffer)
        case .remaining: classic.writeRemaining(classicEvent, of: store, form, to: &buffer)
        case .buy, .buyQueued, .complete:
            guard case .reply(let reply) = content else { preconditionFailure("the store answers these") }
            if let mistake = request.call.wrongPass, case .decided(.refused(.queue(.passRequired)), _) = reply {
                return classic.writeRefusal(.queuePassRequired, detail: mistake.detail, form, to: &buffer)
            }
            classic.write(reply, form, jitter: .random(in: 0..<1), to: &buffer)
        case .preflight(let methods):
            let fields = SharedOrigins.preflightFields(methods: "\(methods)").map { "\($0.name): \($0.value)\r\n" }
            classic.writePreflight(fields.joined() + quotaFields(request.standing), form, to: &buffer)
        case .refused(let refusal): write(refusal, request.standing, form, to: &buffer)
        case .routed: preconditionFailure("the router answers its requests")
        }
    }

    private func write(
        _ refusal: ClassicRefusal, _ standing: CallerQuota.Standing?, _ form: AnswerForm, to buffer: inout ByteBuffer
    ) {
        switch refusal {
        case .unknownType: classic.writeRefusal(.unknownTicketType, form, to: &buffer)
        case .unknownHold: classic.writeRefusal(.unknownHold, form, to: &buffer)
        case .unfitKey:
            // v1 says this in the details of its problem.
            let detail = "The Idempotency-Key \(KeyText.demand(isAnonymous: true))"
            classic.writeRefusal(.invalid, detail: detail, form, to: &buffer)
        case .overQuota:
            let seconds = standing.flatMap { Refused($0).retryAfterSeconds } ?? 1
            let fields = "retry-after: \(seconds)\r\n" + quotaFields(standing)
            classic.writeRefusal(.quotaExceeded, fields: fields, form, to: &buffer)
        case .wrongMethod(let allowed):
            classic.writeRefusal(.methodNotAllowed, fields: "allow: \(allowed)\r\n", form, to: &buffer)
        case .wrongQuery(let mistake): classic.writeRefusal(.malformedRequest, detail: mistake, form, to: &buffer)
        }
    }

    /// The last answer on a connection: its request could not be read, or not be accepted.
    ///
    /// - Parameter head: of the request, if it was read.
    func write(_ refused: Refused, of head: HTTPRequestHead?, to buffer: inout ByteBuffer) {
        guard let head, RefusalPages.areWanted(by: head) else { return classic.writeProblem(refused, to: &buffer) }
        pages.write(refused, of: head, AnswerForm(head, endsConnection: true), date: date, into: &buffer)
    }
}
