internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// Tells the listeners of one event loop what their events have left.
///
/// One clock for all of them, which runs while there are any. At each of its ticks the store is asked once an event;
/// what has changed is written down once and sent to everybody as the same bytes. Nothing is queued for a listener:
/// one whose connection takes nothing is passed over, and told the newest when it takes something again.
///
/// Lives on its loop and is touched nowhere else.
final class AvailabilityStream {
    /// Between two ticks: five changes a second at most.
    private static let interval: TimeAmount = .milliseconds(200)
    /// Of silence, until a listener is told that the line is open.
    private static let heartbeat: TimeAmount = .seconds(15)
    /// Listeners that are told before the loop looks after its other connections: a quarter of a millisecond. All at
    /// once, two thousand would hold those who buy up for 15 ms.
    private static let slice = 32
    /// A slice is followed by so many times its own length without one: listeners take a thirtieth of the loop at most,
    /// nearly all of it the kernel's sending. Where more listen than that is enough for, all hear less often. Length is
    /// by the clock: on a machine that has little time for us listeners wait longer, and those who buy do not.
    private static let share: Int64 = 30
    /// But no more than this for each that was told: a thousand hear twice a second in any case.
    private static let slowest: TimeAmount = .microseconds(500)

    private let store: any TicketStore
    private let room: Room
    private let loop: any EventLoop
    private var watched: [Code: WatchedEvent] = [:]
    private var isTicking = false
    /// Events whose listeners are still to be told in this round, and how far the last of them is.
    private var round: [WatchedEvent] = []
    private var position = 0
    private var roundBegan = NIODeadline.now()

    init(store: any TicketStore, room: Room, loop: any EventLoop) {
        self.store = store
        self.room = room
        self.loop = loop
    }

    // MARK: Coming and going

    /// A listener that has not entered yet; `nil` if there is no such event or no room.
    ///
    /// - Parameter quota: header lines.
    func listener(to request: StreamRequest, on handler: FastPathHandler, quota: String) -> Listener? {
        let code = request.event
        let event = watched[code] ?? AvailabilityDocument.current(code, in: store).map { WatchedEvent(code, $0) }
        guard let event, event.refresh(from: store), room.take(handler.caller) == nil else { return nil }
        watched[code] = event
        let opening = event.opening(known: request.lastEventID, date: handler.loop.answers.date, quota: quota)
        return Listener(stream: self, event: event, handler: handler, opening: opening)
    }

    /// The listener has been told how its event stands.
    func enter(_ listener: Listener) {
        listener.event.add(listener)
        guard !isTicking else { return }
        isTicking = true
        loop.assumeIsolated().scheduleTask(in: Self.interval) { self.tick() }
    }

    func leave(_ listener: Listener) {
        room.leave(listener.handler.caller)
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
            if event.refresh(from: store) {
                round.append(event)
            } else {
                watched[event.code] = nil
                event.end()
            }
        }
        goOn()
    }

    /// Tells the next few; the others when they have their turn.
    private func goOn() {
        let now = NIODeadline.now()
        let told = tellNext(now)
        let next = now + min((.now() - now) * Self.share, Self.slowest * told)
        if round.isEmpty {
            loop.assumeIsolated().scheduleTask(deadline: max(next, roundBegan + Self.interval)) { self.tick() }
        } else {
            loop.assumeIsolated().scheduleTask(deadline: next) { self.goOn() }
        }
    }

    /// - Returns: how many were told.
    private func tellNext(_ now: NIODeadline) -> Int {
        var told = 0
        while let event = round.last {
            while position < event.count {
                guard told < Self.slice else { return told }
                if event.tell(at: position, now, heartbeat: Self.heartbeat) { told += 1 }
                position += 1
            }
            round.removeLast()
            position = 0
        }
        return told
    }
}

/// An event, as the listeners of one loop know it.
final class WatchedEvent {
    private struct Seat {
        let listener: Listener
        /// The edition that it was told last.
        var edition: UInt64
        var spokenTo: NIODeadline
    }

    let code: Code
    private var document: AvailabilityDocument
    /// Counts documents that differ.
    private var edition: UInt64 = 0
    /// The newest of them, as it is sent.
    private var change: ByteBuffer
    private var seats: [Seat] = []

    init(_ code: Code, _ document: AvailabilityDocument) {
        self.code = code
        self.document = document
        change = Self.message("change", document)
    }

    var count: Int { seats.count }
    var isUnheard: Bool { seats.isEmpty }

    /// Looks at how the event stands.
    ///
    /// - Returns: whether it is still there.
    func refresh(from store: any TicketStore) -> Bool {
        guard let current = AvailabilityDocument.current(code, in: store, after: document) else { return false }
        guard current !== document else { return true }
        // A version that shows nowhere, as when the numbers are not disclosed, is no news.
        let isNews = current.body != document.body
        document = current
        if isNews {
            edition += 1
            change = Self.message("change", document)
        }
        return true
    }

    func add(_ listener: Listener) {
        listener.place = seats.count
        seats.append(Seat(listener: listener, edition: edition, spokenTo: .now()))
    }

    func remove(_ listener: Listener) {
        let last = seats.removeLast()
        guard last.listener !== listener else { return }
        seats[listener.place] = last
        last.listener.place = listener.place
    }

    /// Tells one listener what it does not know, or that the line is open.
    ///
    /// - Returns: whether anything was sent.
    func tell(at place: Int, _ now: NIODeadline, heartbeat: TimeAmount) -> Bool {
        let seat = seats[place]
        let isBehind = seat.edition != edition
        guard isBehind || seat.spokenTo + heartbeat <= now, seat.listener.takesMore else { return false }
        // Before it is sent: a connection that breaks over it leaves at once.
        seats[place].edition = edition
        seats[place].spokenTo = now
        seat.listener.send(isBehind ? change : Self.silence)
        return true
    }

    /// The event is gone.
    func end() {
        // A copy: who is closed leaves.
        for seat in seats { seat.listener.close() }
    }

    /// How a stream begins.
    ///
    /// The body ends with the connection: chunks would only wrap the same bytes once more.
    func opening(known tag: String?, date: [UInt8], quota: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n")
        // What nginx and its like gather answers by.
        buffer.writeStaticString("x-accel-buffering: no\r\ndate: ")
        buffer.writeBytes(date)
        buffer.writeStaticString("\r\n")
        buffer.writeString(quota)
        buffer.writeStaticString("connection: close\r\n\r\nretry: 2000\n\n")
        if tag != document.tag { buffer.writeImmutableBuffer(Self.message("snapshot", document)) }
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

    /// A comment, which clients pass over.
    private static let silence = ByteBuffer(string: ":\n\n")
}
