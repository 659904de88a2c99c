internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// The operators' pages about what was done: the audit, exports, and keys.
struct OperateRecordPages: Sendable {
    private static let listed = 50

    let pages: OperatePages

    var routes: [Route] {
        [
            pages.page("/operate/audit", query: ["event", "key", "cursor"], audit),
            pages.page("/operate/exports", query: ["from"], exports),
            pages.page("/operate/exports/:event", query: ["what"], export),
            pages.page("/operate/keys", query: ["all", "cursor"], keys, changeKeys),
        ]
    }

    // MARK: Audit

    @Sendable private func audit(_ visit: OperatorVisit) async throws -> Response {
        let query = visit.page.query
        let asked = ["event": query["event"] ?? "", "key": query["key"] ?? ""]
        let list = AuditList(pages: pages, visit: visit)
        let answer = try await list.ask(asked.merging(["cursor": query["cursor"] ?? ""]) { $1 }, limit: Self.listed)
        // What was typed wrong can be typed again.
        let isWrong = answer.status == HTTPResponse.Status.unprocessableContent.code
        let body = isWrong ? .null : try pages.good(answer)
        var values: PageObject = [
            "is_wrong": .flag(isWrong),
            "event": .text(asked["event"] ?? ""), "key": .text(asked["key"] ?? ""),
            "entries": .list(list.entries(of: body)), "is_later_page": .flag(query["cursor"] != nil),
        ]
        let members = asked.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.percentEncoded)&" }.joined()
        values["first"] = .text("/operate/audit" + (members.isEmpty ? "" : "?\(members.dropLast())"))
        if let next = body["next_cursor"]?.text {
            values["more"] = .text("/operate/audit?\(members)cursor=\(next.percentEncoded)")
        }
        if isWrong {
            values["problem"] = .object([
                "title": visit.text("refused.validation-failed"), "detail": visit.text("audit.wrong"),
            ])
        }
        return pages.show("operate-audit", values, for: visit, status: isWrong ? .unprocessableContent : .ok)
    }

    // MARK: Exports

    @Sendable private func exports(_ visit: OperatorVisit) async throws -> Response {
        let stretch = ListStretch(pages.events(of: visit.key), from: visit.page.query["from"], most: Self.listed)
        let events: [PageObject] = stretch.shown.map {
            ["code": .text($0.definition.id.text), "name": .text($0.definition.name)]
        }
        let next = PageValue(stretch.next.map(String.init))
        return pages.show("operate-exports", ["events": .list(events), "next": next], for: visit)
    }

    @Sendable private func export(_ visit: OperatorVisit) async throws -> Response {
        let event = visit.page.segment.percentEncoded
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
        let showsAll = visit.page.query["all"] != nil
        // A new key is on the first page, however many there are.
        let query = [
            "limit": "\(Self.listed)", "order": "newest", "state": showsAll ? "" : "valid",
            "cursor": visit.page.query["cursor"] ?? "",
        ]
        let body = try pages.good(
            try await pages.calls.call(.get, "/v1/keys", query: query, with: visit.session.credential))
        var values: PageObject = ["shows_all": .flag(showsAll)]
        values["more"] = PageValue(
            body["next_cursor"]?.text.map {
                "/operate/keys?" + (showsAll ? "all=1&" : "") + "cursor=\($0.percentEncoded)"
            })
        values["keys"] = .list(
            (body["keys"]?.elements ?? []).map { key in
                var values = PageObject(key)
                values["role_label"] = visit.word("role", key["role"]?.text ?? "")
                values["state_label"] = visit.word("key", key["state"]?.text ?? "")
                values["is_valid"] = .flag(key["state"]?.text == "valid")
                values["is_own"] = .flag(key["id"]?.text == visit.key.id)
                return values
            })
        values["new_name"] = .text(form?["name"] ?? "")
        values["new_events"] = .text(form?["events"] ?? "")
        values["roles"] = .list(
            ["viewer", "shop", "operator"].map {
                ["code": .text($0), "word": visit.word("role", $0), "is_chosen": .flag($0 == form?["role"])]
            })
        values["once"] = .text(OperatorSessions.randomText())
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
            // A page with a new key is the answer to a form, so to reload it sends the form again.
            let once = form["once"] ?? ""
            guard once.isEmpty || pages.sessions.send(form: once, of: visit.page) else {
                let problem: PageObject = ["title": visit.text("keys.sent"), "detail": visit.text("keys.sent.text")]
                return try await showKeys(visit, ["problem": .object(problem)], status: .conflict)
            }
            let answer = try await pages.calls.call(
                .post, "/v1/keys", query: reason, .object(members), with: credential)
            guard answer.isGood else {
                pages.sessions.forget(form: once, of: visit.page)
                return try await refused(answer, visit, form)
            }
            // Not a way to another page: the credential is shown once, and in no address.
            return try await showKeys(visit, ["made": .object(PageObject(answer.body))], status: .created)
        case "revoke":
            let key = (form["id"] ?? "").percentEncoded
            let answer = try await pages.calls.call(.delete, "/v1/keys/\(key)", query: reason, with: credential)
            guard answer.isGood else { return try await refused(answer, visit, form) }
            return pages.done("revoked", at: "/operate/keys")
        default: throw Refused(.malformedRequest)
        }
    }

    /// What is asked of a new key.
    private static let fields = EventForm(fields: [
        EventField(
            "name", .text, label: "key_name", at: ["name"], demand: "name",
            ["most": .number(OperatorCredential.nameLength.upperBound)]),
        EventField("role", .text, label: "key_role", at: ["role"], demand: "choice"),
        EventField(
            "events", .text, label: "key_events", at: ["events"], demand: "events",
            ["most": .number(OperatorKey.mostEvents)]),
    ])

    private func refused(_ answer: APICalls.Answer, _ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        try await showKeys(
            visit, ["problem": .object(pages.problem(answer, of: Self.fields, for: visit))], again: form,
            status: .init(code: answer.status))
    }
}
