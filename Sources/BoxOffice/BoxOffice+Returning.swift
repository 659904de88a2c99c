// Returning a purchase: all that is left of it (R14 Return once), or a part (R39 Partial return).

extension BoxOffice {
    mutating func returnPurchase(_ id: HoldID) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        switch record.state {
        case .returned: return (.returned(view(id), repeated: true), nil)
        case .held, .released: return refuse(.notPurchased)
        case .purchased: break
        }
        let fact = make(.returned(id))
        return (.returned(view(id), repeated: false), fact)
    }

    mutating func returnPart(_ id: HoldID, _ asked: PartReturn) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        let key = KeyFact(key: asked.key, fingerprint: asked.fingerprint)
        if let known = holds.returnKeys(of: id).first(where: { $0.key == key.key }) {
            guard known.fingerprint == key.fingerprint else { return refuse(.keyReused) }
            return (.returned(view(id), repeated: true), nil)
        }
        switch record.state {
        case .returned: return refuse(.purchaseReturned(refundRequired: false))
        case .held, .released: return refuse(.notPurchased)
        case .purchased: break
        }
        let lines = holds.lines(id, record)
        let types = events[Int(record.event)].types
        var shares = [Int32](repeating: 0, count: lines.count)
        for wanted in asked.lines {
            var rest = Int32(clamping: wanted.quantity)
            for position in lines.indices where types[Int(lines[position].type)].code == wanted.type {
                let share = min(rest, lines[position].kept - shares[position])
                shares[position] += share
                rest -= share
            }
            guard rest == 0 else {
                let left = lines.reduce(0) { types[Int($1.type)].code == wanted.type ? $0 + Int($1.kept) : $0 }
                return refuse(.returnTooLarge(wanted.type, remaining: left))
            }
        }
        let taken = OneOrMore<PartReturnFact.Share>(
            shares.enumerated().filter { $0.element > 0 }.map {
                PartReturnFact.Share(line: UInt8(clamping: $0.offset), quantity: $0.element)
            })
        guard let taken else { preconditionFailure("a return has a ticket or more") }
        let fact = make(.returnedPart(id, PartReturnFact(lines: taken, key: key, reason: asked.reason)))
        return (.returned(view(id), repeated: false), fact)
    }

    mutating func applyReturned(_ id: HoldID) {
        let record = atHand(id)
        let kept = Self.kept(holds.lines(id, record))
        changePools(of: kept, in: Int(record.event), code: holds.code(of: id)) { $0.takeBack($1) }
        addBought(kept, record, sign: -1)
        events[Int(record.event)].notePaidBack()
        holds.updateLines(id) { line, _ in line.returned = UInt16(clamping: line.quantity) }
        holds.update(id) { $0.state = .returned }
    }

    mutating func applyReturnedPart(_ id: HoldID, _ part: PartReturnFact) {
        let record = atHand(id)
        let lines = holds.lines(id, record)
        var isWhole = true
        for position in lines.indices {
            let share = part.lines.first { Int($0.line) == position }?.quantity ?? 0
            precondition(share >= 0 && share <= lines[position].kept, "a purchase returns what it has")
            if share < lines[position].kept { isWhole = false }
            guard share > 0 else { continue }
            var line = lines[position]
            line.quantity = share
            events[Int(record.event)].changePools(of: line, holds: 0, at: clock) { $0.takeBack($1) }
            addBought(OneOrMore(line), record, sign: -1)
            let code = holds.code(of: id)
            if !code.isNone {
                events[Int(record.event)].codes.change(code, of: OneOrMore(line), at: clock) { $0.takeBack($1) }
            }
            holds.updateLines(id) { line, at in if at == position { line.returned += UInt16(clamping: share) } }
        }
        events[Int(record.event)].notePaidBack()
        holds.rememberReturns([part.key], of: id)
        if isWhole { holds.update(id) { $0.state = .returned } }
    }

    /// The lines with what was not returned of them.
    static func kept(_ lines: OneOrMore<HeldLine>) -> OneOrMore<HeldLine> {
        lines.map { line in
            var line = line
            line.quantity = line.kept
            return line
        }
    }
}
