import BoxOffice
import Testing
import Workload

/// A box office that was rebuilt or tidied in another way gives the same answers.
@Suite("The same box office again")
struct SameAgainTests {
    @Test("A box office that replays the recorded facts has the same state, and decides the same")
    func replay() {
        for seed in UInt64(1_001)...1_100 {
            expectSame(seed) { $0.replayed() }
        }
    }

    @Test("A box office that is restored from the final state of each hold decides the same")
    func restore() {
        for seed in UInt64(2_001)...2_100 {
            expectSame(seed) { $0.restored() }
        }
    }

    @Test("A recorded recovery grace is the same after a replay and after a restore")
    func recovered() {
        for seed in UInt64(3_001)...3_060 {
            var limits = Limits()
            limits.recoveryGrace = .seconds(5)
            expectSame(seed, limits: limits, restartAt: 150) { seed % 2 == 0 ? $0.replayed() : $0.restored() }
        }
    }

    /// One box office decides the first half of a sale. It and a second one, which `make` makes from the facts, decide the rest.
    private func expectSame(
        _ seed: UInt64, limits: Limits = Limits(), restartAt: Int? = nil, make: (FoldedFacts) -> BoxOffice
    ) {
        var traffic = RandomTraffic(seed: seed)
        var office = BoxOffice(limits: limits)
        var other: BoxOffice?
        var ledger = FoldedFacts()
        for step in 1...400 {
            let (now, command) = traffic.next()
            if step == restartAt {
                office.advance(to: now.office)
                for fact in office.grantRecoveryGrace() { ledger.add(fact) }
            }
            let decision = office.decide(command, at: now, recallingFrom: ledger)
            if let fact = decision?.fact { ledger.add(fact) }
            if let outcome = decision?.outcome { traffic.learn(outcome) }
            if let again = other?.decide(command, at: now, recallingFrom: ledger),
                decision.map({ $0 != again }) ?? true
            {
                Issue.record("seed \(seed), command \(step), \(command): \(again), not \(String(describing: decision))")
                return
            }
            if step == 250 { other = make(ledger) }
            guard other != nil else { continue }
            if step % 10 == 0, other?.counts(at: now) != office.counts(at: now) {
                Issue.record("seed \(seed), command \(step), \(command): the counts differ")
                return
            }
            for event in office.eventCodes where step % 10 == 0 {
                var (mine, its) = (office.availability(of: event, at: now), other?.availability(of: event, at: now))
                mine?.version = 0
                its?.version = 0
                if mine != its { Issue.record("seed \(seed), command \(step): \(event) has two availabilities") }
            }
        }
        other?.advance(to: office.clock)
        #expect(other?.lastFactAt == office.lastFactAt)
        #expect(other?.nextSequence == office.nextSequence)
        #expect(other?.liveHoldCount() == office.liveHoldCount())
    }

    @Test(
        "Whether and when places are counted, and old holds forgotten and read back from the ledger changes no answer",
        arguments: [0, 1_024])
    func forget(settledHolds: Int) {
        var limits = Limits()
        limits.settledHolds = settledHolds
        limits.recalledHolds = 3
        expectTidyingChangesNothing(seeds: [4_001, 4_002, 4_003, 4_004], commands: 6_000, limits)
    }

    @Test("No answer depends on when keys are swept, or whether they are")
    func forgetKeys() {
        var limits = Limits()
        limits.keyRetention = .seconds(40)
        limits.endedKeyRetention = .seconds(10)
        expectTidyingChangesNothing(seeds: Array(5_001...5_040), commands: 500, limits)
    }

    private func expectTidyingChangesNothing(seeds: [UInt64], commands: Int, _ tidied: Limits) {
        var untidied = tidied
        untidied.settledHolds = .max / 2
        var shape = RandomTraffic.Shape()
        shape.capacity = 60
        shape.changes = 1
        shape.oldHolds = 50
        for seed in seeds {
            var traffic = RandomTraffic(seed: seed, shape: shape)
            var (lazy, tidy) = (BoxOffice(limits: untidied), BoxOffice(limits: tidied))
            var ledger = FoldedFacts()
            for step in 1...commands {
                let (now, command) = traffic.next()
                let first = lazy.decide(command, at: now, recallingFrom: ledger)
                let second = tidy.decide(command, at: now, recallingFrom: ledger)
                guard let first, let second, first == second else {
                    Issue.record(
                        """
                        seed \(seed), command \(step), \(command):
                        \(String(describing: first)), and tidied \(String(describing: second))
                        """)
                    return
                }
                if let fact = first.fact { ledger.add(fact) }
                traffic.learn(first.outcome)
                let counts = tidy.counts(at: now)
                if step % 7 != 0 { tidy.tidy() }
                if step % 100 == 0 { #expect(lazy.counts(at: now) == counts) }
            }
        }
    }
}
