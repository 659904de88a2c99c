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
    func look(_ hold: HoldID) async throws -> (HoldView, Moment) {
        let (outcome, moment) = try await reader.perform(.look(hold))
        guard case .looked(let view) = outcome else { throw reader.unexpected(outcome) }
        return (view, moment)
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

/// The cookie with a hold's token. Its path is that of the hold's or the purchase's page, so no other page of ours gets it.
enum TokenCookie {
    static let name = "holdfast_token"
    /// Seconds for which a browser keeps it: as long as the API shows holds that have ended.
    static let life = 7 * 86_400

    /// - Parameter isSecure: whether browsers reach the service by TLS only.
    static func set(_ token: String, path: String, isSecure: Bool) -> String {
        "\(name)=\(token); Path=\(path); Max-Age=\(life); HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
    }
}

extension PageContext {
    /// The cookie for the page of a hold.
    func cookie(for hold: HoldID) -> String {
        TokenCookie.set(mint.token(of: hold), path: "/holds/\(hold.public)", isSecure: writer.isSecure)
    }

    /// The cookie for the page of a hold's purchase.
    func purchaseCookie(for hold: HoldID) -> String {
        TokenCookie.set(mint.token(of: hold), path: "/purchases/\(hold.purchase)", isSecure: writer.isSecure)
    }

    /// Sends the browser to the page of a new hold, and gives it the token.
    func redirect(toHold hold: HoldID) -> Response {
        writer.redirect(to: "/holds/\(hold.public)", cookies: [cookie(for: hold)])
    }

    /// Sends the browser to the page of a purchase.
    func redirect(toPurchaseOf hold: HoldID, isLate: Bool = false) -> Response {
        writer.redirect(
            to: "/purchases/\(hold.purchase)" + (isLate ? "?late=1" : ""), cookies: [purchaseCookie(for: hold)])
    }

    /// What a page shows of a hold: its lines, their sum, its event.
    func values(of view: HoldView) -> PageObject {
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
        return [
            "lines": .list(Array(lines)), "total": .money(total, currency), "is_free": .flag(total == 0),
            "returned_total": returned > 0 ? .money(returned, currency) : false,
            "kept_total": .money(total - returned, currency),
            "hold": .text(view.id.public), "purchase": .text(view.id.purchase), "private": true,
            "event": .text(catalogue.code.text), "name": .text(event?.definition.name ?? catalogue.code.text),
            "tickets": .number(view.lines.reduce(0) { $0 + Int($1.quantity) }),
        ]
    }
}
