package import BoxOffice
package import StrictJSON
internal import TicketStore

/// The bodies that buyers send, read strictly: one refusal names all unknown members, duplicates and wrong types.
package enum BuyerRequests {
    static let mostLines = Limits().linesPerHold
    static let mostTickets = Limits().ticketsPerHold

    /// `{"lines": [{"type": "GA", "quantity": 2, "min_quantity": 1, "allocation": "guests"}], "buyer": "…", "code": "…",
    /// "override": ["window", "pause", "limits", "queue"]}`
    package struct Hold: Sendable, Equatable {
        package var lines: OneOrMore<Line>
        package var buyer: Buyer?
        package var override: Override = []
        /// The text of an access code as the caller wrote it (R46 Access codes).
        package var code: String?

        /// Whether it needs a shop's or an operator's key: a line draws on places that are kept back (R45 Allocations), or
        /// checks of the sale are not to count (R43 Override).
        var needsKey: Bool { !override.isEmpty || lines.contains { $0.type.allocation != nil } }
    }

    package static let hold = JSONShape<Hold>.object { body in
        let lines = body.required("lines", as: BuyerRequests.lines)
        let buyer = body.optional("buyer", as: BuyerRequests.buyer)
        let code = body.optional("code", as: JSONShape<String>.string)
        let override = body.optional("override", as: BuyerRequests.override)
        guard let lines, let all = OneOrMore(lines.compactMap { $0 }) else { return nil }
        return Hold(lines: all, buyer: buyer, override: override ?? [], code: code)
    }

    /// The names of checks, each at most once.
    private static let override = JSONShape<Override> { value, pointer, mistakes in
        guard let names = checks.take(value, at: pointer, noting: &mistakes) else { return nil }
        var override: Override = []
        for (position, name) in names.enumerated() {
            guard let check = Override.Check.allCases.first(where: { "\($0)" == name }) else { continue }
            if !override.insert(Override(check)).inserted {
                mistakes.note(pointer.appending(position), "is named twice")
            }
        }
        return override
    }

    // Made once, since making them takes longer than reading with them.
    private static let lines = JSONShape.list(of: line.attempted, count: 1...mostLines)
    private static let checks = JSONShape.list(
        of: JSONShape.word(Override.Check.allCases.map { "\($0)" }).attempted, count: 1...Override.Check.allCases.count)
    private static let code = JSONShape<Code>.code
    private static let quantity = JSONShape<Int>.integer(in: 1...mostTickets)
    private static let buyer = JSONShape<Buyer>.reference(BuyerKind.self)
    private static let payment = JSONShape<PaymentReference>.reference(PaymentKind.self)

    private static let line = JSONShape<Line>.object { line in
        let type = line.required("type", as: BuyerRequests.code)
        let quantity = line.required("quantity", as: BuyerRequests.quantity)
        let minimum = line.optional("min_quantity", as: BuyerRequests.quantity)
        let allocation = line.optional("allocation", as: BuyerRequests.code)
        guard let type, let quantity else { return nil }
        let name = allocation.map { Code(type, allocation: $0) } ?? type
        // The rules refuse more than the quantity, with the same pointer.
        return Line(type: name, quantity: quantity, minimum: minimum)
    }

    /// `{"payment_reference": "…"}`, or nothing at all.
    struct Purchase: Sendable {
        var payment: PaymentReference?
    }

    static let purchase = JSONShape<Purchase>.object { body in
        Purchase(payment: body.nullable("payment_reference", as: BuyerRequests.payment))
    }

    /// `{"payment_reference": "…"}`
    static let paidBack = JSONShape<PaymentReference>.object { body in
        body.required("payment_reference", as: BuyerRequests.payment)
    }

    /// `{}`, or nothing at all.
    static let nothing = JSONShape<Bool>.object { _ in true }
}
