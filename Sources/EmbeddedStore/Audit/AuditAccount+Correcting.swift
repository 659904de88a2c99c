internal import BoxOffice

// What the recount knows of corrections (R40 Corrections): who has a hold from now on, and whether the limits allow it.

extension AuditAccount {
    mutating func correct(_ fact: AuditFact) throws {
        let name = "hold \(fact.subject)"
        guard let hold = entry(fact.subject) else { throw BrokenRule("\(name) was corrected but never made") }
        let isLive = hold.state == .held && hold.isCounted
        try expect(
            isLive || hold.state == .purchased, "R40 Corrections: \(name) was corrected, and is neither live nor sold")
        try expect(!hold.isErased, "R40 Corrections: \(name) was corrected after it was erased")
        if isLive { try expectNotCancelled(hold.event, "\(name) was corrected") }
        let tally = fact.text.map { findTally(of: $0, in: hold.event) }
        guard tally != hold.tally else { return }
        // What an erased hold said is not known any more.
        if fact.value == 0 { try checkNewBuyer(tally, hold, isLive: isLive, name) }
        if let old = hold.tally {
            count(hold, isLive: isLive, in: old, sign: -1)
            tallies[old].holds.removeAll { $0 == fact.subject }
        }
        if let tally {
            count(hold, isLive: isLive, in: tally, sign: 1)
            tallies[tally].holds.append(fact.subject)
        }
        change(fact.subject) { $0.tally = tally }
    }

    private mutating func count(_ hold: Hold, isLive: Bool, in tally: Int, sign: Int) {
        if isLive {
            tallies[tally].live += sign
            tallies[tally].liveTickets += sign * hold.tickets
        } else {
            tallies[tally].bought += sign * hold.tickets
        }
    }

    private func checkNewBuyer(_ tally: Int?, _ hold: Hold, isLive: Bool, _ name: String) throws {
        guard let definition = definitions[hold.event] else { return }
        guard let tally else {
            return try expect(
                definition.ticketsPerBuyer == nil && definition.holdsPerBuyer == nil,
                "R40 Corrections: \(name) lost its buyer, and its event limits buyers")
        }
        let theirs = tallies[tally]
        if isLive, let most = definition.holdsPerBuyer {
            try expect(theirs.live < most, "R40 Corrections: \(name) is one hold too many for its new buyer")
        }
        if let most = definition.ticketsPerBuyer {
            let has = theirs.liveTickets + theirs.bought + hold.tickets
            try expect(has <= most, "R40 Corrections: \(name) gives its new buyer \(has) tickets")
        }
        for type in definition.types {
            guard let most = type.ticketsPerBuyer else { continue }
            let moved = quantity(of: type.code, in: [hold.first] + hold.more, of: hold.event)
            let has = moved + tickets(of: type.code, in: tally)
            try expect(
                moved == 0 || has <= most,
                "R40 Corrections: \(name) gives its new buyer \(has) tickets of \(type.code)")
        }
    }
}
