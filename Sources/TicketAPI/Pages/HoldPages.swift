internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages
internal import TicketStore

/// The page of a hold, and what its buyer can do with it.
struct HoldPages: Sendable {
    let context: PageContext
    private var store: any TicketStore { context.store }

    var routes: [Route] {
        [
            Route.page("/holds/:hold", (.get, hold)),
            Route.page("/holds/:hold/extend", (.post, extend)),
            Route.page("/holds/:hold/release", (.post, release)),
            Route.page("/holds/:hold/pay", (.post, pay)),
            Route.page("/holds/:hold/again", (.post, again)),
        ]
    }

    /// The hold of the request's cookie.
    private func holder(_ page: PageRequest) throws -> HoldID {
        guard let hold = context.hold(named: HoldID(public: page.segment), page) else { throw Refused(.unknownHold) }
        return hold
    }

    @Sendable private func hold(_ page: PageRequest) async throws -> Response {
        let (view, moment) = try await context.look(try holder(page))
        // The page's script asks how things stand.
        guard page.mayBePage else { return state(of: view, at: moment) }
        return answer(view, at: moment, page)
    }

    /// The hold as the API shows it.
    private func state(of view: HoldView, at moment: Moment) -> Response {
        var body = ByteBuffer()
        var texts = HoldTexts()
        BuyerDocuments.write(view, of: store.catalogue(at: view.event), at: moment, &texts, to: &body)
        return json(.ok, Array(body.readableBytesView))
    }

    private func answer(
        _ view: HoldView, at moment: Moment, _ page: PageRequest, notice: PageObject? = nil, buyer: String = "",
        status: HTTPResponse.Status = .ok
    ) -> Response {
        if view.state == .purchased || view.state == .returned { return context.redirect(toPurchaseOf: view.id) }
        var values = context.values(of: view)
        if let notice { values["notice"] = .object(notice) }
        let left = view.expiresAt.milliseconds - moment.office.milliseconds
        let path = "/holds/\(view.id.public)"
        guard view.state == .held, left > 0 else {
            // Until its deadline in the store it is still held, for requests that are under way (R6 Deadline).
            values["was_released"] = .flag(view.state == .released)
            values["may_be_paid"] = .flag(view.state != .released && checkout(of: view, page) == nil)
            values["needs_buyer"] = .flag(needsBuyer(view))
            values["buyer"] = .text(buyer)
            values["key"] = .text(PageContext.randomKey())
            return context.writer.page("hold-over", values, for: page, status: status, home: path)
        }
        let end = moment.wallTime(of: view.expiresAt)
        values["until"] = .text(page.language.text(ofTime: end.milliseconds))
        values["until_iso"] = .text(end.rfc3339)
        values["left_ms"] = .text(String(left))
        if view.extensionsRemaining > 0 {
            values["extensions"] = .number(view.extensionsRemaining)
            values["key"] = .text(PageContext.randomKey())
        }
        if let definition = event(of: view)?.definition {
            values["minutes"] = .number(Int(definition.holdTime.components.seconds / 60))
            values["seconds"] = .number(Int(definition.holdTime.components.seconds))
            values["lasts_minutes"] = .flag(definition.holdTime >= .seconds(60))
        }
        switch checkout(of: view, page) {
        case .free: values["pays_nothing"] = true
        case .demo: values["pays_demo"] = true
        case nil: values["pays_elsewhere"] = true
        }
        return context.writer.page("hold", values, for: page, status: status, home: path)
    }

    private func event(of view: HoldView) -> EventReading? {
        store.event(store.catalogue(at: view.event).code)
    }

    private func needsBuyer(_ view: HoldView) -> Bool {
        event(of: view).map { SaleForm().needsBuyer($0.definition) } ?? false
    }

    // MARK: What the buyer does

    @Sendable private func extend(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        let hold = try holder(page)
        let key = context.reader.keys.digest(context.key(form), in: .extending(hold), of: "")
        return try await act(.extend(hold, key: key), hold, page)
    }

    @Sendable private func release(_ page: PageRequest) async throws -> Response {
        _ = try await context.form(page)
        let hold = try holder(page)
        return try await act(.release(hold), hold, page)
    }

    @Sendable private func pay(_ page: PageRequest) async throws -> Response {
        _ = try await context.form(page)
        let hold = try holder(page)
        let (view, moment) = try await context.look(hold)
        switch checkout(of: view, page) {
        case .free: return try await act(.purchase(hold, nil, by: .token), hold, page)
        case .demo:
            // The same reference each time, so that paying twice buys once (R8 Purchase once).
            let payment = PaymentReference("demonstration-\(hold.public)")
            return try await act(.purchase(hold, payment, by: .token), hold, page)
        case nil: return answer(view, at: moment, page, status: .conflict)
        }
    }

