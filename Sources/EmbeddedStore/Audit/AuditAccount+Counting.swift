// Counting places, holds and what buyers have, for `AuditAccount`.

extension AuditAccount {
    func live(_ fact: AuditFact, _ verb: String) throws -> Hold {
        guard let hold = entry(fact.subject) else {
            throw BrokenRule("hold \(fact.subject) was \(verb) but never made")
        }
        try expect(
            hold.state == .held && hold.isCounted, "R6 Deadline: hold \(fact.subject) was \(verb) after it had ended")
        return hold
    }

    func entry(_ number: Int64) -> Hold? {
        number >= 1 && number <= holds.count ? holds[Int(number) - 1] : nil
    }

    mutating func change(_ number: Int64, _ body: (inout Hold) -> Void) {
        if number >= 1, number <= holds.count { body(&holds[Int(number) - 1]) }
    }

    mutating func end(_ number: Int64, _ state: State) {
        stopCounting(number)
        change(number) { $0.state = state }
    }

    /// Its places no longer count as held.
    mutating func stopCounting(_ number: Int64) {
        guard let hold = entry(number) else { return }
        count(number, held: -1)
        standings[hold.event]?.live -= 1
        if let tally = hold.tally {
            tallies[tally].live -= 1
            tallies[tally].liveTickets -= hold.tickets
        }
        change(number) { $0.isCounted = false }
    }

    mutating func countSale(_ number: Int64) {
        guard let hold = entry(number) else { return }
        count(number, sold: 1)
        standings[hold.event]?.everSold += 1
        if let tally = hold.tally { tallies[tally].bought += hold.tickets }
    }

    /// Adds the places of a hold, times `held` and `sold`, to the pools' numbers.
    mutating func count(_ number: Int64, held: Int = 0, sold: Int = 0) {
        guard let hold = entry(number) else { return }
        count(hold.first, of: hold.event, held: held, sold: sold)
        for line in hold.more { count(line, of: hold.event, held: held, sold: sold) }
        codes.count((held + sold) * hold.tickets, of: number)
    }

    mutating func count(_ line: AuditLine, of event: Int64, held: Int, sold: Int) {
        for pool in draws[event]?[Int(line.type)] ?? [] {
            pools[event]?[pool].held += held * line.quantity
            pools[event]?[pool].sold += sold * line.quantity
        }
    }

    func checkPools(of number: Int64, _ name: String) throws {
        guard let hold = entry(number), let definition = definitions[hold.event] else { return }
        let (codes, pools) = (poolCodes[hold.event] ?? [], pools[hold.event] ?? [])
        let allocates = AuditAllocations.areThere(in: definition)
        for line in [hold.first] + hold.more {
            let drawn = draws[hold.event]?[Int(line.type)] ?? []
            for index in drawn where pools.indices.contains(index) {
                let promised = pools[index].held + pools[index].sold
                let most =
                    !allocates
                    ? pools[index].capacity
                    : AuditAllocations.most(
                        of: codes[index], drawnWith: drawn.map { codes[$0] }, definition, at: now, timeOfDay
                    ) { name in codes.firstIndex(of: name).map { pools[$0].held + pools[$0].sold } ?? 0 }
                try expect(
                    promised <= most ?? .max,
                    """
                    R2 Never twice, never lost: with \(name), \(promised) places of pool \(codes[index]) are promised, \
                    and it has \(most ?? 0)
                    """)
            }
        }
    }

    func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw BrokenRule(what()) }
    }
}
