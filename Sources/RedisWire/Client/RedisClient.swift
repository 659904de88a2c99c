public import Logging
public import NIOCore
public import ServiceLifecycle
internal import Synchronization

/// A client of one Redis or Valkey server, or of a cluster of them.
///
/// It lives on one event loop, with one connection a server. Threads hand their calls over with one wake-up of the
/// loop. The loop sends them in their order and calls back. The client repeats a call only if it certainly was not done
/// (its key has moved; the call may then come behind later ones). If a connection is lost, its calls end with
/// ``RedisFailure/outcomeUnknown(_:)``, and their callers decide what to do.
///
/// Run the client, or at least stop it: until then it keeps itself alive.
///
/// A call waits while a connection is being made. While the last attempt has just failed, a call is refused at once.
public final class RedisClient: Service {
    /// What became of one command.
    public typealias Outcome = Result<RedisReply, RedisFailure>

    /// The loop on which callbacks are called.
    public let eventLoop: any EventLoop
    /// Is called for connections and answers; `nil` for none.
    public let observer: (any RedisObserver)?
    private let timeout: TimeAmount
    private let handedOver: Int
    private let inbox: Mutex<[RedisRequest]> = Mutex([])
    private let core: NIOLoopBoundBox<ClientCore>

    /// - Parameters:
    ///   - eventLoopGroup: must outlive the client, which takes one of its loops.
    ///   - observer: is called for connections and answers, on the client's loop.
    /// - Throws: ``ConnectionFailure/tlsRefused(_:)`` if the file of trusted certificates cannot be read.
    public init(
        configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup,
        observer: (any RedisObserver)? = nil, logger: Logger
    ) throws(ConnectionFailure) {
        let limits = configuration.limits
        precondition(
            limits.handedOver > 0 && limits.inFlight > 0 && limits.waiting > 0 && limits.unsentBytes > 0
                && limits.polled > 0
                && limits.redirects >= 0, "a limit must let something through")
        let loop = eventLoopGroup.next()
        eventLoop = loop
        self.observer = observer
        timeout = TimeAmount(configuration.timeouts.call)
        handedOver = limits.handedOver
        core = .makeBoxSendingValue(
            try ClientCore(configuration: configuration, eventLoop: loop, observer: observer, logger: logger),
            eventLoop: loop)
    }

    /// Connects, and returns when the client has stopped: after ``stop()``, with the service group, or with its task.
    ///
    /// A server that cannot be reached is not an error: the client goes on trying.
    public func run() async throws {
        eventLoop.execute { self.core.value.start() }
        await withTaskCancellationOrGracefulShutdownHandler {
            await stopped()
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    /// Takes no more calls, answers those under way (at most ``RedisConfiguration/Timeouts/drain`` long), and closes
    /// the connections.
    public func stop() {
        eventLoop.execute { self.core.value.stop() }
    }

    /// Waits until the client was stopped and its last connection is closed.
    public func stopped() async {
        await withCheckedContinuation { continuation in
            eventLoop.execute { self.core.value.whenStopped { continuation.resume() } }
        }
    }

    /// Sends one command and calls back on ``eventLoop``, exactly once and never before this returns to the loop.
    ///
    /// - Parameters:
    ///   - key: its master gets the command; any master if `nil`.
    ///   - deadline: until when the caller waits for the reply; ``RedisConfiguration/Timeouts/call`` from now if `nil`.
    public func call(
        _ command: RedisCommand, for key: RedisKey?, deadline: NIODeadline? = nil,
        _ done: @escaping @Sendable (Outcome) -> Void
    ) {
        submit(RedisRequest(command, slot: key?.slot, deadline: deadline ?? .now() + timeout, done: done))
    }

    /// Sends commands one behind the other on one connection, with nothing between them, and calls back with an outcome
    /// for each. For a write and the `WAIT` for its replicas, for example. (`WAIT` holds up everything behind it on the
    /// connection, until the replicas have the write or its own time is over.)
    ///
    /// If the key has moved, all are sent again, unless a command was done that is not ``RedisCommand/isRepeatable``.
    public func pipeline(
        _ commands: [RedisCommand], for key: RedisKey?, deadline: NIODeadline? = nil,
        _ done: @escaping @Sendable ([Outcome]) -> Void
    ) {
        submit(RedisRequest(commands, slot: key?.slot, deadline: deadline ?? .now() + timeout, done: done))
    }

    /// Sends a command to every known master, and calls back with the outcome of each: for `FUNCTION LOAD` and the
    /// like.
    ///
    /// There is one outcome under an empty host if the masters of a cluster cannot be found out, or if it has none.
    public func callEachMaster(
        _ command: RedisCommand, deadline: NIODeadline? = nil,
        _ done: @escaping @Sendable ([(node: RedisNode, outcome: Outcome)]) -> Void
    ) {
        let deadline = deadline ?? .now() + timeout
        eventLoop.execute { self.core.value.callEachMaster(command, deadline: deadline, done) }
    }

    /// Looks at the cluster again, at most once in ``RedisConfiguration/Timeouts/shortestRefresh``: for a caller that
    /// sees from a reply that a master is no longer one. After redirections the client does it by itself.
    public func lookAnew() {
        eventLoop.execute { self.core.value.lookAnew() }
    }

    /// Runs work that calls this client several times. ``stopped()`` waits for its end, so no work outlives the event
    /// loop; once the client is stopping, each of its calls is refused at once.
    public func perform(_ work: @escaping @Sendable () async -> Void) {
        eventLoop.execute { self.core.value.beginWork() }
        eventLoop.makeFutureWithTask(work).whenComplete { _ in self.core.value.endWork() }
    }

    /// Hands a request over to the loop. The first request in an empty inbox wakes the loop.
    private func submit(_ request: RedisRequest) {
        let index = inbox.withLock { inbox in
            guard inbox.count < handedOver else { return handedOver }
            inbox.append(request)
            return inbox.count - 1
        }
        guard index < handedOver else { return eventLoop.execute { request.fail(.notSent(.queueFull)) } }
        guard index == 0 else { return }
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

/// The same for tasks. A cancelled task goes on waiting, since its command is on its way all the same.
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
