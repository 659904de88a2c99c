import BoxOffice
import Foundation
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore

/// Servers that are not ready yet when a node starts.
@Suite("A node that starts waits if waiting helps, and says in plain words what is wrong", .serialized)
struct StartTests {
    private func refusal(of server: RedisServer, _ change: (inout RedisStore.Configuration) -> Void) async -> String {
        await refusal(of: .one(server), change)
    }

    private func refusal(of servers: TestServers, _ change: (inout RedisStore.Configuration) -> Void) async -> String {
        do {
            _ = try await TestNode(servers, change: change)
            return "it opened"
        } catch {
            return "\(error)"
        }
    }

    @Test("A server that reads its data from its disk")
    func loading() async throws {
        let server = try RedisServer([
            "appendonly", "no", "enable-debug-command", "yes", "key-load-delay", "200000",
            "loading-process-events-interval-bytes", "1024", "rdbcompression", "no",
        ])
        // The server answers between two keys, so they must not be small.
        try server.ask("DEBUG", "POPULATE", "200", "key", "2000")
        try server.ask("SAVE")
        try server.restart(hasRead: false)
        let told = await refusal(of: server) { $0.startTime = .milliseconds(100) }
        #expect(told.contains("still reads its data from its disk"))
        try server.ask("CONFIG", "SET", "key-load-delay", "1000")
        let node = try await TestNode(server)
        guard case .eventChanged = try await node.outcome(.define(hall(2))) else { throw StoreFailure.outcomeUnknown }
    }

    @Test("Functions that are lost between their loading and the first question")
    func flushedMeanwhile() async throws {
        let server = try RedisServer()
        // Scripts keep nothing from call to call.
        guard try server.hasFunctions else { return }
        let lost = PlantedMistake(
            "the first question comes too late", "local function list_events(keys, args)\n",
            """
            local was_asked = false
            local function list_events(keys, args)
              if not was_asked then
                was_asked = true
                return redis.error_reply('ERR Function not found')
              end

            """)
        let node = try await TestNode(server) { $0.rewriteFunctions = lost.planted }
        guard case .eventChanged = try await node.outcome(.define(hall(2))) else { throw StoreFailure.outcomeUnknown }
    }

    @Test("Replicas that are not there yet")
    func replicas() async throws {
        let settings = ["appendonly", "no", "repl-diskless-sync-delay", "0"]
        let (server, replica) = (try RedisServer(settings), try RedisServer(settings))
        let told = await refusal(of: server) {
            $0.durability = .full
            $0.waitReplicas = 1
            $0.startTime = .milliseconds(100)
        }
        #expect(told.contains("has 0 replicas with all its data, and 1 are to acknowledge"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await Task.sleep(for: .milliseconds(400))
                try replica.follow(server)
            }
            let node = try await TestNode(server) {
                $0.durability = .full
                $0.waitReplicas = 1
            }
            guard case .eventChanged = try await node.outcome(.define(hall(2))) else {
                throw StoreFailure.outcomeUnknown
            }
            try await group.waitForAll()
        }
        // A replica takes no writes.
        let toldByReplica = await refusal(of: replica) { $0.startTime = .zero }
        #expect(toldByReplica.contains("is a replica, which takes no writes; name its master"))
    }

    @Test("A replica that is still loading does not count yet")
    func fed() async throws {
        // The master waits so long before it sends its data to a replica.
        let server = try RedisServer([
            "appendonly", "no", "repl-diskless-sync", "yes", "repl-diskless-sync-delay", "600",
        ])
        let replica = try RedisServer()
        try replica.ask("REPLICAOF", "127.0.0.1", "\(server.port)")
        for _ in 0..<6_000 {
            if try server.ask("INFO", "replication").contains("state=wait_bgsave") { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        let told = await refusal(of: server) {
            $0.durability = .full
            $0.waitReplicas = 1
            $0.startTime = .zero
        }
        #expect(told.contains("has 0 replicas with all its data (1 more are still copying it), and 1 are to"))
        withExtendedLifetime(replica) {}
    }

    @Test("Of a cluster every master is asked for its settings")
    func everyMaster() async throws {
        let cluster = try RedisCluster()
        for master in cluster.masters {
            try master.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
            let told = await refusal(of: .cluster(cluster)) { $0.startTime = .zero }
            #expect(told.contains("\(master.port) evicts keys when it is full (maxmemory-policy allkeys-lru)"))
            try master.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        }
    }

    @Test("A master that became a replica while the node waits for something else")
    func failoverMeanwhile() async throws {
        let cluster = try RedisCluster(["appendonly", "no", "repl-diskless-sync-delay", "0"], withReplicas: true)
        // The node waits for this one.
        cluster.replicas[2].kill()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await Task.sleep(for: .milliseconds(400))
                for look in 0..<6_000 {
                    // Redis gives it up after five seconds.
                    if look % 1_000 == 0 { try cluster.replicas[0].ask("CLUSTER", "FAILOVER") }
                    if try cluster.masters[0].ask("INFO", "replication").contains("role:slave") { break }
                    try await Task.sleep(for: .milliseconds(10))
                }
                try cluster.replicas[2].restart()
            }
            var timeouts = RedisConfiguration.Timeouts()
            // Much more than the time in which the client asks anew, as it must.
            timeouts.longestRefresh = .seconds(600)
            let node = try await TestNode(.cluster(cluster), timeouts: timeouts) {
                $0.durability = .full
                $0.waitReplicas = 1
                $0.startTime = .seconds(90)
            }
            guard case .eventChanged = try await node.outcome(.define(hall(2))) else {
                throw StoreFailure.outcomeUnknown
            }
            try await group.waitForAll()
        }
    }

    @Test("A master is away while the others of its cluster answer, until its replica takes over")
    func failoverUnderWay() async throws {
        let cluster = try RedisCluster(["appendonly", "no", "repl-diskless-sync-delay", "0"], withReplicas: true)
        try cluster.takeForDead(after: 2_000)
        cluster.masters[0].kill()
        let told = await refusal(of: .cluster(cluster)) { $0.startTime = .milliseconds(100) }
        #expect(told.contains("\(cluster.masters[0].port) cannot be asked: nobody listens at"))
        let node = try await TestNode(.cluster(cluster)) { $0.startTime = .seconds(90) }
        guard case .eventChanged = try await node.outcome(.define(hall(2))) else { throw StoreFailure.outcomeUnknown }
    }

    @Test("A server that is not there, and a password that is wrong")
    func unreachable() async throws {
        let server = try RedisServer()
        try server.ask("CONFIG", "SET", "requirepass", "secret")
        let told = await refusal(of: server) { _ in }
        #expect(
            told
                == "the Redis servers cannot be asked: the server refuses user or password (NOAUTH); see store and redis.password_file"
        )
        server.kill()
        let toldOfNobody = await refusal(of: server) { _ in }
        #expect(
            toldOfNobody == "the Redis servers cannot be asked: nobody listens at 127.0.0.1:\(server.port); "
                + "see that the server runs, and that store names it")
    }
}
