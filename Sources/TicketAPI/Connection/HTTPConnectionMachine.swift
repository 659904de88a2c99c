internal import NIOCore
internal import NIOHTTP1

/// The life of one HTTP connection: which request is being read, which answers are owed and in which order they leave,
/// and how the connection ends.
///
/// It decides and does nothing: ``FastPathHandler`` reports what happens, and carries out what it returns. It cannot be
/// copied, since a stale copy would answer a request twice. Time is in ticks of a second (``LoopContext/tick``).
///
/// Answers leave in the order of their requests. While an answer of the fast path is owed, a request for the router waits,
/// and while the router works on one, everything behind it waits. Nothing more is read, and nothing more is answered,
/// while as much waits as ``AnswerQueue`` has room for or the client does not read what it was sent.
///
/// A connection is closed by closing our side of it and reading on for a moment: with unread bytes the kernel would
/// reset it, and the last answer with it.
struct HTTPConnectionMachine: ~Copyable {
    private enum Router {
        case idle
        case answering(RoutedAnswer)
        /// The connection is a stream from now on, and the router never answers.
        case streaming
    }

    /// Who said that nothing more comes.
    private enum Input {
        case open, serviceStops, clientClosed
    }

    private enum Reading {
        case nothing
        case request(CallRequest)
        /// No further request is accepted; what still arrives is thrown away.
        case refused
    }

    /// Each leads to the next one only.
    private enum End {
        case open
        /// The client, a refusal or a stop has said that no further request is accepted. One that is being read is read
        /// to its end.
        case behindLastAnswer
        /// Our side is closed; with the bytes that arrived since.
        case lingering(bytes: Int)
    }

    /// What is read from a connection after its last answer: a client that sends more has had time to listen.
    private static let lingeringBytes = 1 << 20

    private let mostBodyBytes: Int
    private var reading = Reading.nothing
    /// Of the request that is being read.
    private var bodyBytes = 0
    /// Of these, what was in the last piece.
    private var bodyBytesOfPiece = 0
    /// A request ended in the last piece.
    private var endedInPiece = false
    /// The decoder stops behind the request that is being read.
    private var stopsDecoder = false
    /// What waits until everything before it is answered.
    private var backlog = CircularBuffer<Work>(initialCapacity: 2)
    private var queue = AnswerQueue()
    private var router = Router.idle
    /// The channel is being handed bytes; it may call back meanwhile.
    private var isSending = false
    /// The client reads what it is sent.
    private var isWritable = true
    /// The channel is asked for more as soon as more can be answered.
    private(set) var wantsRead = false
    private var input = Input.open
    private var end = End.open
    private var patience: ConnectionPatience

    init(_ limits: ConnectionPatience.Limits, bodyBytes: Int, at tick: UInt32) {
        mostBodyBytes = bodyBytes
        patience = ConnectionPatience(limits, at: tick)
    }

    // MARK: Reading requests

    /// Whether the decoder may have another piece of what arrived: what is in it can wait, but not without bound.
    var mayDecode: Bool { backlog.isEmpty && isWritable && queue.hasRoom }

    /// A piece arrived; the decoder has not seen it yet.
    mutating func receive(_ bytes: ByteBuffer, at tick: UInt32) -> ReceiveAction {
        endedInPiece = false
        bodyBytesOfPiece = 0
        switch end {
        case .lingering(let before):
            let all = before + bytes.readableBytes
            end = .lingering(bytes: all)
            return all > Self.lingeringBytes ? .close : .drop
        // The decoder may have stopped behind the last request, and would keep what it is given.
        case .behindLastAnswer where !isReadingRequest: return .drop
        case .open, .behindLastAnswer: break
        }
        // An empty line, which some clients send behind a body, begins no request.
        let isBlank = bytes.readableBytes <= 2 && bytes.readableBytesView.allSatisfy { $0 == 13 || $0 == 10 }
        patience.receive(beginRequest: !isBlank, at: tick)
        return .decode
    }

    /// The decoder has seen a piece. It says nothing of a head that is not whole, whose time runs from now on.
    mutating func endPiece(_ bytes: ByteBuffer, at tick: UInt32) {
        guard endedInPiece, case .open = end, case .nothing = reading,
            !bytes.endsWithRequest(body: bodyBytesOfPiece)
        else { return }
        patience.receive(beginRequest: true, at: tick)
    }

    /// The head of a request arrived.
    ///
    /// - Returns: whether the request is accepted: then ``read(_:stopsDecoder:)`` or ``refuse(_:)`` follows.
    mutating func begin() -> Bool {
        bodyBytes = 0
        bodyBytesOfPiece = 0
        guard case .open = end else {
            reading = .refused
            return false
        }
        return true
    }

