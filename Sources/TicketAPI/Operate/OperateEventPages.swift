internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// The operators' pages about events: how all of them go, and one of them with what can be done about it.
struct OperateEventPages: Sendable {
    /// Events that the overview shows at once.
    private static let most = 50

    let pages: OperatePages
    let pulses: PulseRoutes

    var routes: [Route] {
        [
            pages.page(OperatePages.home, query: ["after"], overview),
            pages.page("/operate/events/:event", event, changeEvent),
        ]
    }

    // MARK: Overview

    @Sendable private func overview(_ visit: OperatorVisit) async throws -> Response {
        let all = pages.store.events.filter { visit.key.works(for: $0.definition.id) }
        let after = visit.page.query["after"]
        let start = after.flatMap { code in all.firstIndex { $0.definition.id.text == code } }.map { $0 + 1 } ?? 0
        let shown = all.dropFirst(start).prefix(Self.most)
        var events: [PageObject] = []
        // The service's own troubles are seen however many events there are.
        var troubles = PulseValues.serviceTroubles(
            pages.store.condition, pages.store.concerns, in: visit.language)
        for event in shown {
            guard let pulse = try? await pulses.pulse(of: event) else { continue }
            let shown = PulseValues(pulse: pulse, language: visit.language)
            troubles += shown.eventTroubles.map { "\(event.definition.name): \($0)" }
            events.append(shown.values)
        }
        var values: PageObject = [
            "events": .list(events), "troubles": .list(troubles.map { ["text": .text($0)] }),
            "is_well": .flag(troubles.isEmpty), "shows_all": .flag(shown.count == all.count),
        ]
        let now = pages.store.now.wall
        values["as_of"] = .text(visit.language.text(ofTime: now.milliseconds))
        values["as_of_iso"] = .text(now.rfc3339)
        if start + shown.count < all.count { values["next"] = PageValue(shown.last?.definition.id.text) }
        return pages.show("operate-overview", values, for: visit)
    }

    // MARK: One event

    private static func path(_ code: String) -> String { "/operate/events/\(code)" }

    @Sendable private func event(_ visit: OperatorVisit) async throws -> Response {
        try await show(visit)
    }

