internal import BoxOffice

/// A request that was answered, as the access log and traces see it (R58 Access log, R59 Traces).
///
/// It has the route and not the path, and of what the caller wrote only the hexadecimal digits of its trace: no token, no key, no
/// buyer and no payment.
public struct AnsweredRequest: Sendable {
    /// `nil` where the request could not be read so far.
    public var method: String?
    /// `/v1/holds/:hold`; `nil` where the path leads nowhere.
    public var route: String?
    public var status: Int
    /// Until the answer was written, as far as it was spent waiting for the store or in the router, in nanoseconds.
    public var nanoseconds: Int64
    /// Of the answer's body; a stream has none yet when it begins.
    public var bytes: Int
    /// The caller's address; `nil` where there is none.
    public var caller: String?
    /// `nil` where the caller named none.
    public var trace: TraceParent?
}

/// Hears of requests that were answered.
public protocol RequestObserver: AnyObject, Sendable {
    /// It hears of one request in this many, by chance.
    var oneOf: Int { get }
    /// Whether it hears of each request whose caller wants it traced, and of none whose caller does not.
    var followsTraces: Bool { get }

    /// A request was answered. Called on event loops; must not block.
    func answered(_ request: AnsweredRequest)
}

/// The trace that a request belongs to, as its caller says (W3C Trace Context).
public final class TraceParent: Sendable {
    /// 32 hexadecimal digits.
    public let trace: String
    /// The caller's part of it: 16 hexadecimal digits.
    public let span: String
    /// Whether the caller wants it traced.
    public let isSampled: Bool

    /// `nil` if the header is not valid. Later versions may have more parts.
    public init?(_ header: String) {
        let parts = header.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, Self.isHex(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            Self.isHex(parts[1], 32), Self.isHex(parts[2], 16), Self.isHex(parts[3], 2),
            Self.isSome(parts[1]), Self.isSome(parts[2]), let flags = UInt8(parts[3], radix: 16)
        else { return nil }
        trace = String(parts[1])
        span = String(parts[2])
        isSampled = flags & 1 == 1
    }

    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    private static func isSome(_ text: Substring) -> Bool {
        text.utf8.contains { $0 != UInt8(ascii: "0") }
    }
}
