internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// The operators' pages about holds and purchases, and about payments that are owed back.
struct OperateSalesPages: Sendable {
    private static let found = 50
    /// Events to choose from. With more of them the code of one is typed.
    private static let mostChoices = 100

    let pages: OperatePages

    var routes: [Route] {
        [
            pages.page("/operate/sales", query: ["find", "event", "state", "cursor"], search, find),
            pages.page("/operate/holds/:hold", hold, changeHold),
            pages.page("/operate/refunds", query: ["event", "cursor", "unconfirmed"], refunds, payBack),
        ]
    }

    // MARK: Finding

    /// Leads to what one field asks for: a hold or a purchase by its name, and otherwise what has this buyer or this payment.
    /// Names of people stay out of addresses, which browsers and proxies keep: the session remembers them.
    @Sendable private func find(_ visit: OperatorVisit, _ form: PageForm) throws -> Response {
        let asked = (form["q"] ?? "").trimmed
        if HoldID(public: asked) != nil || HoldID(purchase: asked) != nil {
            return pages.writer.redirect(to: "/operate/holds/H\(asked.dropFirst())")
        }
        var query = ["event": form["event"] ?? "", "state": form["state"] ?? ""]
        if !asked.isEmpty { query["find"] = pages.sessions.note(search: asked, of: visit.page).map(String.init) }
        return pages.writer.redirect(to: Self.path(query))
    }

    private static func path(_ query: [String: String]) -> String {
        let members = query.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
        let text = members.map { "\($0.key)=\($0.value.percentEncoded)" }.joined(separator: "&")
        return text.isEmpty ? "/operate/sales" : "/operate/sales?\(text)"
    }

    @Sendable private func search(_ visit: OperatorVisit) async throws -> Response {
        let number = visit.page.query["find"] ?? ""
        let remembered = Int(number).flatMap { pages.sessions.search($0, of: visit.page) }
        let asked = remembered ?? ""
        let event = visit.page.query["event"] ?? ""
        let state = visit.page.query["state"] ?? ""
        // A bound key searches one of its events at a time: only a key of all events may search all.
        let events = pages.events(of: visit.key)
        let own = visit.key.isBound ? events.first?.definition.id.text : nil
        let chosen = event.isEmpty ? own ?? "" : event
        var values: PageObject = [
            "q": .text(asked), "event": .text(chosen), "searches_all": .flag(!visit.key.isBound),
            "lists_events": .flag(events.count <= Self.mostChoices),
        ]
        values["events"] = .list(
            events.prefix(Self.mostChoices).map {
                [
                    "code": .text($0.definition.id.text), "name": .text($0.definition.name),
                    "is_chosen": .flag($0.definition.id.text == chosen),
                ]
            })
        values["states"] = .list(
            ["held", "purchased", "released", "expired", "returned"].map {
                ["code": .text($0), "name": visit.word("hold", $0), "is_chosen": .flag($0 == state)]
            })
        // Not everything instead of what was asked for.
        if !number.isEmpty, remembered == nil {
            values["problem"] = .object(["title": visit.text("search.forgotten")])
            return pages.show("operate-sales", values, for: visit, status: .notFound)
        }
        // A bound key none of whose events is left has nothing to search.
        guard !(asked.isEmpty && event.isEmpty), !(visit.key.isBound && chosen.isEmpty) else {
            return pages.show("operate-sales", values, for: visit)
        }
        var holds: [JSONValue] = []
        var next: String?
        for name in asked.isEmpty ? [""] : ["payment_reference", "buyer"] {
            var query = ["state": state.isEmpty ? "any" : state, "limit": "\(Self.found)"]
            if !name.isEmpty { query[name] = asked }
            query["cursor"] = visit.page.query["cursor"]
            let path = chosen.isEmpty ? "/v1/search" : "/v1/events/\(chosen.percentEncoded)/holds"
            let answer = try await pages.calls.call(.get, path, query: query, with: visit.session.credential)
            guard answer.isGood else {
                values["problem"] = .object(pages.problem(answer, for: visit))
                return pages.show("operate-sales", values, for: visit, status: .init(code: answer.status))
            }
            for hold in answer.body["holds"]?.elements ?? []
            where !holds.contains(where: { $0["id"] == hold["id"] }) { holds.append(hold) }
            next = answer.body["next_cursor"]?.text ?? next
        }
        values["has_asked"] = true
        values["holds"] = .list(holds.map { self.values(of: $0, visit) })
        values["more"] = PageValue(
            next.map { cursor in
                Self.path(["find": number, "event": chosen, "state": state, "cursor": cursor])
            })
        return pages.show("operate-sales", values, for: visit)
    }

