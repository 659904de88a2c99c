// Decisions by the terms that a ticket type has of its own (R44 Terms of a type). They are asked only for events with such
// types.

extension BoxOffice {
    /// Why the hold asks for too few or too many tickets of a type, all its lines of the type together; `nil` if it does not.
    func refusalOfTypeQuantities(
        _ asked: OneOrMore<Line>, _ lines: OneOrMore<HeldLine>, in index: Int
    ) -> Refusal? {
        for position in lines.indices {
            let type = lines[position].type
            guard let terms = events[index].typeTerms[Int(type)],
                lines.firstIndex(where: { $0.type == type }) == position
            else { continue }
            var (quantity, minimum) = (0, 0)
            for other in lines.indices where lines[other].type == type {
                quantity += asked[other].quantity
                minimum += asked[other].minimum
            }
            let code = events[index].types[Int(type)].code
            guard terms.perHold.contains(quantity) else {
                return .invalid([.quantity(ofLine: position, terms.perHold, of: code)])
            }
            guard minimum >= terms.perHold.lowerBound else {
                return .invalid([.minimum(ofLine: position, least: terms.perHold.lowerBound, of: code)])
            }
        }
        return nil
    }

    /// The first of the types whose own sale is not open at `now`; `nil` if all are sold.
    ///
    /// - Parameter opensEarly: whether an access code opens them (R46 Access codes).
    func refusalOfTypeSales(
        _ lines: OneOrMore<HeldLine>, opensEarly: Bool = false, at now: Moment, in index: Int
    ) -> Refusal? {
        for line in lines {
            guard let terms = events[index].typeTerms[Int(line.type)], !terms.isOpen(at: now.wall) else { continue }
            let code = events[index].types[Int(line.type)].code
            if !opensEarly, let opensAt = terms.opensAt, now.wall < opensAt {
                return .typeSaleNotStarted(code, opensAt: opensAt)
            }
            if let closesAt = terms.closesAt, now.wall >= closesAt { return .typeSaleEnded(code, closedAt: closesAt) }
        }
        return nil
    }

    /// Whether a late payment may still win `lines`: the sale of the event and of each type is open, and the event still has
    /// the types (R9 Late payment). A pause does not matter, as it does not for live holds.
    ///
    /// - Parameter opensEarly: whether an access code opens the sale (R46 Access codes).
    func sells(_ lines: OneOrMore<HeldLine>, opensEarly: Bool, at now: Moment, in index: Int) -> Bool {
        let terms = events[index].terms
        guard refusalOfSale(terms, isPaused: false, opensEarly: opensEarly, at: now) == nil else { return false }
        return lines.allSatisfy { line in
            guard let current = events[index].indexNow(ofType: line.type) else { return false }
            guard let terms = events[index].typeTerms[current] else { return true }
            let isOpen = terms.isOpen(at: now.wall)
            return isOpen || opensEarly && terms.closesAt.map { now.wall < $0 } ?? true
        }
    }

    /// Why the limit of a type refuses `lines`; `nil` if none does.
    func refusalOfTypeLimits(_ lines: OneOrMore<HeldLine>, for buyer: Buyer?, in index: Int) -> Refusal? {
        for line in lines {
            guard let most = events[index].typeTerms[Int(line.type)]?.ticketsPerBuyer else { continue }
            guard let buyer else { return .invalid([.noBuyer]) }
            let remaining = max(0, most - taken(ofType: line.type, by: buyer, in: index))
            let asked = lines.reduce(0) { $0 + ($1.type == line.type ? Int($1.quantity) : 0) }
            if asked > remaining {
                return .typeLimitReached(events[index].types[Int(line.type)].code, remaining: remaining)
            }
        }
        return nil
    }

    /// How many more tickets than `lines` take the buyer may have of each type with a limit.
    func leftOfTypes(_ lines: OneOrMore<HeldLine>, for buyer: Buyer?, in index: Int) -> [UInt16: Int] {
        var left: [UInt16: Int] = [:]
        for line in lines {
            guard let most = events[index].typeTerms[Int(line.type)]?.ticketsPerBuyer, let buyer else { continue }
            let before = left[line.type] ?? most - taken(ofType: line.type, by: buyer, in: index)
            left[line.type] = before - Int(line.quantity)
        }
        return left
    }

    /// Whether the tickets of an expired hold still fit the limits of their types.
    func fitsTypeLimits(_ lines: OneOrMore<HeldLine>, of account: BuyerAccountID, in index: Int) -> Bool {
        guard events[index].terms.typesHaveTerms, let account = account.index else { return true }
        return lines.allSatisfy { line in
            guard let current = events[index].indexNow(ofType: line.type),
                let most = events[index].typeTerms[current]?.ticketsPerBuyer
            else { return true }
            let wanted = lines.reduce(0) { $0 + ($1.type == line.type ? Int($1.quantity) : 0) }
            return taken(ofType: line.type, by: account, in: index) + wanted <= most
        }
    }

    func taken(ofType type: UInt16, by buyer: Buyer, in index: Int) -> Int {
        events[index].buyers.index(of: buyer).map { taken(ofType: type, by: $0, in: index) } ?? 0
    }

    /// Tickets of a type that the account holds and has bought, whatever pools the type had then.
    private func taken(ofType type: UInt16, by account: Int, in index: Int) -> Int {
        let first = events[index].offers[Int(type)].firstIndex
        var tickets = events[index].buyers.bought(ofType: first, by: account)
        for id in events[index].buyers.accounts[account].holds {
            guard let record = holds.record(id), record.isLive(at: clock) else { continue }
            for line in holds.lines(id, record) where events[index].offers[Int(line.type)].firstIndex == first {
                tickets += Int(line.quantity)
            }
        }
        return tickets
    }
}
