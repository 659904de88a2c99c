internal import BoxOffice
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// One of v1's hot calls, as its request's head makes it.
enum BuyerCall {
    /// `nil` where the path's segment cannot be the code of an event.
    case availability(Code?)
    case hold(Code?)
    /// `nil` where the path's segment cannot be the name of a hold.
    case release(HoldID?)
    case purchase(HoldID?)
    /// Any call, with which its caller is over their quota.
    case refused

    /// `nil` if the router has to answer: another method, or another call.
    init?(_ target: RequestPath.Buyer, _ method: HTTPMethod) {
        switch (target, method) {
        case (.availability(let event), .GET), (.availability(let event), .HEAD):
            self = .availability(Code(String(decoding: event, as: UTF8.self)))
        case (.holds(let event), .POST): self = .hold(Code(String(decoding: event, as: UTF8.self)))
        case (.hold(let hold), .DELETE): self = .release(HoldID(public: String(decoding: hold, as: UTF8.self)))
        case (.purchase(let hold), .POST): self = .purchase(HoldID(public: String(decoding: hold, as: UTF8.self)))
        default: return nil
        }
    }

    fileprivate var isOfHold: Bool {
        switch self {
        case .availability, .hold, .refused: false
        case .release, .purchase: true
        }
    }

    /// Whether an operator gets another answer than a buyer.
    fileprivate var knowsOperators: Bool {
        if case .availability = self { true } else { isOfHold }
    }
}

/// A request of v1 on the fast path, until it is answered.
final class BuyerRequest {
    let call: BuyerCall
    let fields: BuyerFields
    /// The shop's key that it came with, if it was looked up a moment ago.
    let key: OperatorKey?
    /// As it was written; told in problems without its query.
    let target: String
    var body = ByteBuffer()
    /// Found before the store was asked.
    fileprivate(set) var refused: Refused?

    /// `nil` if the router has to answer: here are only shops whose key is known already.
    init?(_ call: BuyerCall, _ head: HTTPRequestHead, _ keys: KnownKeys) {
        self.call = call
        fields = BuyerFields(head.headers)
        target = head.uri
        key = call.isOfHold ? fields.key.flatMap(keys.known) : nil
        if call.knowsOperators, fields.isOperators, key?.role != .shop { return nil }
    }

    /// A request that is not looked into.
    init(_ refused: Refused, _ head: HTTPRequestHead) {
        call = .refused
        fields = BuyerFields(head.headers)
        key = nil
        target = head.uri
        self.refused = refused
    }

    /// The next bytes of the body.
    func take(_ bytes: ByteBuffer) {
        if case .refused = call { return }
        if body.readableBytes == 0 {
            body = bytes
        } else {
            body.writeImmutableBuffer(bytes)
        }
    }

    fileprivate var path: String { RequestPath.path(of: target) }
}

/// What one event loop answers v1's hot calls with, and what it keeps to do so quickly.
struct BuyerAnswers {
    private let store: any TicketStore
    private let calls: BuyerCalls
    private var bytes = HTTPBytes()
    private var availabilities: AvailabilityCache
    /// By the index of their event. As many as there ever were events (``Limits/events``).
    private var catalogues: [UInt32: EventCatalogue] = [:]
    /// The body that is being written: its length comes before it.
    private var body = ByteBuffer()
    private var texts = HoldTexts()

    init(_ reader: RequestReader, mint: TokenMint) {
        store = reader.store
        calls = BuyerCalls(reader: reader, mint: mint)
        availabilities = AvailabilityCache(store)
    }

    mutating func setDate(_ date: [UInt8]) {
        bytes.setDate(date)
        availabilities.setDate(date)
    }

    /// What the store is asked; `nil` if it need not be.
    func command(of request: BuyerRequest) -> Command? {
        // Let go of: it lies in what the socket was read into.
        let body = request.body
        request.body = ByteBuffer()
        do throws(Refused) {
            switch request.call {
            case .availability, .refused: return nil
            case .hold(let event):
                guard let event else { throw Refused(.unknownEvent) }
                do throws(Refused) {
                    return try calls.hold(in: event, request.fields, body)
                } catch {
                    // The store would tell of the event first, and is spared the question where nothing is wrong.
                    throw store.event(event) == nil ? Refused(.unknownEvent) : error
                }
            case .release(let name): return .release(try hold(named: name, request))
            case .purchase(let name):
                let completer: Completer = request.key == nil ? .token : .key
                return try calls.purchase(try hold(named: name, request), request.fields, body, by: completer)
            }
        } catch {
            request.refused = error
            return nil
        }
    }

    /// The hold of a path, for its token or for a shop's key, which needs none.
    private func hold(named name: HoldID?, _ request: BuyerRequest) throws(Refused) -> HoldID {
        guard request.key != nil else { return try calls.hold(named: name, request.fields) }
        guard let name else { throw Refused(.unknownHold) }
        return name
    }

