internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages
internal import TicketStore

/// The page of an event's sale, and the form on it that holds places.
struct SalePages: Sendable {
    let context: PageContext
    private var store: any TicketStore { context.store }
    private var reader: RequestReader { context.reader }

    var routes: [Route] {
        [
            Route.page("/events/:event", (.get, sale)),
            Route.page("/events/:event/holds", (.post, hold)),
        ]
    }

    @Sendable private func sale(_ page: PageRequest) async throws -> Response {
        if page.segment.hasSuffix(PresentedEvent.calendarSuffix) { return try calendar(page) }
        let event = try reader.event(page.segment)
        return try answer(SaleForm(), nil, event, try await context.turn(in: event, page), page)
    }

    /// The event as a file for calendars. No event's code has a point in it.
    private func calendar(_ page: PageRequest) throws -> Response {
        let event = try reader.event(String(page.segment.dropLast(PresentedEvent.calendarSuffix.count)))
        let presented = PresentedEvent(event: event, publicURL: context.writer.publicURL)
        guard let bytes = presented.calendar(at: store.now) else {
            throw Refused(.notFound, "Nobody has said when this event is.")
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/calendar; charset=utf-8", .cacheControl: "no-cache",
                .contentDisposition: "attachment; filename=\"\(event.definition.id)\(PresentedEvent.calendarSuffix)\"",
                .xContentTypeOptions: "nosniff",
            ],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Holds what the form asks for. A refusal shows the sale again, with what was asked for and the next step.
    @Sendable private func hold(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        let event = try reader.event(page.segment)
        var asked = SaleForm(form, event.definition)
        guard let (lines, buyer) = asked.request else {
            let turn = try await context.turn(in: event, page)
            return try answer(asked, .mistake(asked.mistake ?? .nothingChosen), event, turn, page)
        }
        let code = event.definition.id
        let turn = try await context.turn(in: event, page)
        var key = context.key(form)
        // A key of another request comes from a page that the browser kept: what this form says is meant.
        for _ in 0..<2 {
            let digest = reader.keys.digest(key, in: .holding(code, buyer), of: "")
            let request = HoldRequest(
                event: code, lines: lines, buyer: buyer, key: digest, pass: context.pass(in: code, page))
            switch await reader.ask(.hold(request), note: nil) {
            case .decided(.held(let view, _), _): return context.redirect(toHold: view.id, of: code, page)
            case .decided(.refused(.keyReused), _): key = context.key(PageForm())
            case .decided(.refused(let refusal), let moment):
                return try answer(asked, .refused(refusal, moment), try reader.event(page.segment), turn, page)
            case .failed(let failure):
                // The same key again: if the places are held by now, asking again shows them.
                if failure == .outcomeUnknown { asked.key = form["key"] }
                return try answer(asked, .failed(failure), event, turn, page)
            case .decided(let outcome, _): throw reader.unexpected(outcome)
            }
        }
        throw Refused(.reducedCapacity)
    }

    /// The page, with what was asked for and why it was refused.
    private func answer(
        _ form: SaleForm, _ notice: SaleNotice?, _ event: EventReading, _ turn: PageTurn, _ page: PageRequest
    ) throws -> Response {
        guard case .current(let left, let now) = store.availability(of: event.definition.id, unless: nil) else {
            throw Refused(.unknownEvent)
        }
        let view = SaleView(event: event, left: left, now: now, form: form, language: page.language)
        var values = view.values
        let presented = PresentedEvent(event: event, publicURL: context.writer.publicURL)
        values.merge(presented.values(in: page.language)) { $1 }
        values["head"] = .object(presented.head(left, SaleStates(event, at: now), in: page.language))
        values.merge(door(turn, of: event, at: now, page.language)) { $1 }
        if let notice { values["notice"] = .object(notice.values(for: form, event.definition, in: page.language)) }
        return context.writer.page(
            "event", values, for: page, status: notice.map { .init(code: $0.status) } ?? .ok,
            home: "/events/\(event.definition.id)", image: presented.imageElsewhere)
    }
}

extension SalePages {
    /// What the page says of the event's queue, and of the browser's turn in it (Q5 Turn).
    fileprivate func door(
        _ turn: PageTurn, of event: EventReading, at now: Moment, _ language: Language
    ) -> PageObject {
        var values: PageObject = [:]
        if case .runs(let milliseconds, let until) = turn {
            values["turn_ends_in"] = .text(String(milliseconds))
            values["turn_until"] = .text(language.text(ofTime: until.milliseconds))
            values["turn_until_iso"] = .text(until.rfc3339)
            values["queue_js"] = .text(Pages.path(of: "queue.js"))
            // In a pause of the sale the turn stands.
            if SaleState(event, at: now) == .paused { values["turn_left"] = .text(Self.clockText(milliseconds)) }
        }
        guard !turn.mayHold else { return values }
        values["sells"] = false
        // Nobody can queue any more for what is over for good.
        let state = SaleState(event, at: now)
        guard state != .cancelled, state != .ended else { return values }
        values["queued"] = true
        switch turn {
        case .waits: values["in_queue"] = true
        case .over: values["turn_over"] = true
        case .done: values["has_bought"] = true
        case .none, .notNeeded, .runs:
            values["not_in_queue"] = true
            if let opens = event.definition.queueOpensAt, now.wall < opens { values.set("queue_opens", opens) }
        }
        return values
    }