    /// The request that has begun is this one.
    ///
    /// - Parameter stopsDecoder: the decoder reads nothing behind it.
    mutating func read(_ request: CallRequest, stopsDecoder: Bool) {
        reading = .request(request)
        self.stopsDecoder = stopsDecoder
    }

    /// The client waits for 100 Continue before it sends the body of the request that has begun.
    mutating func expect() -> Work? {
        doNow(.expectation)
    }

    /// A piece of the body arrived.
    mutating func readBody(_ bytes: ByteBuffer) -> Work? {
        bodyBytes += bytes.readableBytes
        bodyBytesOfPiece += bytes.readableBytes
        guard case .request(let request) = reading else { return nil }
        guard bodyBytes <= mostBodyBytes else { return refuse(Refused(.contentTooLarge)) }
        request.take(bytes)
        return nil
    }

    /// The request is whole.
    ///
    /// - Returns: what to do now, if anything, and whether another decoder has to read what follows.
    mutating func endRequest() -> (work: Work?, renewsDecoder: Bool) {
        patience.endRequest()
        endedInPiece = true
        let stopped = stopsDecoder
        stopsDecoder = false
        guard case .request(let request) = reading else { return (nil, false) }
        reading = .nothing
        if request.form.after == .close { endBehindLastAnswer() }
        let work = doNow(.request(request))
        guard case .open = end else { return (work, false) }
        return (work, stopped)
    }

    /// Nothing more is read of a request, or of what is not a request.
    ///
    /// - Parameter head: of the request, if it has just begun.
    mutating func refuse(_ refused: Refused, of head: HTTPRequestHead? = nil) -> Work? {
        guard mayRefuse else { return nil }
        var head = head
        if head == nil, case .request(let request) = reading { head = request.routedHead }
        endBehindLastAnswer()
        reading = .refused
        patience.endRequest()
        return doNow(.refusal(refused, of: head))
    }

    /// Whether a client waits for a refusal: it does not behind its last request, but a stop may come in the middle of a
    /// request.
    var mayRefuse: Bool {
        if case .open = end { true } else { isReadingRequest }
    }

    private var isReadingRequest: Bool {
        if case .request = reading { true } else { false }
    }

    private mutating func endBehindLastAnswer() {
        if case .open = end { end = .behindLastAnswer }
    }

    // MARK: Order

    /// - Returns: the work, unless it has to wait.
    private mutating func doNow(_ work: Work) -> Work? {
        if backlog.isEmpty, isNext(work) { return work }
        backlog.append(work)
        return nil
    }

    private func isNext(_ work: Work) -> Bool {
        guard isRouterIdle, isWritable else { return false }
        if case .request(let request) = work, !request.call.isRouted {
            return queue.hasRoom && !queue.isFull
        }
        return queue.isEmpty
    }

    /// The next piece of work that had to wait, if it has not to wait any more.
    mutating func nextWork() -> Work? {
        guard let first = backlog.first, isNext(first) else { return nil }
        return backlog.removeFirst()
    }

    // MARK: Answering

    /// The slot of the next request that waits for the store.
    var nextSlot: Int { queue.nextSlot }

    /// The store answers a request later, in ``nextSlot``.
    mutating func wait(for request: CallRequest) {
        queue.add(request)
    }

    /// The request in `slot`, if it is not answered yet.
    func waiting(in slot: Int) -> CallRequest? {
        queue.request(at: slot)
    }

    /// Answers a request that was next, at once or as soon as everything before it is answered.
    mutating func answer(at tick: UInt32, with write: (inout ByteBuffer) -> Void) {
        patience.answer(at: tick)
        queue.answer(with: write)
    }

    /// Answers the request that waits in `slot`.
    mutating func answer(slot: Int, at tick: UInt32, with write: (inout ByteBuffer) -> Void) {
        patience.answer(at: tick)
        queue.answer(slot, with: write)
    }

    /// Writes what is not an answer to a request: 100 Continue or a refusal.
    mutating func write(_ write: (inout ByteBuffer) -> Void) {
        queue.write(write)
    }

    /// What the router is answering.
    var routed: RoutedAnswer? {
        if case .answering(let answer) = router { answer } else { nil }
    }

    private var isRouterIdle: Bool {
        if case .idle = router { true } else { false }
    }

    /// The router gets its request.
    mutating func route(_ request: RoutedRequest, _ form: AnswerForm, _ standing: CallerQuota.Standing?) {
        router = .answering(
            RoutedAnswer(request: request, standing: standing, sharing: form.sharing, after: form.after))
    }