    /// Writes the answer.
    ///
    /// - Parameters:
    ///   - reply: `nil` for what the store was not asked.
    ///   - quota: what is told of the caller's standing, each line ended with CR LF; empty without a quota.
    mutating func write(
        _ reply: StoreReply?, to request: BuyerRequest, _ manner: ClassicAnswers.Manner, quota: String,
        into buffer: inout ByteBuffer
    ) {
        do throws(Refused) {
            if let refused = request.refused { throw refused }
            if let reply {
                try write(reply, manner, quota: quota, to: &buffer)
            } else if case .availability(let event) = request.call {
                let known = request.fields.ifNoneMatch
                try availabilities.write(event, knownAs: known, manner, quota: quota, to: &buffer)
            }
        } catch {
            write(error, to: request, manner, quota: quota, to: &buffer)
        }
    }

    private mutating func write(
        _ reply: StoreReply, _ manner: ClassicAnswers.Manner, quota: String, to buffer: inout ByteBuffer
    ) throws(Refused) {
        // Behind a failure the store may have taken definitions back.
        if case .failed = reply { catalogues.removeAll() }
        let answer = try HoldAnswer(reply)
        body.clear()
        answer.writeBody(catalogue(at: answer.event), calls.mint, &texts, to: &body)
        bytes.writeHead(answer.status, length: body.readableBytes, after: manner.after, to: &buffer) { buffer in
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
        _ refused: Refused, to request: BuyerRequest, _ manner: ClassicAnswers.Manner, quota: String,
        to buffer: inout ByteBuffer
    ) {
        var refused = refused
        if refused.tellsPlaces, case .hold(let event?) = request.call,
            store.event(event)?.definition.disclosure != .counts
        {
            refused.hidePlaces()
        }
        let body = refused.document(traceID: request.fields.traceID, instance: request.path)
        bytes.writeHead(refused.problem.status, .problem, length: body.count, after: manner.after, to: &buffer) {
            buffer in
            for field in refused.headers { buffer.writeString("\(field.name.rawName): \(field.value)\r\n") }
            if let seconds = refused.retryAfterSeconds { buffer.writeField("retry-after: ", String(seconds)) }
            buffer.writeString(quota)
        }
        if !manner.isHead { buffer.writeBytes(body) }
    }
}

/// What events have left, as it is answered: made anew only when something has changed, on each loop for itself.
private struct AvailabilityCache {
    private final class Entry {
        let document: AvailabilityDocument
        let tag: String
        /// Heads of this second, but for what the connection adds; empty until they are needed.
        var unchangedHead: [UInt8] = []
        var head: [UInt8] = []

        init(_ document: AvailabilityDocument) {
            self.document = document
            tag = "\"\(document.tag)\""
        }

        /// Whether `If-None-Match` names it (compared weakly, RFC 9110, 13.1.2).
        func isKnown(as header: String?) -> Bool {
            guard let header else { return false }
            if header == tag { return true }
            return EntityTags(header).contain(tag)
        }
    }

    private let store: any TicketStore
    /// Only events that there are.
    private var entries: [Code: Entry] = [:]
    private var date: [UInt8] = []

    init(_ store: any TicketStore) {
        self.store = store
    }

    mutating func setDate(_ date: [UInt8]) {
        self.date = date
        for entry in entries.values {
            entry.head.removeAll(keepingCapacity: true)
            entry.unchangedHead.removeAll(keepingCapacity: true)
        }
    }

    mutating func write(
        _ event: Code?, knownAs known: String?, _ manner: ClassicAnswers.Manner, quota: String,
        to buffer: inout ByteBuffer
    ) throws(Refused) {
        guard let event, let entry = current(event) else { throw Refused(.unknownEvent) }
        let isKnown = entry.isKnown(as: known)
        if isKnown {
            if entry.unchangedHead.isEmpty { entry.unchangedHead = head("304 Not Modified", entry) }
            buffer.writeBytes(entry.unchangedHead)
        } else {
            if entry.head.isEmpty {
                entry.head = head("200 OK", entry)
                entry.head += Array(
                    "content-type: application/json\r\ncontent-length: \(entry.document.body.count)\r\n".utf8)
            }
            buffer.writeBytes(entry.head)
        }
        buffer.writeString(quota)
        HTTPBytes.writeEnd(manner.after, to: &buffer)
        if !isKnown, !manner.isHead { buffer.writeBytes(entry.document.body) }
    }

    private mutating func current(_ event: Code) -> Entry? {
        let known = entries[event]
        guard let document = AvailabilityDocument.current(event, in: store, after: known?.document) else {
            entries[event] = nil
            return nil
        }
        if let known, known.document === document { return known }
        let entry = Entry(document)
        entries[event] = entry
        return entry
    }

    private func head(_ status: String, _ entry: Entry) -> [UInt8] {
        var head = Array("HTTP/1.1 \(status)\r\netag: \(entry.tag)\r\n".utf8)
        head += Array("cache-control: public, max-age=1, stale-while-revalidate=5\r\ndate: ".utf8)
        return head + date + [13, 10]
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
