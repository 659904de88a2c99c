internal import HTTPTypes
internal import NIOHTTP1

/// Where a request ends (R34 Whole requests), what its client expects before it sends the body, and whether another
/// request can follow.
struct RequestFraming {
    enum Expectation {
        case nothing, goOn, other
    }

    private(set) var expects: Expectation = .nothing
    /// Nothing can follow on this connection: the decoder stops behind CONNECT, and perhaps in other cases.
    private(set) var endsConnection: Bool
    /// The decoder also stops behind an offer to upgrade, which we do not accept: a fresh one reads what follows.
    private(set) var stopsDecoder = false
    private let version: HTTPVersion
    private var announcedLength = 0
    private var isChunked = false
    /// The body has a coding, which nothing here undoes.
    private var isEncoded = false
    /// Two readers could disagree about where this request ends.
    private var isAmbiguous = false
    private var hosts = 0
    private var upgrades = 0
    private var connections = 0
    private var connection = ""

    init(_ version: HTTPVersion, _ method: HTTPMethod) {
        self.version = version
        endsConnection = method == .CONNECT
    }

    mutating func addHost() { hosts += 1 }
    mutating func addUpgrade() { upgrades += 1 }

    mutating func addConnection(_ value: String) {
        connections += 1
        connection = value
    }

    mutating func setExpectation(_ value: String) {
        // HTTP/1.0 does not know it.
        guard version == .http1_1 else { return }
        expects = value.isASCII("100-continue", orEndsBlank: true) ? .goOn : .other
    }

    mutating func setLength(_ value: String) {
        // Blanks behind a value do not belong to it, and the decoder leaves them there.
        let digits = value.utf8.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        announcedLength = Int(String(decoding: digits, as: UTF8.self)) ?? .max
    }

    mutating func addContentEncoding(_ value: String) {
        if !value.isASCII("identity", orEndsBlank: true) { isEncoded = true }
    }

    mutating func addTransferEncoding(_ value: String) {
        // Implementations disagree about any other coding, a second one, and one in HTTP/1.0.
        if !value.isASCII("chunked", orEndsBlank: true) || version != .http1_1 { isAmbiguous = true }
        isChunked = true
    }

    /// All headers were read.
    mutating func close() {
        if upgrades > 0 {
            // The decoder stops if both headers say so. With one `Connection` we read it as the decoder does.
            if connections == 1, connection.hasToken("upgrade") { stopsDecoder = true } else { endsConnection = true }
        }
        // RFC 9112, 3.2: exactly one, or a proxy in front may have read another one.
        if hosts != 1, version == .http1_1 || hosts > 1 { isAmbiguous = true }
    }

    /// Why nothing more is read of this request; `nil` if all is well.
    ///
    /// - Parameter bodyBytes: the longest body that is accepted.
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
    /// - Parameter orEndsBlank: spaces and tabs may follow, which do not belong to a header's value.
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
