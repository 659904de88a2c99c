internal import NIOCore
internal import NIOHTTP1

/// What the lane needs of a request's headers, gathered in one walk.
struct RequestFraming {
    private(set) var announcedLength = 0
    private(set) var expects: Expectation = .nothing
    /// The decoder stops at an offer to upgrade (and at CONNECT): nothing can follow on this connection.
    private(set) var endsConnection: Bool
    /// Two readers could disagree about where this request ends.
    private(set) var isAmbiguous = false

    enum Expectation {
        case nothing, goOn, other
    }

    init(_ head: HTTPRequestHead) {
        endsConnection = head.method == .CONNECT
        var hosts = 0
        // By length first: most headers are none of these, and their names are not looked at.
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isASCII("host"):
                hosts += 1
            case 6 where name.isASCII("expect"):
                expects = value.isASCII("100-continue") ? .goOn : .other
            case 7 where name.isASCII("upgrade"):
                endsConnection = true
            case 14 where name.isASCII("content-length"):
                announcedLength = Int(value) ?? .max
            case 17 where name.isASCII("transfer-encoding"):
                // Any other coding, a second one, or one that HTTP/1.0 does not know is read in two ways out there.
                if !value.isASCII("chunked", orEndsBlank: true) || head.version != .http1_1 { isAmbiguous = true }
            default: break
            }
        }
        if head.version != .http1_1 { expects = .nothing }
        // RFC 9112, 3.2: exactly one, or whoever is in front may have read another one.
        if hosts != 1, head.version == .http1_1 || hosts > 1 { isAmbiguous = true }
    }
}

extension String {
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

/// What the lane keeps of a request of its own until it is answered.
struct LaneRequest {
    let call: LaneCall
    let manner: ClassicAnswers.Manner
    /// What more there is of a call of v1; `nil` for the others.
    let buyer: BuyerRequest?
    /// How its caller stands, where there is a quota.
    let standing: CallerQuota.Standing?

    init(
        call: LaneCall, head: HTTPRequestHead, endsConnection: Bool, buyer: BuyerRequest?,
        standing: CallerQuota.Standing?
    ) {
        self.call = call
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
    var body = ByteBuffer()

    init(head: HTTPRequestHead, endsConnection: Bool, standing: CallerQuota.Standing?) {
        self.head = head
        self.standing = standing.flatMap { LaneTarget.path(of: head.uri).hasPrefix("/v1/") ? $0 : nil }
        after = !head.isKeepAlive || endsConnection ? .close : head.version == .http1_1 ? .keepAlive : .keepAliveSaid
    }
}
