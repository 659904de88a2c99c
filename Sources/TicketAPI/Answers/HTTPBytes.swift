internal import NIOCore

/// Writes heads of answers as bytes, without a table of headers in between.
///
/// For a second, heads with the same status differ only in the length: each is made once a second and then copied.
struct HTTPBytes {
    enum ContentType: Int, CaseIterable {
        case json, problem

        var text: String {
            switch self {
            case .json: "application/json"
            case .problem: "application/problem+json"
            }
        }
    }

    /// `nil` if no page on another origin may call.
    private let origins: SharedOrigins?
    /// The current second as RFC 9110 writes it.
    private(set) var date: [UInt8] = []
    /// By status and content type, up to and including `content-length: `.
    private var heads: [Int: [UInt8]] = [:]
    /// The head that was used last.
    private var lastHead: (key: Int, bytes: [UInt8]) = (-1, [])

    init(_ origins: SharedOrigins?) {
        self.origins = origins
    }

    /// Sets the current second, and forgets the heads of the second before.
    mutating func setDate(_ text: [UInt8]) {
        date = text
        heads.removeAll(keepingCapacity: true)
        lastHead = (-1, [])
    }

    /// Appends the head of an answer whose body of `length` bytes the caller appends.
    ///
    /// - Parameter fields: writes further header lines, each ended with CR LF.
    mutating func writeHead(
        _ status: Int, _ type: ContentType = .json, length: Int, form: AnswerForm, to buffer: inout ByteBuffer,
        fields: (inout ByteBuffer) -> Void = { _ in }
    ) {
        let key = status * ContentType.allCases.count + type.rawValue
        if lastHead.key == key {
            buffer.writeBytes(lastHead.bytes)
        } else {
            let head = heads[key] ?? makeHead(status, type, key: key)
            lastHead = (key, head)
            buffer.writeBytes(head)
        }
        buffer.writeDecimal(length)
        buffer.writeStaticString("\r\n")
        fields(&buffer)
        Self.writeEnd(form, origins, to: &buffer)
    }

    /// The end of a head, behind the last line's CR LF.
    static func writeEnd(_ form: AnswerForm, _ origins: SharedOrigins?, to buffer: inout ByteBuffer) {
        if let origins, form.sharing != .off { buffer.writeBytes(origins.lines(form.sharing)) }
        switch form.after {
        case .keepAlive: buffer.writeStaticString("\r\n")
        case .keepAliveSaid: buffer.writeStaticString("connection: keep-alive\r\n\r\n")
        case .close: buffer.writeStaticString("connection: close\r\n\r\n")
        }
    }

    /// The end of a head, behind the last line's CR LF.
    func writeEnd(_ form: AnswerForm, to buffer: inout ByteBuffer) {
        Self.writeEnd(form, origins, to: &buffer)
    }

    private mutating func makeHead(_ status: Int, _ type: ContentType, key: Int) -> [UInt8] {
        var head = Array("HTTP/1.1 \(status) \(Self.reason(status))\r\ncontent-type: \(type.text)\r\n".utf8)
        head += Array("cache-control: no-store\r\ndate: ".utf8)
        head += date
        head += Array("\r\ncontent-length: ".utf8)
        heads[key] = head
        return head
    }

    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Unknown"
        }
    }
}

extension ByteBuffer {
    /// What `write` writes.
    static func written(_ write: (inout ByteBuffer) -> Void) -> ByteBuffer {
        var buffer = ByteBuffer()
        write(&buffer)
        return buffer
    }

    /// The decimal digits of a number that is not negative.
    static func digits(of number: Int) -> Int {
        var digits = 1
        var rest = number
        while rest >= 10 {
            digits += 1
            rest /= 10
        }
        return digits
    }

    /// Appends a number that is not negative in decimal, without making a string.
    mutating func writeDecimal(_ number: Int) {
        var digits: (UInt64, UInt64, UInt32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { bytes in
            var position = bytes.count
            var rest = number
            repeat {
                position -= 1
                bytes[position] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            writeBytes(UnsafeRawBufferPointer(rebasing: bytes[position...]))
        }
    }
}
