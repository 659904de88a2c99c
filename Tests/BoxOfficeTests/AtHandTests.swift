import BoxOffice
import Testing

/// Which holds are in memory, and what happens to those that are read from a ledger again.
@Suite("Holds in memory")
struct AtHandTests {
    /// A box office that keeps as few holds as it may, with what its ledger says.
    struct Sale {
        var office: BoxOffice
        var ledger = FoldedFacts()

        init(recalledHolds: Int = 3, _ change: (inout EventDefinition) -> Void = { _ in }) {
            var limits = Limits()
            limits.settledHolds = 0
            limits.recalledHolds = recalledHolds
            office = BoxOffice(limits: limits)
            _ = decide(.define(Halls.hall("floor=9999", "GA:floor", change)), at: 0)
        }

        /// `nil` if the hold is not in memory.
        mutating func decide(_ command: Command, at seconds: Int64) -> Outcome? {
            let now = Moment(office: Timestamp(milliseconds: seconds * 1_000), wall: WallTime(milliseconds: 0))
            guard let decision = try? office.decide(command, at: now) else { return nil }
            if let fact = decision.fact { ledger.add(fact) }
            return decision.outcome
        }

        mutating func hold(_ count: Int = 1, by buyer: String? = nil, at seconds: Int64) -> Outcome? {
            var last: Outcome?
            let one = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
            for number in 1...count {
                let buyer = Buyer(buyer ?? "someone-\(number)")
                last = decide(.hold(HoldRequest(event: Halls.code("main"), lines: one, buyer: buyer)), at: seconds)
            }
            return last
        }
    }

    @Test("A live hold stays in memory, however many holds came after it, also after an extension")
    func live() {
        var sale = Sale { $0.holdsPerBuyer = 1 }
        _ = sale.hold(by: "ann", at: 1)
        _ = sale.hold(2_048, at: 1)
        sale.office.tidy()
        if case .looked(let view, _) = sale.decide(.look(HoldID(1)), at: 2) {
            #expect(view.state == .held)
        } else {
            Issue.record("a live hold is in memory")
        }
        #expect(sale.hold(by: "ann", at: 2) == .refused(.buyerLimitReached(remaining: 0)))
        _ = sale.decide(.extend(HoldID(1)), at: 200)
        _ = sale.decide(.look(HoldID(1)), at: 301)
        sale.office.tidy()
        #expect(sale.decide(.look(HoldID(1)), at: 301) != nil, "extended, it lives")
        #expect(sale.office.liveHoldCount() == 1)
        #expect(sale.hold(by: "ann", at: 301) == .refused(.buyerLimitReached(remaining: 0)))
        _ = sale.decide(.look(HoldID(1)), at: 500)
        sale.office.tidy()
        #expect(sale.decide(.look(HoldID(1)), at: 500) == nil, "it ended, and newer holds are kept")
        #expect(sale.decide(.look(HoldID(2_049)), at: 500) != nil, "the latest are kept")
    }

    @Test("A buyer with a live hold keeps the account when an earlier hold leaves memory (R25 Buyer limits)")
    func accounts() {
        var sale = Sale {
            $0.holdsPerBuyer = 1
            $0.ticketsPerBuyer = 2
        }
        // The last hold of the first chunk, so that its account is the first one to be given to somebody else.
        _ = sale.hold(1_023, at: 1)
        _ = sale.hold(by: "ann", at: 1)
        _ = sale.decide(.release(HoldID(1_024)), at: 1)
        _ = sale.hold(by: "ann", at: 200)
        _ = sale.decide(.look(HoldID(1)), at: 301)
        sale.office.tidy()
        #expect(sale.decide(.look(HoldID(1_024)), at: 301) == nil, "the earlier hold has left memory")
        guard case .held(let bob, _) = sale.hold(by: "bob", at: 301) else {
            Issue.record("bob has no hold yet")
            return
        }
        for buyer in ["ann", "bob"] {
            #expect(sale.hold(by: buyer, at: 301) == .refused(.buyerLimitReached(remaining: 0)), "\(buyer)")
        }
        _ = sale.decide(.purchase(HoldID(1_025)), at: 301)
        _ = sale.decide(.release(bob.id), at: 301)
        for buyer in ["ann", "bob"] {
            let command = Command.hold(
                HoldRequest(
                    event: Halls.code("main"), lines: OneOrMore(Line(type: Halls.code("GA"), quantity: 2)),
                    buyer: Buyer(buyer)))
            let outcome = sale.decide(command, at: 301)
            if buyer == "ann" {
                #expect(outcome == .refused(.buyerLimitReached(remaining: 1)))
            } else if case .held = outcome {
            } else {
                Issue.record("bob bought nothing, but: \(String(describing: outcome))")
            }
        }
    }

    @Test("A hold in memory is not replaced by the ledger's, which may lag behind")
    func recalledTwice() {
        var sale = Sale()
        _ = sale.hold(2_048, at: 1)
        _ = sale.decide(.purchase(HoldID(1)), at: 1)
        _ = sale.decide(.look(HoldID(2)), at: 301)
        sale.office.tidy()
        #expect(sale.decide(.returnPurchase(HoldID(1)), at: 301) == nil, "it is not in memory")
        guard let row = sale.ledger.hold(HoldID(1)) else { return }
        sale.office.recall(row)
        if case .returned(_, repeated: false) = sale.decide(.returnPurchase(HoldID(1)), at: 301) {
        } else {
            Issue.record("a purchase is returned")
        }
        sale.office.recall(row)
        if case .returned(_, repeated: true) = sale.decide(.returnPurchase(HoldID(1)), at: 301) {
        } else {
            Issue.record("a purchase is returned once")
        }
    }

    @Test("At most a bounded number of old holds stays in memory, and one that is gone can be read again")
    func recalledMany() {
        var sale = Sale(recalledHolds: 2)
        _ = sale.hold(2_048, at: 1)
        _ = sale.decide(.look(HoldID(1)), at: 301)
        sale.office.tidy()
        for number in UInt64(1)...3 {
            if let row = sale.ledger.hold(HoldID(number)) { sale.office.recall(row) }
        }
        #expect(sale.decide(.look(HoldID(1)), at: 301) == nil)
        #expect(sale.decide(.look(HoldID(2)), at: 301) != nil)
        #expect(sale.decide(.look(HoldID(3)), at: 301) != nil)
        if let row = sale.ledger.hold(HoldID(1)) { sale.office.recall(row) }
        #expect(sale.decide(.look(HoldID(1)), at: 301) != nil)
        #expect(sale.decide(.look(HoldID(2)), at: 301) == nil)
        #expect(sale.decide(.look(HoldID(9_999)), at: 301) == .refused(.unknownHold))
    }
}
