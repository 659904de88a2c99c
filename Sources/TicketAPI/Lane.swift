internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// The fast lane: answers the hot calls on the event loop, right behind the HTTP decoder, and passes every other
/// request on to the router.
///
/// ```
/// socket ─► ArrivalWatch ─► decoder ─► Lane ─────────────────────────► codec ─► router
/// socket ◄──────────────────────────── Lane ◄─ encoder ◄─ RoutedEnd ◄─ codec ◄─ router
/// ```
/// Answers leave in the order of their requests. While the lane has unanswered requests, one for the router waits,
/// and while the router has one, everything behind it waits; meanwhile nothing more is read from the socket. The
/// lane asks for reads itself (the channel's own `autoRead` is off): a hot request never travels past it.
///
/// A connection is closed by closing our side of it and reading on for a moment: with unread bytes the kernel would
/// reset it, and the last answer with it.
final class Lane: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// Whose the request is that is being read.
    private enum Reading {
        case nothing
        case lane(LaneRequest)
        case router(RoutedRequest)
        /// Nothing is taken any more; what still comes is thrown away.
        case refused
    }

    /// What comes out of reading, in order.
    private enum Arrival {
        case lane(LaneRequest)
        case router(RoutedRequest)
        /// Whoever waits for 100 Continue gets it when everything before is answered.
        case expectation
        /// The last thing on its connection.
        case refusal(Problem)
    }

    /// How long a connection is read from after its last answer, in ticks of a second.
    private static let lingering: UInt32 = 2
    /// And how much is read then: whoever sends more has had time to listen.
    private static let lingeringBytes = 1 << 20

    let window: TicketWindow
    let box: LoopBox
    /// Index among the window's lanes.
    var place = 0
    private var context: ChannelHandlerContext?
    private var reading = Reading.nothing
    /// Of the request that is being read; then of what comes behind the last one.
    private var bodyBytes = 0
    /// Requests that are answered later, in order, and answers that wait for one before them.
    private var queue = AnswerQueue()
    /// Bytes to send that were not handed on yet.
    private var unsent = ByteBuffer()
    /// The router has a request that it has not answered.
    private var isRouting = false
    /// How the connection goes on after the router's answer.
    private(set) var routedAfter = HTTPBytes.After.keepAlive
    /// What that answer tells of the quota.
    private(set) var routedStanding: CallerQuota.Standing?
    private(set) lazy var caller = CallerQuota.Caller(context?.channel.remoteAddress)
    /// What waits until everything before it is answered.
    private var backlog = CircularBuffer<Arrival>(initialCapacity: 2)
    private var wantsRead = false
    /// The client, a refusal or a stop has said that nothing more is taken.
    private var isEnding = false
    private var inputIsClosed = false
    /// Our side is closed; the connection goes when the client has closed too, or at this tick.
    private var lingersUntil: UInt32?
    private var lastActive: UInt32
    /// When the first byte of the request that is not whole yet came; `nil` if there is none.
    private var partialSince: UInt32?

    init(window: TicketWindow, box: LoopBox) {
        self.window = window
        self.box = box
        lastActive = window.tick
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        window.enter(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
    }

    func channelActive(context: ChannelHandlerContext) {
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
        window.leave(self)
    }

    /// The watch in front of the decoder saw bytes.
    ///
    /// - Returns: whether anything is to be made of them.
    func takes(_ bytes: ByteBuffer) -> Bool {
        guard lingersUntil == nil else {
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.lingeringBytes { context?.close(mode: .all, promise: nil) }
            return false
        }
        if isEnding {
            switch reading {
            // Behind the last request the decoder may have stopped, and would keep what it is given.
            case .nothing, .refused: return false
            case .lane, .router: break
            }
        }
        lastActive = window.tick
        // An empty line, which some clients send behind a body, begins no request.
        if partialSince == nil, bytes.readableBytes > 2 || !bytes.readableBytesView.allSatisfy({ $0 == 13 || $0 == 10 })
        {
            partialSince = window.tick
        }
        return true
    }

    func everySecond() {
        guard let context else { return }
        let tick = window.tick
        if let lingersUntil {
            if tick >= lingersUntil { context.close(mode: .all, promise: nil) }
            return
        }
        guard queue.isEmpty, !isRouting else { return }
        if let partialSince, tick - partialSince > window.requestTicks {
            arrive(.refusal(.requestTimeout))
        } else if tick - lastActive > window.idleTicks {
            context.close(mode: .all, promise: nil)
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
        let framing = RequestFraming(head)
        if framing.isAmbiguous { return arrive(.refusal(.malformedRequest)) }
        if framing.announcedLength > window.configuration.bodyBytes { return arrive(.refusal(.contentTooLarge)) }
        switch framing.expects {
        case .nothing: break
        case .goOn: arrive(.expectation)
        case .other: return arrive(.refusal(.expectationFailed))
        }
        let standing = window.quota?.take(caller, for: head.uri, at: context?.eventLoop.now ?? .now())
        if let request = window.request(head, endsConnection: framing.endsConnection, standing) {
            reading = .lane(request)
        } else {
            reading = .router(
                RoutedRequest(head: head, endsConnection: framing.endsConnection, standing: standing))
        }
    }

    private func goOn(_ body: ByteBuffer) {
        bodyBytes += body.readableBytes
        let isTooLarge = bodyBytes > window.configuration.bodyBytes
        switch reading {
        case .nothing, .refused: break
        case .lane where isTooLarge, .router where isTooLarge: arrive(.refusal(.contentTooLarge))
        case .lane(let request): request.buyer?.take(body)
        case .router(var request):
            reading = .nothing
            request.body.writeImmutableBuffer(body)
            reading = .router(request)
        }
    }

    private func end() {
        partialSince = nil
        switch reading {
        case .lane(let request):
            reading = .nothing
            arrive(.lane(request))
        case .router(let request):
            reading = .nothing
            arrive(.router(request))
        case .nothing, .refused: break
        }
    }

    private func arrive(_ arrival: Arrival) {
        switch arrival {
        case .lane(let request): if request.manner.after == .close { isEnding = true }
        case .router(let request): if request.after == .close { isEnding = true }
        case .expectation: break
        case .refusal:
            guard !isEnding else { return }
            isEnding = true
            reading = .refused
            partialSince = nil
        }
        if backlog.isEmpty, canTake(arrival) {
            take(arrival)
        } else {
            backlog.append(arrival)
        }
    }

    // MARK: Answering

    private func canTake(_ arrival: Arrival) -> Bool {
        guard !isRouting else { return false }
        if case .lane = arrival { return true }
        return queue.isEmpty
    }

    private func take(_ arrival: Arrival) {
        switch arrival {
        case .lane(let request): execute(request)
        case .router(let request): route(request)
        case .expectation:
            unsent.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
            send()
        case .refusal(let problem):
            window.answers.writeProblem(problem, to: &unsent)
            send()
        }
    }

    private func execute(_ request: LaneRequest) {
        guard let command = window.command(of: request) else { return answer(request, nil) }
        if let reply = window.submit(command, for: self, slot: queue.nextSlot, box: box) {
            answer(request, reply)
        } else {
            queue.addWaiting(request)
        }
    }

    /// Answers at once, or as soon as what is before it is answered.
    private func answer(_ request: LaneRequest, _ reply: StoreReply?) {
        if queue.isEmpty {
            write(reply, to: request, into: &unsent)
        } else {
            var bytes = ByteBuffer()
            write(reply, to: request, into: &bytes)
            queue.finish(queue.addWaiting(request), with: bytes, into: &unsent)
        }
    }

    /// The store's reply to the request in `slot`.
    func answer(slot: Int, with reply: StoreReply) {
        guard context != nil, let request = queue.request(at: slot) else { return }
        if queue.isFirst(slot) {
            write(reply, to: request, into: &unsent)
            queue.finish(slot, with: nil, into: &unsent)
        } else {
            var bytes = ByteBuffer()
            write(reply, to: request, into: &bytes)
            queue.finish(slot, with: bytes, into: &unsent)
        }
    }

    private func write(_ reply: StoreReply?, to request: LaneRequest, into buffer: inout ByteBuffer) {
        lastActive = window.tick
        window.write(reply, to: request, into: &buffer)
    }

    private func route(_ request: RoutedRequest) {
        guard let context else { return }
        isRouting = true
        routedAfter = request.after
        routedStanding = request.standing
        context.fireChannelRead(wrapInboundOut(.head(request.head)))
        if request.body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(request.body))) }
        context.fireChannelRead(wrapInboundOut(.end(nil)))
        context.fireChannelReadComplete()
    }

    /// The router has answered its request.
    func routedEnded() {
        guard let context else { return }
        isRouting = false
        lastActive = window.tick
        context.flush()
        goOnAfterAnswer(context)
    }

    // MARK: Sending

    var hasUnsent: Bool { unsent.readableBytes > 0 }

    func channelReadComplete(context: ChannelHandlerContext) {
        if hasUnsent || isEnding { send() }
        if self.context != nil { readMore(context) }
    }

    /// Hands on what there is to send, and goes on with what waited for it.
    func send() {
        guard let context else { return }
        if hasUnsent {
            context.writeAndFlush(wrapOutboundOut(.byteBuffer(unsent)), promise: nil)
            // Takes a new storage only if the old one is still being sent.
            unsent.clear()
        }
        goOnAfterAnswer(context)
    }

    private func goOnAfterAnswer(_ context: ChannelHandlerContext) {
        while let next = backlog.first, canTake(next) {
            backlog.removeFirst()
            take(next)
        }
        guard self.context != nil else { return }
        if hasUnsent { return send() }
        guard queue.isEmpty, !isRouting, backlog.isEmpty else { return }
        switch reading {
        case .nothing, .refused:
            if inputIsClosed {
                context.close(mode: .all, promise: nil)
            } else if isEnding, lingersUntil == nil {
                lingersUntil = window.tick + Self.lingering
                bodyBytes = 0
                context.close(mode: .output, promise: nil)
            }
        case .lane, .router: break
        }
        if wantsRead { readMore(context) }
    }

    /// Asks for more, unless that is more than can be answered in order or than the client takes.
    private func readMore(_ context: ChannelHandlerContext) {
        guard backlog.isEmpty, context.channel.isWritable else {
            wantsRead = true
            return
        }
        wantsRead = false
        context.read()
    }

    // MARK: The channel's other side

    /// The router's side wants bytes; it gets whole requests when there are any.
    func read(context: ChannelHandlerContext) {}

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if wantsRead { readMore(context) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isEnding = true
            // With nothing owed there is nothing that a reset could take away.
            if case .nothing = reading, queue.isEmpty, backlog.isEmpty, !isRouting, !hasUnsent {
                context.close(mode: .all, promise: nil)
            } else {
                goOnAfterAnswer(context)
            }
        } else if case ChannelEvent.inputClosed = event {
            // The router is not told: it would give up what it has to answer. A request that is cut off is nobody's.
            inputIsClosed = true
            reading = .refused
            if lingersUntil != nil { context.close(mode: .all, promise: nil) } else { send() }
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error as? HTTPParserError {
        case .headerOverflow: arrive(.refusal(.headersTooLarge))
        case .invalidEOFState: break  // The end itself is told as an event.
        case .some: arrive(.refusal(.malformedRequest))
        // Behind a request that ends the connection the decoder takes nothing; its answer may still be owed.
        case nil: if !isEnding { context.close(mode: .all, promise: nil) }
        }
    }
}
