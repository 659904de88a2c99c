internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// A change of an event by a form: a page shows what it would do, then it is made, if the event is still the one that was seen.
struct EventChange {
    /// Shows the form again: a notice, the fields with mistakes, and the status.
    typealias Again = (PageObject, Set<String>, HTTPResponse.Status) async throws -> Response

    let pages: OperatePages
    let visit: OperatorVisit
    let event: EventReading
    let fields: EventForm
    /// Where the form is sent, and the page with it.
    let path: String

    private var changes: [EventForm.Change] { fields.changes(form) }
    let form: PageForm

    /// Shows what the form would change.
    func check(_ again: Again) async throws -> Response {
        try await check(again, isMeanwhile: false, status: .ok)
    }

    private func check(_ again: Again, isMeanwhile: Bool, status: HTTPResponse.Status) async throws -> Response {
        let changes = changes
        let mistakes = EventForm.mistakes(changes, in: event.definition)
        guard mistakes.isEmpty else {
            return try await again(
                fields.problem(mistakes, for: visit), fields.wrong(mistakes.map(\.pointer)), .unprocessableContent)
        }
        guard !changes.isEmpty else { return try await again(["title": visit.text("nothing_changed")], [], .ok) }
        let values: PageObject = [
            "action": .text(path), "etag": .text(event.tag), "reason": .text(form["reason"] ?? ""),
            "changes": .list(changes.map(shown)), "new_state": newState(changes) ?? false,
            // Somebody else changed the event since the form was filled in.
            "meanwhile": .flag(isMeanwhile || form["etag"] != event.tag),
        ]
        return pages.show("operate-change", values, for: visit, status: status)
    }

    /// Makes the change.
    func apply(done: String, _ again: Again) async throws -> Response {
        let changes = changes
        guard !changes.isEmpty, EventForm.mistakes(changes, in: event.definition).isEmpty else {
            return try await check(again)
        }
        let body = try EventForm.patch(changes, of: event.definition)
        let answer = try await pages.calls.call(
            .patch, "/v1/events/\(event.definition.id)", query: ["reason": form["reason"] ?? ""], body,
            fields: [.ifMatch: form["etag"] ?? ""], with: visit.session.credential)
        if answer.status == HTTPResponse.Status.preconditionFailed.code {
            return try await check(again, isMeanwhile: true, status: .preconditionFailed)
        }
        guard answer.isGood else {
            return try await again(pages.problem(answer, for: visit), [], .init(code: answer.status))
        }
        return pages.done(done, at: path)
    }

    // MARK: What pages show

    private func shown(_ change: EventForm.Change) -> PageObject {
        var values = change.field.shown(for: visit, sent: change.sent)
        values["after"] = .text(change.field.text(of: change.value, in: visit.language))
        if change.field.path.first == "pools", case .integer(let places) = change.value {
            values["effect"] = effect(on: change.field.path.last ?? "", Int(places)) ?? false
        } else {
            values["effect"] = change.field.effect.map { visit.text("effect.\($0)") } ?? false
        }
        return values
    }

    /// What becomes of a pool that gets this many places.
    private func effect(on pool: String, _ places: Int) -> PageValue? {
        let numbers = pages.store.numbers(of: event.definition.id)?.wholePools ?? []
        guard let now = numbers.first(where: { $0.pool.text == pool }) else { return nil }
        let after = PoolCount(
            event: now.event, pool: now.pool, capacity: places, held: now.held, sold: now.sold, isClosed: false)
        let values: PageObject = [
            "free": .number(now.free), "after": .number(after.free), "promised": .number(now.held + now.sold),
            "over": .number(after.oversubscribed),
        ]
        return visit.text(after.oversubscribed > 0 ? "effect.over" : "effect.free", values)
    }

    /// The state of the sale, if the change changes it at once.
    private func newState(_ changes: [EventForm.Change]) -> PageValue? {
        guard case .object(let members)? = try? EventForm.patch(changes, of: event.definition),
            let before = try? JSONValue.document(
                EventDocument.write(event.definition), limits: EventDocument.jsonLimits),
            let definition = try? EventDocument.read(before.merged(with: .object(members)))
        else { return nil }
        var after = event
        after.definition = definition
        let now = pages.store.now
        let state = SaleState(after, at: now)
        guard state != SaleState(event, at: now) else { return nil }
        return visit.text("effect.state", ["state": visit.word("state", state.rawValue)])
    }
}
