internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTP1

/// Refusals of the fast path for a person in a browser: pages in words, like those of the router.
struct RefusalPages {
    let writer: PageWriter

    /// Whether a person sees the answer: a browser was sent to a path that is none of the API's.
    static func areWanted(by head: HTTPRequestHead) -> Bool {
        let target = RequestTarget(head.uri)
        return !target.isOfV1 && !target.path.isClassic && target.path != .probe
            && PageRequest.isWanted(by: request(head, target))
    }

    private static func request(_ head: HTTPRequestHead, _ target: RequestTarget) -> Request {
        var fields = HTTPFields()
        for name in [HTTPField.Name.accept, .acceptLanguage, .cookie] {
            for value in head.headers[name.rawName] { fields.append(HTTPField(name: name, value: value)) }
        }
        let head = HTTPRequest(method: .get, scheme: "http", authority: nil, path: target.text, headerFields: fields)
        return Request(head: head, body: .init(buffer: ByteBuffer()))
    }

    /// - Parameters:
    ///   - date: the `Date` of answers.
    ///   - quota: header lines (``AnswerWriter/quotaFields(_:)``).
    func write(
        _ refused: Refused, of head: HTTPRequestHead, _ form: AnswerForm, date: [UInt8], quota: String = "",
        into buffer: inout ByteBuffer
    ) {
        let request = Self.request(head, RequestTarget(head.uri))
        let (headers, page) = writer.refusal(refused, for: PageRequest(request, segment: ""))
        let status = refused.problem.status
        buffer.writeString("HTTP/1.1 \(status) \(HTTPBytes.reason(status))\r\n")
        for field in headers { buffer.writeString("\(field.name.rawName): \(field.value)\r\n") }
        buffer.writeString("\(quota)date: ")
        buffer.writeBytes(date)
        buffer.writeString("\r\ncontent-length: \(page.count)\r\n")
        HTTPBytes.writeEnd(form, nil, to: &buffer)
        if !form.isHead { buffer.writeBytes(page) }
    }
}
