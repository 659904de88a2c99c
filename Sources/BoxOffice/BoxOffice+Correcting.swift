// Correcting the buyer and the note of a live hold or of a purchase (R40 Corrections).

extension BoxOffice {
    mutating func correct(_ id: HoldID, _ asked: Correction) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        let isSold = record.state == .purchased || record.state == .returned
        guard isSold || !asked.onlyPurchase else { return refuse(.notPurchased) }
        switch record.state {
        case .returned: return refuse(.purchaseReturned(refundRequired: false))
        case .released: return refuse(.holdReleased(refundRequired: false))
        case .held:
            guard record.isLive(at: clock) else { return refuseExpired(record) }
            if endedWithItsEvent(record) { return refuse(.eventCancelled(refundRequired: false)) }
        case .purchased: if record.isErased { return refuse(.purchaseErased) }
        }
        let index = Int(record.event)
        let now = Correction.State(buyer: events[index].buyers.name(of: record.buyer), note: holds.note(of: id))
        if now == asked.to { return (.corrected(view(id), repeated: true), nil) }
        guard now == asked.from else { return refuse(.correctionOutdated) }
        if now.buyer != asked.to.buyer {
            let lines = Self.kept(holds.lines(id, record))
            let isLive = record.state == .held
            if let refusal = refusalOfNewBuyer(asked.to.buyer, lines, isLive: isLive, in: index) {
                return refuse(refusal)
            }
        }
        let fact = make(.corrected(id, asked.to))
        return (.corrected(view(id), repeated: false), fact)
    }

    mutating func applyCorrected(_ id: HoldID, _ state: Correction.State) {
        let record = atHand(id)
        let index = Int(record.event)
        if events[index].buyers.name(of: record.buyer) != state.buyer {
            let lines = Self.kept(holds.lines(id, record))
            // Before the old account goes: it might give its index to the new one.
            let buyer = events[index].buyers.enter(state.buyer)
            if record.state == .purchased { addBought(lines, record, sign: -1) }
            events[index].buyers.drop(id, of: record.buyer)
            events[index].buyers.leave(record.buyer)
            holds.update(id) { $0.buyer = buyer }
            if record.state == .purchased { addBought(lines, atHand(id), sign: 1) }
            if record.state == .held, let account = buyer.index { addHold(id, toAccount: account, in: index) }
        }
        holds.setNote(state.note, of: id)
    }

    /// Why the limits in force refuse a hold or a purchase to its new buyer; `nil` if they do not. Limits of types are those of
    /// the types that are sold under these codes now.
    private func refusalOfNewBuyer(
        _ buyer: Buyer?, _ lines: OneOrMore<HeldLine>, isLive: Bool, in index: Int
    ) -> Refusal? {
        let terms = events[index].terms
        if terms.ticketsPerBuyer != nil || terms.holdsPerBuyer != nil {
            guard let buyer else { return .invalid([.noBuyer]) }
            let (live, tickets) = events[index].buyers.account(of: buyer).map { taken(by: $0) } ?? (0, 0)
            if isLive, live >= terms.holdsPerBuyer ?? .max { return .buyerLimitReached(remaining: 0) }
            let remaining = max(0, (terms.ticketsPerBuyer ?? .max) - tickets)
            let moved = lines.reduce(0) { $0 + Int($1.quantity) }
            if moved > remaining { return .buyerLimitReached(remaining: remaining) }
        }
        guard terms.typesHaveTerms else { return nil }
        for line in lines where line.quantity > 0 {
            guard let current = events[index].indexNow(ofType: line.type),
                let most = events[index].typeTerms[current]?.ticketsPerBuyer
            else { continue }
            guard let buyer else { return .invalid([.noBuyer]) }
            let remaining = max(0, most - taken(ofType: line.type, by: buyer, in: index))
            let moved = lines.reduce(0) { $0 + ($1.type == line.type ? Int($1.quantity) : 0) }
            if moved > remaining {
                return .typeLimitReached(events[index].types[Int(line.type)].code, remaining: remaining)
            }
        }
        return nil
    }
}
