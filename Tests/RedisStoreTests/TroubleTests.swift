import BoxOffice
import Foundation
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore

/// What can happen to a server. An answer is then never a success or a refusal that may be wrong (R18 Unknown outcome).
@Suite("Trouble with the server is reported as what it is", .serialized)
struct TroubleTests {
    private func places(_ node: TestNode) async throws -> (held: Int, sold: Int) {
        let counts = try await node.store.counts()
        return (counts.reduce(0) { $0 + $1.held }, counts.reduce(0) { $0 + $1.sold })
    }

    /// Repeats the hold until the store has found the server again.
    private func held(_ node: TestNode, _ command: Command) async throws -> HoldView {
        for _ in 0..<2_400 {
            if case .decided(.held(let view, _), _) = await node.store.perform(command) { return view }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw StoreFailure.outcomeUnknown
    }

    @Test("What is sold on one node is known on another at once")
    func nodes() async throws {
        let server = try RedisServer()
        let (one, two) = (try await TestNode(server), try await TestNode(server))
        _ = try await one.outcome(.define(hall(2)))
        // The second node has not read the list yet, and must.
        guard case .held(let view, _) = try await two.outcome(holdGA()) else {
            Issue.record("not held")
            return
        }
        #expect(one.store.ledgerIdentity == two.store.ledgerIdentity)
        let three = try await TestNode(server)
        let purchase = try await three.outcome(.purchase(view.id, PaymentReference("p")))
        guard case .purchased(_, late: false, repeated: false) = purchase else {
            Issue.record("\(purchase)")
            return
        }
        let again = try await one.outcome(.purchase(view.id, PaymentReference("p")))
        guard case .purchased(_, late: false, repeated: true) = again else {
            Issue.record("\(again)")
            return
        }
        // A definition that another node changed decides at once, and this node knows what it means.
        _ = try await two.outcome(.define(hall(9) { $0.types[0].price = 7_000 }))
        guard case .held(let dear, _) = try await one.outcome(holdGA()) else {
            Issue.record("not held")
            return
        }
        #expect(dear.lines.first.price == 7_000)
        #expect(one.store.catalogue(at: dear.event).types[Int(dear.lines.first.type)].price == 7_000)
        #expect(one.store.event(try code("hall"))?.definition.pools.first?.capacity == 9)
    }

    @Test("Functions that were flushed are loaded again, and nothing was done twice")
    func flushed() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(50)))
        for round in 1...5 {
            try node.server.ask(node.server.hasFunctions ? "FUNCTION" : "SCRIPT", "FLUSH")
            async let first = node.outcome(holdGA())
            async let second = node.outcome(holdGA(event: "nowhere"))
            async let third = node.outcome(.define(hall(50, id: "other-\(round)")))
            _ = try await (first, third)
            #expect(try await second == .refused(.unknownEvent))
        }
        #expect(try await places(node) == (5, 0))
    }

    @Test("Lists for operators find their functions again though nobody sells meanwhile")
    func flushedAndRead() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(5)))
        let view = try await held(node, holdGA())
        _ = try await node.outcome(.purchase(view.id, PaymentReference("p")))
        let flush = try node.server.hasFunctions ? "FUNCTION" : "SCRIPT"
        try node.server.ask(flush, "FLUSH")
        #expect(try await node.store.recount().broken == nil)
        try node.server.ask(flush, "FLUSH")
        #expect(try await node.store.purchases(of: hall(5).id, after: nil, limit: 10).count == 1)
        try node.server.ask(flush, "FLUSH")
        #expect(try await places(node) == (0, 1))
    }

    @Test("Lists for operators are refused while a server is away or does not answer", arguments: [true, false])
    func awayAndRead(isKilled: Bool) async throws {
        let node = try await TestNode(RedisServer(), callTimeout: .seconds(2))
        let hall = try hall(5)
        _ = try await node.outcome(.define(hall))
        let keyring = RedisKeyring(client: node.client, prefix: "holdfast")
        let made = try await keyring.make(.init(name: "Anna", role: .viewer), at: WallTime(milliseconds: 0))
        let credential = try #require(made).credential
        node.server.signal(isKilled ? SIGKILL : SIGSTOP)
        defer { node.server.goOn() }
        let reads: [(String, () async throws -> Void)] = [
            ("recount", { _ = try await node.store.recount() }),
            ("audit", { _ = try await node.store.audit(of: nil, after: nil, limit: 9) }),
            ("purchases", { _ = try await node.store.purchases(of: hall.id, after: nil, limit: 9) }),
            ("refunds", { _ = try await node.store.refundsOwed(of: hall.id, confirmed: true, after: nil, limit: 9) }),
            ("keys", { _ = try await keyring.key(of: credential) }),
        ]
        for (name, read) in reads {
            await #expect(throws: StoreFailure.suspended(.unreachable), "\(name)") { try await read() }
        }
    }

    @Test("A server that has room again sells again though no command comes meanwhile")
    func roomAgain() async throws {
        let server = try RedisServer()
        // Without functions a call that writes nothing is not refused.
        guard try server.hasFunctions else { return }
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(5)))
        try server.ask("CONFIG", "SET", "maxmemory", "1")
        await #expect(throws: StoreFailure.suspended(.memoryFull)) { _ = try await node.outcome(holdGA()) }
        try await Task.sleep(for: .milliseconds(1_500))
        #expect(node.store.condition == .suspended(.memoryFull))
        try server.ask("CONFIG", "SET", "maxmemory", "0")
        #expect(try await eventually { node.store.condition == .selling })
    }

    @Test("A server that became a replica does not count as selling, though it can be read")
    func demoted() async throws {
        let server = try RedisServer()
        guard try server.hasFunctions else { return }
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(5)))
        try server.ask("REPLICAOF", "127.0.0.1", "1")
        await #expect(throws: StoreFailure.self) { _ = try await node.outcome(holdGA()) }
        for _ in 0..<30 {
            #expect(node.store.condition != .selling)
            try await Task.sleep(for: .milliseconds(50))
        }
        try server.ask("REPLICAOF", "NO", "ONE")
        _ = try await held(node, holdGA())
    }

    @Test("One server that lost the functions gets them while another one is away")
    func flushedWhileAnotherIsAway() async throws {
        let cluster = try RedisCluster(["appendonly", "no", "cluster-require-full-coverage", "no"])
        let node = try await TestNode(.cluster(cluster))
        // Three events are on all three masters.
        for id in ["one", "two", "three"] { _ = try await node.outcome(.define(hall(50, id: id))) }
        func isSold(_ id: String) async -> Bool {
            guard let hold = try? holdGA(event: id) else { return false }
            if case .decided(.held, _) = await node.store.perform(hold) { return true }
            return false
        }
        cluster.masters[0].kill()
        var sold: [String] = []
        for id in ["one", "two", "three"] where await isSold(id) { sold.append(id) }
        #expect(!sold.isEmpty && sold.count < 3)
        for master in cluster.masters.dropFirst() {
            try master.ask(master.hasFunctions ? "FUNCTION" : "SCRIPT", "FLUSH")
        }
        for id in sold { #expect(await isSold(id), "\(id) is not sold") }
    }

    @Test("A server that has no functions runs them as scripts, also after those were flushed")
    func scripts() async throws {
        var server = try RedisServer()
        if try server.hasFunctions {
            server = try RedisServer(["appendonly", "no", "rename-command", "FUNCTION \"\""])
        }
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(9)))
        for round in 1...3 {
            let command = try holdGA(2, key: "key-\(round)")
            guard case .held(let view, replayed: false) = try await node.outcome(command) else {
                Issue.record("not held")
                return
            }
            try node.server.ask("SCRIPT", "FLUSH")
            guard case .held(_, replayed: true) = try await node.outcome(command) else {
                Issue.record("not the same again")
                return
            }
            _ = try await node.outcome(.purchase(view.id, PaymentReference("p\(round)")))
        }
        #expect(try await places(node) == (0, 6))
        #expect(try await node.store.recount().broken == nil)
    }

    @Test("A stopped server: unknown, then answered, and a key makes asking again safe")
    func stopped() async throws {
        let node = try await TestNode(RedisServer(), callTimeout: .seconds(2))
        _ = try await node.outcome(.define(hall(50)))
        node.server.signal(SIGSTOP)
        await node.expectUnknown(try holdGA(key: "again"))
        node.server.signal(SIGCONT)
        _ = try await held(node, holdGA(key: "again"))
        _ = try await held(node, holdGA(key: "again"))
        #expect(try await places(node) == (1, 0))
    }

    @Test("A full server takes no more, says so, and sells again when there is room")
    func full() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(5_000)))
        let view = try await held(node, holdGA())
        let before = try await places(node)
        try node.server.ask("CONFIG", "SET", "maxmemory", "1")
        let reply = await node.store.perform(try holdGA())
        guard case .failed(.suspended(.memoryFull)) = reply else {
            Issue.record("\(reply)")
            return
        }
        #expect(node.store.condition == .suspended(.memoryFull))
        try node.server.ask("CONFIG", "SET", "maxmemory", "0")
        #expect(try await places(node) == before)
        _ = try await node.outcome(.purchase(view.id))
        #expect(node.store.condition == .selling)
    }

    @Test("A server that syncs before it answers has what it answered after it was killed")
    func killed() async throws {
        let server = try RedisServer(["appendonly", "yes", "appendfsync", "always"])
        let node = try await TestNode(server) { $0.durability = .full }
        _ = try await node.outcome(.define(hall(5_000)))
        var answered: [HoldID] = []
        for round in 1...3 {
            for _ in 1...20 {
                let view = try await held(node, holdGA())
                _ = try await node.outcome(.purchase(view.id, PaymentReference("p\(view.id)")))
                answered.append(view.id)
            }
            // In the middle of a hundred commands at once.
            await withTaskGroup(of: Void.self) { group in
                for number in 1...100 {
                    group.addTask { [store = node.store] in
                        guard let command = try? holdGA(key: "\(round)-\(number)") else { return }
                        _ = await store.perform(command)
                    }
                }
                server.signal(SIGKILL)
            }
            try server.restart()
        }
        // The node finds the server again by itself, which takes a moment.
        _ = try await held(node, holdGA())
        for id in answered {
            guard case .looked(let view, _) = try await node.outcome(.look(id)) else {
                Issue.record("hold \(id) is not there")
                continue
            }
            #expect(view.state == .purchased)
        }
        let recount = try await node.store.recount()
        #expect(recount.broken == nil)
        #expect(recount.pools.first?.sold == answered.count)
    }

    @Test("Without the acknowledgement of a replica nothing is answered as done")
    func noReplica() async throws {
        let node = try await TestNode(RedisServer()) {
            $0.durability = .full
            $0.waitReplicas = 1
            $0.waitTime = .milliseconds(50)
            // So the start does not wait for replicas either.
            $0.acceptsUnfitServers = true
        }
        await node.expectUnknown(.define(try hall(5)))
        await node.expectUnknown(try holdGA())
        // A refusal that promises nothing leaves all the same.
        let refused = await node.store.perform(try holdGA(7))
        guard case .decided(.refused(.insufficientQuantity(available: 4)), _) = refused else {
            Issue.record("\(refused)")
            return
        }
    }

    @Test("An answer tells of another node's write only once the replicas have it")
    func othersFacts() async throws {
        let server = try RedisServer()
        // The clocks stand, so no call writes only because time has passed.
        let clock = try TestClock(on: server)
        let one = try await TestNode(server) { $0.rewriteFunctions = clock.put }
        try server.ask(clock.shows(ticks: 1_000_000, wall: 1_000_000))
        _ = try await one.outcome(.define(hall(5)))
        guard case .held(let view, _) = try await one.outcome(holdGA()) else { throw StoreFailure.outcomeUnknown }
        _ = try await one.outcome(.purchase(view.id, PaymentReference("p")))
        let replica = try RedisServer()
        try replica.follow(server)
        // Nodes that wait for replicas have functions of their own.
        let sameTime = try TestClock(on: server)
        let careful = try await TestNode(server) {
            $0.rewriteFunctions = sameTime.put
            $0.durability = .full
            $0.waitReplicas = 1
            $0.waitTime = .milliseconds(200)
        }
        try server.ask(sameTime.shows(ticks: 1_000_000, wall: 1_000_000))
        // This call only reads, and has written nothing itself.
        let isAnswered = try await eventually {
            if case .decided(.looked, _) = await careful.store.perform(.look(view.id)) { true } else { false }
        }
        #expect(isAnswered)
        replica.signal(SIGSTOP)
        defer { replica.signal(SIGCONT) }
        _ = try await one.outcome(.returnPurchase(view.id))
        await careful.expectUnknown(.look(view.id))
    }

    @Test("An unfit server is refused with the reason, unless the configuration accepts it")
    func unfit() async throws {
        let server = try RedisServer(["appendonly", "no", "maxmemory-policy", "allkeys-lru"])
        do {
            _ = try await TestNode(server) { $0.durability = .full }
            Issue.record("it opened")
        } catch let error as RedisStoreError {
            #expect("\(error)".contains("maxmemory-policy allkeys-lru"))
            #expect("\(error)".contains("appendonly no"))
        }
        let node = try await TestNode(server) {
            $0.durability = .full
            $0.acceptsUnfitServers = true
        }
        #expect(node.store.check.objections.count == 2)
    }

    @Test("A cluster does not read what was written for one server")
    func layout() async throws {
        let server = try RedisServer()
        try server.ask("SET", "holdfast:{events}:layout", "cluster")
        do {
            _ = try await TestNode(server)
            Issue.record("it opened")
        } catch let error as RedisStoreError {
            #expect("\(error)".contains("written for cluster, and this is one server"))
        }
    }

    @Test("A time without calls, or a jump of the clock, takes at most a second from deadlines (R5 The store's clock)")
    func jump() async throws {
        var limits = Limits()
        limits.recoveryGrace = .zero
        let subject = try await RedisSubject(limits: limits, longestGap: "1000")
        func at(_ ticks: Int64) -> Moment {
            Moment(office: Timestamp(milliseconds: ticks), wall: WallTime(milliseconds: ticks))
        }
        try await subject.advance(to: at(1_000_000))
        _ = try await subject.node.outcome(.define(hall(2, hold: .seconds(10), grace: .zero)))
        guard case .held(let view, _) = try await subject.node.outcome(holdGA()) else {
            throw StoreFailure.outcomeUnknown
        }
        // Nine hours forward count as one second.
        try await subject.advance(to: at(33_400_000))
        guard case .looked(let after, _) = try await subject.node.outcome(.look(view.id)) else {
            throw StoreFailure.outcomeUnknown
        }
        #expect(after.state == .held)
        // An hour back counts as nothing, and from there it goes on.
        try await subject.advance(to: at(29_800_000))
        _ = try await subject.node.outcome(.look(view.id))
        for second in Int64(1)...8 {
            try await subject.advance(to: at(29_800_000 + second * 1_000))
            _ = try await subject.node.outcome(.look(view.id))
        }
        try await subject.advance(to: at(29_808_999))
        guard case .looked(let last, _) = try await subject.node.outcome(.look(view.id)) else {
            throw StoreFailure.outcomeUnknown
        }
        #expect(last.state == .held)
        try await subject.advance(to: at(29_809_000))
        guard case .looked(let gone, _) = try await subject.node.outcome(.look(view.id)) else {
            throw StoreFailure.outcomeUnknown
        }
        #expect(gone.state == .expired)
    }
}
