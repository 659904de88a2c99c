import BoxOffice
import Foundation
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// With real servers. `HealthTests` is about how long it may take.
@Suite("An idle node knows whether its servers decide, and why not", .serialized)
struct ReadinessTests {
    private func becomes(
        _ condition: StoreCondition, _ node: TestNode, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for _ in 0..<2_400 {
            if node.store.condition == condition { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        Issue.record("\(node.store.condition) and not \(condition)", sourceLocation: sourceLocation)
    }

    @Test("A server stands still, or is busy with a script")
    func silent() async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(9)))
        try await becomes(.selling, node)
        server.signal(SIGSTOP)
        try await becomes(.suspended(.silent), node)
        server.signal(SIGCONT)
        try await becomes(.selling, node)
        try server.ask("CONFIG", "SET", "lua-time-limit", "50")
        let script = Process()
        script.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        script.arguments = ["redis-cli", "-p", "\(server.port)", "EVAL", "while true do end", "0"]
        script.standardOutput = FileHandle.nullDevice
        script.standardError = FileHandle.nullDevice
        try script.run()
        try await becomes(.suspended(.busy), node)
        try server.ask("SCRIPT", "KILL")
        script.waitUntilExit()
        try await becomes(.selling, node)
        server.kill()
        try await becomes(.suspended(.unreachable), node)
        try server.restart()
        try await becomes(.selling, node)
    }

    @Test("Every node reports an event whose room for keys is nearly full (R15 Idempotency keys)")
    func keyRoom() async throws {
        var limits = Limits()
        limits.keys = 10
        let server = try RedisServer()
        let nodes = [try await TestNode(server, limits: limits), try await TestNode(server, limits: limits)]
        for event in ["calm", "busy"] { _ = try await nodes[0].outcome(.define(hall(9, id: event))) }
        for number in 1...8 {
            #expect(nodes[0].store.concerns == [])
            _ = try await nodes[0].outcome(holdGA(event: "busy", key: "key \(number)"))
        }
        let detail =
            "Event busy uses four fifths of its room for idempotency keys (limits.keys is 10): keys of ended holds "
            + "expire early."
        for node in nodes {
            for _ in 0..<2_400 where node.store.concerns.isEmpty { try await Task.sleep(for: .milliseconds(25)) }
            #expect(node.store.concerns == [StoreConcern(.keyRoomNearlyFull, detail)])
        }
    }

    @Test("If the only replica is gone, nothing is ready if holds wait for it; if not, it is a concern")
    func replica() async throws {
        let settings = ["appendonly", "no", "repl-diskless-sync-delay", "0"]
        let (server, replica) = (try RedisServer(settings), try RedisServer(settings))
        try replica.follow(server)
        func node(holds: Durability) async throws -> TestNode {
            try await TestNode(server) {
                $0.durability = .full
                $0.waitReplicas = 1
                $0.holds = holds
            }
        }
        let (strict, lax) = (try await node(holds: .full), try await node(holds: .relaxed))
        _ = try await strict.outcome(.define(hall(9)))
        replica.signal(SIGSTOP)
        try await becomes(.suspended(.replicasMissing), strict)
        func isConcern(_ isOne: Bool) async throws -> Bool {
            for _ in 0..<2_400 {
                if lax.store.concerns.contains(where: { $0.kind == .replicasMissing }) == isOne { return true }
                try await Task.sleep(for: .milliseconds(25))
            }
            return false
        }
        #expect(try await isConcern(true))
        try await becomes(.selling, lax)
        replica.signal(SIGCONT)
        try await becomes(.selling, strict)
        #expect(try await isConcern(false))
    }

    @Test("If the user may not run WAIT, the start is refused; if that changes later, nothing is ready")
    func denied() async throws {
        let settings = ["appendonly", "no", "repl-diskless-sync-delay", "0"]
        let (server, replica) = (try RedisServer(settings), try RedisServer(settings))
        try replica.follow(server)
        func node() async throws -> TestNode {
            try await TestNode(.one(server), user: "seller") {
                $0.durability = .full
                $0.waitReplicas = 1
            }
        }
        try server.ask("ACL", "SETUSER", "seller", "on", "nopass", "~*", "+@all")
        let one = try await node()
        _ = try await one.outcome(.define(hall(9)))
        try server.ask("ACL", "SETUSER", "seller", "-wait")
        try await becomes(.suspended(.forbidden), one)
        await #expect(throws: RedisStoreError.self) { _ = try await node() }
        try server.ask("ACL", "SETUSER", "seller", "+wait")
        try await becomes(.selling, one)
    }
}
