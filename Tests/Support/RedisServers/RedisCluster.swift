internal import Foundation

/// A Redis cluster for one test: three masters with a third of the slots each, and a replica of each if the test wants
/// them.
package final class RedisCluster: Sendable {
    package let masters: [RedisServer]
    package let replicas: [RedisServer]

    /// - Parameters:
    ///   - settings: name and value in turn, for each server.
    package init(_ settings: [String] = ["appendonly", "no"], withReplicas: Bool = false) throws {
        let servers = try (0..<(withReplicas ? 6 : 3)).map { _ in
            // With so short a time they soon know each other.
            try RedisServer(settings + ["cluster-enabled", "yes", "cluster-node-timeout", "2000"])
        }
        masters = Array(servers[..<3])
        replicas = Array(servers[3...])
        for (place, server) in servers.enumerated() {
            try server.ask("CLUSTER", "SET-CONFIG-EPOCH", "\(place + 1)")
            if place > 0 { try server.ask("CLUSTER", "MEET", "127.0.0.1", "\(servers[0].port)") }
        }
        for (place, range) in Self.ranges.enumerated() {
            try masters[place].ask(["CLUSTER", "ADDSLOTS"] + range.map { "\($0)" })
        }
        try wait("all know all") {
            try servers.allSatisfy { try $0.ask("CLUSTER", "INFO").contains("cluster_known_nodes:\(servers.count)") }
        }
        for (place, replica) in replicas.enumerated() {
            let master = try id(masters[place])
            try wait("a replica knows its master") {
                try replica.ask("CLUSTER", "REPLICATE", master).hasPrefix("OK")
            }
        }
        try wait("the cluster is whole") {
            try servers.allSatisfy { server in
                guard try server.ask("CLUSTER", "INFO").contains("cluster_state:ok") else { return false }
                let slaves = try server.ask("CLUSTER", "NODES").components(separatedBy: "slave ").count - 1
                return slaves == replicas.count
            }
        }
        for master in masters where withReplicas {
            try wait("the replica has caught up") { try master.ask("INFO", "replication").contains("state=online") }
        }
        // A server that only waits for a busy machine is not dead.
        try takeForDead(after: 60_000)
    }

    /// From now on the others take a server for dead that says nothing for so many milliseconds.
    package func takeForDead(after silence: Int) throws {
        for server in servers { try server.ask("CONFIG", "SET", "cluster-node-timeout", "\(silence)") }
    }

    package static let ranges = [0...5460, 5461...10922, 10923...16383]

    package var servers: [RedisServer] { masters + replicas }

    package func id(_ server: RedisServer) throws -> String { try server.ask("CLUSTER", "MYID") }
}
