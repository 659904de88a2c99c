internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// The fast lane: answers the hot calls on the event loop, right behind the HTTP decoder, and passes every other
/// request on to the router.
///
/// ```
/// socket ─► ArrivalWatch ─► decoder ─► Lane ─────────────────► codec ─► router
/// socket ◄──────────────────────────── Lane ◄─ encoder ◄─ RoutedEnd ◄─ codec ◄─ router
/// ```
/// Answers leave in the order of their requests. While the lane has unanswered requests, one for the router waits,
/// and while the router has one, everything behind it waits; meanwhile nothing more is read from the socket.
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
        case refuse
    }

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
    /// Parts that wait until what was before them is answered.
    private var backlog = CircularBuffer<HTTPServerRequestPart>()
    private var wantsRead = false
    private var closesWhenAnswered = false
    private var lastActive: UInt32
    /// When the first byte of the request that is not whole yet came; 0 if there is none.
    private var partialSince: UInt32 = 0
    /// The response side is closed; the connection goes when the client has closed too, or at this tick.
    private var lingersUntil: UInt32?
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
        guard self.context != nil else { return }
        self.context = nil
        window.leave(self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        handlerRemoved(context: context)
        context.fireChannelInactive()
    }

    /// The watch in front of the decoder saw bytes.
    func bytesArrived() {
        lastActive = window.tick
        if partialSince == 0 { partialSince = max(1, window.tick) }
    }

    func everySecond() {
        guard let context else { return }
        let tick = window.tick
        if let lingersUntil {
            if tick >= lingersUntil { context.close(mode: .all, promise: nil) }
            return
        }
        guard queue.isEmpty, !isRouting else { return }
        let limits = window.configuration
        if partialSince > 0, tick - partialSince >= UInt32(limits.request.components.seconds) {
            // Only a request that was begun gets an answer; a client that sends nothing expects none.
            if case .nothing = reading { return refuse(.requestTimeout) }
            if case .lane = reading { return refuse(.requestTimeout) }
            context.close(mode: .all, promise: nil)
        } else if tick - lastActive >= UInt32(limits.idle.components.seconds) {
            context.close(mode: .all, promise: nil)
        }
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
        if hasUnsent { send() }
        context.fireChannelReadComplete()
    }

    /// Whether a part has to wait for answers to what came before it.
    private func mustWait(_ part: HTTPServerRequestPart) -> Bool {
        guard case .head(let head) = part else { return false }
        if isRouting { return true }
        return !queue.isEmpty && !closesWhenAnswered && ClassicCall(head.method, head.uri) == nil
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
            case .router: context.fireChannelRead(wrapInboundOut(part))
            case .nothing, .refuse: break
            }
        case .end:
            partialSince = 0
            switch reading {
            case .lane(let request):
                reading = .nothing
                execute(request)
            case .router:
                reading = .nothing
                context.fireChannelRead(wrapInboundOut(part))
            case .nothing, .refuse: break
            }
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard !closesWhenAnswered else {
            reading = .refuse
            return
        }
        let call = ClassicCall(head.method, head.uri)
        if head.method != .GET, !acceptsBody(head, context) { return }
        if let call {
            reading = .lane(LaneRequest(call: call, head: head))
        } else {
            reading = .router
            isRouting = true
            routedKeepsAlive = head.isKeepAlive
            context.fireChannelRead(wrapInboundOut(.head(head)))
            if hasUnsent { send() }
        }
    }

    /// Refuses a body that is announced as too large, and says to go on where that was asked.
    private func acceptsBody(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> Bool {
        let announced = head.headers["content-length"].first.flatMap { Int($0) } ?? 0
        if announced > window.configuration.bodyBytes {
            refuse(.contentTooLarge)
            return false
        }
        guard let expected = head.headers["expect"].first, head.version == .http1_1 else { return true }
        guard expected.lowercased() == "100-continue" else {
            refuse(.expectationFailed)
            return false
        }
        queue.finish(queue.add(keepsAlive: true), with: Self.goOn, into: &unsent)
        return true
    }

    private static let goOn = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")

    private func execute(_ request: LaneRequest) {
        switch request.call {
        case .remaining:
            if let body = window.remainingTickets() {
                answer(request, ClassicAnswers.Answer(status: 200, body: body))
            } else {
                answer(request, window.classic.refused(.unknownEvent))
            }
        case .buy(let type):
            guard let command = window.buyCommand(target: request.target, type: type) else {
                return answer(request, window.classic.refused(.unknownTicketType))
            }
            submit(command, request)
        case .complete(let token):
            guard let hold = window.classic.mint.hold(of: token.utf8) else {
                return answer(request, window.classic.refused(.unknownHold))
            }
            submit(.purchase(hold), request)
        case .wrongMethod(let allow):
            answer(request, window.classic.refused(.methodNotAllowed, fields: "allow: \(allow)\r\n"))
        }
    }

    private func submit(_ command: Command, _ request: LaneRequest) {
        let slot = queue.nextSlot
        if let reply = window.submit(command, for: self, slot: slot, box: box) {
            answer(request, window.classic.answer(reply, jitter: window.jitter()))
        } else {
            queue.addWaiting(request)
            noteClosing(request)
            if case .buy = request.call { window.remember(command, target: request.target) }
        }
    }

    /// Answers at once, or as soon as what is before it is answered.
    private func answer(_ request: LaneRequest, _ answer: ClassicAnswers.Answer) {
        noteClosing(request)
        if queue.isEmpty {
            write(answer, to: request, into: &unsent)
        } else {
            var bytes = ByteBuffer()
            write(answer, to: request, into: &bytes)
            queue.finish(queue.addWaiting(request), with: bytes, into: &unsent)
        }
    }

    /// The store's reply to the request in `slot`.
    func answer(slot: Int, with reply: StoreReply) {
        guard context != nil, let request = queue.request(at: slot) else { return }
        let answer = window.classic.answer(reply, jitter: window.jitter())
        if queue.isFirst(slot) {
            write(answer, to: request, into: &unsent)
            queue.finish(slot, with: nil, into: &unsent)
        } else {
            var bytes = ByteBuffer()
            write(answer, to: request, into: &bytes)
            queue.finish(slot, with: bytes, into: &unsent)
        }
    }

    private func write(_ answer: ClassicAnswers.Answer, to request: LaneRequest, into buffer: inout ByteBuffer) {
        lastActive = window.tick
        window.bytes.write(
            answer.status, body: answer.body, fields: answer.fields, after: request.after, isHead: request.isHead,
            to: &buffer)
    }

    private func noteClosing(_ request: LaneRequest) {
        if request.after == .close { closesWhenAnswered = true }
    }

    /// Answers what cannot be read or will not be, behind everything that was, and closes.
    private func refuse(_ problem: Problem) {
        guard !closesWhenAnswered else { return }
        var bytes = ByteBuffer()
        window.bytes.write(
            problem.status, .problem, body: problem.document(), after: .close, to: &bytes)
        queue.finish(queue.add(keepsAlive: false), with: bytes, into: &unsent)
        reading = .refuse
        partialSince = 0
        closesWhenAnswered = true
        // Unread bytes would make the kernel reset the connection, and the answer with it.
        lingersUntil = window.tick + 2
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
        guard queue.isEmpty, !isRouting else { return }
        if hasUnsent { return send() }
        if closesWhenAnswered {
            close(context)
        } else if let (mode, promise) = delayedClose {
            delayedClose = nil
            context.close(mode: mode, promise: promise)
        } else if wantsRead {
            wantsRead = false
            context.read()
        }
    }

    private func close(_ context: ChannelHandlerContext) {
        if lingersUntil == nil {
            context.close(mode: .all, promise: nil)
        } else {
            context.close(mode: .output, promise: nil)
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

    // MARK: The channel's other side

    func read(context: ChannelHandlerContext) {
        // No more is read than can be answered in order, or than the client takes.
        if backlog.isEmpty, context.channel.isWritable {
            context.read()
        } else {
            wantsRead = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, wantsRead, backlog.isEmpty {
            wantsRead = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }

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
        } else if case ChannelEvent.inputClosed = event {
            // A request that is cut off is nobody's any more.
            if case .lane = reading { reading = .refuse }
            context.fireUserInboundEventTriggered(event)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            context.close(mode: .all, promise: nil)
            return
        }
        if error == .invalidEOFState {
            context.close(mode: .all, promise: nil)
        } else if isRouting {
            context.fireErrorCaught(error)
        } else {
            refuse(error == .headerOverflow ? .headersTooLarge : .malformedRequest)
        }
    }
}
