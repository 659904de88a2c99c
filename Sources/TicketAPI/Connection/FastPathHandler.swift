internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// The fast path: answers the hot calls on the event loop, right behind the HTTP decoder, and passes every other
/// request on to the router.
///
/// ```
/// socket ─► ReceiveWatch ─► decoder ─► FastPathHandler ─────────────────────────► codec ─► router
/// socket ◄──────────────────────────── FastPathHandler ◄─ encoder ◄─ RoutedAnswerHandler ◄─ codec ◄─ router
/// ```
/// Answers leave in the order of their requests. While the fast path has unanswered requests, one for the router waits,
/// and while the router has one, everything behind it waits; meanwhile nothing more is read from the socket. The
/// fast path asks for reads itself (the channel's own `autoRead` is off): a hot request never travels past it. Nothing
/// more is read, and nothing more is answered, while as much waits as ``AnswerQueue`` has room for or the client does
/// not take what it was sent.
///
/// A connection is closed by closing our side of it and reading on for a moment: with unread bytes the kernel would
/// reset it, and the last answer with it.
final class FastPathHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// How much is read from a connection after its last answer: whoever sends more has had time to listen.
    private static let lingeringBytes = 1 << 20
    /// Bytes of answers that are gathered before they are handed on.
    private static let mostUnsent = 65_536

    let loop: LoopContext
    let sink: LoopReplySink
    /// The one in front.
    private var decoder: RequestDecoder.Decoder
    /// Among the loop's connections.
    var index = 0
    /// What the connection counts as among those that are open.
    var standing = ConnectionStanding.new
    private(set) var context: ChannelHandlerContext?
    var reading = RequestInReading.nothing
    /// Of the request that is being read; then of what comes behind the last one.
    private var bodyBytes = 0
    /// Requests that are answered later, in order, and answers that wait for one before them.
    private(set) var queue = AnswerQueue()
    /// Bytes to send that were not handed on yet.
    private var unsent = ByteBuffer()
    /// The channel is being handed bytes; it may call back meanwhile.
    private var isSending = false
    /// The client takes what it is sent.
    var isWritable = true
    /// The router has a request that it has not answered.
    private(set) var isRouting = false
    /// How the connection goes on after the router's answer.
    private(set) var routedAfter = AnswerForm.After.keepAlive
    /// What the router is answering, or answered last.
    private(set) var routed: CallRequest?
    private(set) lazy var caller = CallerQuota.Caller(context?.channel.remoteAddress)
    /// What waits until everything before it is answered.
    private(set) var backlog = CircularBuffer<Arrival>(initialCapacity: 2)
    private var wantsRead = false
    /// The client, a refusal or a stop has said that no further request is taken. One that is being read then is read on.
    var isEnding = false
    var inputIsClosed = false
    /// The decoder stops behind the request that is being read.
    private var stopsDecoder = false
    private(set) var patience: ConnectionPatience

    init(loop: LoopContext, sink: LoopReplySink, behind decoder: RequestDecoder.Decoder) {
        self.loop = loop
        self.sink = sink
        self.decoder = decoder
        patience = ConnectionPatience(loop.patience, at: loop.tick)
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

    /// The watch in front of the decoder saw bytes.
    ///
    /// - Returns: whether anything is to be made of them.
    func takes(_ bytes: ByteBuffer) -> Bool {
        guard !patience.isLingering else {
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.lingeringBytes { closeAtOnce() }
            return false
        }
        if isEnding {
            switch reading {
            // Behind the last request the decoder may have stopped, and would keep what it is given.
            case .nothing, .refused: return false
            case .request: break
            }
        }
        // An empty line, which some clients send behind a body, begins no request.
        let isBlank = bytes.readableBytes <= 2 && bytes.readableBytesView.allSatisfy { $0 == 13 || $0 == 10 }
        patience.receive(beginRequest: !isBlank, at: loop.tick)
        return true
    }

    func everySecond() {
        guard let context else { return }
        let verdict = patience.look(
            at: loop.tick, pending: pendingBytes(context),
            isAnswering: !queue.isEmpty || isRouting || !backlog.isEmpty,
            isReading: !wantsRead, isSpare: standing != .counted)
        switch verdict {
        case .goOn: break
        // What no refusal is for keeps nobody waiting, above all no stop.
        case .refuseRequest: if mayRefuse { arrive(.refusal(Refused(.requestTimeout))) } else { closeAtOnce() }
        case .close: closeAtOnce()
        }
    }

    // MARK: Reading requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let body): goOn(body)
        case .end: end()
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        bodyBytes = 0
        guard !isEnding else {
            reading = .refused
            return
        }
        let headers = RequestHeaders(head)
        let framing = headers.framing
        if let refused = framing.refused(bodyBytes: loop.configuration.bodyBytes) { return arrive(.refusal(refused)) }
        let target = RequestTarget(head.uri)
        var endsConnection = framing.endsConnection
        if standing != .counted {
            // Others may have left meanwhile.
            guard target.path == .probe || loop.connections.admit(self) else {
                return arrive(.refusal(ConnectionRoom.refused(standing)))
            }
            if standing != .counted { endsConnection = true }
        }
        if framing.expects == .goOn { arrive(.expectation) }
        stopsDecoder = framing.stopsDecoder && !endsConnection
        let quota =
            target.path == .probe ? nil : loop.quota?.take(caller, at: context?.eventLoop.now ?? .now())
        reading = .request(
            loop.calls.read(head, target, headers.fields, endsConnection: endsConnection, quota))
    }

    private func goOn(_ body: ByteBuffer) {
        bodyBytes += body.readableBytes
        let isTooLarge = bodyBytes > loop.configuration.bodyBytes
        switch reading {
        case .nothing, .refused: break
        case .request where isTooLarge: arrive(.refusal(Refused(.contentTooLarge)))
        case .request(let request): request.take(body)
        }
    }

    private func end() {
        patience.endRequest()
        let whole = reading
        if case .refused = whole { return }
        reading = .nothing
        if case .request(let request) = whole { arrive(.request(request)) }
        if stopsDecoder { renewDecoder() }
    }

    private func renewDecoder() {
        stopsDecoder = false
        guard let context, !isEnding else { return }
        do {
            let (fresh, isDone) = try RequestDecoder.replace(decoder, in: context, loop.configuration)
            decoder = fresh
            isDone.assumeIsolated().whenComplete { [weak self] _ in
                // What was read behind the request has been decoded now.
                if let self, let context = self.context { self.channelReadComplete(context: context) }
            }
        } catch {
            closeAtOnce()
        }
    }

    func arrive(_ arrival: Arrival) {
        switch arrival {
        case .request(let request): if request.form.after == .close { isEnding = true }
        case .expectation: break
        case .refusal:
            guard mayRefuse else { return }
            isEnding = true
            reading = .refused
            patience.endRequest()
        }
        guard backlog.isEmpty, canTake(arrival) else { return backlog.append(arrival) }
        take(arrival)
        switch arrival {
        // Others come with a read, and are sent when that is over.
        case .request: break
        case .expectation, .refusal: send()
        }
    }

    // MARK: Answering

    private func canTake(_ arrival: Arrival) -> Bool {
        guard !isRouting, isWritable else { return false }
        if case .request(let request) = arrival, !request.call.isRouted {
            return queue.hasRoom && unsent.readableBytes < Self.mostUnsent
        }
        return queue.isEmpty
    }

    private func take(_ arrival: Arrival) {
        switch arrival {
        case .request(let request):
            if case .routed(let routed) = request.call { route(routed, request) } else { execute(request) }
        case .expectation: unsent.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        case .refusal(let refused): loop.answers.writeProblem(refused, to: &unsent)
        }
    }

    private func execute(_ request: CallRequest) {
        do throws(Refused) {
            guard let command = try loop.calls.command(of: request.call) else { return answer(request, .known) }
            if let reply = loop.submit(command, for: self, slot: queue.nextSlot, sink: sink) {
                answer(request, .reply(reply))
            } else {
                queue.addWaiting(request)
            }
        } catch {
            answer(request, .refused(error))
        }
    }

    /// Answers at once, or as soon as what is before it is answered.
    private func answer(_ request: CallRequest, _ content: AnswerContent) {
        if queue.isEmpty {
            write(content, to: request, into: &unsent)
        } else {
            var bytes = ByteBuffer()
            write(content, to: request, into: &bytes)
            queue.finish(queue.addWaiting(request), with: bytes, into: &unsent)
        }
    }

    /// The store's reply to the request in `slot`.
    func answer(slot: Int, with reply: StoreReply) {
        guard context != nil, let request = queue.request(at: slot) else { return }
        if queue.isFirst(slot) {
            write(.reply(reply), to: request, into: &unsent)
            queue.finish(slot, with: nil, into: &unsent)
        } else {
            var bytes = ByteBuffer()
            write(.reply(reply), to: request, into: &bytes)
            queue.finish(slot, with: bytes, into: &unsent)
        }
    }

    private func write(_ content: AnswerContent, to request: CallRequest, into buffer: inout ByteBuffer) {
        patience.answer(at: loop.tick)
        loop.answers.write(content, to: request, into: &buffer)
    }

    private func route(_ routed: RoutedRequest, _ request: CallRequest) {
        guard let context else { return }
        // A stream begins at once, and behind what was answered before.
        handOn(context)
        isRouting = true
        routedAfter = request.form.after
        self.routed = request
        context.fireChannelRead(wrapInboundOut(.head(routed.head)))
        if routed.body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(routed.body))) }
        context.fireChannelRead(wrapInboundOut(.end(nil)))
        context.fireChannelReadComplete()
    }

    /// The end of the router's answer can only be told by closing behind it.
    func routedEndsConnection() {
        routedAfter = .close
        isEnding = true
        // Whatever came behind would be read as more of that answer.
        backlog.removeAll()
        reading = .refused
    }

    /// The router has answered its request.
    func routedEnded() {
        guard let context else { return }
        isRouting = false
        patience.answer(at: loop.tick)
        context.flush()
        send()
    }

    // MARK: Sending

    var hasUnsent: Bool { unsent.readableBytes > 0 }

    func channelReadComplete(context: ChannelHandlerContext) {
        if hasUnsent || isEnding || !backlog.isEmpty { send() }
        if self.context != nil { readMore(context) }
    }

    /// Bytes of this connection that were handed to the channel past the fast path.
    func sends(_ bytes: Int) {
        patience.send(bytes: bytes)
    }

    private func handOn(_ context: ChannelHandlerContext) {
        guard hasUnsent else { return }
        patience.send(bytes: unsent.readableBytes)
        isSending = true
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(unsent)), promise: nil)
        isSending = false
        // Takes a new storage only if the old one is still being sent.
        unsent.clear()
    }

    /// Hands on what there is to send, and goes on with what waited for it.
    func send() {
        guard let context, !isSending else { return }
        repeat {
            handOn(context)
            while let next = backlog.first, canTake(next) {
                backlog.removeFirst()
                take(next)
            }
        } while hasUnsent && self.context != nil
        guard self.context != nil else { return }
        if queue.isEmpty, !isRouting, backlog.isEmpty { endIfDone(context) }
        if wantsRead { readMore(context) }
    }

    /// With nothing owed, closes where nothing more is taken.
    private func endIfDone(_ context: ChannelHandlerContext) {
        switch reading {
        case .nothing, .refused:
            if inputIsClosed {
                context.close(mode: .all, promise: nil)
            } else if isEnding, !patience.isLingering {
                patience.linger(at: loop.tick)
                bodyBytes = 0
                context.close(mode: .output, promise: nil)
            }
        case .request: break
        }
    }

    /// Asks for more, unless that is more than can be answered in order or than the client takes.
    private func readMore(_ context: ChannelHandlerContext) {
        guard backlog.isEmpty, isWritable, queue.hasRoom else {
            wantsRead = true
            return
        }
        if wantsRead { patience.resumeReading(at: loop.tick) }
        wantsRead = false
        context.read()
    }
}
