import RedisServers
import RedisWire

extension RedisServer {
    var node: RedisNode { RedisNode(host: "127.0.0.1", port: port) }
}

extension RedisCluster {
    /// The master that has the slot when the cluster is new.
    static func place(of slot: RedisSlot) -> Int {
        ranges.firstIndex { $0.contains(Int(slot.number)) } ?? 0
    }

    /// The configuration of a client that knows some nodes.
    func configuration(knowing servers: [RedisServer]? = nil) -> RedisConfiguration {
        var configuration = RedisConfiguration(servers: .cluster((servers ?? masters).map(\.node)))
        configuration.timeouts.call = .seconds(30)
        configuration.timeouts.longestBackoff = .milliseconds(200)
        return configuration
    }
}

/// Moves a slot from one master to another, step by step.
struct SlotMove {
    let slot: RedisSlot
    let from: RedisServer
    let to: RedisServer

    func begin(_ cluster: RedisCluster) throws {
        try to.ask("CLUSTER", "SETSLOT", "\(slot.number)", "IMPORTING", try cluster.id(from))
        try from.ask("CLUSTER", "SETSLOT", "\(slot.number)", "MIGRATING", try cluster.id(to))
    }

    func carry(_ key: String) throws {
        try from.ask("MIGRATE", "127.0.0.1", "\(to.port)", key, "0", "60000")
    }

    func end(_ cluster: RedisCluster) throws {
        let owner = try cluster.id(to)
        for server in [to, from] { try server.ask("CLUSTER", "SETSLOT", "\(slot.number)", "NODE", owner) }
    }
}

/// Waits until a condition holds, or fails after a generous time.
func eventually(
    _ what: String, within limit: Duration = .seconds(60), _ isTrue: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !isTrue() {
        guard ContinuousClock.now < end else { throw RedisServer.Trouble("in \(limit) not true: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}
