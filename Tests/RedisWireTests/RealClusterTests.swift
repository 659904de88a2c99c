import Foundation
import NIOCore
import RedisServers
import RedisWire
import Testing

/// One cluster for all tests, since it takes seconds to come up.
@Suite("The client and a real cluster", .serialized, .timeLimit(.minutes(10)))
struct RealClusterTests {
    @Test("Keys find their masters, also when a slot moves under load and a master dies under load")
    func cluster() async throws {
        let cluster = try RedisCluster(withReplicas: true)
        var knowing = cluster.configuration(knowing: [cluster.masters[1]])
        // And a node that is gone.
        knowing.servers = .cluster([RedisNode(host: "127.0.0.1", port: 1), cluster.masters[1].node])
        try await withClient(knowing) { client in
            try await Self.findsMasters(client, cluster)
            try await Self.toldWhatItIs(client, cluster)
            try await Self.slotMoves(client, cluster)
            // From here on silent servers are dead.
            try await Self.masterDies(client, cluster)
            try await Self.masterStalls(client, cluster)
        }
        try await Self.stopsWhileItLooks(cluster)
    }

    private static func findsMasters(_ client: RedisClient, _ cluster: RedisCluster) async throws {
        // There is no map of the cluster yet.
        #expect(await client.callEachMaster(RedisCommand("PING")).filter(\.outcome.isGood).count == 3)
        for number in 0..<60 {
            let key = "key:\(number)"
            #expect(try await client.call(RedisCommand("SET", key, "\(number)"), for: RedisKey(key)).text() == "OK")
        }
        for number in 0..<60 {
            let key = "key:\(number)"
            #expect(try await client.call(RedisCommand("GET", key), for: RedisKey(key)).integer() == Int64(number))
        }
        let sizes = await client.callEachMaster(RedisCommand("DBSIZE"))
        #expect(Set(sizes.map(\.node.port)) == Set(cluster.masters.map(\.port)))
        #expect(try sizes.reduce(0) { try $0 + $1.outcome.get().integer() } == 60)
        #expect(try await client.call(RedisCommand("PING"), for: nil).text() == "PONG")
        let written = await client.pipeline(
            [RedisCommand("SET", "key:0", "1"), RedisCommand("WAIT", "1", "1000", isRepeatable: true)],
            for: RedisKey("key:0"))
        #expect(try written[1].get().integer() == 1)
    }

    private static func toldWhatItIs(_ client: RedisClient, _ cluster: RedisCluster) async throws {
        // The wrong slot: the call follows the redirection to the right node.
        #expect(try await client.call(RedisCommand("GET", "foo"), for: RedisKey("bar")).isNull)
        let crossed = await client.outcome(RedisCommand("MGET", "foo", "bar"), for: RedisKey("foo"))
        guard case .failure(.refused(let error)) = crossed else {
            Issue.record("\(crossed)")
            return
        }
        #expect(error.code == "CROSSSLOT")
    }

    /// Callers add to counters while their slot is being moved. In the end each counter has the number that was answered.
    private static func slotMoves(_ client: RedisClient, _ cluster: RedisCluster) async throws {
        let key = RedisKey("{moving}")
        let from = cluster.masters[RedisCluster.place(of: key.slot)]
        let to = cluster.masters[(RedisCluster.place(of: key.slot) + 1) % 3]
        let move = SlotMove(slot: key.slot, from: from, to: to)
        let keys = (0..<4).map { "{moving}:\($0)" }
        let answered = Shared([Int](repeating: 0, count: keys.count))
        try await withThrowingTaskGroup { group in
            for place in keys.indices {
                for _ in 0..<4 {
                    group.addTask {
                        while !answered.isOver.load(ordering: .relaxed) {
                            _ = try await client.call(RedisCommand("INCR", keys[place]), for: key)
                            answered.value.withLock { $0[place] += 1 }
                        }
                    }
                }
            }
            try await eventually("all have counted") { answered.value.withLock { $0.allSatisfy { $0 > 20 } } }
            try move.begin(cluster)
            try move.carry(keys[0])
            // One key has moved and the other has not: the call is repeated until both have moved.
            async let both = client.outcome(RedisCommand("MGET", keys[0], keys[1]), for: key)
            try await Task.sleep(for: .milliseconds(30))
            for key in keys.dropFirst() { try move.carry(key) }
            #expect(try await both.get().array().count == 2)
            let before = answered.value.withLock { $0 }
            try await eventually("all count on where ASK leads") {
                answered.value.withLock { now in zip(now, before).allSatisfy { $0 > $1 + 20 } }
            }
            try move.end(cluster)
            let moved = answered.value.withLock { $0 }
            try await eventually("all count on where MOVED leads") {
                answered.value.withLock { now in zip(now, moved).allSatisfy { $0 > $1 + 20 } }
            }
            answered.isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        for (place, name) in keys.enumerated() {
            #expect(
                try await client.call(RedisCommand("GET", name), for: key).integer()
                    == Int64(answered.value.withLock { $0[place] }))
        }
        #expect(try to.ask("EXISTS", keys[0]).hasPrefix("1"))
    }