    private func values(of hold: JSONValue, _ visit: OperatorVisit) -> PageObject {
        var values = PageObject(hold)
        let state = hold["state"]?.text ?? ""
        values["state_label"] = visit.word("hold", state)
        let checks = hold["override"]?.elements ?? []
        values["has_checks"] = .flag(!checks.isEmpty)
        values["checks"] = .list(checks.compactMap(\.text).map { ["word": visit.word("override", $0)] })
        values["tickets"] = .number(
            Int((hold["lines"]?.elements ?? []).reduce(0) { $0 + ($1["quantity"]?.integer ?? 0) }))
        return values
    }

    // MARK: One hold

    @Sendable private func hold(_ visit: OperatorVisit) async throws -> Response {
        try await show(visit)
    }

    /// What is known of a hold, however long ago and whatever with it ended: buyers learn less (R31 Ended holds, R42 Cancelled
    /// event).
    private func read(_ visit: OperatorVisit) async throws -> JSONValue {
        guard let id = HoldID(public: visit.page.segment) else { throw Refused(.unknownHold) }
        let found = try pages.good(
            try await pages.calls.call(
                .get, "/v1/search", query: ["hold": id.public], with: visit.session.credential))
        guard let sale = found["holds"]?.elements.first else { throw Refused(.unknownHold) }
        return sale
    }

    private func show(
        _ visit: OperatorVisit, _ more: PageObject = [:], again form: PageForm? = nil,
        status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let hold = try await read(visit)
        var values = self.values(of: hold, visit)
        let state = hold["state"]?.text
        // Live holds of a cancelled event have ended with it, although they are still found as held.
        let event = hold["event"]?.text.flatMap { Code($0) }.flatMap { pages.store.event($0) }
        let isLive = state == "held" && event?.isCancelled != true
        values["is_cancelled"] = .flag(state == "held" && !isLive)
        values["may_release"] = .flag(isLive && visit.key.may(.sell))
        let mayReturn = state == "purchased" && visit.key.may(.returnPurchases)
        values["may_return"] = .flag(mayReturn)
        values["returnable"] = .list(
            (hold["purchase"]?["lines"]?.elements ?? []).compactMap { line in
                let left = (line["quantity"]?.integer ?? 0) - (line["returned"]?.integer ?? 0)
                guard left > 0, let type = line["type"]?.text else { return nil }
                let allocation = line["allocation"]?.text.map { "/" + $0 } ?? ""
                let name = type + allocation
                return [
                    "name": .text(name), "left": .text("\(left)"), "typed": .text(form?["return-\(name)"] ?? "0"),
                ]
            })
        values["typed_reason"] = PageValue(form?["reason"])
        // Sent twice, it returns once: the key is the form's.
        values["once"] = .text(OperatorSessions.randomText())
        values.merge(more) { $1 }
        return pages.show("operate-hold", values, for: visit, status: status)
    }

    @Sendable private func changeHold(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        guard let id = HoldID(public: visit.page.segment) else { throw Refused(.unknownHold) }
        let credential = visit.session.credential
        let answer: APICalls.Answer
        switch form["action"] {
        case "release":
            answer = try await pages.calls.call(.delete, "/v1/holds/\(id.public)", with: credential)
        case "return":
            let asked = form.fields(behind: "return-").sorted { $0.key < $1.key }.map { ($0.key, $0.value.trimmed) }
            let wrong = asked.filter { !$0.1.isEmpty && (Int64($0.1) ?? -1) < 0 }
            guard wrong.isEmpty else {
                // All of the form or nothing: to return other tickets than somebody meant is worse than to ask again.
                let errors: [PageObject] = wrong.map { ["at": .text($0.0), "what": visit.text("wrong.whole")] }
                let problem: PageObject = ["title": visit.text("refused.validation-failed"), "errors": .list(errors)]
                return try await show(
                    visit, ["problem": .object(problem)], again: form, status: .unprocessableContent)
            }
            let lines: [JSONValue] = asked.compactMap { type, text in
                guard let quantity = Int64(text), quantity > 0 else { return nil }
                let parts = type.split(separator: "/").map(String.init)
                var members = [
                    JSONValue.Member("type", .string(parts.first ?? "")), .init("quantity", .integer(quantity)),
                ]
                if parts.count > 1 { members.append(.init("allocation", .string(parts[1]))) }
                return .object(members)
            }
            guard !lines.isEmpty else {
                return try await show(visit, ["problem": .object(["title": visit.text("nothing_chosen")])])
            }
            var body = [JSONValue.Member("lines", .array(lines))]
            if let reason = form["reason"]?.trimmed, !reason.isEmpty { body.append(.init("reason", .string(reason))) }
            answer = try await pages.calls.call(
                .post, "/v1/purchases/\(id.purchase)/return", .object(body),
                fields: [.idempotencyKey: form["once"] ?? ""], with: credential)
        default: throw Refused(.malformedRequest)
        }
        guard answer.isGood else {
            return try await show(
                visit, ["problem": .object(pages.problem(answer, for: visit))], again: form,
                status: .init(code: answer.status))
        }
        return pages.done(form["action"] == "release" ? "released" : "returned", at: "/operate/holds/\(id.public)")
    }

