internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// Sends changes of availability to the listeners of one event loop.
///
/// One timer runs while there are listeners. At each tick it asks the store once for each event, encodes a change once,
/// and sends the same bytes to every listener. It queues nothing: a listener whose connection is not writable is skipped,
/// and gets the newest change later.
///
/// Lives on its loop and is touched nowhere else.
final class AvailabilityStream {
    /// Between two ticks: five changes a second at most.
    private static let interval: TimeAmount = .milliseconds(200)
    /// Without a change for so long, a listener gets a comment that shows that the stream is alive.
    private static let heartbeat: TimeAmount = .seconds(15)
    /// Listeners that are sent to before the loop serves its other connections, which takes a quarter of a millisecond.
    /// Two thousand at once would delay buyers by 15 ms.
    private static let slice = 32
    /// After a slice the loop sends none for this many times as long as the slice took: listeners take a thirtieth of the loop
    /// at most, nearly all of it the kernel's sending. With more listeners, each gets fewer messages. The time is measured,
    /// so on a busy machine listeners wait longer and buyers do not.
    private static let share: Int64 = 30
    /// The pause is no longer than this for each message sent: a thousand listeners get two a second in any case.
    private static let slowest: TimeAmount = .microseconds(500)

    private let store: any TicketStore
    private let queues: QueueDirectory
    private let room: Room
    private let loop: any EventLoop
    private var watched: [Code: WatchedEvent] = [:]
    private var isTicking = false
    /// Events whose listeners are still to be sent to in this round, and the next listener of the last event.
    private var round: [WatchedEvent] = []
    private var position = 0
    private var roundBegan = NIODeadline.now()

    init(store: any TicketStore, queues: QueueDirectory, room: Room, loop: any EventLoop) {
        self.queues = queues
        self.store = store
        self.room = room
        self.loop = loop
    }

    // MARK: Coming and going

    /// A listener that has not entered yet; `nil` if there is no such event or no room.
    ///
    /// - Parameters:
    ///   - sender: whom it counts for.
    ///   - fields: header lines.
    func listener(
        to request: StreamRequest, on handler: FastPathHandler, for sender: RequestSender, fields: String
    ) -> Listener? {
        let caller = CallerQuota.Caller(of: sender.address)
        let code = request.event
        let event = watched[code] ?? AvailabilityDocument.current(code, in: store).map { WatchedEvent(code, $0) }
        guard let event, event.refresh(from: store, queues), room.take(caller) == nil else { return nil }
        watched[code] = event
        let opening = event.opening(known: request.lastEventID, date: handler.loop.answers.date, fields: fields)
        return Listener(stream: self, event: event, handler: handler, caller: caller, opening: opening)
    }

    /// The listener has sent the opening.
    func enter(_ listener: Listener) {
        listener.event.add(listener)
        guard !isTicking else { return }
        isTicking = true
        loop.assumeIsolated().scheduleTask(in: Self.interval) { self.tick() }
    }

    func leave(_ listener: Listener) {
        room.leave(listener.caller)
        listener.event.remove(listener)
        if listener.event.isUnheard, watched[listener.event.code] === listener.event {
            watched[listener.event.code] = nil
        }
    }

    // MARK: Telling

    private func tick() {
        guard !watched.isEmpty else {
            isTicking = false
            return
        }
        roundBegan = .now()
        for event in Array(watched.values) {
            if event.refresh(from: store, queues) {
                round.append(event)
            } else {
                watched[event.code] = nil
                event.end()
            }
        }
        goOn()
    }

    /// Sends to the next slice, and schedules the slice after it.
    private func goOn() {
        let now = NIODeadline.now()
        let sent = sendSlice(now)
        let next = now + min((.now() - now) * Self.share, Self.slowest * sent)
        if round.isEmpty {
            loop.assumeIsolated().scheduleTask(deadline: max(next, roundBegan + Self.interval)) { self.tick() }
        } else {
            loop.assumeIsolated().scheduleTask(deadline: next) { self.goOn() }
        }
    }

    /// - Returns: how many messages were sent.
    private func sendSlice(_ now: NIODeadline) -> Int {
        var sent = 0
        while let event = round.last {
            while position < event.count {
                guard sent < Self.slice else { return sent }
                if event.send(to: position, now, heartbeat: Self.heartbeat) { sent += 1 }
                position += 1
            }
            round.removeLast()
            position = 0
        }
        return sent
    }
}

