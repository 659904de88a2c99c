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
            Route.page("/holds/:hold", query: [CheckoutReturn.member], (.get, inWords(hold))),
            Route.page("/holds/:hold/extend", (.post, inWords(extend))),
            Route.page("/holds/:hold/release", (.post, inWords(release))),
            Route.page("/holds/:hold/pay", (.post, inWords(pay))),
            Route.page("/holds/:hold/again", (.post, inWords(again))),
        ]
    }

    /// Buyers of a hold that ended with its event read what that means.
    private func inWords(
        _ answer: @escaping @Sendable (PageRequest) async throws -> Response
    ) -> @Sendable (PageRequest) async throws -> Response {
        { page in
            do {
                return try await answer(page)
            } catch let cancelled as CancelledHold {
                return try context.answer(cancelled, page)
            }
        }
    }

    /// The hold of the request's cookie.
    private func holder(_ page: PageRequest) throws -> HoldID {
        guard let hold = context.hold(named: HoldID(public: page.segment), page) else { throw Refused(.unknownHold) }
        return hold
    }

    @Sendable private func hold(_ page: PageRequest) async throws -> Response {
        let seen = try await context.look(try holder(page))
        // The page's script asks how things stand.
        guard page.mayBePage else { return state(of: seen) }
        return answer(seen, page)
    }

    /// The hold as the API shows it.
    private func state(of seen: SeenHold) -> Response {
        var body = ByteBuffer()
        var texts = MomentTexts()
        BuyerDocuments.write(
            seen.view, of: store.catalogue(at: seen.view.event), at: seen.moment, payment: seen.payment, &texts,
            to: &body)
        return json(.ok, Array(body.readableBytesView))
    }

    private func answer(
        _ seen: SeenHold, _ page: PageRequest, notice: PageObject? = nil, buyer: String = "",
        status: HTTPResponse.Status = .ok
    ) -> Response {
        let (view, moment) = (seen.view, seen.moment)
        if view.state == .purchased || view.state == .returned { return context.redirect(toPurchaseOf: view.id, page) }
        var values = context.values(of: view, in: page.language)
        if let notice { values["notice"] = .object(notice) }
        let left = view.expiresAt.milliseconds - moment.office.milliseconds
        let path = "/holds/\(view.id.public)"
        guard view.state == .held, left > 0 else {
            // Until its deadline in the store it is still held, for requests that are under way (R6 Deadline).
            values["was_released"] = .flag(view.state == .released)
            values["step"] = .text(view.state == .released ? "released" : "expired")
            let isOwed = seen.payment.contains(.owed)
            let isPaidBack = !isOwed && seen.payment.contains(.paidBack)
            let isCancelled = event(of: view)?.isCancelled == true
            let mayBePaid = !isOwed && !isPaidBack && !isCancelled && view.state != .released
            values["is_owed"] = .flag(isOwed)
            values["is_never_late"] = .flag(seen.payment.contains(.neverLate))
            values["is_paid_back"] = .flag(isPaidBack)
            values["is_cancelled"] = .flag(isCancelled)
            values["may_be_paid"] = .flag(mayBePaid && isPaidElsewhere(view, page))
            values["awaits_payment"] = .flag(mayBePaid && cameBack(page) == .sent)
            values["again_path"] = .text(path + "?\(CheckoutReturn.member)=\(CheckoutReturn.sent.rawValue)")
            values["needs_buyer"] = .flag(needsBuyer(view))
            values["buyer"] = .text(buyer)
            values["key"] = .text(PageContext.randomKey())
            return context.writer.page("hold-over", values, for: page, status: status, home: path)
        }
        values["step"] = "held"
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
        var forms: [String] = []
        switch checkout(of: view, page) {
        case .free: values["pays_nothing"] = true
        case .demo: values["pays_demo"] = true
        case .shop(let address):
            forms = PageWriter.sources(ofFormsTo: EventDefinition.Checkout.origin(of: address))
            values.merge(shopValues(view, address, page)) { $1 }
        case nil: values["pays_elsewhere"] = true
        }
        return context.writer.page("hold", values, for: page, status: status, home: path, forms: forms)
    }

    /// What the page of a hold says that is paid for at the shop's page.
    private func shopValues(_ view: HoldView, _ address: String, _ page: PageRequest) -> PageObject {
        let host = address.split(separator: "/").dropFirst().first.map(String.init) ?? address
        return [
            "pays_shop": true, "shop": .text(host), "awaits_payment": .flag(cameBack(page) == .sent),
            "gave_up": .flag(cameBack(page) == CheckoutReturn.none),
            "again_path": .text(
                "/holds/\(view.id.public)?\(CheckoutReturn.member)=\(CheckoutReturn.sent.rawValue)"),
            "pay_code": context.writer.isEmbedded(page) ? .text(context.mint.token(of: view.id)) : false,
        ]
    }

    private func cameBack(_ page: PageRequest) -> CheckoutReturn? {
        page.query[CheckoutReturn.member].flatMap(CheckoutReturn.init(rawValue:))
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

    /// A frame's cookie belongs to its embedding, and pages for payments refuse to be shown in a frame. So the form in a frame
    /// opens a tab and carries the code along, and the tab gets a cookie of its own, for what is shown after paying.
    @Sendable private func pay(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        guard let code = form[Self.codeField], let hold = context.mint.hold(of: code),
            hold == HoldID(public: page.segment)
        else { return try await pay(try holder(page), page) }
        var response = try await pay(hold, page)
        response.headers.append(HTTPField(name: .setCookie, value: context.cookie(for: hold, page)))
        return response
    }

    private static let codeField = "code"

    private func pay(_ hold: HoldID, _ page: PageRequest) async throws -> Response {
        let seen = try await context.look(hold)
        let view = seen.view
        switch checkout(of: view, page) {
        case .shop(let address):
            // A payment that begins after the end could only be late.
            guard view.state == .held, view.expiresAt > seen.moment.office,
                let target = target(of: seen, address, page)
            else { return answer(seen, page, status: .conflict) }
            return context.writer.redirect(to: target)
        case .free: return try await act(.purchase(hold, nil, by: .token), hold, page)
        case .demo:
            // The same reference each time, so that paying twice buys once (R8 Purchase once).
            let payment = PaymentReference("demonstration-\(hold.public)")
            return try await act(.purchase(hold, payment, by: .token), hold, page)
        case nil: return answer(seen, page, status: .conflict)
        }
    }

    /// Does it, and shows what came of it. A refusal shows the hold as it is, and says why.
    private func act(_ command: Command, _ hold: HoldID, _ page: PageRequest) async throws -> Response {
        switch await context.reader.ask(command, note: nil) {
        case .decided(.purchased, _): return context.redirect(toPurchaseOf: hold, page)
        case .decided(.refused(let refusal), _):
            let seen = try await context.look(hold)
            let problem = Problem(refusal)
            return answer(
                seen, page, notice: HoldNotice(refusal).values(in: page.language),
                status: .init(code: problem.status))
        case .failed(let failure):
            let seen = try await context.look(hold)
            return answer(
                seen, page, notice: HoldNotice(failure).values(in: page.language),
                status: .init(code: Problem(failure).status))
        case .decided: return context.writer.redirect(to: "/holds/\(hold.public)")
        }
    }

    /// Tries to get what an ended hold had.
    @Sendable private func again(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        let hold = try holder(page)
        let seen = try await context.look(hold)
        let (view, moment) = (seen.view, seen.moment)
        guard view.state != .purchased, view.state != .returned else { return answer(seen, page) }
        let written = String((form["buyer"] ?? "").prefix(SaleForm.mostShown))
        let catalogue = store.catalogue(at: view.event)
        guard let event = event(of: view) else { throw Refused(.unknownEvent) }
        // Its places may still be held, for requests that are under way.
        if view.state == .held {
            guard view.expiresAt <= moment.office else { return context.writer.redirect(to: "/holds/\(hold.public)") }
            // A payment at the shop may be among these.
            guard !isPaidElsewhere(view, page) else {
                return answer(
                    seen, page, notice: HoldNotice.soon.values(in: page.language), buyer: written, status: .conflict)
            }
            _ = try await context.reader.perform(.release(hold))
        }
        let lines = view.lines.map { Line(type: catalogue.types[Int($0.type)].code, quantity: Int($0.quantity)) }
        let buyer = Buyer(written.trimmed)
        let key = context.reader.keys.digest(
            context.key(form), in: .holding(event.definition.id, buyer), of: "")
        let request = HoldRequest(
            event: event.definition.id, lines: lines, buyer: buyer, key: key,
            pass: context.pass(in: event.definition.id, page))
        switch await context.reader.ask(.hold(request), note: nil) {
        case .decided(.held(let view, _), _): return context.redirect(toHold: view.id, of: event.definition.id, page)
        case .decided(.refused(let refusal), _):
            return answer(
                seen, page, notice: HoldNotice(refusal).values(in: page.language), buyer: written,
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
        /// A button that leads to the shop's page at this address.
        case shop(String)
    }

    /// How the hold is paid for (R55 Checkout). The definition in force decides, as about who completes (R24 Who completes).
    ///
    /// - Returns: `nil` if this page leads to no payment.
    private func checkout(of view: HoldView, _ page: PageRequest) -> Checkout? {
        guard let definition = event(of: view)?.definition else { return nil }
        if case .url(let address) = definition.checkout { return context.checkout == nil ? nil : .shop(address) }
        guard definition.completion == .token else { return nil }
        // What was held at a price has it still, whatever the event costs by now (R11 Terms of a hold).
        if view.lines.allSatisfy({ $0.price == 0 }) { return .free }
        let isAtHome = page.isLocal && context.writer.publicURL == nil
        let isDemonstrated = definition.checkout == nil && definition.id == Self.demonstrated && isAtHome
        return definition.checkout == .demo || isDemonstrated ? .demo : nil
    }

    /// Whether a payment for the hold may come from elsewhere, perhaps late.
    private func isPaidElsewhere(_ view: HoldView, _ page: PageRequest) -> Bool {
        switch checkout(of: view, page) {
        case .shop, nil: true
        case .free, .demo: false
        }
    }

    /// The signed address at which the hold is paid for.
    private func target(of seen: SeenHold, _ address: String, _ page: PageRequest) -> String? {
        let catalogue = store.catalogue(at: seen.view.event)
        let payment = CheckoutPayment(
            hold: seen.view.id, event: catalogue.code,
            amount: seen.view.lines.reduce(0) { $0 + Int64($1.quantity) * $1.price },
            currency: catalogue.currency(of: seen.view), language: page.language.code,
            expiresAt: seen.moment.wallTime(of: seen.view.expiresAt))
        return context.checkout?.sign(payment, at: address)
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
        case .queue(.passUsed): (key, kind) = ("pass_used", "warn")
        case .queue: (key, kind) = ("queue", "warn")
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
