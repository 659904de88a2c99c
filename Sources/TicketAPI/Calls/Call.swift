internal import BoxOffice
internal import NIOHTTP1

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A call that the fast path answers: one of the three that clients of the service before this one make, understood at its
/// request line, or one of v1's.
///
/// Trivial on purpose: it is kept with every request that waits, and nothing in it is counted by reference.
enum FastCall {
    case remaining
    /// The index of a ``LoopContext`` product.
    case buy(product: Int)
    case buyUnknownType
    /// What came as its idempotency key can be none.
    case unfitKey
    case complete(HoldID, by: Completer)
    case completeUnknownHold
    /// One of v1's, which its ``BuyerRequest`` tells.
    case buyer
    /// One of the three, which its caller has no token left for.
    case overQuota
    /// One of the three, with a query, which its ``BuyerRequest`` refuses.
    case wrongQuery
    /// The path is one of ours, the method is not.
    case wrongMethod(allowed: Allowed)

    /// Whether the caller may send an idempotency key with it.
    var takesKey: Bool {
        switch self {
        case .buy, .complete: true
        default: false
        }
    }

    enum Allowed: Int {
        case get, post

        var header: String {
            switch self {
            case .get: "allow: GET, HEAD\r\n"
            case .post: "allow: POST\r\n"
            }
        }
    }
}

/// The request targets of the fast path's calls, told apart byte by byte.
enum RequestPath {
    typealias Bytes = UnsafeBufferPointer<UInt8>

    case remaining
    /// With the code of the type.
    case buy(Bytes)
    /// With the token.
    case complete(Bytes)
    case buyer(Buyer)

    /// v1's, with the code of the event or the name of the hold.
    enum Buyer {
        case availability(Bytes)
        case holds(Bytes)
        case hold(Bytes)
        case purchase(Bytes)
    }

    /// `nil` if the target is for somebody else.
    init?(_ target: Bytes) {
        let path = Self.path(target)
        if path.begins(with: "/remaining_tickets"), path.count == 18 {
            self = .remaining
        } else if let token = Self.segment(of: path, after: "/complete_purchase/") {
            self = .complete(token)
        } else if let type = Self.segment(of: path, after: "/buy_ticket/") {
            self = .buy(type)
        } else if let call = Buyer(path) {
            self = .buyer(call)
        } else {
            return nil
        }
    }

    /// The one segment behind `prefix`; `nil` if there are more or none.
    fileprivate static func segment(of path: Bytes, after prefix: StaticString) -> Bytes? {
        guard path.begins(with: prefix) else { return nil }
        let rest = Bytes(rebasing: path[prefix.utf8CodeUnitCount...])
        return rest.isEmpty || rest.has(UInt8(ascii: "/")) ? nil : rest
    }

    /// Whether the target is one that balancers and monitors probe, which is answered to anybody at any time.
    static func isProbe(_ target: String) -> Bool {
        guard target.utf8.starts(with: "/health/".utf8) else { return false }
        let path = path(of: target)
        return path == "/health/live" || path == "/health/ready"
    }

    /// The path of a request target as a text of its own.
    static func path(of target: String) -> String {
        var target = target
        return target.withUTF8 { String(decoding: path($0), as: UTF8.self) }
    }

    /// RFC 3986, 3.2.
    private static func endsAuthority(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
    }

    private static let root: StaticString = "/"

    /// The path of a request target: without a query, and without the scheme and authority that a client of a proxy
    /// sends (RFC 9112, 3.2.2). Behind an authority, no path is the path `/`.
    static func path(_ target: Bytes) -> Bytes {
        var path = target
        if path.first != UInt8(ascii: "/") {
            for scheme in ["http://", "https://"] as [StaticString] where path.begins(with: scheme) {
                let rest = path[scheme.utf8CodeUnitCount...]
                guard let end = rest.firstIndex(where: endsAuthority), rest[end] == UInt8(ascii: "/") else {
                    return Bytes(start: root.utf8Start, count: root.utf8CodeUnitCount)
                }
                path = Bytes(rebasing: path[end...])
                break
            }
        }
        guard path.has(UInt8(ascii: "?")), let query = path.firstIndex(of: UInt8(ascii: "?")) else { return path }
        return Bytes(rebasing: path[..<query])
    }
}

extension RequestPath.Buyer {
    fileprivate init?(_ path: RequestPath.Bytes) {
        if let hold = RequestPath.segment(of: path, after: "/v1/holds/") {
            self = .hold(hold)
        } else if let hold = Self.segment(of: path, between: "/v1/holds/", and: "/purchase") {
            self = .purchase(hold)
        } else if let event = Self.segment(of: path, between: "/v1/events/", and: "/availability") {
            self = .availability(event)
        } else if let event = Self.segment(of: path, between: "/v1/events/", and: "/holds") {
            self = .holds(event)
        } else {
            return nil
        }
    }

    private static func segment(
        of path: RequestPath.Bytes, between prefix: StaticString, and suffix: StaticString
    ) -> RequestPath.Bytes? {
        guard path.ends(with: suffix) else { return nil }
        let rest = RequestPath.Bytes(rebasing: path[..<(path.count - suffix.utf8CodeUnitCount)])
        return RequestPath.segment(of: rest, after: prefix)
    }
}

extension UnsafeBufferPointer<UInt8> {
    func begins(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let start = baseAddress else { return false }
        return memcmp(start, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    func ends(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let start = baseAddress else { return false }
        return memcmp(start + count - text.utf8CodeUnitCount, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    func has(_ byte: UInt8) -> Bool {
        guard let start = baseAddress else { return false }
        return memchr(start, CInt(byte), count) != nil
    }
}
