import BoxOffice
import RedisServers
import RedisWire
import StoreContract
import Testing
import TicketStore

/// Cases that random traffic does not reach, side by side with the core.
@Suite("The store on Redis decides rare cases as the core does", .serialized)
struct ScriptTests {
    /// A store and the core, with the same commands.
    final class Stage {
        let subject: RedisSubject
        var comparison: CoreComparison
        var moment = Moment(
            office: Timestamp(milliseconds: 5_000_000), wall: WallTime(milliseconds: 1_800_000_000_000))

        init(limits: Limits = Limits(), plant: @escaping @Sendable (String) -> String = { $0 }) async throws {
            subject = try await RedisSubject(limits: limits, plant: plant)
            comparison = CoreComparison(limits: limits)
        }

        func pass(_ span: Duration) {
            moment = Moment(
                office: moment.office.advanced(by: span),
                wall: WallTime(milliseconds: moment.wall.milliseconds + span.inMilliseconds))
        }

        /// Somebody sets the time of day.
        func set(_ step: Duration) {
            moment = Moment(
                office: moment.office, wall: WallTime(milliseconds: moment.wall.milliseconds + step.inMilliseconds))
        }

        @discardableResult
        func say(_ command: Command) async throws -> Outcome? {
            try await comparison.compare(command, at: moment, with: subject)?.outcome
        }

        func hold(_ quantity: Int = 1, key: String? = nil, buyer: String? = nil) async throws -> HoldID? {
            let outcome = try await say(holdGA(quantity, key: key, buyer: buyer))
            if case .held(let view, _) = outcome { return view.id }
            return nil
        }

        func end() async throws {
            _ = try await comparison.compareCounts(at: moment, with: subject)
            #expect(comparison.breaches == [])
        }
    }

    @Test("Sale windows open and close at their moments, by the time of day")
    func windows() async throws {
        let stage = try await Stage()
        let opens = WallTime(milliseconds: stage.moment.wall.milliseconds + 1_000)
        let closes = WallTime(milliseconds: stage.moment.wall.milliseconds + 3_000)
        try await stage.say(
            .define(
                hall(5) {
                    $0.opensAt = opens
                    $0.closesAt = closes
                }))
        for step in [999, 1, 1_999, 1, 5] {
            stage.pass(.milliseconds(step))
            _ = try await stage.hold()
        }
        try await stage.end()
    }

    @Test("A change is made only if the event is as expected")
    func expecting() async throws {
        let stage = try await Stage()
        try await stage.say(.define(hall(5), expecting: 1))
        try await stage.say(.define(hall(5), expecting: 0))
        try await stage.say(.define(hall(6), expecting: 0))
        try await stage.say(.define(hall(5), expecting: 1))
        try await stage.say(.define(hall(6), paused: true, expecting: 1))
        _ = try await stage.hold()
        try await stage.say(.define(hall(6), paused: true, expecting: 2))
        try await stage.say(.define(hall(7, id: "other")))
        try await stage.say(.resume(event: code("hall")))
        try await stage.say(.resume(event: code("hall")))
        try await stage.say(.pause(event: code("nowhere")))
        try await stage.say(.remove(event: code("hall"), expecting: 2))
        try await stage.say(.define(hall(0, id: "wrong") { $0.types[0].pools = [] }))
        try await stage.say(
            .define(
                hall(9) {
                    $0.name = ""
                    $0.holdTime = .seconds(Int64.max)
                }, expecting: 4))
        try await stage.end()
    }

    @Test("An event is removed while nothing of it is promised, and made again as another one")
    func removing() async throws {
        let stage = try await Stage()
        try await stage.say(.define(hall(2)))
        let first = try #require(try await stage.hold(key: "k1"))
        try await stage.say(.remove(event: code("hall")))
        stage.pass(.seconds(62))
        try await stage.say(.remove(event: code("hall")))
        try await stage.say(.remove(event: code("hall")))
        _ = try await stage.hold()
        try await stage.say(.look(first))
        try await stage.say(.define(hall(3), expecting: 1))
        try await stage.say(.define(hall(3), expecting: 0))
        // The earlier key still gives the earlier hold, and a payment for it finds no places.
        _ = try await stage.hold(key: "k1")
        _ = try await stage.hold(2, key: "k1")
        try await stage.say(.purchase(first, PaymentReference("p1")))
        let second = try #require(try await stage.hold(key: "k2"))
        try await stage.say(.purchase(second, PaymentReference("p1")))
        try await stage.say(.purchase(second, PaymentReference("p2")))
        try await stage.say(.remove(event: code("hall")))
        try await stage.say(.returnPurchase(second))
        try await stage.say(.remove(event: code("hall")))
        try await stage.end()
    }