    /// - Parameters:
    ///   - more: values besides those of the event.
    ///   - form: what was sent, if it is to be shown again.
    private func show(
        _ visit: OperatorVisit, _ more: PageObject = [:], again form: PageForm? = nil, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment)
        guard visit.key.works(for: event.definition.id) else { throw Refused(.forbidden) }
        var values = PulseValues(pulse: try await pulses.pulse(of: event), language: visit.language).values
        values["etag"] = .text(event.tag)
        // What somebody typed is not lost when it is refused.
        let isStop = form?["action"] == "pause" || form?["action"] == "resume"
        values["notice_typed"] = PageValue(isStop ? form?["notice"] : event.definition.notice)
        values["stop_reason"] = PageValue(isStop ? form?["reason"] : nil)
        values["change_reason"] = PageValue(isStop ? nil : form?["reason"])
        values["is_typed"] = .flag(isStop)
        values["fields"] = .list(
            EventFields(event).all.map { field in
                var values = shown(field, for: visit)
                values["value"] = .text(form?[field.name] ?? field.text)
                return values
            })
        values.merge(more) { $1 }
        return pages.show("operate-event", values, for: visit, status: status)
    }

    private func shown(_ field: EventFields.Field, for visit: OperatorVisit) -> PageObject {
        var values: PageObject = [
            "name": .text(field.name), "before": .text(field.text), "optional": .flag(field.isOptional),
        ]
        switch field.kind {
        case .pool(let code):
            values["label"] = visit.text("field.pool", ["pool": .text(code.text)])
            values["whole"] = true
        case .limit(let name):
            values["label"] = visit.text("field.\(name)")
            values["whole"] = true
        case .moment(let name):
            values["label"] = visit.text("field.\(name)")
            values["moment"] = true
        }
        return values
    }

    @Sendable private func changeEvent(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment).definition.id
        // To check a change shows the event without a call of the API, which would refuse it.
        guard visit.key.works(for: event) else { throw Refused(.forbidden) }
        let code = event.text
        switch form["action"] {
        case "pause": return try await set(paused: true, code, visit, form)
        case "resume": return try await set(paused: false, code, visit, form)
        case "check": return try await check(visit, form)
        case "apply": return try await apply(code, visit, form)
        default: throw Refused(.malformedRequest)
        }
    }

    /// Right whatever the operator has seen of the event: it names no state of it.
    private func set(
        paused: Bool, _ code: String, _ visit: OperatorVisit, _ form: PageForm
    ) async throws -> Response {
        var members = [JSONValue.Member("paused", .boolean(paused))]
        // What buyers read changes only in a form that shows it: a pause has it in a field, and what ends the pause asks whether
        // the text ends, too.
        if paused, let notice = form["notice"]?.trimmed {
            members.append(.init("notice", notice.isEmpty ? .null : .string(notice)))
        } else if !paused, form["remove_notice"] != nil {
            members.append(.init("notice", .null))
        }
        let answer = try await patch(code, .object(members), "*", visit, form)
        guard answer.isGood else {
            let problem = pages.problem(answer, for: visit)
            return try await show(
                visit, ["problem": .object(problem)], again: form, status: .init(code: answer.status))
        }
        return pages.done(paused ? "paused" : "resumed", at: Self.path(code))
    }

    private func patch(
        _ code: String, _ body: JSONValue, _ tag: String, _ visit: OperatorVisit, _ form: PageForm
    ) async throws -> APICalls.Answer {
        try await pages.calls.call(
            .patch, "/v1/events/\(code)", query: ["reason": form["reason"] ?? ""], body, fields: [.ifMatch: tag],
            with: visit.session.credential)
    }

    /// Shows what a change would do, before it is made.
    private func check(
        _ visit: OperatorVisit, _ form: PageForm, _ more: PageObject = [:], status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment)
        let read = EventFields(event).read(form)
        guard read.wrong.isEmpty else {
            let errors: [PageObject] = read.wrong.map { field in
                ["at": shown(field, for: visit)["label"] ?? "", "what": visit.text("wrong.\(field.demand)")]
            }
            let problem: PageObject = ["title": visit.text("refused.validation-failed"), "errors": .list(errors)]
            return try await show(visit, ["problem": .object(problem)], again: form, status: .unprocessableContent)
        }
        guard !read.changes.isEmpty else {
            return try await show(visit, ["problem": .object(["title": visit.text("nothing_changed")])])
        }
        let numbers = pages.store.numbers(of: event.definition.id)?.wholePools ?? []
        var values: PageObject = [
            "code": .text(event.definition.id.text), "name": .text(event.definition.name), "etag": .text(event.tag),
            "reason": .text(form["reason"] ?? ""),
        ]
        values["changes"] = .list(
            read.changes.map { change in
                var values = shown(change.field, for: visit)
                values["after"] = .text(change.text)
                values["value"] = .text(change.text)
                if case .pool(let code) = change.field.kind, let places = Int(change.text),
                    let pool = numbers.first(where: { $0.pool == code })
                {
                    values["effect"] = effect(on: pool, places, visit)
                }
                return values
            })
        // Somebody else changed the event since the form was filled in.
        if let seen = form["etag"], seen != event.tag { values["meanwhile"] = true }
        values.merge(more) { $1 }
        return pages.show("operate-change", values, for: visit, status: status)
    }

    /// What becomes of a pool with so many places.
    private func effect(on pool: PoolCount, _ places: Int, _ visit: OperatorVisit) -> PageValue {
        let after = PoolCount(
            event: pool.event, pool: pool.pool, capacity: places, held: pool.held, sold: pool.sold, isClosed: false)
        let values: PageObject = [
            "free": .number(pool.free), "after": .number(after.free), "promised": .number(pool.held + pool.sold),
            "over": .number(after.oversubscribed),
        ]
        return visit.text(after.oversubscribed > 0 ? "effect.over" : "effect.free", values)
    }

    private func apply(_ code: String, _ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment)
        let read = EventFields(event).read(form)
        guard read.wrong.isEmpty, !read.changes.isEmpty else { return try await check(visit, form) }
        let answer = try await patch(code, read.patch, form["etag"] ?? "", visit, form)
        if answer.status == HTTPResponse.Status.preconditionFailed.code {
            return try await check(visit, form, ["meanwhile": true], status: .preconditionFailed)
        }
        guard answer.isGood else {
            let problem = pages.problem(answer, for: visit)
            return try await show(
                visit, ["problem": .object(problem)], again: form, status: .init(code: answer.status))
        }
        return pages.done("changed", at: Self.path(code))
    }
}

