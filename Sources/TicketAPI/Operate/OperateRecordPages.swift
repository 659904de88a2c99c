internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// The operators' pages about what was done: the audit, exports, and keys.
struct OperateRecordPages: Sendable {
    private static let listed = 50
    private static let mostKeys = 1_000

    let pages: OperatePages

    var routes: [Route] {
        [
            pages.page("/operate/audit", query: ["event", "key", "cursor"], audit),
            pages.page("/operate/exports", exports),
            pages.page("/operate/exports/:event", query: ["what"], export),
            pages.page("/operate/keys", keys, changeKeys),
        ]
    }

    // MARK: Audit

    @Sendable private func audit(_ visit: OperatorVisit) async throws -> Response {
        let query = visit.page.query
        let asked = ["event": query["event"] ?? "", "key": query["key"] ?? ""]
        var all = asked
        all["cursor"] = query["cursor"] ?? ""
        all["limit"] = "\(Self.listed)"
        let body = try pages.good(
            try await pages.calls.call(.get, "/v1/audit", query: all, with: visit.session.credential))
        var values: PageObject = ["event": .text(asked["event"] ?? ""), "key": .text(asked["key"] ?? "")]
        values["entries"] = .list(
            (body["entries"]?.elements ?? []).map { entry in
                var values = PageObject(entry)
                values["what"] = visit.word("action", entry["action"]?.text ?? "")
                values["differences"] = .list(
                    (entry["differences"]?.elements ?? []).map {
                        [
                            "member": PageValue($0["member"]?.text), "from": .text(Self.text($0["from"] ?? .null)),
                            "to": .text(Self.text($0["to"] ?? .null)),
                        ]
                    })
                return values
            })
        if let next = body["next_cursor"]?.text {
            let members = asked.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
                .map { "\($0.key)=\(APICalls.escaped($0.value))&" }.joined()
            values["more"] = .text("/operate/audit?\(members)cursor=\(next)")
        }
        return pages.show("operate-audit", values, for: visit)
    }

    /// A value as people read it.
    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: return "–"
        case .string(let text): return text
        default:
            var writer = JSONWriter()
            writer.value(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    // MARK: Exports

    @Sendable private func exports(_ visit: OperatorVisit) async throws -> Response {
        let events = pages.store.events.filter { visit.key.works(for: $0.definition.id) }
        let values: [PageObject] = events.map {
            ["code": .text($0.definition.id.text), "name": .text($0.definition.name)]
        }
        return pages.show("operate-exports", ["events": .list(values)], for: visit)
    }

    @Sendable private func export(_ visit: OperatorVisit) async throws -> Response {
        let event = APICalls.escaped(visit.page.segment)
        let path: String
        var query: [String: String] = [:]
        switch visit.page.query["what"] {
        case "purchases": path = "/v1/events/\(event)/purchases"
        case "report": path = "/v1/events/\(event)/report"
        case "audit":
            path = "/v1/audit"
            query["event"] = visit.page.segment
        default: throw Refused(.notFound)
        }
        let response = await pages.calls.respond(
            .get, path, query: query, fields: [.accept: "text/csv"], with: visit.session.credential)
        if response.status != .ok { _ = try pages.good(try await pages.calls.read(response)) }
        return response
    }

    // MARK: Keys

    @Sendable private func keys(_ visit: OperatorVisit) async throws -> Response {
        try await showKeys(visit)
    }

    private func showKeys(
        _ visit: OperatorVisit, _ more: PageObject = [:], again form: PageForm? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let body = try pages.good(
            try await pages.calls.call(
                .get, "/v1/keys", query: ["limit": "\(Self.mostKeys)"], with: visit.session.credential))
        var values: PageObject = [:]
        // The newest first; revoked ones behind those that work.
        let all = (body["keys"]?.elements ?? []).reversed()
        let sorted = all.filter { $0["state"]?.text == "valid" } + all.filter { $0["state"]?.text != "valid" }
        values["keys"] = .list(
            sorted.map { key in
                var values = PageObject(key)
                values["role_label"] = visit.word("role", key["role"]?.text ?? "")
                values["state_label"] = visit.word("key", key["state"]?.text ?? "")
                values["is_valid"] = .flag(key["state"]?.text == "valid")
                values["is_own"] = .flag(key["id"]?.text == visit.key.id)
                return values
            })
        values["new_name"] = .text(form?["name"] ?? "")
        values.merge(more) { $1 }
        return pages.show("operate-keys", values, for: visit, status: status)
    }

    @Sendable private func changeKeys(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        let credential = visit.session.credential
        let reason = ["reason": form["reason"]?.trimmed ?? ""]
        switch form["action"] {
        case "make":
            var members = [
                JSONValue.Member("name", .string(form["name"]?.trimmed ?? "")),
                .init("role", .string(form["role"] ?? "")),
            ]
            let events = (form["events"] ?? "").split { $0 == "," || $0.isWhitespace }.map {
                JSONValue.string(String($0))
            }
            if !events.isEmpty { members.append(.init("events", .array(events))) }
            let answer = try await pages.calls.call(
                .post, "/v1/keys", query: reason, .object(members), with: credential)
            guard answer.isGood else { return try await refused(answer, visit, form) }
            // Not a way to another page: the credential is shown once, and in no address.
            return try await showKeys(visit, ["made": .object(PageObject(answer.body))], status: .created)
        case "revoke":
            let key = APICalls.escaped(form["id"] ?? "")
            let answer = try await pages.calls.call(.delete, "/v1/keys/\(key)", query: reason, with: credential)
            guard answer.isGood else { return try await refused(answer, visit, form) }
            return pages.done("revoked", at: "/operate/keys")
        default: throw Refused(.malformedRequest)
        }
    }

    private func refused(_ answer: APICalls.Answer, _ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        try await showKeys(
            visit, ["problem": .object(pages.problem(answer, for: visit))], again: form,
            status: .init(code: answer.status))
    }
}
