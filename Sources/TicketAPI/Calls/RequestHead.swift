internal import BoxOffice
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1

/// What the fast path needs of a request's headers, gathered in one walk.
struct RequestFraming {
    private(set) var announcedLength = 0
    private(set) var expects: Expectation = .nothing
    private var isChunked = false
    /// Its body is in a coding, which nothing here undoes.
    private var isEncoded = false
    /// The decoder stops behind CONNECT, and where we cannot be sure: nothing can follow on this connection.
    private(set) var endsConnection: Bool
    /// It stops behind an offer to upgrade, too, which we do not take: another one reads what follows.
    private(set) var stopsDecoder = false
    /// The header that only calls with a meaning for it look into.
    private(set) var idempotencyKey: String?
    /// Two readers could disagree about where this request ends.
    private(set) var isAmbiguous = false

    enum Expectation {
        case nothing, goOn, other
    }

    init(_ head: HTTPRequestHead) {
        endsConnection = head.method == .CONNECT
        var hosts = 0
        var (upgrades, connections) = (0, 0)
        var connection = ""
        // By length first: most headers are none of these, and their names are not looked at.
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isASCII("host"):
                hosts += 1
            case 6 where name.isASCII("expect"):
                expects = value.isASCII("100-continue", orEndsBlank: true) ? .goOn : .other
            case 7 where name.isASCII("upgrade"):
                upgrades += 1
            case 10 where name.isASCII("connection"):
                connections += 1
                connection = value
            case 14 where name.isASCII("content-length"):
                // Blanks behind a value belong to no header's value, and the decoder leaves them there.
                let digits = value.utf8.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
                announcedLength = Int(String(decoding: digits, as: UTF8.self)) ?? .max
            case 15 where name.isASCII("idempotency-key"):
                BuyerFields.add(value, to: &idempotencyKey)
            case 16 where name.isASCII("content-encoding"):
                if !value.isASCII("identity", orEndsBlank: true) { isEncoded = true }
            case 17 where name.isASCII("transfer-encoding"):
                // Any other coding, a second one, or one that HTTP/1.0 does not know is read in two ways out there.
                if !value.isASCII("chunked", orEndsBlank: true) || head.version != .http1_1 { isAmbiguous = true }
                isChunked = true
            default: break
            }
        }
        if upgrades > 0 {
            // The decoder stops if both headers say so. With one `Connection` we read it as the decoder does.
            if connections == 1, connection.hasToken("upgrade") { stopsDecoder = true } else { endsConnection = true }
        }
        if head.version != .http1_1 { expects = .nothing }
        // RFC 9112, 3.2: exactly one, or whoever is in front may have read another one.
        if hosts != 1, head.version == .http1_1 || hosts > 1 { isAmbiguous = true }
    }

    /// Why nothing more is read of this request; `nil` if all is well.
    ///
    /// - Parameter bodyBytes: the longest body that is taken.
    func refused(bodyBytes: Int) -> Refused? {
        if isAmbiguous { return Refused(.malformedRequest) }
        if announcedLength > bodyBytes { return Refused(.contentTooLarge) }
        if isEncoded, isChunked || announcedLength > 0 {
            var refused = Refused(.unsupportedMediaType, "The body must not be in a Content-Encoding.")
            // RFC 9110, 15.5.16.
            refused.headers[.acceptEncoding] = "identity"
            return refused
        }
        if expects == .other { return Refused(.expectationFailed) }
        return nil
    }
}

extension String {
    /// Whether one of the words between commas is `text`, in letters of any case.
    fileprivate func hasToken(_ text: StaticString) -> Bool {
        utf8.split(separator: UInt8(ascii: ",")).contains { part in
            String(Substring(part.drop { $0 == UInt8(ascii: " ") })).isASCII(text, orEndsBlank: true)
        }
    }

    /// Whether this is `text`, in letters of any case.
    ///
    /// - Parameter orEndsBlank: spaces and tabs may follow, which belong to no header's value.
    func isASCII(_ text: StaticString, orEndsBlank: Bool = false) -> Bool {
        let length = text.utf8CodeUnitCount
        guard utf8.count == length || orEndsBlank && utf8.count > length else { return false }
        for (position, byte) in utf8.enumerated() {
            if position >= length {
                guard byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") else { return false }
            } else {
                let small = (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
                guard small == text.utf8Start[position] else { return false }
            }
        }
        return true
    }
}

/// What the fast path keeps of a request of its own until it is answered.
struct FastRequest {
    let call: FastCall
    let manner: ClassicAnswers.Manner
    /// What more there is of a call of v1; `nil` for the others.
    let buyer: BuyerRequest?
    /// How its caller stands, where there is a quota.
    let standing: CallerQuota.Standing?
    /// The idempotency key of a classic call.
    let key: IdempotencyKey?

    init(
        call: FastCall, head: HTTPRequestHead, endsConnection: Bool, buyer: BuyerRequest?,
        standing: CallerQuota.Standing?, key: IdempotencyKey? = nil
    ) {
        self.call = call
        self.key = key
        self.buyer = buyer
        self.standing = standing
        let after: HTTPBytes.After =
            !head.isKeepAlive || endsConnection ? .close : head.version == .http1_1 ? .keepAlive : .keepAliveSaid
        manner = ClassicAnswers.Manner(after: after, isHead: head.method == .HEAD)
    }
}

/// A whole request for the router. It is passed on only when its last byte is here: a body that breaks, dawdles or
/// grows too large is then refused before anything was done or answered.
struct RoutedRequest {
    let head: HTTPRequestHead
    let after: HTTPBytes.After
    /// How its caller stands, where there is a quota and the answer tells of it.
    let standing: CallerQuota.Standing?
    /// Whether its answer is too dear for a client that may have left.
    var endsWithClient: Bool { RequestPath.path(of: head.uri) == "/v1/invariants" }
    let framing: Framing
    var body = ByteBuffer()

    /// How the end of an answer's body may be told.
    enum Framing {
        case any
        /// HTTP/1.0 knows no chunks, and the answer to HEAD has none: by its length, or by closing the connection.
        case noChunks
    }

    init(head: HTTPRequestHead, endsConnection: Bool, standing: CallerQuota.Standing?) {
        self.head = head
        framing = head.version == .http1_1 && head.method != .HEAD ? .any : .noChunks
        self.standing = standing.flatMap { RequestPath.path(of: head.uri).hasPrefix("/v1/") ? $0 : nil }
        after = !head.isKeepAlive || endsConnection ? .close : head.version == .http1_1 ? .keepAlive : .keepAliveSaid
    }
}
