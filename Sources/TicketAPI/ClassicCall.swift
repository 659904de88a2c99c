internal import BoxOffice
internal import NIOHTTP1

/// One of the three calls that clients of the service before this one make, as its request line tells it.
enum ClassicCall {
    case remaining
    case buy(Substring)
    case complete(Substring)
    /// The path is one of ours, the method is not; the methods that would do.
    case wrongMethod(allow: StaticString)

    private static let buyPath = "/buy_ticket/"
    private static let completePath = "/complete_purchase/"

    /// `nil` if the request is for somebody else.
    init?(_ method: HTTPMethod, _ uri: String) {
        let path = Self.path(uri)
        if path == "/remaining_tickets" {
            self = method == .GET || method == .HEAD ? .remaining : .wrongMethod(allow: "GET, HEAD")
        } else if let type = Self.rest(of: path, after: Self.buyPath) {
            self = method == .POST ? .buy(type) : .wrongMethod(allow: "POST")
        } else if let token = Self.rest(of: path, after: Self.completePath) {
            self = method == .POST ? .complete(token) : .wrongMethod(allow: "POST")
        } else {
            return nil
        }
    }

    /// The one segment behind `prefix`; `nil` if there are more or none.
    private static func rest(of path: Substring, after prefix: String) -> Substring? {
        guard path.utf8.starts(with: prefix.utf8) else { return nil }
        let rest = path[path.utf8.index(path.startIndex, offsetBy: prefix.utf8.count)...]
        return rest.isEmpty || rest.utf8.contains(UInt8(ascii: "/")) ? nil : rest
    }

    /// The path of a request target: without a query, and without the scheme and authority that a client of a proxy
    /// sends (RFC 9112, 3.2.2).
    private static func path(_ uri: String) -> Substring {
        var path = uri[...]
        if path.utf8.first != UInt8(ascii: "/"), let scheme = path.range(of: "://") {
            let rest = path[scheme.upperBound...]
            path = rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
        }
        return path.utf8.firstIndex(of: UInt8(ascii: "?")).map { path[..<$0] } ?? path
    }
}

extension Substring {
    /// The first place of `text`, byte by byte.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].utf8.starts(with: text.utf8) {
                return start..<utf8.index(start, offsetBy: text.utf8.count)
            }
            start = utf8.index(after: start)
        }
        return nil
    }
}
