internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// The fast path of a connection: answers the hot calls on the event loop, right behind the HTTP decoder, and passes
/// every other request on to the router.
///
/// ```
/// socket ─► ReceiveWatch ─► decoder ─► FastPathHandler ─────────────────────────► codec ─► router
/// socket ◄──────────────────────────── FastPathHandler ◄─ encoder ◄─ RoutedAnswerHandler ◄─ codec ◄─ router
/// ```
/// ``HTTPConnectionMachine`` decides; the handler carries out. It asks for reads itself (the channel's own `autoRead` is
/// off): a hot request never travels past it.
final class FastPathHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    let loop: LoopContext
    /// Among the loop's connections.
    var index = 0
    /// What the connection counts as among those that are open.
    var standing = ConnectionStanding.new
    /// What is known of the other end.
    lazy var origin = origin(of: InternetAddress(context?.channel.remoteAddress))
    /// Whether it came through TLS.
    let isSecure: Bool
    /// Whether it came to a unix socket.
    let isUnix: Bool
    /// The tick since which TLS is being agreed; `nil` when it is, and without TLS.
    var handshakeBegan: UInt32?
    /// What pages on other origins may do with the answer to the request that is being read.
    private var sharing = SharedOrigins.Standing.off
    /// What gives the decoder its bytes.
    var watch: ReceiveWatch?
    private let sink: LoopReplySink
    private let streams: AvailabilityStream
    /// The one in front.
    private var decoder: RequestDecoder.Decoder
    private var machine: HTTPConnectionMachine
    private var context: ChannelHandlerContext?
    /// A fresh decoder is taking over.
    private var isRenewingDecoder = false

    init(
        loop: LoopContext, sink: LoopReplySink, streams: AvailabilityStream, behind decoder: RequestDecoder.Decoder,
        isSecure: Bool, isUnix: Bool
    ) {
        self.isSecure = isSecure
        self.isUnix = isUnix
        handshakeBegan = isSecure ? loop.tick : nil
        self.loop = loop
        self.sink = sink
        self.streams = streams
        self.decoder = decoder
        machine = HTTPConnectionMachine(loop.patience, bodyBytes: loop.configuration.bodyBytes, at: loop.tick)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.connections.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
    }

    func channelActive(context: ChannelHandlerContext) {
        guard !hasLeft(context.channel) else { return closeAtOnce() }
        loop.connections.admit(self)
        context.fireChannelActive()
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    private func leave() {
        guard context != nil else { return }
        context = nil
        loop.connections.remove(self)
    }

    func everySecond() {
        guard let context else { return }
        if isHandshakeLate { return closeAtOnce() }
        switch machine.look(at: loop.tick, pending: pendingBytes(context), isSpare: standing.isSpare) {
        case .goOn: break
        case .refuseRequest: refuse(Refused(.requestTimeout))
        case .close: closeAtOnce()
        }
    }

    /// Ends the connection with everything that is owed on it.
    func closeAtOnce() {
        context?.close(mode: .all, promise: nil)
    }

    /// Bytes that the channel was handed and the kernel does not have yet.
    private func pendingBytes(_ context: ChannelHandlerContext) -> Int {
        guard machine.mayBeSending else { return 0 }
        return (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    // MARK: Reading requests

    /// Whether the decoder may get another piece of what arrived.
    var mayDecode: Bool { machine.mayDecode && !isRenewingDecoder && context != nil }
    var isStreaming: Bool { machine.isStreaming }

    /// A piece arrived in front of the decoder.
    ///
    /// - Returns: whether the decoder gets it; then ``endPiece(_:)`` follows.
    func receive(_ bytes: ByteBuffer) -> Bool {
        switch machine.receive(bytes, at: loop.tick) {
        case .decode: return true
        case .drop: return false
        case .close:
            closeAtOnce()
            return false
        }
    }

    /// The decoder has seen a piece.
    func endPiece(_ bytes: ByteBuffer) {
        machine.endPiece(bytes, at: loop.tick)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let body): if let refusal = machine.readBody(body) { performAndSend(refusal) }
        case .end: end()
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        guard machine.begin() else { return }
        let headers = RequestHeaders(head)
        let framing = headers.framing
        let target = RequestTarget(head.uri)
        let sender = sender(of: head)
        let caller = origin.isTrusted ? CallerQuota.Caller(of: sender.address) : origin.caller
        sharing = loop.origins?.standing(of: headers.origin, at: target) ?? .off
        // A request that is refused here takes its token, too (R26 Quota).
        let quota = target.path == .probe ? nil : loop.quota?.take(caller, at: context?.eventLoop.now ?? .now())
        if let refused = framing.refused(bodyBytes: loop.configuration.bodyBytes) {
            return refuse(refused, of: head, quota)
        }
        var endsConnection = framing.endsConnection
        if standing != .counted {
            // Others may have left meanwhile.
            guard target.path == .probe || loop.connections.admit(self) else {
                return refuse(ConnectionRoom.refused(standing), of: head, quota)
            }
            if standing != .counted { endsConnection = true }
        }
        if framing.expects == .goOn, let work = machine.expect() { performAndSend(work) }
        var request = loop.calls.read(head, target, headers.fields, endsConnection: endsConnection, sharing, quota)
        if case .routed(let routed) = request.call { routed.set(sender) }
        mark(&request, headers.fields, sender)
        machine.read(request, stopsDecoder: framing.stopsDecoder && !endsConnection)
    }

    private func end() {
        let (work, renewsDecoder) = machine.endRequest()
        if let work { perform(work) }
        if renewsDecoder { renewDecoder() }
    }

    private func renewDecoder() {
        guard let context else { return }
        isRenewingDecoder = true
        do {
            let (fresh, isDone) = try RequestDecoder.replace(decoder, in: context, loop.configuration)
            decoder = fresh
            isDone.assumeIsolated().whenComplete { [weak self] _ in
                guard let self else { return }
                self.isRenewingDecoder = false
                // What was read behind the request has been decoded now.
                if let context = self.context { self.channelReadComplete(context: context) }
            }
        } catch {
            closeAtOnce()
        }
    }

    /// Refuses a request with which the connection ends; a caller without a token left is refused for that.
    private func refuse(_ refused: Refused, of head: HTTPRequestHead? = nil, _ quota: CallerQuota.Standing? = nil) {
        var refused = refused
        if let quota, !quota.isAllowed { refused = Refused(quota) }
        loop.origins?.add(sharing, to: &refused.headers)
        if let work = machine.refuse(refused, of: head) { performAndSend(work) }
    }

    // MARK: Answering

    /// What comes between reads, or in the middle of a request: its answers are sent at once. Answers to requests are sent
    /// when a read is over.
    private func performAndSend(_ work: HTTPConnectionMachine.Work) {
        perform(work)
        send()
    }

    private func perform(_ work: HTTPConnectionMachine.Work) {
        switch work {
        case .request(let request):
            if case .routed(let routed) = request.call { route(routed, request) } else { execute(request) }
        case .expectation: machine.write { $0.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n") }
        case .refusal(let refused, let head): machine.write { write(refused, of: head, into: &$0) }
        }
    }

    private func execute(_ request: CallRequest) {
        do throws(Refused) {
            guard let command = try loop.calls.command(of: request.call) else { return answer(request, .known) }
            let note = try loop.calls.note(on: command, of: request.call)
            if let reply = loop.submit(command, note: note, for: self, slot: machine.nextSlot, sink: sink) {
                answer(request, .reply(reply))
            } else {
                machine.wait(for: request)
            }
        } catch {
            answer(request, .refused(error))
        }
    }

    private func answer(_ request: CallRequest, _ content: AnswerContent) {
        machine.answer(at: loop.tick) { write(content, to: request, waited: 0, into: &$0) }
    }

    /// The store's reply to the request in `slot`.
    ///
    /// - Parameter waited: how long the store took, in nanoseconds.
    func answer(slot: Int, with reply: StoreReply, waited: Int64) {
        guard context != nil, let request = machine.waiting(in: slot) else { return }
        machine.answer(slot: slot, at: loop.tick) {
            write(.reply(reply), to: request, waited: waited, into: &$0)
        }
    }

    private func route(_ routed: RoutedRequest, _ request: CallRequest) {
        guard let context else { return }
        // A stream begins at once, and behind what was answered before.
        handOn(context)
        machine.route(routed, request.form, request.standing)
        if loop.recorder != nil { routed.begin() }
        if case .stream(let asked) = routed.kind,
            // Where there is none the router says why.
            let listener = streams.listener(
                to: asked, on: self, for: routed.sender, fields: loop.answers.streamFields(request))
        {
            return stream(to: listener, context)
        }
        context.fireChannelRead(wrapInboundOut(.head(routed.head)))
        if routed.body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(routed.body))) }
        context.fireChannelRead(wrapInboundOut(.end(nil)))
        context.fireChannelReadComplete()
    }

    private func stream(to listener: Listener, _ context: ChannelHandlerContext) {
        noteRouted(status: 200, bytes: 0)
        let isOver = machine.stream()
        do {
            // Behind what encrypts the connection, in front of everything else.
            try context.pipeline.syncOperations.addHandler(listener, position: watch.map { .before($0) } ?? .first)
        } catch {
            return context.close(mode: .all, promise: nil)
        }
        // A client that left with the request hears how things stand.
        if isOver { closeWhenSent(context) }
    }

    // MARK: The router's answer

    /// What the router is answering.
    var routed: HTTPConnectionMachine.RoutedAnswer? { machine.routed }

    /// Only the end of the connection shows where the router's answer ends.
    func routedEndsConnection() {
        machine.routedEndsConnection()
    }

    func routedEnded() {
        guard let context else { return }
        machine.endRouted(at: loop.tick)
        context.flush()
        send()
    }

    /// The router's side wants bytes; it gets whole requests when there are any.
    func read(context: ChannelHandlerContext) {}

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .byteBuffer(let bytes) = unwrapOutboundIn(data) { sends(bytes.readableBytes) }
        context.write(data, promise: promise)
    }

    /// The router ends its side behind an answer with `Connection: close`.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .output = mode, machine.clientHasClosed else { return context.close(mode: mode, promise: promise) }
        closeWhenSent(context)
        promise?.succeed()
    }

    /// Bytes of this connection were handed to the channel past the fast path.
    func sends(_ bytes: Int) {
        machine.send(bytes: bytes)
    }

    // MARK: Sending

    var hasUnsent: Bool { machine.hasUnsent }

    /// Hands on what there is to send, and goes on with what waited for it.
    func send() {
        guard let context, machine.maySend else { return }
        repeat {
            handOn(context)
            while let work = machine.nextWork() { perform(work) }
        } while machine.hasUnsent && self.context != nil
        guard self.context != nil else { return }
        switch machine.goIdle(at: loop.tick) {
        case .goOn: break
        case .closeOutput: context.close(mode: .output, promise: nil)
        case .closeWhenSent: closeWhenSent(context)
        }
        if machine.wantsRead { readMore() }
    }

    /// Closes a connection whose client has closed its side, when the kernel has what the channel was handed. To close
    /// our side alone would not do: with both sides closed, the channel drops what it still has.
    private func closeWhenSent(_ context: ChannelHandlerContext) {
        guard pendingBytes(context) > 0 else { return closeAtOnce() }
        let isSent = context.eventLoop.makePromise(of: Void.self)
        isSent.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.closeAtOnce() }
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer())), promise: isSent)
    }

    private func handOn(_ context: ChannelHandlerContext) {
        guard machine.hasUnsent else { return }
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(machine.beginSending())), promise: nil)
        machine.endSending()
    }

    private func readMore() {
        if machine.mayRead(at: loop.tick) { watch?.read() }
    }

    // MARK: The channel

    func channelReadComplete(context: ChannelHandlerContext) {
        if machine.hasWork { send() }
        if self.context != nil { readMore() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        machine.setWritable(context.channel.isWritable)
        if context.channel.isWritable { send() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        noteHandshake(event)
        if event is ChannelShouldQuiesceEvent {
            switch machine.quiesce(pending: pendingBytes(context)) {
            case .close: context.close(mode: .all, promise: nil)
            case .goOn: send()
            }
        } else if case ChannelEvent.inputClosed = event {
            switch machine.closeInput(pending: pendingBytes(context)) {
            case .close: return context.close(mode: .all, promise: nil)
            case .tellRouter: context.fireUserInboundEventTriggered(event)
            // The router does not learn of it: it would give up what it has to answer.
            case .goOn: break
            }
            send()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error as? HTTPParserError {
        case .headerOverflow: refuse(Refused(.headersTooLarge))
        case .invalidEOFState: break  // The end itself arrives as an event.
        case .some: refuse(Refused(.malformedRequest))
        // Behind a request that ends the connection the decoder reads nothing; its answer may still be owed.
        case nil: if machine.mayRefuse { context.close(mode: .all, promise: nil) }
        }
    }
}
