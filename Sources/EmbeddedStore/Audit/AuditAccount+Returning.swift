// Returns of purchases: all that is left (R14 Return once), or a part (R39 Partial return).

extension AuditAccount {
    mutating func takeBack(_ fact: AuditFact) throws {
        report.returns += 1
        guard let hold = entry(fact.subject), hold.state == .purchased else {
            throw BrokenRule("R14 Return once: hold \(fact.subject) was returned but not purchased")
        }
        for position in 0...hold.more.count { takeBack(hold.line(position).quantity, position, of: fact.subject) }
        change(fact.subject) { $0.state = .returned }
    }

    mutating func takeBackPart(_ fact: AuditFact) throws {
        report.returns += 1
        guard let hold = entry(fact.subject), hold.state == .purchased else {
            throw BrokenRule("R39 Partial return: a part of hold \(fact.subject) was returned, which is not a purchase")
        }
        let shares = (fact.text ?? "").split(separator: " ").map { $0.split(separator: ":").compactMap { Int($0) } }
        try expect(!shares.isEmpty, "R39 Partial return: fact \(fact.sequence) returns nothing")
        for share in shares {
            guard share.count == 2, (0...hold.more.count).contains(share[0]), share[1] > 0,
                share[1] <= hold.line(share[0]).quantity
            else {
                throw BrokenRule("R39 Partial return: more of hold \(fact.subject) was returned than was purchased")
            }
            takeBack(share[1], share[0], of: fact.subject)
        }
        let isWhole = entry(fact.subject)?.tickets == 0
        if isWhole { change(fact.subject) { $0.state = .returned } }
    }

    /// Takes tickets of one line out of what was sold. The line keeps only the others.
    private mutating func takeBack(_ tickets: Int, _ position: Int, of number: Int64) {
        guard let hold = entry(number) else { return }
        var line = hold.line(position)
        line.quantity = tickets
        count(line, of: hold.event, held: 0, sold: -1)
        codes.count(-tickets, of: number)
        notePaidBack(hold.event)
        if let tally = hold.tally { tallies[tally].bought -= tickets }
        change(number) { hold in
            if position == 0 { hold.first.quantity -= tickets } else { hold.more[position - 1].quantity -= tickets }
        }
    }
}