    private struct Account {
        /// Answered, and acknowledged by a replica.
        var safe = 0
        var good = 0
        var unknown = 0
        var undone = 0
        var other: [RedisFailure] = []
    }

    /// Callers add while the master dies. Afterwards there is at least what a replica acknowledged, and at most what was sent.
    private static func masterDies(_ client: RedisClient, _ cluster: RedisCluster) async throws {
        let dying = cluster.masters[0]
        let name =
            try (0..<1000).map { "dying:\($0)" }.first { RedisCluster.place(of: RedisKey($0).slot) == 0 }
            ?? {
                throw RedisServer.Trouble("no key for the first master")
            }()
        let key = RedisKey(name)
        let account = Shared(Account())
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    while !account.isOver.load(ordering: .relaxed) {
                        let outcomes = await client.pipeline(
                            [RedisCommand("INCR", name), RedisCommand("WAIT", "1", "20", isRepeatable: true)],
                            for: key, deadline: .now() + .seconds(1))
                        let isSafe = (try? outcomes[1].get().integer()) == 1
                        account.value.withLock { note(outcomes[0], isSafe: isSafe, in: &$0) }
                        // A caller that is refused at once waits a little.
                        if !outcomes[0].isGood { try await Task.sleep(for: .milliseconds(5)) }
                    }
                }
            }
            try await eventually("all have counted") { account.value.withLock { $0.safe > 50 } }
            try cluster.takeForDead(after: 500)
            dying.kill()
            let before = account.value.withLock { $0.good }
            try await eventually("the replica has taken over") { account.value.withLock { $0.good > before + 50 } }
            account.isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        let count = Int(try await client.call(RedisCommand("GET", name), for: key).integer())
        let seen = account.value.withLock { $0 }
        #expect(seen.other.isEmpty)
        #expect(seen.undone > 0)
        #expect(count >= seen.safe)
        #expect(count <= seen.good + seen.unknown)
        #expect(try cluster.replicas[0].ask("ROLE").hasPrefix("master"))
    }

    /// A master goes silent without closing its connections: its replica takes over, and the client finds it.
    private static func masterStalls(_ client: RedisClient, _ cluster: RedisCluster) async throws {
        let stalling = cluster.masters[1]
        let name = try #require(
            (0..<1000).map { "stalling:\($0)" }.first { RedisCluster.place(of: RedisKey($0).slot) == 1 })
        let key = RedisKey(name)
        _ = try await client.call(RedisCommand("INCR", name), for: key)
        stalling.stall()
        // The silence ends the connection; the call does not wait for its own deadline.
        let pending = await client.outcome(RedisCommand("INCR", name), for: key)
        guard case .failure(.outcomeUnknown(.connectionLost)) = pending else {
            Issue.record("\(pending)")
            return
        }
        try await eventually("the replica has taken over") {
            await client.outcome(RedisCommand("INCR", name), for: key).isGood
        }
        stalling.goOn()
    }

    /// The client is stopped after it asked three masters for the map: their answers open no connections any more.
    private static func stopsWhileItLooks(_ cluster: RedisCluster) async throws {
        for _ in 0..<5 {
            try await withClient(cluster.configuration()) { client in
                _ = await client.callEachMaster(RedisCommand("PING"))
                try await Task.sleep(for: .milliseconds(150))
                client.lookAnew()
                client.stop()
                // `withClient` waits for its end.
            }
        }
    }

    private static func note(_ outcome: RedisClient.Outcome, isSafe: Bool, in account: inout Account) {
        switch outcome {
        case .success:
            account.good += 1
            if isSafe { account.safe += 1 }
        case .failure(let failure) where failure.isCertainlyUndone: account.undone += 1
        case .failure(.outcomeUnknown): account.unknown += 1
        case .failure(let failure): account.other.append(failure)
        }
    }
}
