import BoxOffice
import Testing
import Workload

/// The oracle itself: what it lets pass where an outcome is not known, and what it does not.
@Suite("The oracle")
struct OracleTests {
    private let day = 86_400_000 as Int64
    private let one = Asked.hold(event: "main", lines: [.init(type: "GA", quantity: 1)], buyer: nil)

    private func oracle(isSequential: Bool = false) -> Oracle {
        var oracle = Oracle(isSequential: isSequential)
        oracle.define(Halls.hall("floor=2", "GA:floor"))
        return oracle
    }

    private func count(_ free: Int, _ held: Int, _ sold: Int) -> [PoolCount] {
        var office = BoxOffice()
        let now = Moment(office: .zero, wall: WallTime(milliseconds: 0))
        _ = try? office.decide(.define(Halls.hall("floor=2", "GA:floor")), at: now)
        var counts = office.counts(at: now)
        (counts[0].free, counts[0].held, counts[0].sold) = (free, held, sold)
        return counts
    }

    private func held(_ name: String, at moment: Int64) -> Heard {
        .held(name, told: (moment + 298_000)...(moment + 298_010), got: [1])
    }

    @Test("An unknown outcome leaves both ways open, and an answer none", arguments: [(1, 1), (2, 0)])
    func unknown(free: Int, held places: Int) {
        var oracle = oracle()
        _ = oracle.ask(one, key: "k", at: 0)
        oracle.compare(with: count(free, places, 0), at: 20...30)
        #expect(oracle.breaches == [])
        oracle.hear(held("a", at: 40), of: one, key: "other", at: 40)
        oracle.compare(with: count(2, 0, 0), at: 50...60)
        #expect(oracle.breaches.count == 1, "a hold that was answered is there")
    }

    @Test("After a crash every answered purchase must be there, and one that was not answered may be")
    func crash() {
        var oracle = oracle()
        oracle.hear(held("a", at: 10), of: one, at: 10)
        oracle.hear(held("b", at: 11), of: one, at: 11)
        oracle.hear(.purchased(late: false, repeated: false), of: .purchase("a", payment: "p"), at: 20)
        let lost = oracle.ask(.purchase("b", payment: "q"), at: 30)
        oracle.hear(.unknown, to: lost, at: 31)
        oracle.restarted(died: 31...32, ready: 1_000...1_100, clockLost: .seconds(1), recoveryGrace: .seconds(60))
        for (sold, breaches) in [(1, 0), (2, 0), (0, 1)] {
            var copy = oracle
            copy.compare(with: count(0, 2 - sold, sold), at: 1_200...1_300)
            #expect(copy.breaches.count >= breaches && copy.breaches.isEmpty == (breaches == 0), "\(sold) sold")
        }
        oracle.hear(.looked(.purchased), of: .look("b"), at: 1_300)
        #expect(oracle.breaches == [])
        oracle.hear(.looked(.held), of: .look("a"), at: 1_300)
        #expect(oracle.breaches.count == 1)
        oracle.hear(.unknownHold, of: .look("b"), at: 1_300)
        #expect(oracle.breaches.count == 2)
    }

    @Test("A crash gives a live hold the time it was down and the grace, and ends it nevertheless")
    func clockStoodStill() {
        var oracle = oracle()
        oracle.hear(held("a", at: 0), of: one, at: 0)
        oracle.restarted(
            died: 299_000...299_000, ready: 400_000...400_100, clockLost: .zero, recoveryGrace: .seconds(60))
        var early = oracle
        early.hear(.looked(.expired), of: .look("a"), at: 459_999)
        #expect(early.breaches.count == 1, "it has the grace")
        oracle.hear(.looked(.held), of: .look("a"), at: 459_999)
        oracle.hear(.looked(.expired), of: .look("a"), at: 460_200)
        #expect(oracle.breaches == [])
        oracle.hear(.looked(.held), of: .look("a"), at: 460_201)
        #expect(oracle.breaches.count == 1, "told expired, it stays so")
    }

    @Test("No place twice, for any callers: a third hold of two places is a breach, and after one ended it is none")
    func twice() {
        var oracle = oracle()
        for name in ["a", "b"] { oracle.hear(held(name, at: 10), of: one, at: 10) }
        var third = oracle
        third.hear(held("c", at: 20), of: one, at: 20)
        #expect(third.breaches.count == 1)
        oracle.hear(.released(repeated: false), of: .release("a"), at: 15)
        oracle.hear(held("c", at: 20), of: one, at: 20)
        #expect(oracle.breaches == [])
        oracle.hear(held("d", at: 300_021), of: one, at: 300_021)
        #expect(oracle.breaches == [])
    }

    @Test("A request that is answered twice, and a key that holds twice, are breaches")
    func answeredTwice() {
        var oracle = oracle()
        let ask = oracle.ask(one, key: "k", at: 0)
        oracle.hear(held("a", at: 10), to: ask, at: 10)
        oracle.hear(held("a", at: 10), to: ask, at: 11)
        #expect(oracle.breaches.count == 1)
        oracle.hear(held("b", at: 12), of: one, key: "k", at: 12)
        #expect(oracle.breaches.count == 2)
        oracle.hear(held("c", at: day + 20), of: one, key: "k", at: day + 20)
        #expect(oracle.breaches.count == 2, "after its time the key is a new one")
    }
}
