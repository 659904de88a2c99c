import BoxOffice

// Corrections: right ones, the same again, and ones whose author has seen something else.

extension RandomTraffic {
    mutating func correction(_ id: HoldID, _ target: Given?) -> Command {
        var from = target?.says ?? Correction.State()
        if chance.chance(8) { from.note = SaleNote("seen by nobody") }
        var to = from
        if chance.chance(60) { to.buyer = chance.chance(85) ? Buyer("buyer-\(chance.number(in: 1...4))") : nil }
        if chance.chance(40) { to.note = chance.chance(70) ? SaleNote("note \(chance.number(in: 1...3))") : nil }
        return .correct(id, Correction(from: from, to: to, onlyPurchase: chance.chance(30)))
    }

    /// Notes what a correction or an erasure left of the buyer and the note.
    mutating func learnCorrection(_ id: HoldID, _ says: Correction.State) {
        guard let position = given.firstIndex(where: { $0.id == id }) else { return }
        given[position].says = says
    }
}
