internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages
internal import TicketStore

/// What all pages for buyers share.
struct PageContext: Sendable {
    let reader: RequestReader
    let writer: PageWriter
    let mint: TokenMint
    /// `nil` if browsers cannot be sent to shops' pages for payments.
    let checkout: CheckoutSigner?
    let queues: QueueDirectory
    var store: any TicketStore { reader.store }

    /// The form that a request carries; none if it has no body.
    ///
    /// - Throws: a refusal if another site made the browser send it.
    func form(_ page: PageRequest) async throws -> PageForm {
        guard !page.isForged(publicURL: writer.publicURL) else { throw Refused(.forbidden) }
        let body = try await reader.collect(page.request)
        return body.readableBytes == 0 ? PageForm() : try PageForm(body, page.request.headers[.contentType])
    }

    /// The hold that the cookie of this request belongs to, if it is `named`.
    func hold(named: HoldID?, _ page: PageRequest) -> HoldID? {
        guard let named, let token = page.cookie(TokenCookie.name), mint.hold(of: token) == named else { return nil }
        return named
    }

    /// Looks at a hold.
    ///
    /// - Throws: ``CancelledHold`` if it ended with its event.
    func look(_ hold: HoldID) async throws -> SeenHold {
        switch await reader.ask(.look(hold), note: nil) {
        case .decided(.looked(let view, let payment), let moment):
            return SeenHold(view: view, payment: payment, moment: moment)
        case .decided(.refused(let refusal), let moment):
            if case .eventCancelled(let isOwed) = refusal {
                throw CancelledHold(isOwed: isOwed, refused: Refused(refusal, at: moment))
            }
            throw Refused(refusal, at: moment)
        case .failed(let failure): throw Refused(failure)
        case .decided(let outcome, _): throw reader.unexpected(outcome)
        }
    }

    /// A key that nobody can guess, for a form that may be sent twice (R15 Idempotency keys).
    static func randomKey() -> String {
        (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined(separator: "-") + "-page-form"
    }

    /// The key of a form, or another one if it is missing or no key.
    func key(_ form: PageForm) -> KeyText {
        guard
            let given = form["key"].flatMap({ KeyText($0, isAnonymous: true) })
                ?? KeyText(Self.randomKey(), isAnonymous: true)
        else { preconditionFailure("a random key is a key") }
        return given
    }
}

/// A hold as it is at a moment, with what is known of its payments.
struct SeenHold: Sendable {
    let view: HoldView
    let payment: SeenPayment
    let moment: Moment
}

/// A hold ended with its event (R42 Cancelled event).
struct CancelledHold: Error {
    /// A payment for it is owed back.
    let isOwed: Bool
    /// What a program gets.
    let refused: Refused
}

/// The cookie with a hold's token. Its path is that of the hold's or the purchase's page, so no other page of ours gets it.
enum TokenCookie {
    static let name = "holdfast_token"
    /// Seconds for which a browser keeps that of a hold: as long as the API shows holds that have ended.
    static let life = 7 * 86_400
    /// Seconds for which it keeps that of a purchase: the longest that browsers keep any.
    static let purchaseLife = 400 * 86_400

    /// - Parameter sites: ``PageWriter/sites(for:)``.
    static func set(_ token: String, path: String, life: Int = life, sites: String) -> String {
        "\(name)=\(token); Path=\(path); Max-Age=\(life); HttpOnly; \(sites)"
    }
}

extension PageContext {
    /// The cookie for the page of a hold.
    func cookie(for hold: HoldID, _ page: PageRequest) -> String {
        TokenCookie.set(mint.token(of: hold), path: "/holds/\(hold.public)", sites: writer.sites(for: page))
    }

    /// The cookie for the page of a hold's purchase.
    func purchaseCookie(for hold: HoldID, _ page: PageRequest) -> String {
        TokenCookie.set(
            mint.token(of: hold), path: "/purchases/\(hold.purchase)", life: TokenCookie.purchaseLife,
            sites: writer.sites(for: page))
    }

    /// Sends the browser to the page of a new hold of an event, and gives it the token.
    func redirect(toHold hold: HoldID, of event: Code, _ page: PageRequest) -> Response {
        let path = "/holds/\(hold.public)"
        return writer.redirect(
            to: path, cookies: [cookie(for: hold, page)] + entryCookies(forHoldAt: path, in: event, page))
    }

    /// The page of a hold that ended with its event.
    func answer(_ cancelled: CancelledHold, _ page: PageRequest) throws -> Response {
        guard page.mayBePage else { throw cancelled.refused }
        return writer.page(
            "hold-cancelled", ["is_owed": .flag(cancelled.isOwed), "private": true], for: page,
            status: .init(code: cancelled.refused.problem.status), home: "/")
    }

    /// Sends the browser to the page of a purchase.
    func redirect(toPurchaseOf hold: HoldID, _ page: PageRequest) -> Response {
        writer.redirect(to: "/purchases/\(hold.purchase)", cookies: [purchaseCookie(for: hold, page)])
    }

    /// What a page shows of a hold: its lines, their sum, its event.
    func values(of view: HoldView, in language: Language) -> PageObject {
        let catalogue = store.catalogue(at: view.event)
        let currency = catalogue.currency(of: view)
        var total: Int64 = 0
        var returned: Int64 = 0
        let lines = view.lines.map { line -> PageObject in
            let type = catalogue.types[Int(line.type)]
            let sum = Int64(line.quantity) * line.price
            total += sum
            returned += Int64(line.returned) * line.price
            return [
                "type": .text(type.name), "quantity": .number(Int(line.quantity)),
                "price": .money(line.price, currency),
                "sum": .money(sum, currency),
                "returned": line.returned > 0 ? .number(Int(line.returned)) : false,
            ]
        }
        let event = store.event(catalogue.code)
        var values: PageObject = [
            "lines": .list(Array(lines)), "total": .money(total, currency), "is_free": .flag(total == 0),
            "returned_total": returned > 0 ? .money(returned, currency) : false,
            "kept_total": .money(total - returned, currency),
            "hold": .text(view.id.public), "purchase": .text(view.id.purchase), "private": true,
            "event": .text(catalogue.code.text), "name": .text(event?.definition.name ?? catalogue.code.text),
            "tickets": .number(view.lines.reduce(0) { $0 + Int($1.quantity) }),
        ]
        if let event {
            values.merge(PresentedEvent(event: event, publicURL: writer.publicURL).whenAndWhere(in: language)) { $1 }
        }
        return values
    }
}