    /// Whether the connection is a stream, which answers nothing more.
    var isStreaming: Bool {
        if case .streaming = router { true } else { false }
    }

    /// The request begins a stream.
    ///
    /// - Returns: whether to close it again: its client has left, or the service stops.
    mutating func stream() -> Bool {
        router = .streaming
        return input != .open
    }

    /// Only the end of the connection shows where the router's answer ends.
    mutating func routedEndsConnection() {
        guard case .answering(var answer) = router else { return }
        answer.after = .close
        router = .answering(answer)
        endBehindLastAnswer()
        // The client would read the next answer as more of this one.
        backlog.removeAll()
        reading = .refused
    }

    mutating func endRouted(at tick: UInt32) {
        router = .idle
        patience.answer(at: tick)
    }

    // MARK: Sending

    var hasUnsent: Bool { queue.unsent.readableBytes > 0 }
    /// Whether a read that is over leaves anything to send or to end.
    var hasWork: Bool {
        if hasUnsent || !backlog.isEmpty { return true }
        if case .open = end { return false }
        return true
    }
    /// Whether the channel may still have bytes to send.
    var mayBeSending: Bool { patience.mayBeSending }
    /// Whether the channel may be handed bytes: it calls back while it is handed some.
    var maySend: Bool { !isSending }

    /// The channel is handed everything unsent; ``endSending()`` follows.
    mutating func beginSending() -> ByteBuffer {
        isSending = true
        patience.send(bytes: queue.unsent.readableBytes)
        return queue.unsent
    }

    mutating func endSending() {
        isSending = false
        queue.clearUnsent()
    }

    /// Bytes were handed to the channel past the machine.
    mutating func send(bytes: Int) {
        patience.send(bytes: bytes)
    }

    mutating func setWritable(_ isWritable: Bool) {
        self.isWritable = isWritable
    }

    /// Everything that could be sent was handed to the channel. With nothing owed, closes where nothing more is accepted.
    mutating func goIdle(at tick: UInt32) -> IdleAction {
        guard queue.isEmpty, isRouterIdle, backlog.isEmpty, !isReadingRequest else { return .goOn }
        switch end {
        case .lingering: return .goOn
        case .open where input != .clientClosed: return .goOn
        case .open, .behindLastAnswer: break
        }
        end = .lingering(bytes: 0)
        patience.linger(at: tick)
        return input == .clientClosed ? .closeWhenSent : .closeOutput
    }

    // MARK: The channel

    /// Whether to ask the channel for more: not for more than can be answered in order or than the client reads.
    mutating func mayRead(at tick: UInt32) -> Bool {
        guard mayDecode else {
            wantsRead = true
            return false
        }
        if wantsRead { patience.resumeReading(at: tick) }
        wantsRead = false
        return true
    }

    /// The client sends nothing more. A request that this cuts off is not answered.
    ///
    /// - Parameter pending: bytes that the channel was handed and still has.
    mutating func closeInput(pending: Int) -> InputEndAction {
        input = .clientClosed
        reading = .refused
        if case .lingering = end { return pending > 0 ? .goOn : .close }
        switch router {
        case .idle: return .goOn
        case .streaming: return .close
        case .answering(let answer):
            // A client that left looks like one that only sends nothing more; a recount is too expensive for the first.
            if case .recount = answer.request.kind { return .tellRouter }
            return .goOn
        }
    }

    var clientHasClosed: Bool { input == .clientClosed }

    /// The service stops.
    ///
    /// - Parameter pending: bytes that the channel was handed and still has.
    mutating func quiesce(pending: Int) -> QuiesceAction {
        endBehindLastAnswer()
        if input == .open { input = .serviceStops }
        // With nothing owed there is nothing that a reset could take away.
        guard case .nothing = reading, queue.isEmpty, backlog.isEmpty, isRouterIdle, !hasUnsent, pending == 0 else {
            return .goOn
        }
        return .close
    }

    /// Once a second.
    ///
    /// - Parameters:
    ///   - pending: bytes that the channel was handed and still has.
    ///   - isSpare: there is no room for the connection.
    mutating func look(at tick: UInt32, pending: Int, isSpare: Bool) -> TickAction {
        let verdict = patience.look(
            at: tick, pending: pending, isAnswering: !queue.isEmpty || !isRouterIdle || !backlog.isEmpty,
            isReading: !wantsRead, isSpare: isSpare)
        switch verdict {
        case .goOn: return .goOn
        // A request that is not answered must not hold up a stop.
        case .refuseRequest: return mayRefuse ? .refuseRequest : .close
        case .close: return .close
        }
    }
}