    /// Does it, and shows what came of it. A refusal shows the hold as it is, and says why.
    private func act(_ command: Command, _ hold: HoldID, _ page: PageRequest) async throws -> Response {
        switch await context.reader.ask(command, note: nil) {
        case .decided(.purchased(_, let isLate, _), _): return context.redirect(toPurchaseOf: hold, isLate: isLate)
        case .decided(.refused(let refusal), _):
            let (view, moment) = try await context.look(hold)
            let problem = Problem(refusal)
            return answer(
                view, at: moment, page, notice: HoldNotice(refusal).values(in: page.language),
                status: .init(code: problem.status))
        case .failed(let failure):
            let (view, moment) = try await context.look(hold)
            return answer(
                view, at: moment, page, notice: HoldNotice(failure).values(in: page.language),
                status: .init(code: Problem(failure).status))
        case .decided: return context.writer.redirect(to: "/holds/\(hold.public)")
        }
    }

    /// Tries to get what an ended hold had.
    @Sendable private func again(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        let hold = try holder(page)
        let (view, moment) = try await context.look(hold)
        guard view.state != .purchased, view.state != .returned else { return answer(view, at: moment, page) }
        let written = String((form["buyer"] ?? "").prefix(SaleForm.mostShown))
        let catalogue = store.catalogue(at: view.event)
        guard let event = event(of: view) else { throw Refused(.unknownEvent) }
        // Its places may still be held, for requests that are under way.
        if view.state == .held {
            guard view.expiresAt <= moment.office else { return context.writer.redirect(to: "/holds/\(hold.public)") }
            // A payment at the shop may be among these.
            guard checkout(of: view, page) != nil else {
                return answer(
                    view, at: moment, page, notice: HoldNotice.soon.values(in: page.language), buyer: written,
                    status: .conflict)
            }
            _ = try await context.reader.perform(.release(hold))
        }
        let lines = view.lines.map { Line(type: catalogue.types[Int($0.type)].code, quantity: Int($0.quantity)) }
        let buyer = Buyer(written.trimmed)
        let key = context.reader.keys.digest(
            context.key(form), in: .holding(event.definition.id, buyer), of: "")
        let request = HoldRequest(event: event.definition.id, lines: lines, buyer: buyer, key: key)
        switch await context.reader.ask(.hold(request), note: nil) {
        case .decided(.held(let view, _), _): return context.redirect(toHold: view.id)
        case .decided(.refused(let refusal), _):
            return answer(
                view, at: moment, page, notice: HoldNotice(refusal).values(in: page.language), buyer: written,
                status: .init(code: Problem(refusal).status))
        case .failed(let failure): throw Refused(failure)
        case .decided(let outcome, _): throw context.reader.unexpected(outcome)
        }
    }

    // MARK: Paying

    /// How a hold is paid for on its page.
    private enum Checkout {
        /// Nothing is to be paid.
        case free
        /// A button that says that it is a demonstration.
        case demo
    }

    /// - Returns: `nil` if it is not paid for on this page.
    private func checkout(of view: HoldView, _ page: PageRequest) -> Checkout? {
        guard let event = event(of: view), event.definition.completion == .token else { return nil }
        if view.lines.allSatisfy({ $0.price == 0 }) { return .free }
        let isAtHome = page.isLocal && context.writer.publicURL == nil
        return event.definition.id == Self.demonstrated && isAtHome ? .demo : nil
    }

    /// The event that a first start sells. On the machine itself it can be bought without money, to try everything.
    private static let demonstrated = Code("main")
}

/// Why nothing came of what a buyer wanted to do with a hold.
private struct HoldNotice {
    private let key: String
    private let kind: PageValue

    /// The places of a hold that is over still wait for requests under way.
    static let soon = HoldNotice(key: "again_soon", kind: "warn")

    private init(key: String, kind: PageValue) {
        self.key = key
        self.kind = kind
    }

    init(_ refusal: Refusal) {
        switch refusal {
        case .holdExpired(true), .holdReleased(true), .eventCancelled(true), .purchaseReturned(true),
            .paymentConflict(true):
            (key, kind) = ("refund", "bad")
        case .holdExpired: (key, kind) = ("expired", "warn")
        case .holdReleased: (key, kind) = ("released", "warn")
        case .eventCancelled: (key, kind) = ("cancelled", "bad")
        case .extensionDenied: (key, kind) = ("no_extension", "warn")
        case .temporarilyHeld: (key, kind) = ("again_held", "warn")
        case .soldOut, .insufficientQuantity: (key, kind) = ("again_gone", "warn")
        case .invalid: (key, kind) = ("no_buyer", "bad")
        case .buyerLimitReached, .typeLimitReached: (key, kind) = ("again_limit", "warn")
        case .saleEnded, .typeSaleEnded: (key, kind) = ("ended", "warn")
        case .salePaused, .poolClosed: (key, kind) = ("paused", "warn")
        default: (key, kind) = ("changed", "warn")
        }
    }

    init(_ failure: StoreFailure) {
        (key, kind) = (failure == .outcomeUnknown ? "unknown" : "busy", "warn")
    }

    func values(in language: Language) -> PageObject {
        [
            "kind": kind, "heading": .text(Pages.text("notice.\(key)", in: language)),
            "explanation": .text(Pages.text("notice.\(key).text", in: language)),
        ]
    }
}
