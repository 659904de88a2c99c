internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// The answers about what events have left, on one event loop: encoded anew only when something has changed.
struct AvailabilityCache {
    private final class Entry {
        let document: AvailabilityDocument
        let tag: String
        /// Heads of this second without what the connection adds; empty until they are needed.
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
    private let origins: SharedOrigins?
    /// Only events that exist.
    private var entries: [Code: Entry] = [:]
    private var date: [UInt8] = []

    init(_ store: any TicketStore, _ origins: SharedOrigins?) {
        self.store = store
        self.origins = origins
    }

    mutating func setDate(_ date: [UInt8]) {
        self.date = date
        for entry in entries.values {
            entry.head.removeAll(keepingCapacity: true)
            entry.unchangedHead.removeAll(keepingCapacity: true)
        }
    }

    mutating func write(
        _ event: Code, ifNoneMatch: String?, _ form: AnswerForm, quota: String,
        to buffer: inout ByteBuffer
    ) throws(Refused) {
        guard let entry = current(event) else { throw Refused(.unknownEvent) }
        let isKnown = entry.isKnown(as: ifNoneMatch)
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
        HTTPBytes.writeEnd(form, origins, to: &buffer)
        if !isKnown, !form.isHead { buffer.writeBytes(entry.document.body) }
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