    @Test("One payment buys one hold, of whatever event")
    func acrossEvents() async throws {
        let stage = try await Stage()
        try await stage.say(.define(hall(2)))
        try await stage.say(.define(hall(2, id: "other")))
        let here = try #require(try await stage.hold())
        guard case .held(let there, _) = try await stage.say(holdGA(event: "other")) else {
            Issue.record("\(stage.comparison.breaches)")
            return
        }
        try await stage.say(.purchase(here, PaymentReference("p")))
        try await stage.say(.purchase(there.id, PaymentReference("p")))
        try await stage.say(.purchase(there.id, nil))
        try await stage.end()
    }

    @Test(
        "Debts are made, confirmed, settled in another event, paid back and forgotten; they keep an event (R23 Debts)")
    func debts() async throws {
        var limits = Limits()
        limits.unconfirmedDebtsPerEvent = 5
        let stage = try await Stage(limits: limits)
        func say(_ id: HoldID, _ payment: String, _ completer: Completer = .token) async throws {
            try await stage.say(.purchase(id, PaymentReference(payment), by: completer))
        }
        func payBack(_ id: HoldID, _ payment: String) async throws {
            try await stage.say(.payBack(id, try #require(PaymentReference(payment))))
        }
        try await stage.say(.define(hall(9)))
        try await stage.say(.define(hall(9, id: "other")))
        let first = try #require(try await stage.hold())
        let second = try #require(try await stage.hold())
        for id in [first, second] { try await stage.say(.release(id)) }
        for number in 1...5 { try await say(first, "a\(number)") }
        for number in 1...2 { try await say(second, "b\(number)") }
        for payment in ["a5", "b2", "none"] { try await payBack(first, payment) }
        try await say(second, "a1", .key)
        try await payBack(first, "a1")
        try await say(second, "b2")
        try await say(second, "b3")
        try await payBack(second, "b3")
        try await say(second, "b4", .key)
        guard case .held(let there, _) = try await stage.say(holdGA(event: "other")) else {
            Issue.record("\(stage.comparison.breaches)")
            return
        }
        try await say(there.id, "a1")
        try await say(there.id, "a2")
        try await say(there.id, "a2", .key)
        try await payBack(second, "a1")
        try await payBack(there.id, "a2")
        try await payBack(there.id, "a2")
        try await say(there.id, "a2")
        try await say(first, "a1")
        // A debt that a key reported keeps the event; one that only a token reported ends by itself.
        try await stage.say(.remove(event: code("hall")))
        try await payBack(second, "b4")
        stage.pass(.seconds(7 * 24 * 3_600) - .milliseconds(1))
        try await stage.say(.look(there.id))
        try await payBack(first, "a3")
        stage.pass(.milliseconds(1))
        try await payBack(first, "a4")
        for number in 4...9 { try await say(first, "a\(number)") }
        for number in 4...9 { try await payBack(first, "a\(number)") }
        try await stage.say(.remove(event: code("hall")))
        try await say(second, "b5", .key)
        try await payBack(second, "b5")
        try await stage.end()
    }

    @Test("What was bought is shown for good, and other holds for a week after their deadline (R31 Ended holds)")
    func shown() async throws {
        let stage = try await Stage()
        try await stage.say(.define(hall(9)))
        var ids: [HoldID] = []
        for _ in 1...4 { ids.append(try #require(try await stage.hold())) }
        for id in ids.prefix(2) { try await stage.say(.purchase(id)) }
        try await stage.say(.returnPurchase(ids[1]))
        try await stage.say(.release(ids[2]))
        // From the deadline on, that of the store.
        stage.pass(.seconds(7 * 24 * 3_600 + 62) - .milliseconds(1))
        for passes in [0, 1, 86_400_000] {
            stage.pass(.milliseconds(passes))
            for id in ids {
                let outcome = try await stage.say(.look(id))
                let isKnown = if case .looked? = outcome { true } else { false }
                #expect(isKnown == (passes == 0 || ids.prefix(2).contains(id)), "\(id): \(String(describing: outcome))")
            }
        }
        try await stage.end()
    }

    @Test("An unconfirmed debt that another event confirms or settles makes room at its own hold (R23 Debts)")
    func debtsElsewhere() async throws {
        let stage = try await Stage()
        for event in ["hall", "other"] { try await stage.say(.define(hall(9, id: event))) }
        let here = try #require(try await stage.hold())
        guard case .held(let released, _) = try await stage.say(holdGA(event: "other")),
            case .held(let live, _) = try await stage.say(holdGA(event: "other"))
        else { return }
        for id in [here, released.id] { try await stage.say(.release(id)) }
        // The hold has room for four.
        for number in 1...5 { try await stage.say(.purchase(here, PaymentReference("p\(number)"))) }
        try await stage.say(.purchase(released.id, PaymentReference("p1"), by: .key))
        try await stage.say(.purchase(live.id, PaymentReference("p2")))
        for number in 6...8 { try await stage.say(.purchase(here, PaymentReference("p\(number)"))) }
        for number in 1...8 {
            try await stage.say(.payBack(here, try #require(PaymentReference("p\(number)"))))
        }
        #expect(try stage.subject.node.server.ask("ZCARD", "holdfast:{1}:unconfirmed") == "0")
        try await stage.end()
    }

    @Test(
        "A late payment that is owed stays owed when places come free, unless only a token reported it (R9 Late payment, R23 Debts)"
    )
    func lateDebts() async throws {
        let stage = try await Stage()
        func say(_ id: HoldID, _ payment: String, _ completer: Completer = .token) async throws {
            try await stage.say(.purchase(id, PaymentReference(payment), by: completer))
        }
        try await stage.say(.define(hall(2, hold: .seconds(10))))
        let ids = [try #require(try await stage.hold()), try #require(try await stage.hold())]
        stage.pass(.seconds(12))
        let other = try #require(try await stage.hold(2))
        for id in ids { try await say(id, "token-\(id)") }
        try await say(ids[0], "key", .key)
        try await stage.say(.release(other))
        for id in ids { try await say(id, "token-\(id)") }
        try await say(ids[0], "key", .key)
        try await say(ids[1], "token-\(ids[1])", .key)
        try await say(ids[0], "another")
        try await stage.end()
    }

    @Test(
        "A hold keeps the terms under which it was made, and the shop alone completes where it does (R11 Terms of a hold, R24 Who completes)"
    )
    func terms() async throws {
        let stage = try await Stage()
        try await stage.say(.define(hall(9)))
        let first = try #require(try await stage.hold())
        try await stage.say(
            .define(
                hall(9, hold: .seconds(30), grace: .seconds(9)) {
                    $0.currency = "JPY"
                    $0.maximumExtensions = 1
                    $0.latePayment = .strict
                    $0.completion = .shop
                }))
        let second = try #require(try await stage.hold(2))
        for id in [first, second] {
            try await stage.say(.look(id))
            for _ in 0..<2 { try await stage.say(.extend(id)) }
            try await stage.say(.purchase(id, PaymentReference("token")))
        }
        stage.pass(.seconds(100))
        for id in [first, second] { try await stage.say(.purchase(id, PaymentReference("key-\(id)"), by: .key)) }
        try await stage.say(.define(hall(9)))
        let third = try #require(try await stage.hold())
        try await stage.say(.purchase(third))
        let names = try await stage.subject.node.store.purchases(of: code("hall"), after: nil, limit: 9)
        #expect(names.map(\.currency) == ["EUR", "EUR"])
        let owed = try await stage.subject.node.store.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9)
        #expect(owed.map(\.currency) == ["JPY"])
        #expect(owed.map(\.reason) == [.late])
        try await stage.end()
    }

    @Test("An event has no more live holds than the limit, and every hold that ends makes room (R21 Bounds)")
    func liveHolds() async throws {
        var limits = Limits()
        limits.liveHolds = 3
        let stage = try await Stage(limits: limits)
        try await stage.say(.define(hall(99, hold: .seconds(100))))
        var held: [HoldID] = []
        for _ in 0..<4 {
            if let id = try await stage.hold(2) { held.append(id) }
            stage.pass(.seconds(1))
        }
        #expect(held.count == 3)
        try await stage.say(.extend(held[0]))
        for command in [Command.purchase(held[1]), .release(held[2])] {
            try await stage.say(command)
            #expect(try await stage.hold() != nil)
            #expect(try await stage.hold() == nil)
        }
        try await stage.subject.restart()
        stage.comparison.restart()
        var refusals = 0
        for _ in 0..<40 {
            if try await stage.hold() == nil { refusals += 1 }
            stage.pass(.seconds(7))
        }
        #expect(refusals > 10 && refusals < 39)
        try await stage.end()
    }

    @Test("A count of live holds that was lost is read back from the holds (R21 Bounds)")
    func liveHoldsCounted() async throws {
        var limits = Limits()
        limits.liveHolds = 2
        let node = try await TestNode(RedisServer(), limits: limits) { $0.mendsByItself = false }
        _ = try await node.outcome(.define(hall(9)))
        for _ in 0..<2 { _ = try await node.outcome(holdGA(2)) }
        #expect(try await node.outcome(holdGA()) == .refused(.tooManyHolds))
        try node.server.ask("HDEL", "holdfast:{1}:event", "live")
        guard case .held = try await node.outcome(holdGA()) else {
            Issue.record("the count was not lost")
            return
        }
        #expect(try await node.store.repair(applies: true).map(\.wrongDeadlines) == [1])
        #expect(try await node.outcome(holdGA()) == .refused(.tooManyHolds))
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [true])
    }

    @Test("A replay shows the hold as it is now; keys of ended holds count for an hour, the others for a day")
    func keys() async throws {
        var limits = Limits()
        // Long, since the server also forgets by its own clock, after twice the retention.
        limits.keyRetention = .seconds(60)
        limits.endedKeyRetention = .seconds(28)
        let stage = try await Stage(limits: limits)
        try await stage.say(.define(hall(9, hold: .seconds(1_000))))
        let released = try #require(try await stage.hold(key: "a"))
        let bought = try #require(try await stage.hold(key: "b"))
        let live = try #require(try await stage.hold(key: "c"))
        try await stage.say(.extend(live, key: IdempotencyKey(named: "d")))
        try await stage.say(.release(released))
        try await stage.say(.purchase(bought, nil))
        for _ in 0..<80 {
            for key in ["a", "b", "c"] { _ = try await stage.hold(key: key) }
            try await stage.say(.extend(live, key: IdempotencyKey(named: "d")))
            stage.pass(.seconds(1))
        }
        try await stage.end()
    }

    /// How many keys the event has, and how many entries the lists of them.
    private func kept(_ stage: Stage) async throws -> [Int] {
        let client = stage.subject.node.client
        var counts: [Int] = []
        for words in [["HLEN", "keys"], ["LLEN", "keys:order"], ["LLEN", "keys:kept"]] {
            let command = RedisCommand(words[0], "holdfast:{1}:\(words[1])")
            counts.append(Int(try await client.call(command, for: RedisKey("1")).integer()))
        }
        return counts
    }

    @Test("Keys of ended holds are forgotten as others come, and those of live holds and of purchases a day later")
    func keysForgotten() async throws {
        var limits = Limits()
        limits.keyRetention = .seconds(100)
        limits.endedKeyRetention = .seconds(10)
        let stage = try await Stage(limits: limits)
        try await stage.say(.define(hall(99, hold: .seconds(1_000))))
        let bought = try #require(try await stage.hold(key: "bought"))
        try await stage.say(.purchase(bought, nil))
        _ = try await stage.hold(key: "live")
        for number in 1...60 {
            try await stage.say(.release(try #require(try await stage.hold(key: "k\(number)"))))
            stage.pass(.seconds(1))
        }
        let counts = try await kept(stage)
        #expect(counts[0] <= 14 && counts[1] <= 12 && counts[2] == 2, "\(counts)")
        _ = try await stage.hold(key: "bought")
        _ = try await stage.hold(key: "live")
        _ = try await stage.hold(key: "k1")
        stage.pass(.seconds(60))
        for number in 1...3 { _ = try await stage.hold(key: "late\(number)") }
        #expect(try await kept(stage)[2] <= 1)
        try await stage.end()
    }

    @Test("If the room for keys is used up, keys of ended holds go, oldest first, and nothing is refused")
    func keysCrowded() async throws {
        var limits = Limits()
        limits.keys = 20
        let stage = try await Stage(limits: limits)
        try await stage.say(.define(hall(99)))
        // Not compared with the core, since each store chooses the keys to forget.
        let node = stage.subject.node
        guard case .held(let bought, _) = try await node.outcome(holdGA(key: "bought")) else { return }
        _ = try await node.outcome(.purchase(bought.id))
        for number in 1...100 {
            guard case .held(let view, replayed: false) = try await node.outcome(holdGA(key: "k\(number)")) else {
                Issue.record("refused at \(number)")
                return
            }
            _ = try await node.outcome(.release(view.id))
        }
        #expect(try await kept(stage)[0] <= 21)
        for (key, isKnown) in [("bought", true), ("k100", true), ("k95", true), ("k1", false)] {
            guard case .held(_, let replayed) = try await node.outcome(holdGA(key: key)) else { return }
            #expect(replayed == isKnown, "\(key)")
        }
    }
}
