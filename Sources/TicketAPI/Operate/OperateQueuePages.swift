internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// The operators' page of a queue: who waits, what admission does and why, the public value of a draw, and pause, rate and letting
/// in by hand (Q3 Draw, Q7 Admission).
struct OperateQueuePages: Sendable {
    let pages: OperatePages

    var routes: [Route] {
        [pages.page("/operate/queues/:event", query: ["live"], show, change)]
    }

    private static func path(_ code: Code) -> String { "/operate/queues/\(code)" }

    // MARK: What it shows

    @Sendable private func show(_ visit: OperatorVisit) async throws -> Response {
        try await show(visit, [:])
    }

    /// - Parameters:
    ///   - more: values besides those of the queue.
    ///   - form: what was sent, if it is to be shown again.
    ///   - wrong: the fields in it that have mistakes.
    private func show(
        _ visit: OperatorVisit, _ more: PageObject, again form: PageForm? = nil, wrong: Set<String> = [],
        status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment)
        let code = event.definition.id
        guard visit.key.works(for: code) else { throw Refused(.forbidden) }
        guard let terms = event.definition.queue else { throw Refused.noQueue }
        let answer = try await pages.calls.call(.get, "/v1/events/\(code)/queue", with: visit.session.credential)
        let document = try pages.good(answer)
        var values = PageObject(document)
        let now = pages.store.now
        let view = OperateQueueView(document: document, event: event, now: now, visit: visit)
        values.merge(view.values) { $1 }
        if let admission = pages.queues.copy(of: code)?.view.admission, document["admission"] != nil {
            values["reckoning"] = .object(view.reckoning(admission))
        }
        for (name, field) in [("let_in", Self.people), ("rate", Self.rate), ("beacon", Self.beacon)] {
            let isSent = form?["action"] == name
            values["\(name)_fields"] = .list([
                field.shown(for: visit, sent: isSent ? form?[field.name] : nil, isWrong: wrong.contains(field.name))
            ])
        }
        values["reason_typed"] = PageValue(form?["reason"])
        values["announced"] = PageValue(terms.beacon?.name)
        values["as_of"] = .text(visit.language.text(ofTime: now.wall.milliseconds))
        values["as_of_iso"] = .text(now.wall.rfc3339)
        values.merge(more) { $1 }
        return pages.show("operate-queue", values, for: visit, status: status)
    }

    // MARK: What it changes

    private static let people = EventField.count("let_in", at: ["let_in"], nil, 1...Limits.queueLetIn.upperBound)
    private static let rate = EventField(
        "most_per_second", .whole, at: ["most_per_second"], isOptional: true, demand: "rate",
        ["least": .number(Limits.queueRates.lowerBound), "most": .number(Limits.queueRates.upperBound)])
    private static let beacon = EventField(
        "value", .text, label: "beacon_value", at: ["value"], demand: "beacon",
        ["most": .number(BeaconKind.maximumLength)])
    private static let fields = EventForm(fields: [people, rate, beacon])

    @Sendable private func change(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        let event = try pages.reader.event(visit.page.segment).definition
        func value(_ field: EventField) -> JSONValue { field.read(form[field.name] ?? "") }
        switch form["action"] {
        case "pause": return try await adjust(.object(("paused", .boolean(true))), visit, form)
        case "resume": return try await adjust(.object(("paused", .boolean(false))), visit, form)
        // Without a number, what the definition says.
        case "rate": return try await adjust(.object(("most_per_second", value(Self.rate))), visit, form)
        case "let_in":
            // The API takes 0 and changes nothing then, which no form means.
            let people = value(Self.people)
            return try await adjust(.object(("let_in", people == .integer(0) ? .string("0") : people)), visit, form)
        case "beacon":
            let body = JSONValue.object(
                ("name", .string(event.queue?.beacon?.name ?? "")), ("value", value(Self.beacon)))
            return try await send(.put, "/beacon", body, visit, form)
        default: throw Refused(.malformedRequest)
        }
    }

    private func adjust(_ patch: JSONValue, _ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        try await send(.patch, "", patch, visit, form)
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue, _ visit: OperatorVisit, _ form: PageForm
    ) async throws -> Response {
        let code = try pages.reader.event(visit.page.segment).definition.id
        let answer = try await pages.calls.call(
            method, "/v1/events/\(code)/queue\(path)", query: ["reason": form["reason"] ?? ""], body,
            with: visit.session.credential)
        if answer.isGood { return pages.done("queue", at: Self.path(code)) }
        return try await show(
            visit, ["problem": .object(pages.problem(answer, of: Self.fields, for: visit))], again: form,
            wrong: Self.fields.wrong(answer.mistakes.map(\.pointer)), status: .init(code: answer.status))
    }
}

/// What operators see of a queue.
private struct OperateQueueView {
    let document: JSONValue
    let event: EventReading
    let now: Moment
    let visit: OperatorVisit

    private var phase: String { document["phase"]?.text ?? "" }

    var values: PageObject {
        let joined = document["joined"]?.integer ?? 0
        let waiting = joined - min(joined, document["head"]?.integer ?? 0)
        let isOpen = phase != QueueView.Phase.closed.rawValue
        // Before the draw nobody has a position, and while it is over no turn can begin.
        let mayLetIn = phase == "moving" || phase == "paused"
        return [
            "code": .text(event.definition.id.text), "name": .text(event.definition.name),
            "phase_label": .text(Pages.text("queue.phase.\(phase)", in: visit.language)),
            "waiting": .number(Int(waiting)),
            // Counted once a second, while the head moves up to ten times.
            "present": .number(Int(min(waiting, document["present"]?.integer ?? 0))),
            "why": why, "is_open": .flag(isOpen), "may_let_in": .flag(mayLetIn),
            "is_early": .flag(!isOpen || phase == "gathering"), "takes_beacon": .flag(phase == "drawing"),
            "is_missed": .flag(document["draw"]?["witnessed"]?.boolean == false),
            "beacon_value": PageValue(document["draw"]?["beacon"]?.text),
            "has_draw": .flag(event.definition.opensAt != nil || document["draw"]?["count"]?.integer != nil),
        ]
    }

    /// What admission does now, in a sentence.
    private var why: PageValue {
        let admission = document["admission"]
        let next = admission?["next"]?.integer ?? 0
        let key =
            switch phase {
            case "moving" where SaleState(event, at: now) == .paused: "sale_paused"
            case "moving" where document["joined"]?.integer == document["head"]?.integer: "nobody"
            case "moving" where next > 0: "lets_in"
            case "moving": (admission?["free"]?.integer ?? 0) > 0 ? "inside" : "held"
            default: phase
            }
        return .text(Pages.text("operate.queue.why.\(key)", ["next": .number(Int(next))], in: visit.language))
    }

    /// The terms by which admission decides, in numbers that add up (Q7 Admission).
    func reckoning(_ admission: Admission) -> PageObject {
        let (back, wanted) = (Int(admission.returning.rounded()), Int(admission.wanted.rounded()))
        let learned = admission.learned
        func percent(_ share: Double) -> PageValue { .number(Int((share * 100).rounded())) }
        let tenths = Int((learned.places * 10).rounded())
        let point = visit.language == .german ? "," : "."
        return [
            "free": .number(admission.free), "back": .number(back), "wanted": .number(wanted),
            "left": .number(admission.free + back - wanted), "next": .number(admission.people),
            "held": .number(admission.held), "inside": .number(Int(admission.inside.rounded())),
            "asking": percent(learned.asking), "bought": percent(learned.bought),
            "places": .text("\(tenths / 10)\(point)\(tenths % 10)"),
        ]
    }
}
