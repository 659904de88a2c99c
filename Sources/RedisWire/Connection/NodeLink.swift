internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// The link to one server: makes connections, one at a time, and hands calls to the open one.
final class NodeLink {
    let node: RedisNode
    let core: ClientCore
    private let eventLoop: any EventLoop
    private let configuration: RedisConfiguration
    private let tls: NIOSSLContext?
    private let logger: Logger
    private var machine: LinkMachine<RedisCall>
    private var connection: RedisConnection?
    /// Attempts to connect whose end the network has not reported yet; one that was given up may be among them.
    private var attempts = 0
    private var connectedAt = NIODeadline.uptimeNanoseconds(0)
    private var rest: Scheduled<Void>?
    private var timer: Scheduled<Void>?
    /// Whether the loss of the server was logged as a warning. Further failed attempts are logged for debugging only.
    private var hasWarned = false

    init(_ node: RedisNode, core: ClientCore) {
        self.node = node
        self.core = core
        eventLoop = core.eventLoop
        configuration = core.configuration
        tls = core.tls
        var logger = core.logger
        logger[metadataKey: "redis.node"] = "\(node)"
        self.logger = logger
        machine = LinkMachine(limits: configuration.limits, timeouts: configuration.timeouts)
    }

    /// Whether the link is closed, and nothing of it is left.
    var isGone: Bool { machine.isClosed && connection == nil && attempts == 0 }

    /// Connects before the first call.
    func start() {
        if machine.start() { connect() }
    }

    /// Sends the call, lets it wait for the connection that is being made, or refuses it.
    func ask(_ call: RedisCall, at now: NIODeadline) {
        switch machine.ask(call, until: call.request.deadline) {
        case .send: send(call, at: now)
        case .wait: arm()
        case .connect:
            arm()
            connect()
        case .refuse(let reason): core.refuse(call, reason)
        }
    }

    /// Takes no new calls; those under way may end until ``RedisConfiguration/Timeouts/drain``.
    ///
    /// - Parameter isReplaced: another server took this one's slots: a connection on which nothing comes is closed at
    ///   once.
    func close(isReplaced: Bool = false) {
        let waiting = machine.close()
        rest?.cancel()
        timer?.cancel()
        for call in waiting { core.refuse(call, .notConnected(.stopped)) }
        if isReplaced { connection?.leave() } else { connection?.drain(atOnce: false) }
        guard connection != nil else { return core.noteGone(self) }
        eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(configuration.timeouts.drain)) {
            self.connection?.drain(atOnce: true)
        }
    }

    func flush() {
        connection?.flush()
    }

    /// The server takes no writes any more. Its name may lead to another server by now, so the connection is replaced
    /// when the calls under way on it are answered. At most once in ``RedisConfiguration/Timeouts/longestBackoff``,
    /// since the name may well lead to the same server.
    func renew() {
        guard NIODeadline.now() - connectedAt >= TimeAmount(configuration.timeouts.longestBackoff) else { return }
        guard let connection else { return }
        logger.notice("The Redis server takes no writes any more; connecting again")
        connection.leave()
    }

    /// The handshake is done, and the connection takes calls.
    func connected() {
        logger.info("Connected to Redis")
        core.observer?.connected(to: node, true)
        hasWarned = false
        timer?.cancel()
        let now = NIODeadline.now()
        connectedAt = now
        for call in machine.connected() { send(call, at: now) }
        core.flush()
    }

    /// The connection ended, or could not be made.
    func lost(_ lost: RedisConnection?, _ failure: ConnectionFailure) {
        // This is the end of another attempt, or of a connection that the link does not know yet.
        guard lost === connection else { return }
        connection = nil
        core.observer?.connected(to: node, false)
        guard !machine.isClosed else { return core.noteGone(self) }
        let (refused, rest) = machine.failed(failure, chance: core.chance())
        logger.log(
            level: hasWarned ? .debug : .warning, "No connection to Redis",
            metadata: ["reason": "\(failure)"])
        hasWarned = true
        for call in refused { core.refuse(call, .notConnected(failure)) }
        if let rest {
            self.rest = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(rest)) {
                if self.machine.rested() { self.connect() }
            }
        }
        core.noteLost(self)
    }

    private func send(_ call: RedisCall, at now: NIODeadline) {
        guard let connection else { return core.refuse(call, .notConnected(.none)) }
        call.sentAt = now
        if let refusal = connection.send(call, at: now) {
            core.refuse(call, refusal)
        } else {
            core.noteWritten(self)
        }
    }

    private func connect() {
        let handshake: Handshake
        do throws(ConnectionFailure) {
            handshake = Handshake(
                user: configuration.user, password: try configuration.password?.read(),
                database: configuration.database, clientName: configuration.clientName)
        } catch {
            // The caller has not finished yet.
            eventLoop.assumeIsolated().execute { self.lost(nil, error) }
            return
        }
        let patience = TimeAmount(configuration.timeouts.connect)
        let openUntil = NIODeadline.now() + patience
        attempts += 1
        let bound = NIOLoopBound((link: self, handshake: handshake), eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(patience)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: configuration.limits.unsentBytes / 2, high: max(1, configuration.limits.unsentBytes))
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // A name may have several addresses. Each attempt has a channel; one of them connects.
                    let (link, handshake) = bound.value
                    if let tls = link.tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: link.serverName)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        RedisConnection(
                            link: link, handshake: handshake, configuration: link.configuration, openUntil: openUntil))
                }
            }
            .connect(host: node.host, port: node.port)
            .assumeIsolated()
            .whenComplete { result in
                self.attempts -= 1
                self.attempted(result)
            }
    }

    private func attempted(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            // The connection may have failed before this callback.
            guard let connection = try? channel.pipeline.syncOperations.handler(type: RedisConnection.self) else {
                return lost(nil, .closed)
            }
            self.connection = connection
            if let failure = connection.failure { return lost(connection, failure) }
            if machine.isClosed { connection.drain(atOnce: true) }
        case .failure(let error): lost(nil, ConnectionFailure(error, isOpening: true))
        }
    }

    /// The name that the certificate must have; `nil` if it must have the address that is connected to.
    private var serverName: String? {
        let name = configuration.tls?.serverName ?? node.host
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        return isAddress ? nil : name
    }

    /// Sets the timer for the deadlines of the calls that wait.
    private func arm() {
        guard let earliest = machine.earliestDeadline else { return }
        timer?.cancel()
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: earliest) {
            for call in self.machine.expire(at: .now()) { self.core.refuse(call, .timedOut) }
            self.arm()
        }
    }
}
