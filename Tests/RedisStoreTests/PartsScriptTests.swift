import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Synchronization
import Testing
import TicketStore

/// What chance does not bring about.
@Suite("What is rare in an event in parts is decided as the core does", .serialized)
struct PartsScriptTests {
    @Test("It is removed while nothing of any part is promised, and sells on where one part has sales")
    func removing() async throws {
        let stage = try await ScriptTests.Stage()
        let definition = try hall(6) { $0.parts = 3 }
        try await stage.say(.define(definition))
        let first = try #require(try await stage.hold(key: "k1"))
        try await stage.say(.remove(event: code("hall"), expecting: 7))
        try await stage.say(.remove(event: code("hall")))
        for _ in 0..<6 { _ = try await stage.hold() }
        stage.pass(.seconds(63))
        try await stage.say(.remove(event: code("hall"), expecting: 1))
        try await stage.say(.remove(event: code("hall")))
        for _ in 0..<3 { _ = try await stage.hold() }
        try await stage.say(.look(first))
        try await stage.say(.purchase(first, PaymentReference("p0")))
        try await stage.say(.define(definition, expecting: 0))
        _ = try await stage.hold(key: "k1")
        let second = try #require(try await stage.hold(6, key: "k2"))
        try await stage.say(.purchase(second, PaymentReference("p1")))
        try await stage.say(.remove(event: code("hall")))
        try await stage.say(.returnPurchase(second))
        try await stage.say(.remove(event: code("hall")))
        _ = try await stage.hold(6)
        try await stage.end()
    }

    @Test("Of two removals at once, the one that comes to nothing opens no part behind the other")
    func removedTwice() async throws {
        let server = try RedisServer()
        let (isBetween, isReady, mayRemove, isRefused) = (Flag(), Flag(), Flag(), Flag())
        let third = try await TestNode(server)
        _ = try await third.outcome(.define(hall(4) { $0.parts = 2 }))
        let count = Mutex(0)
        // Before it asks the second part, the other one has asked both; then it ends when it has opened parts again.
        let one = try await TestNode(server) {
            $0.endsBefore = { step in
                guard step == "leave" else { return false }
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                if number == 2 {
                    isBetween.set()
                    isReady.waitUntilSet()
                }
                return number == 3
            }
        }
        let two = try await TestNode(server) {
            $0.endsBefore = { step in
                guard step == "remove", !isRefused.isSet else { return false }
                isReady.set()
                mayRemove.waitUntilSet()
                isRefused.set()
                return false
            }
        }
        let removal = Command.remove(event: try code("hall"))
        async let first = one.store.perform(removal)
        while !isBetween.isSet { try await Task.sleep(for: .milliseconds(5)) }
        async let second = two.store.perform(removal)
        guard case .failed = await first else {
            Issue.record("the first came to something")
            return
        }
        // In the second part, as a node begins there.
        guard case .held(let view, _) = try await third.outcome(holdGA()) else {
            Issue.record("not held")
            return
        }
        #expect(RedisStore.part(of: view.id) == 2)
        mayRemove.set()
        guard case .decided(.refused(.eventHasSales), _) = await second else {
            Issue.record("removed with a hold")
            return
        }
        guard case .purchased = try await third.outcome(.purchase(view.id)) else {
            Issue.record("not bought")
            return
        }
        withExtendedLifetime((one, two)) {}
    }

