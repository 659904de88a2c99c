internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import TicketStore

/// The page of a purchase: what was bought, to print and to come back to.
struct PurchasePages: Sendable {
    let context: PageContext

    var routes: [Route] {
        [Route.page("/purchases/:purchase", query: ["late"], (.get, purchase), (.post, open))]
    }

    @Sendable private func purchase(_ page: PageRequest) async throws -> Response {
        guard let hold = context.hold(named: HoldID(purchase: page.segment), page) else {
            // Whether there is such a purchase is not said.
            return ask(page, isWrong: false)
        }
        let (view, moment) = try await context.look(hold)
        guard view.state == .purchased || view.state == .returned else {
            return context.writer.redirect(to: "/holds/\(hold.public)", cookies: [context.cookie(for: hold)])
        }
        var values = context.values(of: view)
        values["code"] = .text(context.mint.token(of: hold))
        values["origin"] = .text(context.writer.publicURL ?? "")
        values["was_returned"] = .flag(view.state == .returned)
        values["is_late"] = .flag(page.query["late"] == "1")
        values.set("printed", moment.wall)
        return context.writer.page("purchase", values, for: page)
    }

    /// Opens the page for a code that was typed, or that stood behind the `#` of a kept link.
    @Sendable private func open(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        let code = (form["code"] ?? "").filter { !$0.isWhitespace }
        guard let hold = context.mint.hold(of: code), hold.purchase == page.segment else {
            return ask(page, isWrong: true)
        }
        return context.redirect(toPurchaseOf: hold)
    }

    /// Asks for the code of a purchase.
    private func ask(_ page: PageRequest, isWrong: Bool) -> Response {
        context.writer.page(
            "purchase-code",
            ["path": .text(page.request.uri.path), "is_wrong": .flag(isWrong), "private": true], for: page,
            status: .notFound, home: page.request.uri.path)
    }
}
