internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// What routes share: they read requests, ask the store, and turn mistakes into refusals.
struct RequestReader: Sendable {
    let store: any TicketStore
    let bodyBytes: Int
    let keys: KeyDigester
    /// Counts what the router decides.
    let figures: LoopFigures

    init(_ service: ServiceContext) {
        store = service.store
        bodyBytes = service.configuration.bodyBytes
        keys = service.keys
        figures = service.figures.routed
    }

    /// The event that a path names.
    func event(_ segment: String) throws(Refused) -> EventReading {
        guard let code = Code(segment), let event = store.event(code) else { throw Refused(.unknownEvent) }
        return event
    }

    func collect(_ request: Request) async throws -> ByteBuffer {
        try await request.body.collect(upTo: bodyBytes)
    }

    func body<Value>(
        _ request: Request, _ shape: JSONShape<Value>, whenEmpty empty: Value?
    ) async throws -> Value {
        try read(try await collect(request), as: shape, request.headers[.contentType], whenEmpty: empty)
    }

    /// What a body says.
    ///
    /// - Parameter contentType: the request's header.
    func read<Value>(
        _ body: ByteBuffer, as shape: JSONShape<Value>, _ contentType: String?, whenEmpty empty: Value?
    ) throws(Refused) -> Value {
        if body.readableBytes == 0, let empty { return empty }
        // The common form needs no parsing.
        if contentType != "application/json" { try Self.expect(["application/json"], contentType) }
        return try Self.reading { () throws(DocumentError) in
            try shape.read(body.readableBytesView, limits: limits)
        }
    }

    /// A body as JSON of any shape.
    func json(_ request: Request, types: Set<String>) async throws -> JSONValue {
        let buffer = try await collect(request)
        try Self.expect(types, request.headers[.contentType])
        return try Self.reading { () throws(DocumentError) in
            try JSONValue.document(buffer.readableBytesView, limits: limits)
        }
    }

    /// Where no body is allowed, an empty one is still read and is no JSON.
    private var limits: JSONLimits { JSONLimits(bytes: max(1, bodyBytes)) }

    private static func expect(_ types: Set<String>, _ contentType: String?) throws(Refused) {
        let type = contentType?.split(separator: ";").first?.lowercased() ?? ""
        guard types.contains(type.filter { $0 != " " }) else { throw Refused(.unsupportedMediaType) }
    }

    /// Turns what is wrong with a document into a refusal.
    static func reading<Value>(_ read: () throws(DocumentError) -> Value) throws(Refused) -> Value {
        do throws(DocumentError) {
            return try read()
        } catch {
            switch error {
            case .syntax(let error): throw Refused(.malformedRequest, "\(error)")
            case .mistakes(let mistakes): throw Refused.invalid(mistakes.map { Mistake($0) })
            }
        }
    }

    /// The idempotency key that came with a request.
    ///
    /// - Parameter isAnonymous: whether the request came without an operator's or a shop's key.
    static func key(_ header: String, isAnonymous: Bool) throws(Refused) -> KeyText {
        guard let key = KeyText(header, isAnonymous: isAnonymous) else {
            throw Refused.invalid([.idempotencyKey(isAnonymous: isAnonymous)])
        }
        return key
    }

    /// The store's reply to a command, counted.
    func ask(_ command: Command, note: AuditNote?) async -> StoreReply {
        let began = NIODeadline.now()
        let reply = await store.perform(command, note: note)
        figures.count(command, reply, waited: (NIODeadline.now() - began).nanoseconds)
        return reply
    }

    func perform(_ command: Command, note: AuditNote? = nil) async throws -> (Outcome, Moment) {
        switch await ask(command, note: note) {
        case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
        case .decided(let outcome, let moment): return (outcome, moment)
        case .failed(let failure): throw Refused(failure)
        }
    }

    func unexpected(_ outcome: Outcome) -> Refused {
        preconditionFailure("a command gets an outcome of its own kind, not \(outcome)")
    }
}

extension HTTPField.Name {
    static let idempotencyKey = HTTPField.Name.ours("Idempotency-Key")
    static let idempotencyReplayed = HTTPField.Name.ours("Idempotency-Replayed")
    static let queuePass = HTTPField.Name.ours("Queue-Pass")
    static let link = HTTPField.Name.ours("Link")
    static let traceparent = HTTPField.Name.ours("traceparent")

    static func ours(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a name of a field") }
        return name
    }
}

/// The tags of an `If-Match` or `If-None-Match` (RFC 9110 13.1).
struct EntityTags: Sendable {
    /// The header was sent.
    let areGiven: Bool
    private let tags: [String]

    init(_ header: String?) {
        areGiven = header != nil
        tags = (header ?? "").split(separator: ",").map { part in
            String(part.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
    }

    /// Whether one of them is `tag`, in its strong or its weak form.
    ///
    /// `If-Match` accepts the weak form, too, though RFC 9110 does not: a proxy that compresses turns our `"21"` into
    /// `W/"21"`, and both name revision 21.
    func contain(_ tag: String) -> Bool {
        tags.contains { $0 == "*" || $0 == tag || $0 == "W/" + tag }
    }
}
