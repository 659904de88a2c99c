internal import NIOCore

/// The answer with a document that many callers ask for, on one event loop: its head is encoded once a second.
final class DocumentAnswer {
    private let body: [UInt8]
    /// The entity tag as the answer has it, and without the mark of a weak one.
    private let tag: String
    private let strongTag: String
    private let caching: String
    /// Heads of this second without what the connection adds; empty until they are needed.
    private var head: [UInt8] = []
    private var unchangedHead: [UInt8] = []

    /// - Parameters:
    ///   - tag: the entity tag with its quotes; a weak one begins with `W/`.
    ///   - caching: what caches may do with the answer (`Cache-Control`).
    init(_ body: [UInt8], tag: String, caching: String) {
        self.body = body
        self.tag = tag
        strongTag = tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag
        self.caching = caching
    }

    /// The second is over.
    func forgetHeads() {
        head.removeAll(keepingCapacity: true)
        unchangedHead.removeAll(keepingCapacity: true)
    }

    /// Appends the answer.
    ///
    /// - Parameter date: of this second, as RFC 9110 writes it.
    func write(
        ifNoneMatch: String?, _ form: AnswerForm, date: [UInt8], quota: String, _ origins: SharedOrigins?,
        to buffer: inout ByteBuffer
    ) {
        let isKnown = isKnown(as: ifNoneMatch)
        if isKnown {
            if unchangedHead.isEmpty { unchangedHead = makeHead("304 Not Modified", date) }
            buffer.writeBytes(unchangedHead)
        } else {
            if head.isEmpty {
                head = makeHead("200 OK", date)
                head += Array("content-type: application/json\r\ncontent-length: \(body.count)\r\n".utf8)
            }
            buffer.writeBytes(head)
        }
        buffer.writeString(quota)
        HTTPBytes.writeEnd(form, origins, to: &buffer)
        if !isKnown, !form.isHead { buffer.writeBytes(body) }
    }

    /// Whether `If-None-Match` names the document (compared weakly, RFC 9110, 13.1.2).
    private func isKnown(as header: String?) -> Bool {
        guard let header else { return false }
        return header == tag || EntityTags(header).contain(strongTag)
    }

    private func makeHead(_ status: String, _ date: [UInt8]) -> [UInt8] {
        Array("HTTP/1.1 \(status)\r\netag: \(tag)\r\ncache-control: \(caching)\r\ndate: ".utf8) + date + [13, 10]
    }
}
