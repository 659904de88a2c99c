public import NIOCore
public import RedisWire
internal import Synchronization
internal import TicketStore

/// What a client's servers did since the process began, by server (R57 Metrics).
///
/// Only the client's loop writes, so the lock is contended only while somebody reads the figures.
public final class RedisFigures: RedisObserver {
    private let servers = Mutex<[RedisNode: StoreFigures.Server]>([:])

    public init() {}

    public func answered(by node: RedisNode, took: TimeAmount, acknowledged: Int?) {
        change(node) { server in
            server.calls.add(nanoseconds: took.nanoseconds)
            if let acknowledged { server.replicas = acknowledged }
        }
    }

    public func connected(to node: RedisNode, _ isConnected: Bool) {
        change(node) { $0.connections = isConnected ? 1 : 0 }
    }

    public func left(_ node: RedisNode) {
        servers.withLock { $0[node] = nil }
    }

    private func change(_ node: RedisNode, _ change: (inout StoreFigures.Server) -> Void) {
        servers.withLock { change(&$0[node, default: StoreFigures.Server(name: "\(node)")]) }
    }

    /// By name.
    var all: [StoreFigures.Server] {
        servers.withLock { $0.values.sorted { $0.name < $1.name } }
    }
}