/// What operators change about an event in a form: places, window and limits.
struct EventFields {
    enum Kind {
        case pool(Code)
        /// By its name in the event's `limits`.
        case limit(String)
        /// By its name in the event's `sale`.
        case moment(String)
    }

    struct Field {
        let kind: Kind
        /// In the form.
        let name: String
        /// What the event has now.
        let text: String
        let isOptional: Bool

        /// What is demanded of it, as the key of a text.
        var demand: String { if case .moment = kind { "moment" } else { "whole" } }
    }

    struct Change {
        let field: Field
        let text: String
        let value: JSONValue
    }

    let all: [Field]

    init(_ event: EventReading) {
        let definition = event.definition
        func limit(_ name: String, _ value: Int?, isOptional: Bool = true) -> Field {
            Field(kind: .limit(name), name: name, text: value.map(String.init) ?? "", isOptional: isOptional)
        }
        func moment(_ name: String, _ value: WallTime?) -> Field {
            Field(kind: .moment(name), name: name, text: value.map(Self.text) ?? "", isOptional: true)
        }
        all =
            definition.pools.map {
                Field(
                    kind: .pool($0.code), name: "pool-\($0.code.text)", text: String($0.capacity), isOptional: false)
            } + [
                moment("opens_at", definition.opensAt), moment("closes_at", definition.closesAt),
                limit("tickets_per_hold", definition.ticketsPerHold, isOptional: false),
                limit("tickets_per_buyer", definition.ticketsPerBuyer),
                limit("holds_per_buyer", definition.holdsPerBuyer),
            ]
    }

    /// As browsers write a moment in a form, in UTC and to the second.
    private static func text(_ moment: WallTime) -> String {
        let text = moment.rfc3339
        return String(text.dropFirst(17).prefix(2) == "00" ? text.prefix(16) : text.prefix(19))
    }

    /// What a form changes, and the fields that cannot be read. A field that the form does not have stays.
    func read(_ form: PageForm) -> (changes: [Change], wrong: [Field], patch: JSONValue) {
        var changes: [Change] = []
        var wrong: [Field] = []
        for field in all {
            guard let sent = form[field.name] else { continue }
            let text = String(sent.filter { !$0.isWhitespace })
            guard text != field.text else { continue }
            if let value = Self.value(text, of: field) {
                changes.append(Change(field: field, text: text, value: value))
            } else {
                wrong.append(field)
            }
        }
        return (changes, wrong, Self.patch(changes))
    }

    private static func value(_ text: String, of field: Field) -> JSONValue? {
        if text.isEmpty { return field.isOptional ? .null : nil }
        if case .moment = field.kind {
            let whole = text.utf8.count == 16 ? text + ":00Z" : text + "Z"
            return WallTime(rfc3339: whole).map { .string($0.rfc3339) }
        }
        return Int64(text).flatMap { $0 >= 0 ? .integer($0) : nil }
    }

    /// As a merge patch of the event's definition.
    private static func patch(_ changes: [Change]) -> JSONValue {
        var pools: [JSONValue.Member] = []
        var limits: [JSONValue.Member] = []
        var sale: [JSONValue.Member] = []
        for change in changes {
            switch change.field.kind {
            case .pool(let code): pools.append(.init(code.text, change.value))
            case .limit(let name): limits.append(.init(name, change.value))
            case .moment(let name): sale.append(.init(name, change.value))
            }
        }
        let parts = [("pools", pools), ("limits", limits), ("sale", sale)].filter { !$0.1.isEmpty }
        return .object(parts.map { JSONValue.Member($0.0, .object($0.1)) })
    }
}
