import BoxOffice
import Foundation
import RedisServers
import RedisStore
import Testing
import TicketStore

@Suite("The servers' settings are checked before anything is sold")
struct ServerCheckTests {
    private func master(change: (inout ServerCheck.Master) -> Void = { _ in }) -> ServerCheck.Master {
        var master = ServerCheck.Master(name: "one:6379")
        master.version = "7.0.15"
        master.appendOnly = true
        master.appendFsync = "always"
        master.evictionPolicy = "noeviction"
        master.maxMemory = 1 << 30
        master.replicas = 0
        change(&master)
        return master
    }

    private func objections(
        _ durability: Durability = .full, waitReplicas: Int = 0, change: (inout ServerCheck.Master) -> Void
    ) -> [String] {
        ServerCheck([master(change: change)], durability: durability, waitReplicas: waitReplicas).objections
    }

    @Test("A server that syncs before it answers, and evicts nothing, is fit")
    func fit() {
        let check = ServerCheck([master()], durability: .full, waitReplicas: 0)
        #expect(check.objections == [])
        #expect(check.warnings == [])
        #expect(check.promise == "full: an answered purchase is on the disk of the server that took it")
    }

    @Test("A server that evicts keys is unfit, whatever the durability")
    func eviction() {
        for durability in Durability.allCases {
            let found = objections(durability) { $0.evictionPolicy = "allkeys-lru" }
            #expect(found.count == 1)
            #expect(found.first?.contains("maxmemory-policy allkeys-lru") == true)
        }
    }

    @Test("A server that syncs later, or never, is unfit for full durability and fit for relaxed")
    func syncing() {
        #expect(objections { $0.appendFsync = "everysec" }.count == 1)
        #expect(objections { $0.appendOnly = false }.count == 1)
        #expect(objections(.relaxed) { $0.appendOnly = false } == [])
        #expect(objections { $0.appendOnly = nil } == [])
    }

    @Test("There must be as many replicas as have to acknowledge")
    func replicas() {
        #expect(objections(waitReplicas: 1) { $0.appendOnly = false }.count == 1)
        #expect(
            objections(waitReplicas: 1) {
                $0.appendOnly = false
                $0.replicas = 1
            } == [])
    }

    @Test("Replicas that need not acknowledge give a warning: a failover may choose one of them")
    func replicasTooMany() {
        func warnings(_ replicas: Int, of waitReplicas: Int) -> [String] {
            ServerCheck([master { $0.replicas = replicas }], durability: .full, waitReplicas: waitReplicas).warnings
        }
        #expect(warnings(2, of: 1).count == 1)
        #expect(warnings(2, of: 1).first?.hasSuffix("set redis.wait_replicas to 2") == true)
        #expect(warnings(1, of: 1) == [])
        #expect(warnings(2, of: 0) == [], "without waiting for replicas the disk makes the promise")
    }

    @Test("A clock that differs by more than a second gives a warning, which says in which direction")
    func clocks() {
        func warnings(_ ahead: Duration?) -> [String] {
            ServerCheck([master { $0.clockAhead = ahead }], durability: .full, waitReplicas: 0).warnings
        }
        #expect(warnings(nil) == [])
        #expect(warnings(.seconds(1)) == [])
        #expect(warnings(.seconds(-1)) == [])
        #expect(warnings(.milliseconds(7_800)).first?.hasPrefix("the clock of one:6379 is 7 s ahead of this") == true)
        #expect(warnings(.milliseconds(-3_600_000)).first?.contains("is 3600 s behind this node's") == true)
    }

    @Test("A real server's clock is compared with the node's")
    func realClock() async throws {
        let server = try RedisServer()
        func warnings(_ nodeClock: @escaping @Sendable () -> WallTime) async throws -> [String] {
            try await TestNode(server) { $0.nodeClock = nodeClock }.store.check.warnings.filter { $0.contains("clock") }
        }
        let now = { @Sendable in WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000)) }
        #expect(try await warnings(now) == [])
        let late = try await warnings { WallTime(milliseconds: now().milliseconds - 90_000) }
        #expect(late.count == 1)
        #expect(late.first?.contains("ahead of this node's") == true)
    }

    @Test("A server that is too old is refused")
    func version() {
        for version in ["5.0.14", "6.0.20", "6.1.240", "6", "odd"] {
            let found = objections { $0.version = version }
            #expect(found == ["one:6379 is Redis \(version); 6.2 is the oldest that the functions run on"])
        }
        for version in ["6.2", "6.2.14", "7.0.15", "8.1.8", "10.0.0"] {
            #expect(objections { $0.version = version } == [])
        }
        let silent = objections { $0.version = nil }
        #expect(silent == ["one:6379 does not say what it is; Redis 6.2 or later, or Valkey, is needed"])
    }

    @Test("The promise for holds says that a disk syncs them with everything else")
    func holds() {
        func promise(_ durability: Durability, _ waitReplicas: Int, _ holds: Durability) -> String {
            ServerCheck([master()], durability: durability, waitReplicas: waitReplicas, holds: holds).durability.holds
        }
        #expect(promise(.full, 0, .full) == "full, as purchases are")
        #expect(promise(.full, 0, .relaxed).hasPrefix("full, as purchases are: a server with appendfsync always"))
        #expect(promise(.full, 1, .full) == "full, as purchases are")
        #expect(promise(.full, 1, .relaxed).hasPrefix("relaxed: an answered hold is in the memory of the server"))
        #expect(promise(.relaxed, 1, .full) == "relaxed, as purchases are")
    }

    @Test("Some objections pass by themselves: loading, replicas that are loading, a replica that may become master")
    func waiting() {
        func waits(_ change: (inout ServerCheck.Master) -> Void) -> [String] {
            let check = ServerCheck([master(change: change)], durability: .full, waitReplicas: 1)
            #expect(check.waits.allSatisfy(check.objections.contains))
            return check.waits
        }
        #expect(waits { $0.replicas = 1 } == [])
        #expect(
            waits {
                $0.replicas = 1
                $0.isLoading = true
            }.map { $0.contains("reads its data") } == [true])
        #expect(
            waits {
                $0.replicas = 1
                $0.isReplica = true
            }.map { $0.contains("is a replica") } == [true])
        #expect(waits { $0.replicasOnTheWay = 1 }.map { $0.contains("1 more are still copying it") } == [true])
        #expect(
            waits {
                $0.replicas = 1
                $0.evictionPolicy = "allkeys-lru"
            } == [])
    }
}
