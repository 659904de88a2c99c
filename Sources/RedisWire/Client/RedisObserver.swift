public import NIOCore

/// Observes a client's servers, for monitoring. The client calls it on its event loop; it must not block.
public protocol RedisObserver: AnyObject, Sendable {
    /// A call was answered by this server, or lost its answer there. A call that is sent again counts each time.
    ///
    /// - Parameters:
    ///   - took: the time since the call was sent.
    ///   - acknowledged: the replicas that have what it wrote; `nil` if it did not ask, or got no answer.
    func answered(by node: RedisNode, took: TimeAmount, acknowledged: Int?)

    /// The client's connection to this server was opened, or is gone. There is one at a time.
    func connected(to node: RedisNode, _ isConnected: Bool)

    /// The client has nothing more to do with this server.
    func left(_ node: RedisNode)
}
