internal import BoxOffice

// What the recount knows of a sale that came from a store of another kind (R51 Moving a sale).

extension AuditAccount {
    /// Counts a fact that was moved here. It says how things ended, and not how they came about. So nothing is checked
    /// that depends on the order or the moment of earlier facts: prices, limits, deadlines, what was free. What the
    /// facts promise together is counted, and payments are checked, as for all other facts.
    mutating func enterMoved(_ fact: AuditFact, _ lines: AuditLines?) throws {
        switch fact.kind {
        case .definition: try define(fact)
        case .removal: definitions[fact.subject] = nil
        case .cancellation: cancelledAt[fact.subject] = fact.at
        case .hold: try enterMovedHold(fact, lines)
        case .lengthening: change(fact.subject) { $0.extensions += 1 }
        case .release: end(fact.subject, .released)
        case .purchase: try enterMovedPurchase(fact)
        case .givingBack: try takeBack(fact)
        case .partialReturn: try takeBackPart(fact)
        case .refund:
            report.refundsOwed += 1
            guard let hold = entry(fact.subject) else {
                throw BrokenRule("fact \(fact.sequence) is a debt of an unknown hold")
            }
            try debts.owe(
                fact.text ?? "",
                AuditDebts.Owed(hold: fact.subject, event: hold.event, at: fact.at, isConfirmed: fact.value % 2 != 0))
        case .repayment: try debts.payBack(fact.text ?? "", for: fact.subject)
        // It brings the note; the hold came with its latest buyer.
        case .correction: _ = try entry(fact.subject) ?? { throw BrokenRule("hold \(fact.subject) was never made") }()
        case .erasure: change(fact.subject) { $0.isErased = true }
        case .recovery, .queue: throw BrokenRule("fact \(fact.sequence) is a recovery or of a queue, and was moved")
        }
    }

    private mutating func enterMovedHold(_ fact: AuditFact, _ lines: AuditLines?) throws {
        report.holds += 1
        let name = "hold \(fact.subject)"
        try expect(fact.subject == Int64(report.holds), "hold \(report.holds) is missing, \(name) follows")
        guard let lines else { throw BrokenRule("\(name) lacks lines") }
        for line in [lines.first] + lines.more {
            let isKnown = typeCodes[fact.event]?.indices.contains(Int(line.type)) ?? false
            try expect(isKnown && line.quantity >= 1, "\(name) has a line of an unknown type, or without tickets")
        }
        let tally = fact.text.map { findTally(of: $0, in: fact.event) }
        let definition = definitions[fact.event]
        holds.append(
            Hold(
                event: fact.event, first: lines.first, more: lines.more, deadline: fact.value, tally: tally,
                mostExtensions: definition?.maximumExtensions ?? 0, latePayment: definition?.latePayment ?? .strict))
        schedule(fact.subject, until: fact.value)
        if let code = lines.code { codes.enter(code, of: fact.subject) }
        count(fact.subject, held: 1)
        standings[fact.event, default: Standing()].live += 1
        if let tally {
            tallies[tally].live += 1
            tallies[tally].liveTickets += holds[holds.count - 1].tickets
            tallies[tally].holds.append(fact.subject)
        }
    }

    private mutating func enterMovedPurchase(_ fact: AuditFact) throws {
        report.purchases += 1
        guard let hold = entry(fact.subject), hold.state == .held else {
            throw BrokenRule("R8 Purchase once: hold \(fact.subject) was purchased twice, or never made")
        }
        if let payment = fact.text { try debts.buy(payment, fact.subject) }
        end(fact.subject, .purchased)
        countSale(fact.subject)
    }
}
