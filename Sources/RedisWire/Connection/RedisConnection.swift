internal import NIOCore
internal import NIOTLS

/// One connection: hands bytes, replies and time to its machine, and does what the machine says.
final class RedisConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The caller of one command: a call, and the index of the command in it.
    private struct Caller {
        let call: RedisCall
        let index: Int
    }

    /// The capacity that the write buffer may keep; a buffer that grew for a large command is dropped.
    private static let keptBytes = 256 << 10

    private let link: NodeLink
    private let handshake: Handshake
    private let isSecure: Bool
    private let unsentBytes: Int
    private var machine: ConnectionMachine<Caller>
    private var reader: RESPReader
    private var context: ChannelHandlerContext?
    /// Written, but not yet given to the channel: all commands of one tick of the loop go out in one write.
    private var outgoing = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var armed = NIODeadline.distantFuture
    /// Why the connection ended; `nil` while it is open.
    private(set) var failure: ConnectionFailure?

    init(link: NodeLink, handshake: Handshake, configuration: RedisConfiguration, openUntil: NIODeadline) {
        self.link = link
        self.handshake = handshake
        isSecure = configuration.tls != nil
        unsentBytes = configuration.limits.unsentBytes
        machine = ConnectionMachine(
            limits: configuration.limits, timeouts: configuration.timeouts, openUntil: openUntil, at: .now())
        reader = RESPReader(limits: configuration.limits.reply)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        arm()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        close(.closed)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isSecure { open() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { open() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        machine.heard(at: .now())
        reader.feed(unwrapInboundIn(data))
        do throws(RESPMistake) {
            while failure == nil, let reply = try reader.next() { obey(machine.received(reply)) }
        } catch {
            close(.protocolBroken(error))
        }
        if machine.isDrained { close(.stopped) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // With the last reply the connection becomes idle, and the time until the next ping may be shorter.
        arm()
        flush()
        link.core.flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        close(isSecure && machine.isOpening ? .tlsRefused("closed by the server") : .closed)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(ConnectionFailure(error, isOpening: machine.isOpening))
    }

    /// Writes the commands of a call; ``flush()`` sends them.
    ///
    /// - Returns: why the call cannot be sent; `nil` if it was written.
    func send(_ call: RedisCall, at now: NIODeadline) -> RedisFailure.NotSent? {
        if let refusal = machine.refusal(of: call.replyCount) { return refusal }
        guard let context, context.channel.isWritable, outgoing.readableBytes < unsentBytes else { return .queueFull }
        for index in call.request.commands.indices {
            if call.isAsking {
                machine.expect(nil, until: call.request.deadline, at: now)
                write(RedisCommand("ASKING"))
            }
            machine.expect(Caller(call: call, index: index), until: call.request.deadline, at: now)
            write(call.request.commands[index])
        }
        arm()
        return nil
    }

    /// Sends what was written.
    func flush() {
        guard let context, outgoing.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
        if outgoing.capacity > Self.keptBytes { outgoing = ByteBuffer() } else { outgoing.clear() }
    }

    /// Takes no more calls, and closes when the last reply has come, or at once.
    func drain(atOnce: Bool) {
        if machine.drain() || atOnce { close(.stopped) }
    }

    /// The server was replaced: calls under way may end, but not on a connection on which nothing comes.
    func leave() {
        drain(atOnce: machine.isDoubtful(at: .now()))
    }

    private func open() {
        write(machine.opened(handshake))
        flush()
    }

    private func obey(_ action: ConnectionMachine<Caller>.ReplyAction) {
        switch action {
        case .answer(let caller, let reply): link.core.answer(caller.call, .reply(reply), at: caller.index, from: link)
        case .drop: break
        case .write(let command): write(command)
        case .ready:
            arm()
            link.connected()
        case .close(let failure): close(failure)
        }
    }

    private func write(_ command: RedisCommand) {
        outgoing.writeImmutableBuffer(command.encoded())
    }

    /// Closes the connection. Only the first call counts.
    private func close(_ failure: ConnectionFailure) {
        guard self.failure == nil else { return }
        self.failure = failure
        timer?.cancel()
        outgoing.clear()
        let lost = machine.closed()
        context?.close(promise: nil)
        link.lost(self, failure)
        for caller in lost {
            link.core.answer(
                caller.call, .failure(.outcomeUnknown(.connectionLost(failure))), at: caller.index, from: link)
        }
    }

    /// Sets the timer for the machine's next wake-up.
    private func arm() {
        guard let context, let wake = machine.nextWake, wake < armed else { return }
        timer?.cancel()
        armed = wake
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: wake) { self.wake() }
    }

    private func wake() {
        armed = .distantFuture
        let now = NIODeadline.now()
        let (timedOut, action) = machine.wake(at: now)
        switch action {
        case .rest: break
        case .doubt: link.core.lookAnew()
        case .ping:
            machine.expect(nil, until: .distantFuture, at: now)
            write(RedisCommand("PING"))
            flush()
        case .close(let failure):
            let isNoTLS = isSecure && machine.isOpening && context?.channel.isActive == true
            close(isNoTLS ? .tlsRefused("no answer in time") : failure)
        }
        for caller in timedOut {
            link.core.answer(caller.call, .failure(.outcomeUnknown(.timedOut)), at: caller.index, from: link)
        }
        arm()
        link.core.flush()
    }
}
