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
final class Lane: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// Whose the request is that is being read.
    private enum Reading {
        case nothing
        case lane(LaneRequest)
        case router
        /// The connection will be closed; what still comes is thrown away.
        case refused
    }

    /// How long a connection is read from after its last answer, so that the answer is not lost to a reset.
    private static let lingering: UInt32 = 2

    let window: TicketWindow
    let box: LoopBox
    /// Index among the window's lanes.
    var place = 0
    private var context: ChannelHandlerContext?
    private var reading = Reading.nothing
    /// Requests that are answered later, in order, and answers that wait for one before them.
    private var queue = AnswerQueue()
    /// Bytes to send that were not handed on yet.
    private var unsent = ByteBuffer()
    /// The router has a request that it has not answered.
    private var isRouting = false
    private var routedKeepsAlive = true
    /// Something was passed on since the last time that reading was complete.
    private var passedOn = false
    /// Parts that wait until what was before them is answered.
    private var backlog = CircularBuffer<HTTPServerRequestPart>()
    private var wantsRead = false
    private var closesWhenAnswered = false
    private var lastActive: UInt32
    /// When the first byte of the request that is not whole yet came; `nil` if there is none.
    private var partialSince: UInt32?
    /// Nothing is answered any more; the connection goes when the client closes it, or at this tick.
    private var lingersUntil: UInt32?
    /// The router's wish to close its side, until the lane's answers have left.
    private var delayedClose: (mode: CloseMode, promise: EventLoopPromise<Void>?)?

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
        delayedClose?.promise?.fail(ChannelError.alreadyClosed)
        delayedClose = nil
    }

    /// The watch in front of the decoder saw bytes.
    func bytesArrived() {
        lastActive = window.tick
        if partialSince == nil { partialSince = window.tick }
    }

    func everySecond() {
        guard let context else { return }
        let tick = window.tick
        if let lingersUntil {
            if tick >= lingersUntil { context.close(mode: .all, promise: nil) }
            return
        }
        guard queue.isEmpty, !isRouting || isReadingForRouter else { return }
        if let partialSince, tick - partialSince > window.requestTicks {
            if isRouting { context.close(mode: .all, promise: nil) } else { refuse(.requestTimeout) }
        } else if tick - lastActive > window.idleTicks {
            context.close(mode: .all, promise: nil)
        }
    }

    private var isReadingForRouter: Bool {
        if case .router = reading { true } else { false }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if backlog.isEmpty, !mustWait(part) {
            take(part, context)
        } else {
            backlog.append(part)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if passedOn {
            passedOn = false
            context.fireChannelReadComplete()
        }
        if hasUnsent || closesWhenAnswered { send() }
        if self.context != nil { readMore(context) }
    }

    /// Whether a part has to wait for answers to what came before it.
    private func mustWait(_ part: HTTPServerRequestPart) -> Bool {
        guard case .head(let head) = part else { return false }
        if isRouting { return true }
        return !queue.isEmpty && !closesWhenAnswered && window.call(head.method, head.uri) == nil
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head): begin(head, context)
        case .body(let body):
            switch reading {
            case .lane(var request):
                request.bodyBytes += body.readableBytes
                reading = .lane(request)
                if request.bodyBytes > window.configuration.bodyBytes { refuse(.contentTooLarge) }
            case .router: pass(part, context)
            case .nothing, .refused: break
            }
        case .end:
            partialSince = nil
            switch reading {
            case .lane(let request):
                reading = .nothing
                execute(request)
            case .router:
                reading = .nothing
                pass(part, context)
            case .nothing, .refused: break
            }
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard !closesWhenAnswered else {
            reading = .refused
            return
        }
        guard head.method == .GET || acceptsBody(head) else { return }
        if let call = window.call(head.method, head.uri) {
            reading = .lane(LaneRequest(call: call, head: head))
        } else {
            reading = .router
            isRouting = true
            routedKeepsAlive = head.isKeepAlive
            pass(.head(head), context)
        }
    }

    private func pass(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        passedOn = true
        context.fireChannelRead(wrapInboundOut(part))
    }

    /// Refuses a body that is announced as too large, and says to go on where that was asked.
    private func acceptsBody(_ head: HTTPRequestHead) -> Bool {
        let announced = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard announced <= window.configuration.bodyBytes else {
            refuse(.contentTooLarge)
            return false
        }
        guard let expected = head.headers.first(name: "expect"), head.version == .http1_1 else { return true }
        guard expected.lowercased() == "100-continue" else {
            refuse(.expectationFailed)
            return false
        }
        queue.append(Self.goOn, into: &unsent)
        return true
    }

    private static let goOn = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")

    private func execute(_ request: LaneRequest) {
        if request.manner.after == .close { closesWhenAnswered = true }
        let command: Command
        switch request.call {
        case .remaining, .buyUnknownType, .completeUnknownHold, .wrongMethod: return answer(request, nil)
        case .buy(let product): command = window.product(at: product)
        case .complete(let hold): command = .purchase(hold)
        }
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

    /// - Parameter reply: `nil` for a call that the store is not asked for.
    private func write(_ reply: StoreReply?, to request: LaneRequest, into buffer: inout ByteBuffer) {
        lastActive = window.tick
        if let reply {
            window.answers.write(reply, request.manner, jitter: window.jitter(), to: &buffer)
            return
        }
        switch request.call {
        case .remaining:
            window.answers.writeRemaining(
                window.configuration.classicEvent, of: window.store, request.manner, to: &buffer)
        case .buyUnknownType: window.answers.writeRefusal(.unknownTicketType, request.manner, to: &buffer)
        case .wrongMethod(let allowed):
            window.answers.writeRefusal(.methodNotAllowed, fields: allowed.header, request.manner, to: &buffer)
        case .completeUnknownHold: window.answers.writeRefusal(.unknownHold, request.manner, to: &buffer)
        case .buy, .complete: preconditionFailure("the store answers these")
        }
    }

    /// Answers what cannot be read or will not be, behind everything that was, and closes.
    private func refuse(_ problem: Problem) {
        guard lingersUntil == nil else { return }
        var bytes = ByteBuffer()
        window.answers.writeProblem(problem, to: &bytes)
        queue.append(bytes, into: &unsent)
        reading = .refused
        partialSince = nil
        closesWhenAnswered = true
        // Unread bytes would make the kernel reset the connection, and the answer with it.
        lingersUntil = window.tick + Self.lingering
        send()
    }

    // MARK: Sending

    var hasUnsent: Bool { unsent.readableBytes > 0 }

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
        while let next = backlog.first, !mustWait(next) { take(backlog.removeFirst(), context) }
        if passedOn {
            passedOn = false
            context.fireChannelReadComplete()
        }
        if hasUnsent { return send() }
        guard queue.isEmpty, !isRouting, self.context != nil else { return }
        if closesWhenAnswered {
            // With a request under way that the client still sends, its answer must not be lost to a reset.
            context.close(mode: lingersUntil == nil ? .all : .output, promise: nil)
        } else if let (mode, promise) = delayedClose {
            delayedClose = nil
            context.close(mode: mode, promise: promise)
        } else if wantsRead {
            readMore(context)
        }
    }

    /// The router has answered its request.
    func routedEnded() {
        guard let context else { return }
        isRouting = false
        lastActive = window.tick
        if !routedKeepsAlive { closesWhenAnswered = true }
        context.flush()
        goOnAfterAnswer(context)
    }

    // MARK: Reading

    /// Asks for more, unless that is more than can be answered in order or than the client takes.
    private func readMore(_ context: ChannelHandlerContext) {
        guard backlog.isEmpty, context.channel.isWritable else {
            wantsRead = true
            return
        }
        wantsRead = false
        if isReadingForRouter {
            // From the far end: the router's side says whether it can take more of the body.
            context.channel.read()
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if wantsRead { readMore(context) }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Closing

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output, !queue.isEmpty || hasUnsent || !backlog.isEmpty {
            delayedClose = (mode, promise)
        } else {
            context.close(mode: mode, promise: promise)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            closesWhenAnswered = true
            if case .nothing = reading { goOnAfterAnswer(context) }
            return
        }
        if case ChannelEvent.inputClosed = event {
            // A request that is cut off is nobody's any more.
            if case .lane = reading { reading = .refused }
            // With nothing owed, there is nothing to stay for.
            if lingersUntil != nil, queue.isEmpty { context.close(mode: .all, promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, error != .invalidEOFState else {
            context.close(mode: .all, promise: nil)
            return
        }
        if isRouting {
            context.fireErrorCaught(error)
        } else {
            refuse(error == .headerOverflow ? .headersTooLarge : .malformedRequest)
        }
    }
}
