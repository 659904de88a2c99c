internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// Keys as calls: list, make, revoke (R48 Operator keys).
struct KeyRoutes: Sendable {
    let reader: RequestReader
    let keyring: any OperatorKeyring
    private var now: WallTime { reader.store.now.wall }

    @Sendable func list(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let asked = try Asked(call.request)
        let (page, now) = (asked.page, now)
        // Keys are never deleted, so their positions stay.
        var all = try await keyring.keys().enumerated().map { Numbered(number: UInt64($0) + 1, key: $1) }
        if asked.isNewest { all.reverse() }
        if let state = asked.state { all.removeAll { $0.key.state(at: now) != state } }
        if let behind = page.behind {
            all.removeAll { asked.isNewest ? $0.number >= behind : $0.number <= behind }
        }
        return page.answer(
            "keys", Array(all.prefix(page.limit + 1)), of: call.request.uri.path, asked.query, number: \.number
        ) { $1.key($0.key, at: now) }
    }

    /// What a request for a list asks for.
    private struct Asked {
        let page: Page
        let isNewest: Bool
        let state: OperatorKey.State?
        /// What the query of the next page begins with.
        let query: String

        init(_ request: Request) throws {
            var mistakes: [Mistake] = []
            var query = ""
            func word(_ name: String, _ words: [String], _ demand: String) -> String? {
                guard let text = request.uri.queryParameters.get(name) else { return nil }
                guard words.contains(text) else {
                    mistakes.append(.query(name, demand))
                    return nil
                }
                query += "\(name)=\(text)&"
                return text
            }
            isNewest = word("order", ["oldest", "newest"], "must be oldest or newest") == "newest"
            state = word("state", OperatorKey.State.allCases.map(\.rawValue), "must be valid, revoked or expired")
                .flatMap(OperatorKey.State.init)
            self.query = query
            page = try Page(request, besides: mistakes)
        }
    }

    private struct Numbered {
        var number: UInt64
        var key: OperatorKey
    }

    @Sendable func make(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let draft = try await reader.body(call.request, KeyRequests.draft, whenEmpty: nil)
        let now = now
        if let end = draft.expiresAt, end <= now {
            throw Refused.invalid([.keyEnded])
        }
        guard let made = try await keyring.make(draft, by: author(key, call), at: now) else {
            throw Refused.invalid([.keys(most: OperatorKey.most)])
        }
        var writer = JSONWriter(reserving: 512)
        writer.key(made.key, at: now, credential: made.credential)
        var response = json(.created, writer.bytes)
        response.headers[.location] = "/v1/keys/\(made.key.id)"
        return response
    }

    @Sendable func revoke(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        switch try await keyring.revoke(call.segment, by: author(key, call), at: now, keepsManager: true) {
        case .revoked: return Response(status: .noContent)
        case .unknown: throw Refused(.unknownKey)
        case .lastManager: throw Refused(.lastOperatorKey)
        }
    }

    private func author(_ key: OperatorKey, _ call: RouteRequest) -> OperatorKey.Author {
        OperatorKey.Author(key: key.id, name: key.name, reason: call.reason)
    }
}

/// The bodies that are sent about keys.
package enum KeyRequests {
    /// `{"name": "Anna", "role": "operator", "events": ["main"], "expires_at": "2026-12-31T23:00:00Z"}`
    static let draft = JSONShape<OperatorKey.Draft>.object { body in
        let name = body.required("name", as: name)
        let role = body.required("role", as: .word(OperatorKey.Role.allCases.map(\.rawValue)))
        let events = body.nullable("events", as: events)
        let expiresAt = body.nullable("expires_at", as: JSONShape<WallTime>.moment)
        if let events, Set(events).count < events.count { body.note("events", "must name each event once") }
        guard let name, let role = role.flatMap(OperatorKey.Role.init(rawValue:)) else { return nil }
        return OperatorKey.Draft(name: name, role: role, events: events ?? [], expiresAt: expiresAt)
    }

    package static let nameForm =
        "must have 1 to \(OperatorCredential.nameLength.upperBound) characters, none of them a control character"

    private static let name = JSONShape<String>.string.converted(otherwise: nameForm) {
        OperatorCredential.isName($0) ? $0 : nil
    }

    private static let events = JSONShape.list(of: JSONShape<Code>.code, count: 1...OperatorKey.mostEvents)
}
