internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages
internal import TicketStore

/// The pages of people who wait for a sale: joining, waiting, leaving, and checking the draw (Q2 Numbers, Q3 Draw, Q5 Turn, Q8
/// Honest information).
///
/// The browser keeps its place by a cookie, through reloads, other tabs and a lost network. The page's script asks for the page
/// anew and shows what is new in it; when the turn has come, it is led to the sale.
struct QueuePages: Sendable {
    let context: PageContext
    private var store: any TicketStore { context.store }

    var routes: [Route] {
        [
            Route.page("/events/:event/queue", (.get, show), (.post, join)),
            Route.page("/events/:event/queue/leave", (.post, leave)),
            Route.page("/events/:event/queue/draw", (.get, draw)),
        ]
    }

    private static func path(_ event: Code) -> String { "/events/\(event)/queue" }

    // MARK: Waiting

    @Sendable private func show(_ page: PageRequest) async throws -> Response {
        try await show(try context.reader.event(page.segment), page)
    }

    /// - Parameter refused: the problem for which the browser could not join.
    private func show(
        _ event: EventReading, _ page: PageRequest, refused: Problem? = nil
    ) async throws -> Response {
        let code = event.definition.id
        guard let terms = event.definition.queue, let document = context.queues.document(of: code) else {
            return context.writer.redirect(to: "/events/\(code)")
        }
        let hasCookie = page.cookie(EntryCookie.name) != nil
        var view = QueuePageView(
            event: event, terms: terms, facts: document.facts, now: store.now, language: page.language,
            isRecovering: hasCookie && context.queues.copy(of: code) == nil)
        var values = view.values
        if let own = context.entry(in: code, page), let (entry, moment) = try await context.look(own) {
            if let end = entry.turnEndsAt, moment.office < end, entry.state == .called || entry.state == .inside {
                return context.writer.redirect(to: "/events/\(code)")
            }
            view.now = moment
            values.merge(view.values(of: entry)) { $1 }
            values["receipt"] = .text(context.queues.mint.receipt(of: own.signed, in: own.copy.name))
        } else {
            values.merge(view.valuesWithoutEntry) { $1 }
            values["is_unknown"] = .flag(hasCookie && !view.isRecovering)
        }
        values["key"] = .text(PageContext.randomKey())
        values["is_full"] = .flag(refused != nil)
        let presented = PresentedEvent(event: event, publicURL: context.writer.publicURL)
        values.merge(presented.values(in: page.language)) { $1 }
        return context.writer.page(
            "queue", values, for: page, status: refused.map { .init(code: $0.status) } ?? .ok, home: Self.path(code),
            image: presented.imageElsewhere)
    }

    // MARK: What people do

    @Sendable private func join(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        let event = try context.reader.event(page.segment)
        let code = event.definition.id
        let path = Self.path(code)
        // A second press, or a second tab, keeps the place that the browser has.
        if let own = context.entry(in: code, page), let (entry, _) = try await context.look(own), entry.keepsPlace {
            return context.writer.redirect(to: path)
        }
        let key = context.reader.keys.digest(context.key(form), in: .joining(code), of: "")
        switch await store.perform(.queue(code, .join(key: key))) {
        case .decided(.queue(.joined(let entry, _, _)), let moment):
            guard let copy = context.queues.copy(of: code) else { return context.writer.redirect(to: path) }
            copy.noteJoin(entry, at: moment)
            let joinedAt = copy.joinedAt(entry.number) ?? moment.wall
            let signed = SignedEntry(number: entry.number.value, joinedAt: joinedAt)
            let cookie = EntryCookie.set(
                context.queues.mint.token(of: signed, in: copy.name), path: "/events/\(code)",
                sites: context.writer.sites(for: page))
            return context.writer.redirect(to: path, cookies: [cookie])
        case .decided(.refused(.queue(.full)), _): return try await show(event, page, refused: .reducedCapacity)
        // The page says how the queue is.
        case .decided(.refused, _): return context.writer.redirect(to: path)
        case .decided(let outcome, _): throw context.reader.unexpected(outcome)
        case .failed(let failure): throw Refused(failure)
        }
    }

    @Sendable private func leave(_ page: PageRequest) async throws -> Response {
        _ = try await context.form(page)
        let event = try context.reader.event(page.segment).definition.id
        if let own = context.entry(in: event, page) {
            if case .failed(let failure) = await store.perform(.queue(event, .leave(own.number))) {
                throw Refused(failure)
            }
            own.copy.leave(own.number)
        }
        return context.writer.redirect(
            to: Self.path(event),
            cookies: [EntryCookie.removed(path: "/events/\(event)", sites: context.writer.sites(for: page))])
    }

    // MARK: The draw

    /// What was published of the draw, and a form with which the browser checks it and a receipt.
    @Sendable private func draw(_ page: PageRequest) async throws -> Response {
        let event = try context.reader.event(page.segment)
        let code = event.definition.id
        guard event.definition.queue != nil, let document = context.queues.document(of: code) else {
            return context.writer.redirect(to: "/events/\(code)")
        }
        let facts = document.facts
        var values: PageObject = [
            "event": .text(code.text), "name": .text(event.definition.name), "private": true,
            "draw_js": .text(Pages.path(of: "draw.js")), "commitment": PageValue(facts.commitment),
            "beacon_name": PageValue(facts.announced), "count": facts.count.map { .number(Int($0)) } ?? false,
            "has_no_draw": .flag(facts.draw == nil && !facts.mayBeDrawn),
            "is_awaited": .flag(facts.draw == nil && facts.mayBeDrawn),
        ]
        if let draw = facts.draw {
            values["drawn"] = true
            values["secret"] = .text(draw.secret)
            values["seed"] = .text(draw.seed)
            values["beacon"] = PageValue(draw.beacon)
            values["witnessed"] = .flag(draw.isWitnessed == true)
            values["missed"] = .flag(draw.isWitnessed == false)
            values["not_announced"] = .flag(draw.isWitnessed == nil)
        }
        if let own = context.entry(in: code, page) {
            values["receipt"] = .text(context.queues.mint.receipt(of: own.signed, in: own.copy.name))
            values["own_number"] = .text(String(own.signed.number))
            values["own_position"] = PageValue(own.copy.position(of: own.number).map { String($0) })
        }
        return context.writer.page("queue-draw", values, for: page, home: Self.path(code) + "/draw")
    }
}

extension QueueEntry {
    /// Whether it is still worth something, so that its browser needs no other one.
    fileprivate var keepsPlace: Bool {
        switch state {
        case .waiting, .called, .inside: true
        case .passedBy, .done, .closed: false
        }
    }
}

extension QueueFacts {
    /// The odds of a position, in a word (Q8 Honest information).
    func odds(at position: UInt32) -> QueueForecast.Odds {
        if position < likelyUpTo { return .likely }
        if position < openUpTo { return .open }
        return position < unlikelyUpTo ? .unlikely : .hardly
    }

    /// Whether a draw may still come, or has come. Once the queue moves, it had its draw or has none (Q3 Draw).
    fileprivate var mayBeDrawn: Bool {
        switch phase {
        case .closed, .gathering, .drawing: true
        case .moving, .paused, .over: count != nil
        }
    }
}
