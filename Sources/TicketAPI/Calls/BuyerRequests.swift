package import BoxOffice
package import StrictJSON
internal import TicketStore

/// The bodies that buyers send, read strictly: one refusal names all unknown members, duplicates and wrong types.
package enum BuyerRequests {
    static let mostLines = Limits().linesPerHold
    static let mostTickets = Limits().ticketsPerHold

    /// `{"lines": [{"type": "GA", "quantity": 2, "min_quantity": 1, "allocation": "guests"}], "buyer": "…"}`
    package struct Hold: Sendable, Equatable {
        package var lines: OneOrMore<Line>
        package var buyer: Buyer?

        /// Whether a line draws on places that are kept back (R45 Allocations).
        var drawsOnAllocation: Bool { lines.contains { $0.type.allocation != nil } }
    }

    package static let hold = JSONShape<Hold>.object { body in
        let lines = body.required("lines", as: BuyerRequests.lines)
        let buyer = body.optional("buyer", as: BuyerRequests.buyer)
        guard let lines, let all = OneOrMore(lines.compactMap { $0 }) else { return nil }
        return Hold(lines: all, buyer: buyer)
    }

    // Made once, since making them takes longer than reading with them.
    private static let lines = JSONShape.list(of: line.attempted, count: 1...mostLines)
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
