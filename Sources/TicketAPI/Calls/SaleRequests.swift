internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// The bodies that operators send about a sale, read strictly: one refusal names all that is wrong.
enum SaleRequests {
    /// `{"lines": [{"type": "GA", "quantity": 1}], "reason": "…"}`, or nothing at all.
    struct Return: Sendable {
        /// `nil` for all that is left.
        var lines: OneOrMore<PartReturn.Line>?
        var reason: ReasonText?
    }

    static let giveBack = JSONShape<Return>.object { body in
        let lines = body.optional("lines", as: SaleRequests.lines)
        let reason = body.nullable("reason", as: SaleRequests.reason)
        return Return(lines: lines.flatMap { OneOrMore<PartReturn.Line>($0.compactMap { $0 }) }, reason: reason)
    }

    /// `{"buyer": "…", "note": "…"}`: a merge patch (RFC 7396) of one of them or of both. `null` removes; what is left out stays.
    struct CorrectionPatch: Sendable {
        /// `nil` leaves the buyer as it is.
        var buyer: Buyer??
        /// `nil` leaves the note as it is.
        var note: SaleNote??
    }

    static let correction = JSONShape<CorrectionPatch>.object { body in
        let (hasBuyer, hasNote) = (body.has("buyer"), body.has("note"))
        let buyer = body.nullable("buyer", as: SaleRequests.buyer)
        let note = body.nullable("note", as: SaleRequests.note)
        if !hasBuyer, !hasNote { body.note("must have buyer or note") }
        return CorrectionPatch(buyer: hasBuyer ? .some(buyer) : nil, note: hasNote ? .some(note) : nil)
    }

    private static let buyer = JSONShape<Buyer>.reference(BuyerKind.self)
    private static let note = JSONShape<SaleNote>.reference(NoteKind.self)
    private static let lines = JSONShape.list(of: line.attempted, count: 1...BuyerRequests.mostLines)
    private static let code = JSONShape<Code>.code
    private static let quantity = JSONShape<Int>.integer(in: 1...BuyerRequests.mostTickets)
    private static let reason = JSONShape<ReasonText>.reference(ReasonKind.self)

    private static let line = JSONShape<PartReturn.Line>.object { line in
        let type = line.required("type", as: SaleRequests.code)
        let quantity = line.required("quantity", as: SaleRequests.quantity)
        let allocation = line.optional("allocation", as: SaleRequests.code)
        guard let type, let quantity else { return nil }
        return PartReturn.Line(type: allocation.map { Code(type, allocation: $0) } ?? type, quantity: quantity)
    }
}
