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
    /// Changes that an event's page shows; all are in the audit.
    private static let latest = 5

    let pages: OperatePages
    let pulses: PulseRoutes

    var routes: [Route] {
        [
            pages.page(OperatePages.home, query: ["from", "live"], overview),
            pages.page("/operate/events/:event", query: ["live"], event, changeEvent),
        ]
    }

    // MARK: Overview

    @Sendable private func overview(_ visit: OperatorVisit) async throws -> Response {
        let all = pages.events(of: visit.key)
        let stretch = ListStretch(all, from: visit.page.query["from"], most: Self.most)
        var events: [PageObject] = []
        // The service's own troubles are seen however many events there are.
        var troubles = PulseValues.serviceTroubles(
            pages.store.condition, pages.store.concerns, in: visit.language)
        for event in stretch.shown {
            guard let pulse = try? await pulses.pulse(of: event) else { continue }
            let shown = PulseValues(pulse: pulse, language: visit.language)
            troubles += shown.eventTroubles.map { "\(event.definition.name): \($0)" }
            var values = shown.values
            values["etag"] = .text(event.tag)
            values["queue"] = queue(of: event) ?? false
            events.append(values)
        }
        var values: PageObject = [
            "events": .list(events), "troubles": .list(troubles.map { ["text": .text($0)] }),
            "is_well": .flag(troubles.isEmpty), "shows_all": .flag(stretch.shown.count == all.count),
            "next": PageValue(stretch.next.map(String.init)),
        ]
        let now = pages.store.now.wall
        values["as_of"] = .text(visit.language.text(ofTime: now.milliseconds))
        values["as_of_iso"] = .text(now.rfc3339)
        return pages.show("operate-overview", values, for: visit)
    }

    /// How many people wait and are inside; `nil` without an open queue.
    private func queue(of event: EventReading) -> PageValue? {
        guard event.definition.queue != nil, let view = pages.queues.copy(of: event.definition.id)?.view else {
            return nil
        }
        return .object([
            "waiting": .number(Int(view.joined - min(view.head, view.joined))),
            "inside": .number(Int(view.admission.inside.rounded())),
        ])
    }

    // MARK: One event

    private static func path(_ code: String) -> String { "/operate/events/\(code)" }

    @Sendable private func event(_ visit: OperatorVisit) async throws -> Response {
        try await show(visit)
    }

    /// - Parameters:
    ///   - more: values besides those of the event.
    ///   - form: what was sent, if it is to be shown again.
    ///   - wrong: the fields in it that have mistakes.
    private func show(
        _ visit: OperatorVisit, _ more: PageObject = [:], again form: PageForm? = nil, wrong: Set<String> = [],
        status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment)
        // What moves by itself is asked for once a second, without the rest.
        let isLive = visit.page.query["live"] != nil
        guard visit.key.works(for: event.definition.id) else { throw Refused(.forbidden) }
        var values = PulseValues(pulse: try await pulses.pulse(of: event), language: visit.language).values
        values["etag"] = .text(event.tag)
        values["has_queue"] = .flag(event.definition.queue != nil)
        values["queue"] = queue(of: event) ?? false
        // What somebody typed is not lost when it is refused.
        let isStop = form?["action"] == "pause" || form?["action"] == "resume"
        values["notice_typed"] = PageValue(isStop ? form?["notice"] : event.definition.notice)
        values["stop_reason"] = PageValue(isStop ? form?["reason"] : nil)
        values["change_reason"] = PageValue(isStop ? nil : form?["reason"])
        values["is_typed"] = .flag(isStop)
        if !isLive {
            values["fields"] = EventForm(of: event.definition).shown(
                for: visit, again: isStop ? nil : form, wrong: wrong)
            values.merge(TypeList(event.definition, visit).values) { $1 }
            let audit = AuditList(pages: pages, visit: visit)
            let code = event.definition.id.text
            // While the ledger cannot be read the rest matters most.
            if let latest = try? await audit.ask(["event": code], limit: Self.latest), latest.isGood {
                values["entries"] = .list(audit.entries(of: latest.body))
            }
        }
        values.merge(more) { $1 }
        return pages.show("operate-event", values, for: visit, status: status)
    }

    @Sendable private func changeEvent(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment)
        // To check a change shows the event without a call of the API, which would refuse it.
        guard visit.key.works(for: event.definition.id) else { throw Refused(.forbidden) }
        switch form["action"] {
        case "pause": return try await set(paused: true, event, visit, form)
        case "resume": return try await set(paused: false, event, visit, form)
        case "check": return try await changing(event, visit, form).check(again(visit, form))
        case "apply": return try await changing(event, visit, form).apply(done: "changed", again(visit, form))
        default: throw Refused(.malformedRequest)
        }
    }

    private func changing(_ event: EventReading, _ visit: OperatorVisit, _ form: PageForm) -> EventChange {
        EventChange(
            pages: pages, visit: visit, event: event, fields: EventForm(of: event.definition),
            path: Self.path(event.definition.id.text), form: form)
    }

    private func again(_ visit: OperatorVisit, _ form: PageForm) -> EventChange.Again {
        { problem, wrong, status in
            try await show(visit, ["problem": .object(problem)], again: form, wrong: wrong, status: status)
        }
    }

    /// A pause is right whatever the operator has seen of the event. What ends a pause counts only for the pause that was seen:
    /// somebody may have paused again since, for another reason. What is not paused can be resumed without harm, so a form that is
    /// sent twice resumes once.
    private func set(
        paused: Bool, _ event: EventReading, _ visit: OperatorVisit, _ form: PageForm
    ) async throws -> Response {
        let code = event.definition.id.text
        let tag = paused || !event.isPaused ? "*" : form["etag"] ?? #""""#
        var members = [JSONValue.Member("paused", .boolean(paused))]
        // What buyers read changes only in a form that shows it: a pause has it in a field, and what ends the pause asks whether
        // the text ends, too.
        if paused, let notice = form["notice"]?.trimmed {
            members.append(.init("notice", notice.isEmpty ? .null : .string(notice)))
        } else if !paused, form["remove_notice"] != nil {
            members.append(.init("notice", .null))
        }
        let answer = try await patch(code, .object(members), tag, visit, form)
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
}
