// Holds with an access code (R46 Access codes). A hold without one takes none of these steps.

extension BoxOffice {
    /// Decides a hold as `hold(_:at:)` does, with what the code allows: another price, an allocation, an early sale; and with
    /// one check more.
    mutating func hold(
        _ request: HoldRequest, with code: AccessCode, _ key: KeyFact?, in index: Int, at now: Moment
    ) -> Decision {
        guard let (held, batch) = events[index].codes.find(code) else { return refuse(.unknownCode) }
        var asked = request
        if let refusal = draw(&asked.lines, through: batch) { return refuse(refusal) }
        var lines: OneOrMore<HeldLine>
        do { lines = try checked(asked.lines, in: index) } catch { return refuse(error.refusal) }
        if let refusal = refusalOfTypes(asked.lines, of: batch) { return refuse(refusal) }
        if let price = batch.price { for position in lines.indices { lines[position].price = price } }
        let terms = events[index].terms
        if terms.typesHaveTerms, let refusal = refusalOfTypeQuantities(asked.lines, lines, in: index) {
            return refuse(refusal)
        }
        if terms.keepsPlaces, let refusal = refusalOfReleased(lines, in: index) { return refuse(refusal) }
        if let refusal = refusalOfWindow(of: batch, at: now) { return refuse(refusal) }
        let opensEarly = batch.opensAt != nil
        let (isPaused, past) = (events[index].isPaused, request.override)
        if let refusal = refusalOfSale(terms, isPaused: isPaused, opensEarly: opensEarly, at: now, past: past) {
            return refuse(refusal)
        }
        if terms.typesHaveTerms, !past.contains(.window),
            let refusal = refusalOfTypeSales(lines, opensEarly: opensEarly, at: now, in: index)
        {
            return refuse(refusal)
        }
        let left = left(of: held, batch, in: index)
        if let refusal = refusalOfPlaces(lines, request, codeLeft: left, terms, in: index) {
            guard asked.takesFewer else { return refuse(refusal) }
            if let refusal = fewer(&lines, asked, codeLeft: left, terms, in: index) { return refuse(refusal) }
        }
        if events[index].hasHolds(limits.liveHolds, at: clock) { return refuse(.tooManyHolds) }
        return grant(lines, request, with: held, key, terms, in: index)
    }

    /// Lets the lines draw on the allocation of the batch.
    ///
    /// - Returns: why they cannot, if they name another one.
    private func draw(_ lines: inout OneOrMore<Line>, through batch: EventDefinition.CodeBatch) -> Refusal? {
        guard let name = batch.allocation else { return nil }
        for position in lines.indices {
            let type = lines[position].type
            if let other = type.allocation, other != name { return .codeNotForType(type.whole) }
            lines[position].type = Code(type.whole, allocation: name)
        }
        return nil
    }

    private func refusalOfTypes(_ lines: OneOrMore<Line>, of batch: EventDefinition.CodeBatch) -> Refusal? {
        guard !batch.types.isEmpty else { return nil }
        return lines.first { !batch.types.contains($0.type.whole) }.map { .codeNotForType($0.type.whole) }
    }

    private func refusalOfWindow(of batch: EventDefinition.CodeBatch, at now: Moment) -> Refusal? {
        if let opensAt = batch.opensAt, now.wall < opensAt { return .codeNotValidYet(opensAt: opensAt) }
        if let closesAt = batch.closesAt, now.wall >= closesAt { return .codeNoLongerValid(closedAt: closesAt) }
        return nil
    }

    /// Tickets that the code is still good for.
    private mutating func left(of code: HeldCode, _ batch: EventDefinition.CodeBatch, in index: Int) -> Int {
        let count = events[index].codes.count(of: code, at: clock)
        return max(0, batch.tickets - count.held - count.sold)
    }

    /// Whether a late payment for a hold with this code may still win `lines`: the code is good, and with it they are sold (R9
    /// Late payment).
    func sells(_ lines: OneOrMore<HeldLine>, with code: HeldCode, at now: Moment, in index: Int) -> Bool {
        guard !code.isNone else { return sells(lines, opensEarly: false, at: now, in: index) }
        guard let batch = events[index].codes.batch(of: code), refusalOfWindow(of: batch, at: now) == nil else {
            return false
        }
        return sells(lines, opensEarly: batch.opensAt != nil, at: now, in: index)
    }

    /// Whether the tickets of an expired hold still fit into what its code is good for.
    mutating func fitsCode(_ code: HeldCode, _ lines: OneOrMore<HeldLine>, in index: Int) -> Bool {
        guard !code.isNone else { return true }
        guard let batch = events[index].codes.batch(of: code) else { return false }
        return lines.reduce(0) { $0 + Int($1.quantity) } <= left(of: code, batch, in: index)
    }

    /// What became of the codes of a batch at `now`, from behind the number `after` on, `limit` at the most; `nil` if the
    /// definition in force has no such batch.
    public mutating func codes(
        of batch: Code, in event: Code, after: Int, limit: Int, at now: Moment
    ) -> [CodeCount]? {
        advance(to: now.office)
        guard let index = eventIndexes[event], let (position, known) = events[index].codes.batch(named: batch) else {
            return nil
        }
        let first = min(max(0, after), known.count) + 1
        guard first <= known.count, limit > 0 else { return [] }
        return (first...min(known.count, first - 1 + limit)).map { number in
            let count = events[index].codes.count(of: HeldCode(batch: position, number: number), at: clock)
            return CodeCount(number: number, held: count.held, sold: count.sold, isRevoked: !known.has(number))
        }
    }
}
