import BoxOffice
import Testing
import Workload

/// The table of keys while it grows and shrinks.
@Suite("The table of keys")
struct KeyTableTests {
    /// A box office that holds and releases one place after another, each with a key.
    private struct Sale {
        var office: BoxOffice
        private(set) var keys: [IdempotencyKey] = []

        init(_ limits: Limits) {
            office = BoxOffice(limits: limits)
            _ = try? office.decide(.define(Halls.hall("floor=9", "GA:floor")), at: Self.moment(0))
        }

        static func moment(_ milliseconds: Int64) -> Moment {
            Moment(office: Timestamp(milliseconds: milliseconds), wall: WallTime(milliseconds: 0))
        }

        static func command(_ key: IdempotencyKey) -> Command {
            let one = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
            return .hold(HoldRequest(event: Halls.code("main"), lines: one, key: key))
        }

        mutating func holdAndRelease(_ key: IdempotencyKey, at now: Int64) {
            keys.append(key)
            guard case .held(let view, false)? = try? office.decide(Self.command(key), at: Self.moment(now)).outcome
            else { return }
            _ = try? office.decide(.release(view.id), at: Self.moment(now))
        }

        /// The numbers of the holds that the keys lead to, 0 for none.
        func known(at now: Int64) -> [UInt64] {
            var copy = office
            return keys.map { key in
                guard case .held(let view, true)? = try? copy.decide(Self.command(key), at: Self.moment(now)).outcome
                else { return 0 }
                return view.id.number
            }
        }
    }

    @Test("Each of many keys is found, however close their digests are", arguments: [1, 2, 3])
    func found(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        var sale = Sale(Limits())
        for number in 0..<3_000 {
            // All in one segment. Every third shares nearly all of its bits with an earlier key.
            let low =
                number % 3 == 2
                ? sale.keys[number / 2].low &+ UInt64(chance.number(in: 1...3))
                : UInt64.random(in: 0 ... .max, using: &chance) | (number % 3 == 1 ? 0xffff_fff0_0000_0000 : 0)
            sale.holdAndRelease(IdempotencyKey(high: 7, low: low), at: 1)
        }
        let known = sale.known(at: 1)
        for (position, number) in known.enumerated() where number == 0 {
            Issue.record("seed \(seed): key \(position) is not found")
        }
        #expect(Set(known).count == Set(sale.keys.map(\.low)).count)
    }

    @Test("After a sweep the others are still found", arguments: [1, 2, 3])
    func swept(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        var sale = Sale(Limits())
        for number in 0..<6_000 {
            let low = UInt64.random(in: 0 ... .max, using: &chance)
            sale.holdAndRelease(IdempotencyKey(high: UInt64(number % 2) << 54, low: low), at: Int64(number) * 1_000)
        }
        // An hour before the last key: the keys of the first 2,399 seconds have expired.
        sale.office.advance(to: Timestamp(milliseconds: 5_999_000))
        sale.office.tidy()
        #expect(sale.office.keyCount == 3_601)
        let known = sale.known(at: 5_999_000)
        #expect(known.prefix(2_399).allSatisfy { $0 == 0 })
        #expect(known.dropFirst(2_399).enumerated().allSatisfy { $1 == UInt64($0 + 2_400) })
    }
}
