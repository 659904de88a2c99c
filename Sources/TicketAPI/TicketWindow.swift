internal import BoxOffice
internal import NIOCore
internal import TicketStore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What the connections of one event loop share: their waiting requests, prepared answers, and the time.
///
/// Lives on its loop and is touched nowhere else.
final class TicketWindow {
    /// A request that the store has and has not answered.
    private struct Waiting {
        var lane: Lane
        var slot: Int
    }

    /// The event's types that were bought before, by request target. More than an event has types of is not kept.
    private static let knownTargets = 64

    let store: any TicketStore
    let configuration: ServiceConfiguration
    let classic: ClassicAnswers
    var bytes = HTTPBytes()
    /// Seconds since the window opened; what timeouts are counted in.
    private(set) var tick: UInt32 = 0
    /// Connections that came through this window and are open.
    private var lanes: [Lane] = []
    private var waiting: [Waiting?] = []
    private var freeTickets: [Int] = []
    private var buyCommands: [String: Command] = [:]
    private var availability: (version: UInt64, body: [UInt8])?
    private var random = SystemRandomNumberGenerator()

    init(store: any TicketStore, configuration: ServiceConfiguration, mint: TokenMint) {
        self.store = store
        self.configuration = configuration
        self.classic = ClassicAnswers(mint: mint, statuses: configuration.classicStatus)
        setDate()
    }

    // MARK: Connections

    func enter(_ lane: Lane) {
        lane.place = lanes.count
        lanes.append(lane)
    }

    func leave(_ lane: Lane) {
        let last = lanes.removeLast()
        guard last !== lane else { return }
        lanes[lane.place] = last
        last.place = lane.place
    }

    /// Once a second: the date, and connections that idle or dawdle.
    func everySecond() {
        tick += 1
        setDate()
        // From the end: a lane that leaves is replaced by one that was looked at.
        for lane in lanes.reversed() { lane.everySecond() }
    }

    private func setDate() {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        // Day and month names are those of the C locale, which nothing here leaves.
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        bytes.setDate(text[..<count].map { UInt8(bitPattern: $0) })
    }

    // MARK: Requests

    /// What buying the type at `target` asks of the store.
    func buyCommand(target: String, type: Substring) -> Command? {
        if let known = buyCommands[target] { return known }
        return Code(String(type)).map {
            .hold(HoldRequest(event: configuration.classicEvent, lines: OneOrMore(Line(type: $0, quantity: 1))))
        }
    }

    /// Keeps the command of a request target that somebody could buy at.
    func remember(_ command: Command, target: String) {
        guard buyCommands.count < Self.knownTargets else { return }
        buyCommands[target] = command
    }

    /// Hands a command to the store.
    ///
    /// - Returns: the reply, if it is there at once; otherwise `lane` is told of it, with `slot`.
    func submit(_ command: Command, for lane: Lane, slot: Int, box: LoopBox) -> StoreReply? {
        let ticket: Int
        if let free = freeTickets.popLast() {
            ticket = free
            waiting[free] = Waiting(lane: lane, slot: slot)
        } else {
            ticket = waiting.count
            waiting.append(Waiting(lane: lane, slot: slot))
        }
        guard let reply = store.submit(command, ticket: UInt64(ticket), replyTo: box) else { return nil }
        waiting[ticket] = nil
        freeTickets.append(ticket)
        return reply
    }

    /// Hands replies to the lanes that wait for them, then lets each lane send what it has.
    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        for reply in replies {
            let ticket = Int(reply.ticket)
            guard let request = waiting[ticket] else { continue }
            waiting[ticket] = nil
            freeTickets.append(ticket)
            request.lane.answer(slot: request.slot, with: reply.reply)
        }
        for lane in lanes where lane.hasUnsent { lane.send() }
    }

    /// The body of `GET /remaining_tickets`, made anew only when a number has changed.
    func remainingTickets() -> [UInt8]? {
        switch store.availability(of: configuration.classicEvent, unless: availability?.version) {
        case .unchanged: return availability?.body
        case .unknownEvent: return nil
        case .current(let current, _):
            let body = ClassicAnswers.remaining(current)
            availability = (current.version, body)
            return body
        }
    }

    /// From 0 to 1, to spread what would otherwise happen to many at once.
    func jitter() -> Double {
        Double.random(in: 0..<1, using: &random)
    }
}

/// Takes a store's replies on the store's thread and brings them to the window on its loop, in one wake-up a batch.
final class LoopBox: ReplyBox {
    private let loop: any EventLoop
    private let window: NIOLoopBound<TicketWindow>

    init(_ window: TicketWindow, on loop: any EventLoop) {
        self.loop = loop
        self.window = NIOLoopBound(window, eventLoop: loop)
    }

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        loop.execute { [window] in window.value.deliver(replies) }
    }
}
