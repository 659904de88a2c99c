import Foundation
import RedisWire

/// Three masters with a third of the slots each, and a replica of each.
final class RedisCluster {
    let masters: [RedisServer]
    let replicas: [RedisServer]

    init() async throws {
        let servers = try (0..<6).map { _ in try RedisServer(isCluster: true) }
        masters = Array(servers[..<3])
        replicas = Array(servers[3...])
        for server in servers { try await server.start() }
        for (place, server) in servers.enumerated() {
            try server.cli("CLUSTER", "SET-CONFIG-EPOCH", "\(place + 1)")
            if place > 0 {
                try server.cli(
                    "CLUSTER", "MEET", "127.0.0.1", "\(servers[0].port)", "\(servers[0].busPort)")
            }
        }
        for (place, range) in Self.ranges.enumerated() {
            try masters[place].cli("CLUSTER", "ADDSLOTSRANGE", "\(range.lowerBound)", "\(range.upperBound)")
        }
        try await eventually("all know all") {
            try servers.allSatisfy { try $0.cli("CLUSTER", "INFO").contains("cluster_known_nodes:6") }
        }
        for place in 0..<3 { try await replicate(place) }
        try await eventually("the cluster is whole") {
            try servers.allSatisfy { server in
                let info = try server.cli("CLUSTER", "INFO")
                guard info.contains("cluster_state:ok") else { return false }
                return try server.cli("CLUSTER", "NODES").components(separatedBy: "slave ").count == 4
            }
        }
        try await eventually("the replicas have caught up") {
            try masters.allSatisfy { try $0.cli("INFO", "replication").contains("state=online") }
        }
    }

    private static let ranges = [0...5460, 5461...10922, 10923...16383]

    /// Which master has the slot when the cluster is new.
    static func place(of slot: RedisSlot) -> Int {
        ranges.firstIndex { $0.contains(Int(slot.number)) } ?? 0
    }

    /// What a client gets that knows some nodes.
    func configuration(knowing servers: [RedisServer]? = nil) -> RedisConfiguration {
        var configuration = RedisConfiguration(servers: .cluster((servers ?? masters).map(\.node)))
        configuration.timeouts.connect = .seconds(2)
        configuration.timeouts.longestBackoff = .milliseconds(200)
        return configuration
    }

    func id(_ server: RedisServer) throws -> String {
        try server.cli("CLUSTER", "MYID").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func replicate(_ place: Int) async throws {
        let master = try id(masters[place])
        try await eventually("a replica knows its master") {
            try replicas[place].cli("CLUSTER", "REPLICATE", master).hasPrefix("OK")
        }
    }
}

/// A slot on its way from one master to another, step by step.
struct SlotMove {
    let slot: RedisSlot
    let from: RedisServer
    let to: RedisServer

    func begin(_ cluster: RedisCluster) throws {
        try to.cli("CLUSTER", "SETSLOT", "\(slot.number)", "IMPORTING", try cluster.id(from))
        try from.cli("CLUSTER", "SETSLOT", "\(slot.number)", "MIGRATING", try cluster.id(to))
    }

    func carry(_ key: String) throws {
        try from.cli("MIGRATE", "127.0.0.1", "\(to.port)", key, "0", "1000")
    }

    func end(_ cluster: RedisCluster) throws {
        let owner = try cluster.id(to)
        for server in [to, from] { try server.cli("CLUSTER", "SETSLOT", "\(slot.number)", "NODE", owner) }
    }
}
