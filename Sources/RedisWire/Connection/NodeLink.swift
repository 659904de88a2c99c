internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Drives our side of one server: makes connections, one at a time, and hands calls to the one that stands.
final class NodeLink {
    let node: RedisNode
    let core: ClientCore
    private let eventLoop: any EventLoop
    private let configuration: RedisConfiguration
    private let tls: NIOSSLContext?
    private let logger: Logger
    private var machine: LinkMachine<RedisCall>
    private var connection: RedisConnection?
    /// Attempts whose end the network has not told yet; one that was given up may be among them.
    private var attempts = 0
    private var connectedAt = NIODeadline.uptimeNanoseconds(0)
    private var rest: Scheduled<Void>?
    private var timer: Scheduled<Void>?
    /// One warning for each time a server goes; its further attempts are told to those who debug.
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

    /// Whether nothing of it is left.
    var isGone: Bool { machine.isClosed && connection == nil && attempts == 0 }

    /// Connects before anybody asks.
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

    /// No new calls; those under way have their time.
    ///
    /// - Parameter isReplaced: another server has its place: nothing is waited for if nothing comes any more.
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

    /// The server takes no writes any more. Its name may lead to another one by now: another connection is made when what
    /// is under way on this one was answered; at most one in ``RedisConfiguration/Timeouts/longestBackoff``, as it may well
    /// lead to the same.
    func renew() {
        guard NIODeadline.now() - connectedAt >= TimeAmount(configuration.timeouts.longestBackoff) else { return }
        guard let connection else { return }
        logger.notice("The server takes no writes any more; connecting anew")
        connection.leave()
    }

    /// The connection was greeted, and takes calls.
    func connected() {
        logger.info("Connected to Redis")
        hasWarned = false
        timer?.cancel()
        let now = NIODeadline.now()
        connectedAt = now
        for call in machine.connected() { send(call, at: now) }
        core.flush()
    }

    /// The connection is gone, or never was.
    func lost(_ lost: RedisConnection?, _ failure: ConnectionFailure) {
        // The end of an attempt beside another, or of one whose link does not know it yet.
        guard lost === connection else { return }
        connection = nil
        guard !machine.isClosed else { return core.noteGone(self) }
        let (refused, rest) = machine.failed(failure, chance: core.chance())
        logger.log(
            level: hasWarned ? .debug : .warning, "There is no connection to Redis",
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
            // Whoever called is not done yet.
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
                    // A name may have several addresses, and each that is tried has a channel: one of them comes through.
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
            // It may have failed on the way here.
            guard let connection = try? channel.pipeline.syncOperations.handler(type: RedisConnection.self) else {
                return lost(nil, .closed)
            }
            self.connection = connection
            if let failure = connection.failure { return lost(connection, failure) }
            if machine.isClosed { connection.drain(atOnce: true) }
        case .failure(let error): lost(nil, ConnectionFailure(error, isOpening: true))
        }
    }

    /// The name that the certificate must carry; `nil` where it must carry the address that is connected to.
    private var serverName: String? {
        let name = configuration.tls?.serverName ?? node.host
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        return isAddress ? nil : name
    }

    /// Calls that wait have deadlines, too.
    private func arm() {
        guard let earliest = machine.earliestDeadline else { return }
        timer?.cancel()
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: earliest) {
            for call in self.machine.expire(at: .now()) { self.core.refuse(call, .timedOut) }
            self.arm()
        }
    }
}
