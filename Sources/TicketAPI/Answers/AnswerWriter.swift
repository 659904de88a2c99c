internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// What an answer of the fast path tells.
enum AnswerContent {
    case reply(StoreReply)
    /// Why the store was not asked.
    case refused(Refused)
    /// What the call itself and the loop know: the store was not asked.
    case known
}

/// Writes the answers of the fast path, on one event loop.
struct AnswerWriter {
    private let store: any TicketStore
    private let classicEvent: Code
    private let quota: SharedQuota?
    private var classic: ClassicAnswers
    private var buyers: BuyerAnswers

    init(_ service: ServiceContext) {
        store = service.store
        classicEvent = service.configuration.classicEvent
        quota = service.quota
        classic = ClassicAnswers(mint: service.mint, statuses: service.configuration.classicStatus)
        buyers = BuyerAnswers(store, mint: service.mint)
    }

    /// What answers say the time is.
    var date: [UInt8] { classic.date }

    mutating func setDate(_ date: [UInt8]) {
        classic.setDate(date)
        buyers.setDate(date)
    }

    /// What an answer tells of its caller's standing, as header lines.
    func quotaFields(_ standing: CallerQuota.Standing?) -> String {
        guard let quota, let standing else { return "" }
        return quota.fields(standing).map { "\($0.name): \($0.value)\r\n" }.joined()
    }

    mutating func write(_ content: AnswerContent, to request: CallRequest, into buffer: inout ByteBuffer) {
        let form = request.form
        switch (request.call, content) {
        case (.buyer(let buyer), _):
            buyers.write(content, to: buyer, form, quota: quotaFields(request.standing), into: &buffer)
        case (.remaining, _): classic.writeRemaining(classicEvent, of: store, form, to: &buffer)
        case (.buy, .reply(let reply)), (.complete, .reply(let reply)):
            classic.write(reply, form, jitter: .random(in: 0..<1), to: &buffer)
        case (.refused(let refusal), _): write(refusal, request.standing, form, to: &buffer)
        case (.buy, _), (.complete, _): preconditionFailure("the store answers these")
        case (.routed, _): preconditionFailure("the router answers its requests")
        }
    }

    private mutating func write(
        _ refusal: ClassicRefusal, _ standing: CallerQuota.Standing?, _ form: AnswerForm, to buffer: inout ByteBuffer
    ) {
        switch refusal {
        case .unknownType: classic.writeRefusal(.unknownTicketType, form, to: &buffer)
        case .unknownHold: classic.writeRefusal(.unknownHold, form, to: &buffer)
        case .unfitKey:
            // v1 says it in the details.
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
    mutating func writeProblem(_ refused: Refused, to buffer: inout ByteBuffer) {
        classic.writeProblem(refused, to: &buffer)
    }
}
