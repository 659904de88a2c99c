internal import BoxOffice
internal import TicketStore

/// The bodies that buyers send, read strictly: unknown members, doubles and wrong types are all told at once.
enum BuyerRequests {
    /// `{"lines": [{"type": "GA", "quantity": 2, "min_quantity": 1}], "buyer": "…"}`
    struct Hold: Sendable {
        var lines: OneOrMore<Line>
        var buyer: Buyer?
    }

    static let hold = JSONShape<Hold>.object { body in
        let lines = body.required("lines", as: .list(of: line.attempted, count: 1...Limits().linesPerHold))
        let buyer = body.optional("buyer", as: .reference(BuyerKind.self))
        guard let lines, let all = OneOrMore(lines.compactMap { $0 }) else { return nil }
        return Hold(lines: all, buyer: buyer)
    }

    private static let line = JSONShape<Line>.object { line in
        let type = line.required("type", as: .code)
        let quantity = line.required("quantity", as: .integer(in: 1...Limits().ticketsPerHold))
        let minimum = line.optional("min_quantity", as: .integer(in: 1...Limits().ticketsPerHold))
        guard let type, let quantity else { return nil }
        // More than the quantity is refused by the rules, with the same place.
        return Line(type: type, quantity: quantity, minimum: minimum)
    }

    /// `{"payment_reference": "…"}`, or nothing at all.
    struct Purchase: Sendable {
        var payment: PaymentReference?
    }

    static let purchase = JSONShape<Purchase>.object { body in
        Purchase(payment: body.nullable("payment_reference", as: .reference(PaymentKind.self)))
    }

    /// `{}`, or nothing at all.
    static let nothing = JSONShape<Bool>.object { _ in true }

    /// An idempotency key as the header has it, quoted (a structured-field string) or bare; `nil` if it is not one.
    ///
    /// - Parameter scope: what the key belongs to, so that the same key elsewhere is another.
    static func key(_ header: String, scope: String) -> IdempotencyKey? {
        var text = header[...]
        if text.utf8.count >= 2, text.first == "\"", text.last == "\"" {
            text = text.dropFirst().dropLast()
            guard !text.contains("\""), !text.contains("\\") else { return nil }
        }
        let isPrintable = text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
        guard isPrintable, (1...255).contains(text.utf8.count) else { return nil }
        return IdempotencyKey("\(scope) \(text)")
    }
}