/// An event and its listeners on one loop.
final class WatchedEvent {
    private struct Entry {
        let listener: Listener
        /// The edition that it was sent last.
        var edition: UInt64
        /// The same for what it was sent of the queue.
        var queueEdition: UInt64
        var sentAt: NIODeadline
    }

    let code: Code
    private var document: AvailabilityDocument
    /// Counts different documents.
    private var edition: UInt64 = 0
    /// The message with the newest document.
    private var change: ByteBuffer
    private var entries: [Entry] = []
    /// What is known of the event's queue; `nil` if it has none.
    private var queue: QueueDocument?
    private var queueEdition: UInt64 = 0
    private var queueChange = ByteBuffer()

    init(_ code: Code, _ document: AvailabilityDocument) {
        self.code = code
        self.document = document
        change = Self.message("change", document)
    }

    var count: Int { entries.count }
    var isUnheard: Bool { entries.isEmpty }

    /// Gets the newest document from the store.
    ///
    /// - Returns: whether the event still exists.
    func refresh(from store: any TicketStore, _ queues: QueueDirectory) -> Bool {
        refreshQueue(queues.copy(of: code)?.document)
        guard let current = AvailabilityDocument.current(code, in: store, after: document) else { return false }
        guard current !== document else { return true }
        // A version that changes no byte, as when the numbers are not disclosed, is no news.
        let isNews = current.body != document.body
        document = current
        if isNews {
            edition += 1
            change = Self.message("change", document)
        }
        return true
    }

    private func refreshQueue(_ current: QueueDocument?) {
        // What differs only in its moments is no news.
        guard let current, current.facts != queue?.facts else { return }
        queue = current
        queueEdition += 1
        queueChange = ByteBuffer()
        queueChange.writeStaticString("event: queue\ndata: ")
        queueChange.writeBytes(current.body)
        queueChange.writeStaticString("\n\n")
    }

    func add(_ listener: Listener) {
        listener.index = entries.count
        entries.append(Entry(listener: listener, edition: edition, queueEdition: queueEdition, sentAt: .now()))
    }

    func remove(_ listener: Listener) {
        let last = entries.removeLast()
        guard last.listener !== listener else { return }
        entries[listener.index] = last
        last.listener.index = listener.index
    }

    /// Sends one listener the newest change, if it does not have it, or a comment if it is due.
    ///
    /// - Returns: whether anything was sent.
    func send(to index: Int, _ now: NIODeadline, heartbeat: TimeAmount) -> Bool {
        let entry = entries[index]
        let isBehind = entry.edition != edition
        let isBehindQueue = entry.queueEdition != queueEdition
        guard isBehind || isBehindQueue || entry.sentAt + heartbeat <= now, entry.listener.takesMore else {
            return false
        }
        // Before sending: a connection that fails then is removed at once, and another entry gets the index.
        entries[index].edition = edition
        entries[index].queueEdition = queueEdition
        entries[index].sentAt = now
        guard isBehindQueue else {
            entry.listener.send(isBehind ? change : Self.silence)
            return true
        }
        var news = isBehind ? change : ByteBuffer()
        news.writeImmutableBuffer(queueChange)
        entry.listener.send(news)
        return true
    }

    /// The event is gone.
    func end() {
        // A copy: a listener that is closed is removed.
        for entry in entries { entry.listener.close() }
    }

    /// The head of a stream, and a snapshot unless the client has it.
    ///
    /// The body ends with the connection, since chunks would only add bytes.
    func opening(known tag: String?, date: [UInt8], fields: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n")
        // Keeps nginx and similar proxies from buffering the stream.
        buffer.writeStaticString("x-accel-buffering: no\r\ndate: ")
        buffer.writeBytes(date)
        buffer.writeStaticString("\r\n")
        buffer.writeString(fields)
        buffer.writeStaticString("connection: close\r\n\r\nretry: 2000\n\n")
        if tag != document.tag { buffer.writeImmutableBuffer(Self.message("snapshot", document)) }
        buffer.writeImmutableBuffer(queueChange)
        return buffer
    }

    private static func message(_ name: StaticString, _ document: AvailabilityDocument) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(document.body.count + 64)
        buffer.writeStaticString("event: ")
        buffer.writeStaticString(name)
        buffer.writeStaticString("\nid: ")
        buffer.writeString(document.tag)
        buffer.writeStaticString("\ndata: ")
        buffer.writeBytes(document.body)
        buffer.writeStaticString("\n\n")
        return buffer
    }

    /// A comment, which clients ignore.
    private static let silence = ByteBuffer(string: ":\n\n")
}
