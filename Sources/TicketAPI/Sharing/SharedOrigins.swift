internal import HTTPTypes

/// The pages on other origins that may call the API (R61 Other origins), and the header lines by which browsers learn it
/// (the CORS protocol of the Fetch standard).
///
/// Never with credentials in that standard's sense: a browser sends no cookies of ours for another origin's page. Keys and
/// tokens travel in `Authorization`, which such a page has to have by itself.
final class SharedOrigins: Sendable {
    /// What an answer says to pages on other origins. Small, since one is kept with every request that waits.
    struct Standing: Hashable, Sendable {
        /// Nothing: the setting is off, or the path is none of the API's.
        static let off = Standing(index: 0)
        /// That the answer would be another one for another origin.
        static let varies = Standing(index: 1)

        fileprivate let index: UInt8
        var isAllowed: Bool { index > 1 }
    }

    /// As many as have a number in ``Standing``.
    static let most = 100
    /// Seconds for which a browser may remember the answer to a preflight: as long as Chromium does at most.
    static let maxAge = 7_200
    /// What pages may read of an answer beside what every page may.
    static let exposed =
        "allow, date, etag, idempotency-replayed, link, location, ratelimit, ratelimit-policy, retry-after"
    /// What pages may send beside what every page may.
    static let accepted =
        "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, "
        + "queue-pass, traceparent"

    /// Whether pages everywhere may call.
    private let isForAll: Bool
    private let numbers: [String: UInt8]
    private let fields: [[(name: String, value: String)]]
    private let bytes: [[UInt8]]

    /// - Parameter origins: `*` alone, or origins as the settings have them; at most ``most``.
    init(_ origins: [String]) {
        precondition(origins.count <= Self.most, "each origin has a number")
        isForAll = origins == ["*"]
        let origins = origins.map(Self.normal)
        numbers = Dictionary(zip(origins, 2...), uniquingKeysWith: { first, _ in first })
        let vary = ("vary", "Origin")
        fields =
            [[], isForAll ? [] : [vary]]
            + origins.map { origin in
                [("access-control-allow-origin", origin), ("access-control-expose-headers", Self.exposed)]
                    + (origin == "*" ? [] : [vary])
            }
        bytes = fields.map { $0.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) } }
    }

    /// As browsers write an origin: in small letters, without the port that its scheme has anyway.
    private static func normal(_ origin: String) -> String {
        let origin = origin.lowercased()
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")]
        where origin.hasPrefix(scheme) && origin.hasSuffix(port) {
            return String(origin.dropLast(port.count))
        }
        return origin
    }

    /// - Parameter origin: what the request says; `nil` if it says nothing.
    func standing(of origin: String?, at target: RequestTarget) -> Standing {
        guard target.isOfAPI else { return .off }
        // Also without an origin: a cache would show the answer to a page.
        if isForAll { return Standing(index: 2) }
        guard let origin, let number = numbers[origin] else { return .varies }
        return Standing(index: number)
    }

    /// Header lines, each ended with CR LF.
    func lines(_ standing: Standing) -> [UInt8] { bytes[Int(standing.index)] }

    func fields(_ standing: Standing) -> [(name: String, value: String)] { fields[Int(standing.index)] }

    func add(_ standing: Standing, to headers: inout HTTPFields) {
        for (name, value) in fields(standing) {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
    }

    /// What the answer to a preflight adds.
    ///
    /// - Parameter methods: those that work at the path, with commas.
    static func preflightFields(methods: String) -> [(name: String, value: String)] {
        [
            ("access-control-allow-methods", methods), ("access-control-allow-headers", accepted),
            ("access-control-max-age", String(maxAge)),
        ]
    }
}

extension RequestTarget {
    /// Whether the path belongs to the API, and not to the pages for people.
    var isOfAPI: Bool { isOfV1 || path.isClassic || path == .probe || pathText == "/openapi.json" }
}

extension RequestPath {
    /// The methods that work at a path of the hot calls; `nil` at other paths, which the router knows.
    package var methods: StaticString? {
        switch self {
        case .remaining, .availability, .stream: "GET, HEAD"
        case .buy, .complete, .purchase: "POST"
        case .holds: "GET, HEAD, POST"
        case .queue: "GET, HEAD, POST, PATCH"
        case .queueEntry: "GET, HEAD, DELETE"
        case .hold: "GET, HEAD, PATCH, DELETE"
        case .recount, .probe, .other: nil
        }
    }
}
