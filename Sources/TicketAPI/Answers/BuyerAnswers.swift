internal import BoxOffice
internal import HTTPTypes
internal import NIOCore
internal import TicketStore

/// Writes the answers to v1's hot calls, on one event loop.
struct BuyerAnswers {
    private let store: any TicketStore
    private let queues: QueueDirectory
    private let entries: QueueCalls
    private let mint: TokenMint
    private let pages: RefusalPages
    private var bytes: HTTPBytes
    private var documents: DocumentAnswers
    /// By the index of their event; at most ``Limits/events``.
    private var catalogues: [UInt32: EventCatalogue] = [:]
    /// Written before the head, which contains its length. Kept for its storage.
    private var body = ByteBuffer()
    private var texts = MomentTexts()

    init(
        _ reader: RequestReader, _ queues: QueueDirectory, mint: TokenMint, origins: SharedOrigins?,
        _ pages: RefusalPages
    ) {
        self.queues = queues
        entries = QueueCalls(reader: reader, queues: queues)
        store = reader.store
        self.mint = mint
        self.pages = pages
        bytes = HTTPBytes(origins)
        documents = DocumentAnswers(reader.store, queues, origins)
    }

    mutating func setDate(_ date: [UInt8]) {
        bytes.setDate(date)
        documents.setDate(date)
    }

    /// Writes the answer.
    ///
    /// - Parameter quota: header lines (``AnswerWriter/quotaFields(_:)``).
    mutating func write(
        _ content: AnswerContent, to request: BuyerRequest, _ form: AnswerForm, quota: String,
        into buffer: inout ByteBuffer
    ) {
        do throws(Refused) {
            switch content {
            case .reply(let reply): try write(reply, to: request, form, quota: quota, to: &buffer)
            case .refused(let refused): throw refused
            case .known: try writeKnown(request, form, quota: quota, to: &buffer)
            }
        } catch {
            write(error, to: request, form, quota: quota, to: &buffer)
        }
    }

    private mutating func writeKnown(
        _ request: BuyerRequest, _ form: AnswerForm, quota: String, to buffer: inout ByteBuffer
    ) throws(Refused) {
        switch request.kind {
        case .availability(let event):
            let seen = request.fields.ifNoneMatch
            try documents.writeAvailability(of: event, ifNoneMatch: seen, form, quota: quota, to: &buffer)
        case .queue(let event):
            let seen = request.fields.ifNoneMatch
            try documents.writeQueue(of: event, ifNoneMatch: seen, form, quota: quota, to: &buffer)
        case .look(let look):
            guard let waiting = look.waiting else { preconditionFailure("the store answers all other looks") }
            write(EntryAnswer(document: waiting), form, quota: quota, to: &buffer)
        case .refused(let refused): throw refused
        case .refusedPage(let refused, let head):
            pages.write(refused, of: head, form, date: bytes.date, quota: quota, into: &buffer)
        case .join, .hold, .release, .purchase: preconditionFailure("the store answers these")
        }
    }

    private mutating func write(
        _ reply: StoreReply, to request: BuyerRequest, _ form: AnswerForm, quota: String, to buffer: inout ByteBuffer
    ) throws(Refused) {
        switch request.kind {
        case .join(let event):
            write(try entries.joined(reply, in: event), form, quota: quota, to: &buffer)
        case .look(let look):
            guard let own = look.own else { preconditionFailure("a look that was asked has its entry") }
            write(try entries.looked(reply, at: own), form, quota: quota, to: &buffer)
        default: try write(reply, form, quota: quota, to: &buffer)
        }
    }

    private mutating func write(
        _ answer: EntryAnswer, _ form: AnswerForm, quota: String, to buffer: inout ByteBuffer
    ) {
        body.clear()
        answer.document.write(queues.mint, &texts, to: &body)
        bytes.writeHead(answer.status, length: body.readableBytes, form: form, to: &buffer) { buffer in
            if answer.isNew { buffer.writeField("location: ", answer.location) }
            if answer.isReplay { buffer.writeStaticString("idempotency-replayed: true\r\n") }
            buffer.writeString(quota)
        }
        if !form.isHead { buffer.writeImmutableBuffer(body) }
    }

    private mutating func write(
        _ reply: StoreReply, _ form: AnswerForm, quota: String, to buffer: inout ByteBuffer
    ) throws(Refused) {
        // After a failure the store may have undone definitions.
        if case .failed = reply { catalogues.removeAll() }
        let answer = try HoldAnswer(reply)
        body.clear()
        answer.writeBody(catalogue(at: answer.event), mint, &texts, to: &body)
        bytes.writeHead(answer.status, length: body.readableBytes, form: form, to: &buffer) { buffer in
            buffer.writeStaticString("etag: ")
            answer.writeTag(to: &buffer)
            if answer.isNew {
                buffer.writeStaticString("\r\nlocation: ")
                answer.writeLocation(to: &buffer)
            }
            buffer.writeStaticString("\r\n")
            if answer.isReplay { buffer.writeStaticString("idempotency-replayed: true\r\n") }
            buffer.writeString(quota)
        }
        buffer.writeImmutableBuffer(body)
    }

    private mutating func catalogue(at event: UInt32) -> EventCatalogue {
        guard let known = catalogues[event] else {
            let first = store.catalogue(at: event)
            catalogues[event] = first
            return first
        }
        guard let changed = store.catalogue(at: event, unless: known.revision) else { return known }
        catalogues[event] = changed
        return changed
    }

    private mutating func write(
        _ refused: Refused, to request: BuyerRequest, _ form: AnswerForm, quota: String,
        to buffer: inout ByteBuffer
    ) {
        var refused = refused
        if case .hold(let event, _) = request.kind {
            refused = refused.naming(queues.mistake(in: request.fields.queuePass, for: event))
            if refused.tellsPlaces, store.event(event)?.definition.disclosure != .counts { refused.hidePlaces() }
        }
        let body = refused.document(traceID: request.fields.traceID, instance: request.target.pathText)
        bytes.writeHead(refused.problem.status, .problem, length: body.count, form: form, to: &buffer) {
            buffer in
            for field in refused.headers { buffer.writeString("\(field.name.rawName): \(field.value)\r\n") }
            if let seconds = refused.retryAfterSeconds { buffer.writeField("retry-after: ", String(seconds)) }
            buffer.writeString(quota)
        }
        if !form.isHead { buffer.writeBytes(body) }
    }
}

extension ByteBuffer {
    /// Appends a header line.
    fileprivate mutating func writeField(_ name: StaticString, _ value: String) {
        writeStaticString(name)
        writeString(value)
        writeStaticString("\r\n")
    }
}
