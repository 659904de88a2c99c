internal import BoxOffice
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import TicketStore

/// What every route does alike: takes requests apart, asks the store, and turns what is wrong into refusals.
struct Counter: Sendable {
    let store: any TicketStore
    let bodyBytes: Int

    func event(_ context: BasicRequestContext) throws -> EventReading {
        guard let code = context.parameters.get("event").flatMap({ Code($0) }), let event = store.event(code) else {
            throw Refused(.unknownEvent)
        }
        return event
    }

    func body<Value>(
        _ request: Request, _ shape: JSONShape<Value>, whenEmpty empty: Value?
    ) async throws -> Value {
        let buffer = try await request.body.collect(upTo: bodyBytes)
        if buffer.readableBytes == 0, let empty { return empty }
        try Self.expect(["application/json"], request)
        return try Self.reading { () throws(DocumentError) in
            try shape.read(buffer.readableBytesView, limits: JSONLimits(bytes: bodyBytes))
        }
    }

    /// A body that is read as JSON and not yet as anything more.
    func json(_ request: Request, types: Set<String>) async throws -> JSONValue {
        let buffer = try await request.body.collect(upTo: bodyBytes)
        try Self.expect(types, request)
        return try Self.reading { () throws(DocumentError) in
            try JSONValue.document(buffer.readableBytesView, limits: JSONLimits(bytes: bodyBytes))
        }
    }

    private static func expect(_ types: Set<String>, _ request: Request) throws {
        let type = request.headers[.contentType]?.split(separator: ";").first?.lowercased() ?? ""
        guard types.contains(type.filter { $0 != " " }) else { throw Refused(.unsupportedMediaType) }
    }

    /// What is wrong with a document, as a refusal.
    static func reading<Value>(_ read: () throws(DocumentError) -> Value) throws -> Value {
        do throws(DocumentError) {
            return try read()
        } catch {
            switch error {
            case .syntax(let error): throw Refused(.malformedRequest, "\(error)")
            case .mistakes(let mistakes): throw Refused.invalid(mistakes)
            }
        }
    }

    static func key(_ header: String, scope: String) throws -> IdempotencyKey {
        guard let key = BuyerRequests.key(header, scope: scope) else {
            throw Refused.invalid([Mistake("", "must be 1 to 255 printable characters in the header Idempotency-Key")])
        }
        return key
    }

    func perform(_ command: Command, note: AuditNote? = nil) async throws -> (Outcome, Moment) {
        switch await store.perform(command, note: note) {
        case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
        case .decided(let outcome, let moment): return (outcome, moment)
        case .failed(let failure):
            var refused = Refused(Problem(failure))
            refused.retryAfter = .milliseconds(Int.random(in: 500...3_000))
            throw refused
        }
    }

    func unexpected(_ outcome: Outcome) -> Refused {
        preconditionFailure("a command gets an outcome of its own kind, not \(outcome)")
    }
}

extension Refused {
    static func invalid(_ mistakes: [Mistake]) -> Refused {
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
    init(_ refusal: Refusal, at moment: Moment) {
        self.init(Problem(refusal))
        switch refusal {
        case .invalid(let mistakes): self = .invalid(mistakes)
        case .unknownTicketType(let code): detail = "There is no ticket type \(code)."
        case .saleNotStarted(let opensAt): more = { $0.member("opens_at", opensAt) }
        case .saleEnded(let closedAt): more = { $0.member("closed_at", closedAt) }
        case .buyerLimitReached(let remaining): more = { $0.member("remaining", remaining) }
        case .insufficientQuantity(let available): more = { $0.member("available", available) }
        case .extensionDenied(let limit): more = { $0.member("max_extensions", limit) }
        case .holdExpired(let refundRequired): more = { $0.member("refund_required", refundRequired) }
        case .temporarilyHeld(let earliest):
            // Soon enough to win, spread so that not all come at once.
            let until = min(max(earliest.since(moment.office).inMilliseconds, 500), 10_000)
            retryAfter = .milliseconds(Int64.random(in: until / 2...until))
        case .revisionMismatch(let revision): more = { $0.member("revision", "\"\(revision)\"") }
        default: break
        }
    }
}

extension HTTPField.Name {
    static let idempotencyKey = HTTPField.Name.ours("Idempotency-Key")
    static let idempotencyReplayed = HTTPField.Name.ours("Idempotency-Replayed")
    static let link = HTTPField.Name.ours("Link")

    private static func ours(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a name of a field") }
        return name
    }
}

/// The tags of an `If-Match` or `If-None-Match` (RFC 9110 13.1).
struct EntityTags: Sendable {
    /// The header was sent.
    let areGiven: Bool
    let isAny: Bool
    private let tags: [String]

    init(_ header: String?) {
        areGiven = header != nil
        tags = (header ?? "").split(separator: ",").map { part in
            String(part.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
        isAny = tags == ["*"]
    }

    func containWeakly(_ tag: String) -> Bool {
        tags.contains { $0 == "*" || $0 == tag || $0 == "W/" + tag }
    }

    func containStrongly(_ tag: String) -> Bool {
        tags.contains { $0 == "*" || $0 == tag }
    }
}
