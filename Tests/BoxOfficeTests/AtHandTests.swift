import BoxOffice
import Testing

/// Which holds are at hand, and what becomes of those that are read back from a ledger.
@Suite("Holds at hand")
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

        /// `nil` if the hold is not at hand.
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

    @Test("A hold that lives is at hand, however many came after it, and also when it was extended")
    func live() {
        var sale = Sale { $0.holdsPerBuyer = 1 }
        _ = sale.hold(by: "ann", at: 1)
        _ = sale.hold(2_048, at: 1)
        sale.office.tidy()
        if case .looked(let view) = sale.decide(.look(HoldID(1)), at: 2) {
            #expect(view.state == .held)
        } else {
            Issue.record("a live hold is at hand")
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

    @Test("A hold that is read back while it is at hand stays as it is: the ledger may lag behind")
    func recalledTwice() {
        var sale = Sale()
        _ = sale.hold(2_048, at: 1)
        _ = sale.decide(.purchase(HoldID(1)), at: 1)
        _ = sale.decide(.look(HoldID(2)), at: 301)
        sale.office.tidy()
        #expect(sale.decide(.returnPurchase(HoldID(1)), at: 301) == nil, "it is not at hand")
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

    @Test("No more old holds are kept at hand than the limit, and one that went is read back again")
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
