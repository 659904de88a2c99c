internal import HTTPTypes
internal import NIOHTTP1

/// What the headers of a request say, read in one walk.
struct RequestHeaders {
    private(set) var framing: RequestFraming
    private(set) var fields = BuyerFields()
    /// The origin of the page that makes the browser send the request, as the browser says.
    private(set) var origin: String?

    /// Compares lengths first, so that it skips most headers without reading their names.
    init(_ head: HTTPRequestHead) {
        framing = RequestFraming(head.version, head.method)
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isASCII("host"): framing.addHost()
            case 6 where name.isASCII("expect"): framing.setExpectation(value)
            case 6 where name.isASCII("origin"): BuyerFields.add(value, to: &origin)
            case 7 where name.isASCII("upgrade"): framing.addUpgrade()
            case 10 where name.isASCII("connection"): framing.addConnection(value)
            case 10 where name.isASCII("queue-pass"): BuyerFields.add(value, to: &fields.queuePass)
            case 11 where name.isASCII("traceparent"): BuyerFields.add(value, to: &fields.traceparent)
            case 12 where name.isASCII("content-type"): BuyerFields.add(value, to: &fields.contentType)
            case 13 where name.isASCII("authorization"): BuyerFields.add(value, to: &fields.authorization)
            case 13 where name.isASCII("if-none-match"): BuyerFields.add(value, to: &fields.ifNoneMatch)
            case 14 where name.isASCII("content-length"): framing.setLength(value)
            case 15 where name.isASCII("idempotency-key"): BuyerFields.add(value, to: &fields.idempotencyKey)
            case 16 where name.isASCII("content-encoding"): framing.addContentEncoding(value)
            case 17 where name.isASCII("transfer-encoding"): framing.addTransferEncoding(value)
            default: break
            }
        }
        framing.close()
    }
}

/// The headers that calls depend on. Several headers of one name are one with commas (RFC 9110, 5.3).
struct BuyerFields: Sendable {
    fileprivate(set) var authorization: String?
    fileprivate(set) var contentType: String?
    fileprivate(set) var idempotencyKey: String?
    fileprivate(set) var ifNoneMatch: String?
    /// The pass of an entry in the event's queue (Q6 Pass).
    fileprivate(set) var queuePass: String?
    fileprivate(set) var traceparent: String?

    fileprivate init() {}

    init(_ fields: HTTPFields) {
        authorization = fields[.authorization]
        contentType = fields[.contentType]
        idempotencyKey = fields[.idempotencyKey]
        ifNoneMatch = fields[.ifNoneMatch]
        queuePass = fields[.queuePass]
        traceparent = fields[.traceparent]
    }

    /// The decoder leaves blanks behind a value, which do not belong to it.
    fileprivate static func add(_ value: String, to field: inout String?) {
        var value = value
        while let last = value.utf8.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { value.removeLast() }
        field = field.map { "\($0), \(value)" } ?? value
    }

    /// The trace that the request belongs to, as its caller says (W3C trace context).
    var traceID: String? {
        guard let traceparent else { return nil }
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        let isHex = { (text: Substring) in text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) } }
        guard parts.count >= 4, parts[1].utf8.count == 32, isHex(parts[1]), parts[1].contains(where: { $0 != "0" })
        else { return nil }
        return String(parts[1])
    }

    /// Whose idempotency keys the request uses: those of its operator's key, or those of all anonymous callers.
    var keyOwner: String { isOperators ? authorization ?? "" : "" }

    /// Whether the credential has the form of a key, and not of a hold's token.
    var isOperators: Bool { key != nil }

    /// The credential, if it has the form of a key.
    var key: String? { credential { $0.begins(with: "hfk_") } }

    /// The bearer credential, whatever it is.
    var bearer: String? { credential { _ in true } }

    private func credential(_ isWanted: (UnsafeBufferPointer<UInt8>) -> Bool) -> String? {
        guard var authorization else { return nil }
        return authorization.withUTF8 { header in
            guard let credential = BearerCredential(header), isWanted(credential.bytes) else { return nil }
            return String(decoding: credential.bytes, as: UTF8.self)
        }
    }
}
