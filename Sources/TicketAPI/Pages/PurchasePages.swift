internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import TicketStore

/// The page of a purchase: what was bought, to print and to come back to.
struct PurchasePages: Sendable {
    let context: PageContext

    var routes: [Route] {
        // Earlier releases said with `late` what the store is asked for now.
        [Route.page("/purchases/:purchase", query: ["late"], (.get, purchase), (.post, open))]
    }

    @Sendable private func purchase(_ page: PageRequest) async throws -> Response {
        guard let hold = context.hold(named: HoldID(purchase: page.segment), page) else {
            // Whether there is such a purchase is not said.
            return ask(page, isWrong: false)
        }
        let seen: SeenHold
        do {
            seen = try await context.look(hold)
        } catch let cancelled as CancelledHold {
            return try context.answer(cancelled, page)
        }
        let view = seen.view
        guard view.state == .purchased || view.state == .returned else {
            return context.writer.redirect(to: "/holds/\(hold.public)", cookies: [context.cookie(for: hold, page)])
        }
        var values = context.values(of: view, in: page.language)
        values["step"] = "purchased"
        values["code"] = .text(context.mint.token(of: hold))
        values["origin"] = .text(context.writer.publicURL ?? "")
        values["was_returned"] = .flag(view.state == .returned)
        values["is_late"] = .flag(seen.payment.contains(.late))
        values["is_owed"] = .flag(seen.payment.contains(.owed))
        values["is_paid_back"] = .flag(!seen.payment.contains(.owed) && seen.payment.contains(.paidBack))
        values["is_cancelled"] = .flag(
            context.store.event(context.store.catalogue(at: view.event).code)?.isCancelled == true)
        values.set("printed", seen.moment.wall)
        return context.writer.page("purchase", values, for: page)
    }

    /// Opens the page for a code that was typed, or that stood behind the `#` of a kept link.
    @Sendable private func open(_ page: PageRequest) async throws -> Response {
        let form = try await context.form(page)
        let code = (form["code"] ?? "").filter { !$0.isWhitespace }
        guard let hold = context.mint.hold(of: code), hold.purchase == page.segment else {
            return ask(page, isWrong: true)
        }
        return context.redirect(toPurchaseOf: hold, page)
    }

    /// Asks for the code of a purchase.
    private func ask(_ page: PageRequest, isWrong: Bool) -> Response {
        context.writer.page(
            "purchase-code",
            ["path": .text(page.request.uri.path), "is_wrong": .flag(isWrong), "private": true], for: page,
            status: .notFound, home: page.request.uri.path)
    }
}