    // MARK: Refunds

    @Sendable private func refunds(_ visit: OperatorVisit) async throws -> Response {
        try await showRefunds(visit)
    }

    private func showRefunds(
        _ visit: OperatorVisit, _ more: PageObject = [:], status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let isUnconfirmed = visit.page.query["unconfirmed"] != nil
        let suffix = isUnconfirmed ? "/unconfirmed" : ""
        // A key that is bound to events asks for each of them that is left, from the one at which the page before ended.
        let from = visit.page.query["event"]
        let bound = visit.key.events
        let events = bound[(bound.firstIndex { $0.text == from } ?? 0)...].filter { pages.store.event($0) != nil }
            .map(\.text)
        var cursor = bound.isEmpty || events.first == from ? visit.page.query["cursor"] ?? "" : ""
        var refunds: [PageObject] = []
        var next: [String: String]?
        for event in bound.isEmpty ? [""] : events {
            guard refunds.count < Self.found else {
                next = ["event": event]
                break
            }
            let path = event.isEmpty ? "/v1/reconciliation" : "/v1/events/\(event)/reconciliation"
            let query = ["limit": "\(Self.found - refunds.count)", "cursor": cursor]
            cursor = ""
            let answer = try await pages.calls.call(
                .get, path + suffix, query: query, with: visit.session.credential)
            // Removed at this moment: then nothing is owed for it.
            if !event.isEmpty, answer.status == HTTPResponse.Status.notFound.code { continue }
            let body = try pages.good(answer)
            for refund in body["refunds"]?.elements ?? [] {
                var values = PageObject(refund)
                values["why"] = visit.word("debt", refund["reason"]?.text ?? "")
                refunds.append(values)
            }
            if let more = body["next_cursor"]?.text {
                next = ["event": event, "cursor": more]
                break
            }
        }
        var values: PageObject = [
            "refunds": .list(refunds), "is_unconfirmed": .flag(isUnconfirmed),
            "may_pay_back": .flag(visit.key.may(.payBack)),
            // A form leads back to its page: who works through a long list stays where they are.
            "address": .text(visit.page.address), "first": false,
        ]
        if from != nil || visit.page.query["cursor"] != nil {
            values["first"] = .text("/operate/refunds" + (isUnconfirmed ? "?unconfirmed=1" : ""))
        }
        if isUnconfirmed { next?["unconfirmed"] = "1" }
        values["more"] = PageValue(
            next.map { next in
                let members = next.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
                return "/operate/refunds?"
                    + members.map { "\($0.key)=\($0.value.percentEncoded)" }.joined(separator: "&")
            })
        values.merge(more) { $1 }
        return pages.show("operate-refunds", values, for: visit, status: status)
    }

    @Sendable private func payBack(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        guard let id = form["hold"].flatMap({ HoldID(public: $0) }) else { throw Refused(.unknownHold) }
        let answer = try await pages.calls.call(
            .post, "/v1/holds/\(id.public)/paid-back", query: ["reason": form["reason"]?.trimmed ?? ""],
            .object(("payment_reference", .string(form["payment"] ?? ""))), with: visit.session.credential)
        guard answer.isGood else {
            return try await showRefunds(
                visit, ["problem": .object(pages.problem(answer, for: visit))], status: .init(code: answer.status))
        }
        return pages.done("paid_back", at: visit.page.address)
    }
}
