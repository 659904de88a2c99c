internal import BoxOffice
internal import NIOHTTP1

/// One of the three calls that clients of the service before this one make, understood at its request line.
///
/// Trivial on purpose: it is kept with every request that waits, and nothing in it is counted by reference.
enum LaneCall {
    case remaining
    /// The index of a ``TicketWindow`` product.
    case buy(product: Int)
    case buyUnknownType
    case complete(HoldID)
    case completeUnknownHold
    /// The path is one of ours, the method is not.
    case wrongMethod(allowed: Allowed)

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

/// The request targets of the three calls.
enum LaneTarget {
    case remaining
    case buy(Substring)
    case complete(Substring)

    static let remainingPath = "/remaining_tickets"
    private static let buyPath = "/buy_ticket/"
    private static let completePath = "/complete_purchase/"

    /// `nil` if the target is for somebody else.
    init?(_ target: String) {
        let path = Self.path(target)
        if path == Self.remainingPath {
            self = .remaining
        } else if let type = Self.segment(of: path, after: Self.buyPath) {
            self = .buy(type)
        } else if let token = Self.segment(of: path, after: Self.completePath) {
            self = .complete(token)
        } else {
            return nil
        }
    }

    /// The one segment behind `prefix`; `nil` if there are more or none.
    private static func segment(of path: Substring, after prefix: String) -> Substring? {
        guard path.utf8.starts(with: prefix.utf8) else { return nil }
        let rest = path[path.utf8.index(path.startIndex, offsetBy: prefix.utf8.count)...]
        return rest.isEmpty || rest.utf8.contains(UInt8(ascii: "/")) ? nil : rest
    }

    /// The path of a request target: without a query, and without the scheme and authority that a client of a proxy
    /// sends (RFC 9112, 3.2.2).
    private static func path(_ target: String) -> Substring {
        var path = target[...]
        if path.utf8.first != UInt8(ascii: "/") {
            for scheme in ["http://", "https://"] where path.utf8.starts(with: scheme.utf8) {
                let rest = path.utf8.dropFirst(scheme.utf8.count)
                path = rest.firstIndex(of: UInt8(ascii: "/")).map { target[$0...] } ?? "/"
                break
            }
        }
        return path.utf8.firstIndex(of: UInt8(ascii: "?")).map { path[..<$0] } ?? path
    }
}