    @Test("Places that arrive when the event is removed are nobody's")
    func arrivedLate() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(4) { $0.parts = 2 }))
        let move = try #require(try await node.store.takePlaces([2], from: 0, to: 1, of: 1))
        guard case .eventRemoved = try await node.outcome(.remove(event: code("hall"))) else {
            Issue.record("not removed")
            return
        }
        try await node.store.givePlaces(move.places, of: move.number, from: 0, to: 1, of: 1)
        let capacities = try (1...2).map { part in
            try node.server.ask(
                "EVAL", "return tostring(struct.unpack('<d', redis.call('HGET', KEYS[1], 'now'), 42))", "1",
                "holdfast:{\(part)}:event")
        }
        #expect(capacities == ["0", "0"])
    }

    @Test("Who meets a removal that came to nothing is served, and the removal is not made behind them")
    func leaving() async throws {
        let server = try RedisServer()
        // It ends when all parts wait for it.
        let first = try await TestNode(server) { $0.endsBefore = { $0 == "remove" } }
        let second = try await TestNode(server)
        _ = try await second.outcome(.define(hall(4) { $0.parts = 2 }))
        guard case .failed = await first.store.perform(.remove(event: try code("hall"))) else {
            Issue.record("it was removed")
            return
        }
        first.store.stop()
        for _ in 0..<4 {
            guard case .held = try await second.outcome(holdGA()) else {
                Issue.record("not held")
                return
            }
        }
        guard case .refused(.eventHasSales) = try await second.outcome(.remove(event: code("hall"))) else {
            Issue.record("removed with holds")
            return
        }
        withExtendedLifetime(first) {}
    }

    @Test("Removals and holds from two nodes: nobody holds what is removed")
    func race() async throws {
        let server = try RedisServer()
        let nodes = [try await TestNode(server), try await TestNode(server)]
        var removed = 0
        for round in 1...40 {
            let id = "event-\(round)"
            _ = try await nodes[0].outcome(.define(hall(8, id: id) { $0.parts = 2 + round % 3 }))
            let (first, second) = (nodes[0].store, nodes[1].store)
            let code = try code(id)
            async let removal = first.perform(.remove(event: code))
            let hold = await second.perform(try holdGA(event: id))
            switch (await removal, hold) {
            case (.decided(.eventRemoved, _), .decided(.refused(.unknownEvent), _)): removed += 1
            case (.decided(.refused(.eventHasSales), _), .decided(.held, _)): break
            case (let removal, let hold): Issue.record("\(removal), and \(hold)")
            }
        }
        #expect(removed < 40)
        withExtendedLifetime(nodes) {}
    }

    @Test("A late payment wins with another part's place, and one that finds none in any is owed back")
    func late() async throws {
        for isOther in [false, true] {
            let stage = try await ScriptTests.Stage()
            try await stage.say(.define(hall(2) { $0.parts = 2 }))
            let holds = [try #require(try await stage.hold()), try #require(try await stage.hold())]
            #expect(Set(holds.map { RedisStore.part(of: $0) }).count == 2)
            stage.pass(.seconds(62))
            let third = try #require(try await stage.hold())
            // Whose part has no place now, or the other one.
            let order = holds.sorted { first, _ in (RedisStore.part(of: first) == RedisStore.part(of: third)) != isOther
            }
            guard case .purchased(_, late: true, _) = try await stage.say(.purchase(order[0], PaymentReference("a")))
            else {
                Issue.record("it did not win: \(stage.oracle.breaches)")
                return
            }
            try await stage.say(.purchase(order[1], PaymentReference("b")))
            try await stage.say(.purchase(order[1], PaymentReference("b")))
            let owed = try await stage.subject.node.store.refundsOwed(of: code("hall"), after: nil, limit: 9)
            #expect(owed.map(\.payment) == ["b"])
            let bought = try await stage.subject.node.store.purchases(of: code("hall"), after: nil, limit: 9)
            #expect(bought.map(\.hold) == [order[0]])
            try await stage.end()
        }
    }

    @Test("A server of one part that is away: the others sell, and nobody hears that all is sold")
    func away() async throws {
        let cluster = try RedisCluster(["appendonly", "no", "cluster-require-full-coverage", "no"])
        let node = try await TestNode(.cluster(cluster), callTimeout: .seconds(1))
        _ = try await node.outcome(.define(hall(30) { $0.parts = 3 }))
        cluster.masters[2].kill()
        var held = 0
        var failed = 0
        for _ in 0..<60 where failed < 4 {
            switch await node.store.perform(try holdGA()) {
            case .decided(.held, _): held += 1
            case .failed: failed += 1
            case let reply: Issue.record("\(reply)")
            }
        }
        #expect(held == 20)
    }
}
