internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// The answers with documents of events, on one event loop: what is left, and how the queue stands. They are encoded anew only
/// when something has changed.
struct DocumentAnswers {
    private struct Known<Document: AnyObject> {
        let document: Document
        let answer: DocumentAnswer
    }

    private let store: any TicketStore
    private let queues: QueueDirectory
    private let origins: SharedOrigins?
    /// Only of events that exist.
    private var availabilities: [Code: Known<AvailabilityDocument>] = [:]
    /// Only of events with a queue.
    private var queued: [Code: Known<QueueDocument>] = [:]
    private var date: [UInt8] = []

    init(_ store: any TicketStore, _ queues: QueueDirectory, _ origins: SharedOrigins?) {
        self.store = store
        self.queues = queues
        self.origins = origins
    }

    mutating func setDate(_ date: [UInt8]) {
        self.date = date
        for known in availabilities.values { known.answer.forgetHeads() }
        for known in queued.values { known.answer.forgetHeads() }
    }

    /// Appends the answer with what is left of an event.
    mutating func writeAvailability(
        of event: Code, ifNoneMatch: String?, _ form: AnswerForm, quota: String, to buffer: inout ByteBuffer
    ) throws(Refused) {
        let known = availabilities[event]
        guard let document = AvailabilityDocument.current(event, in: store, after: known?.document) else {
            availabilities[event] = nil
            throw Refused(.unknownEvent)
        }
        let answer: DocumentAnswer
        if let known, known.document === document {
            answer = known.answer
        } else {
            answer = DocumentAnswer(document.body, tag: "\"\(document.tag)\"", caching: AvailabilityDocument.caching)
            availabilities[event] = Known(document: document, answer: answer)
        }
        answer.write(ifNoneMatch: ifNoneMatch, form, date: date, quota: quota, origins, to: &buffer)
    }

    /// Appends the answer with the public document of an event's queue.
    mutating func writeQueue(
        of event: Code, ifNoneMatch: String?, _ form: AnswerForm, quota: String, to buffer: inout ByteBuffer
    ) throws(Refused) {
        guard let document = queues.document(of: event) else {
            queued[event] = nil
            throw store.event(event) == nil ? Refused(.unknownEvent) : .noQueue
        }
        let answer: DocumentAnswer
        if let known = queued[event], known.document === document {
            answer = known.answer
        } else {
            answer = DocumentAnswer(document.body, tag: document.tag, caching: QueueDocument.caching)
            queued[event] = Known(document: document, answer: answer)
        }
        answer.write(ifNoneMatch: ifNoneMatch, form, date: date, quota: quota, origins, to: &buffer)
    }
}