    /// Minutes and seconds, as 2:05, and as queue.js writes them.
    private static func clockText(_ milliseconds: Int64) -> String {
        let seconds = (milliseconds + 999) / 1_000
        return "\(seconds / 60):" + (seconds % 60 < 10 ? "0" : "") + "\(seconds % 60)"
    }
}

/// What a sale's page shows.
private struct SaleView {
    let event: EventReading
    let left: Availability
    let now: Moment
    let form: SaleForm
    let language: Language

    private var definition: EventDefinition { event.definition }

    var values: PageObject {
        let states = SaleStates(event, at: now)
        let minutes = definition.holdTime.components.seconds / 60
        var values: PageObject = [
            "event": .text(definition.id.text), "name": .text(definition.name), "state": .text(states.event.rawValue),
            "label": .text(Pages.text("state.\(states.event.rawValue)", in: language)),
            "is_\(states.event.rawValue)": true, "types": .list(types(states)),
            "currency": .text(definition.currency),
            "decimals": .text(String(Language.minorDigits(of: definition.currency))),
            "key": .text(form.key ?? PageContext.randomKey()),
            "most": .number(definition.ticketsPerHold), "minutes": .number(Int(minutes)),
            "seconds": .number(Int(definition.holdTime.components.seconds)), "lasts_minutes": .flag(minutes > 0),
            "needs_buyer": .flag(form.needsBuyer(definition)), "buyer": .text(form.buyer),
        ]
        if states.event == .notStarted, let opens = definition.opensAt {
            values.set("opens", opens)
            values["opens_in"] = .text(String(opens.milliseconds - now.wall.milliseconds))
        }
        if states.event == .open || states.event == .paused, let closes = definition.closesAt {
            values.set("closes", closes)
        }
        values["sells"] = .flag(states.event == .open)
        values["message"] = PageValue(definition.notice)
        return values
    }

    private func types(_ states: SaleStates) -> [PageObject] {
        zip(definition.types, left.types).map { type, left in
            let state = TypeState(left, states.state(of: type.code))
            let sells = state == .available || state == .low
            var values: PageObject = [
                "type": .text(type.code.text), "type_name": .text(type.name),
                "price": .money(type.price, definition.currency), "amount": .text(String(type.price)),
                "is_free": .flag(type.price == 0), "type_state": .text(state.rawValue),
                "type_label": .text(Pages.text("state.\(state.rawValue)", in: language)), "type_sells": .flag(sells),
                "most_of_type": .text(String(min(definition.ticketsPerHold, type.mostPerHold ?? .max))),
                "quantity": .text(form.quantities[type.code] ?? "0"),
            ]
            if sells, definition.disclosure == .counts { values["left"] = .number(left.free) }
            if let least = type.leastPerHold, least > 1 { values["least_of_type"] = .number(least) }
            if state == .notStarted, let opens = type.opensAt { values.set("type_opens", opens) }
            return values
        }
    }
}
