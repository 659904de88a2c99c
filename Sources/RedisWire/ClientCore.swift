internal import Logging
internal import NIOCore

/// The client's inside, on its event loop.
final class ClientCore {
    private var waiters: [@Sendable () -> Void] = []

    init(configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) throws(ConnectionFailure) {}

    func start() {}

    func stop() {
        for waiter in waiters { waiter() }
        waiters.removeAll()
    }

    func whenStopped(_ told: @escaping @Sendable () -> Void) { waiters.append(told) }

    func take(_ requests: [RedisRequest]) {
        for request in requests { request.fail(.notSent(.notConnected(.none))) }
    }

    func callEachMaster(
        _ command: RedisCommand, deadline: NIODeadline,
        _ done: @Sendable ([(node: RedisNode, outcome: RedisClient.Outcome)]) -> Void
    ) {
        done([])
    }
}
