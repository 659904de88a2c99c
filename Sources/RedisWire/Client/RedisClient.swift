public import Logging
public import NIOCore
public import ServiceLifecycle
internal import Synchronization

/// A client of one Redis or Valkey server, or of a cluster of them.
///
/// It lives on one event loop, with one connection a server: what is asked from whatever thread is handed over in one
/// wake-up, goes out in the order of asking, and is answered on that loop. Only what certainly was not done is sent
/// again by itself (a key that has moved, which then may come behind what was asked later); a lost connection is told as ``RedisFailure/outcomeUnknown(_:)`` and is the
/// caller's business.
///
/// It is to be run or to be stopped at least: what was begun keeps itself alive until then.
///
/// A call waits while a connection is being made, but not while one has just failed: then it is refused at once.
public final class RedisClient: Service {
    /// What one command came to.
    public typealias Outcome = Result<RedisReply, RedisFailure>

    /// The loop on which callbacks are called.
    public let eventLoop: any EventLoop
    private let timeout: TimeAmount
    private let handedOver: Int
    private let inbox: Mutex<[RedisRequest]> = Mutex([])
    private let core: NIOLoopBoundBox<ClientCore>

    /// - Parameter eventLoopGroup: one loop of it is taken; it must outlive the client.
    /// - Throws: ``ConnectionFailure/tlsRefused(_:)`` if the certificates of authorities cannot be read.
    public init(
        configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) throws(ConnectionFailure) {
        let limits = configuration.limits
        precondition(
            limits.handedOver > 0 && limits.inFlight > 0 && limits.waiting > 0 && limits.unsentBytes > 0
                && limits.polled > 0
                && limits.redirects >= 0, "a bound lets something through")
        let loop = eventLoopGroup.next()
        eventLoop = loop
        timeout = TimeAmount(configuration.timeouts.call)
        handedOver = limits.handedOver
        core = .makeBoxSendingValue(
            try ClientCore(configuration: configuration, eventLoop: loop, logger: logger), eventLoop: loop)
    }

    /// Connects, and returns when the client was stopped: by ``stop()``, with the service group, or with its task.
    ///
    /// A server that cannot be reached is no error: it is tried for until the end.
    public func run() async throws {
        eventLoop.execute { self.core.value.start() }
        await withTaskCancellationOrGracefulShutdownHandler {
            await stopped()
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    /// Takes no more calls, answers those under way (at most ``RedisConfiguration/Timeouts/drain`` long), and closes the
    /// connections.
    public func stop() {
        eventLoop.execute { self.core.value.stop() }
    }

    /// Waits until the client was stopped and its last connection is closed.
    public func stopped() async {
        await withCheckedContinuation { continuation in
            eventLoop.execute { self.core.value.whenStopped { continuation.resume() } }
        }
    }

    /// Asks for one command and calls back on ``eventLoop``, exactly once and never before this returns to the loop.
    ///
    /// - Parameters:
    ///   - key: whose master is asked; any master if `nil`.
    ///   - deadline: until when a reply is waited for; ``RedisConfiguration/Timeouts/call`` from now if `nil`.
    public func call(
        _ command: RedisCommand, for key: RedisKey?, deadline: NIODeadline? = nil,
        _ done: @escaping @Sendable (Outcome) -> Void
    ) {
        submit(RedisRequest(command, slot: key?.slot, deadline: deadline ?? .now() + timeout, done: done))
    }

    /// Asks for commands one behind the other on one connection, nothing between them, and calls back with an outcome
    /// for each: a write and the `WAIT` for its replicas. (A server lets `WAIT` hold up everything behind it on the
    /// connection, until the replicas have it or its own time is over.)
    ///
    /// Where the key has moved all are sent again, if nothing of them was done but what is
    /// ``RedisCommand/isRepeatable``.
    public func pipeline(
        _ commands: [RedisCommand], for key: RedisKey?, deadline: NIODeadline? = nil,
        _ done: @escaping @Sendable ([Outcome]) -> Void
    ) {
        submit(RedisRequest(commands, slot: key?.slot, deadline: deadline ?? .now() + timeout, done: done))
    }

    /// Asks every master that is known, and calls back with the outcome of each: for `FUNCTION LOAD` and the like.
    ///
    /// One outcome under an empty host if the masters of a cluster are not known and could not be asked for, or if it has
    /// none.
    public func callEachMaster(
        _ command: RedisCommand, deadline: NIODeadline? = nil,
        _ done: @escaping @Sendable ([(node: RedisNode, outcome: Outcome)]) -> Void
    ) {
        let deadline = deadline ?? .now() + timeout
        eventLoop.execute { self.core.value.callEachMaster(command, deadline: deadline, done) }
    }

    /// Has the order of a cluster asked for anew, at most once in ``RedisConfiguration/Timeouts/shortestRefresh``: for
    /// whoever sees by an answer that a master is none any more. Redirections do it by themselves.
    public func lookAnew() {
        eventLoop.execute { self.core.value.lookAnew() }
    }

    /// Runs work that calls this client several times. ``stopped()`` waits for its end, so no work outlives the event
    /// loop; once the client is stopping, each of its calls is refused at once.
    public func perform(_ work: @escaping @Sendable () async -> Void) {
        eventLoop.execute { self.core.value.beginWork() }
        eventLoop.makeFutureWithTask(work).whenComplete { _ in self.core.value.endWork() }
    }

    /// Hands a request over; the first one that finds nobody waiting wakes the loop.
    private func submit(_ request: RedisRequest) {
        let place = inbox.withLock { inbox in
            guard inbox.count < handedOver else { return handedOver }
            inbox.append(request)
            return inbox.count - 1
        }
        guard place < handedOver else { return eventLoop.execute { request.fail(.notSent(.queueFull)) } }
        guard place == 0 else { return }
        eventLoop.execute {
            let requests = self.inbox.withLock { inbox in
                let requests = inbox
                inbox.removeAll(keepingCapacity: true)
                return requests
            }
            self.core.value.take(requests)
        }
    }
}

/// The same for tasks. A task that is cancelled waits on: its command is on its way all the same.
extension RedisClient {
    public func call(
        _ command: RedisCommand, for key: RedisKey?, deadline: NIODeadline? = nil
    ) async throws(RedisFailure) -> RedisReply {
        let outcome = await withCheckedContinuation { continuation in
            call(command, for: key, deadline: deadline) { continuation.resume(returning: $0) }
        }
        return try outcome.get()
    }

    public func pipeline(
        _ commands: [RedisCommand], for key: RedisKey?, deadline: NIODeadline? = nil
    ) async -> [Outcome] {
        await withCheckedContinuation { continuation in
            pipeline(commands, for: key, deadline: deadline) { continuation.resume(returning: $0) }
        }
    }

    public func callEachMaster(
        _ command: RedisCommand, deadline: NIODeadline? = nil
    ) async -> [(node: RedisNode, outcome: Outcome)] {
        await withCheckedContinuation { continuation in
            callEachMaster(command, deadline: deadline) { continuation.resume(returning: $0) }
        }
    }
}
