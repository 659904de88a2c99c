internal import BoxOffice

// The recount's own account of what buyers have, and of the terms of ticket types (R25 Buyer limits; R44 Terms of a
// type).

extension AuditAccount {
    /// What one buyer has of one event, so that a limit can be checked without reading other holds.
    struct Tally {
        var live = 0
        var liveTickets = 0
        var bought = 0
        /// The numbers of all holds that named the buyer, ended ones too.
        var holds: [Int64] = []
    }

    struct BuyerOfEvent: Hashable {
        var event: Int64
        var buyer: String
    }

    mutating func findTally(of buyer: String, in event: Int64) -> Int {
        let next = tallies.count
        let index = tallyOf[BuyerOfEvent(event: event, buyer: buyer), default: next]
        if index == next {
            tallyOf[BuyerOfEvent(event: event, buyer: buyer)] = next
            tallies.append(Tally())
        }
        return index
    }

    func checkBuyer(_ tally: Int?, _ definition: EventDefinition, _ tickets: Int, _ name: String) throws {
        guard definition.needsBuyer else { return }
        guard let tally else { throw BrokenRule("\(name) names no buyer, and its event limits buyers") }
        let theirs = tallies[tally]
        if let most = definition.holdsPerBuyer {
            try expect(theirs.live < most, "R25 Buyer limits: \(name) is one hold too many for its buyer")
        }
        if let most = definition.ticketsPerBuyer {
            let had = theirs.liveTickets + theirs.bought
            try expect(had + tickets <= most, "R25 Buyer limits: \(name) gives its buyer \(had + tickets) tickets")
        }
    }

    /// Checks the tickets of each type that has terms of its own.
    func checkTypes(
        _ lines: AuditLines, _ tally: Int?, _ fact: AuditFact, _ definition: EventDefinition, _ name: String
    ) throws {
        let event = fact.event
        guard definition.types.contains(where: \.hasTerms) else { return }
        let all = [lines.first] + lines.more
        for type in definition.types where type.hasTerms {
            let tickets = quantity(of: type.code, in: all, of: event)
            guard tickets > 0 else { continue }
            try expect(
                tickets >= type.leastPerHold ?? 1 && tickets <= type.mostPerHold ?? .max,
                "R44 Terms of a type: \(name) has \(tickets) tickets of \(type.code)")
            guard let most = type.ticketsPerBuyer, !fact.goesPast(.limits) else { continue }
            guard let tally else { throw BrokenRule("\(name) names no buyer, and \(type.code) limits buyers") }
            let had = self.tickets(of: type.code, in: tally)
            try expect(
                had + tickets <= most,
                "R44 Terms of a type: \(name) gives its buyer \(had + tickets) tickets of \(type.code)")
        }
    }

    /// The tickets of a type that a buyer holds and has bought.
    func tickets(of type: Code, in tally: Int) -> Int {
        tallies[tally].holds.reduce(0) { sum, number in
            let hold = holds[Int(number) - 1]
            guard hold.isCounted || hold.state == .purchased else { return sum }
            return sum + quantity(of: type, in: [hold.first] + hold.more, of: hold.event)
        }
    }

    func quantity(of type: Code, in lines: [AuditLine], of event: Int64) -> Int {
        lines.reduce(0) { sum, line in
            typeCodes[event]?[Int(line.type)] == type.text ? sum + line.quantity : sum
        }
    }
}
