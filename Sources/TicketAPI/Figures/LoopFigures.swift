internal import BoxOffice
internal import NIOCore
internal import Synchronization
internal import TicketStore

/// What one event loop, or the router, has counted since the process began: decisions by event, requests by call (R52 Pulse).
///
/// Each loop has cells of its own, so that loops do not wait for each other: only somebody who reads the figures ever waits
/// for a cell's lock, or is waited for.
final class LoopFigures: Sendable {
    /// Events with cells of their own, with those that were removed; decisions of others are summed up. As many as a service
    /// may have at a time.
    private static let mostEvents = 10_000
    /// Minutes of waits that are kept.
    static let recentMinutes: Int64 = 5

    private struct Event {
        /// `nil` for the first one.
        var code: Code?
        /// By kind and result; a kind's row is empty before its first decision.
        var decisions = [[UInt64]](repeating: [], count: DecisionKind.allCases.count)
        /// `nil` for an event beyond ``WatchedEvents/most``, or idle for an hour.
        var minutes: MinuteRing<MinuteCounts>?
        /// The minute in which there was no room for its minutes.
        var refusedAt = Int64.min
    }

    private struct State {
        var minute: Int64
        /// The first one counts what belongs to no event, or to one beyond ``mostEvents``.
        var events = [Event()]
        var byCode: [Code: Int] = [:]
        var byIndex: [UInt32: Int] = [:]
        /// The event of the last decision, which is nearly always the event of the next one.
        var latest: (index: UInt32, event: Int)?
        /// By the number of the call and the class of the status, as far as they occurred.
        var requests: [DurationHistogram] = []
        /// Commands that the store refused because its queue was full, by kind (S6 Full queue).
        var overloads = [UInt64](repeating: 0, count: DecisionKind.allCases.count)
        var waitsForHolds = MinuteRing(Int(recentMinutes), of: DurationHistogram())
        var waitsForPurchases = MinuteRing(Int(recentMinutes), of: DurationHistogram())
    }

    /// Requests that wait for their answer. Only the loop writes it, in the plain case with one store to memory.
    let inFlight = Atomic<Int>(0)
    private let store: any TicketStore
    private let classicEvent: Code
    private let state: Mutex<State>
    private let watched: WatchedEvents

    /// - Parameter watched: the events whose minutes are kept.
    init(_ store: any TicketStore, _ watched: WatchedEvents, classicEvent: Code, minute: Int64) {
        self.store = store
        self.classicEvent = classicEvent
        self.watched = watched
        state = Mutex(State(minute: minute))
    }

    // MARK: Counting

    /// Counts an answer of the fast path.
    ///
    /// - Parameters:
    ///   - statusClass: the first digit of its status.
    ///   - waited: how long the store took, in nanoseconds; 0 if it answered at once, or was not asked. To read the clock for
    ///     these, too, would cost more than some of them.
    func count(_ call: Call, _ content: AnswerContent, statusClass: UInt8, waited: Int64) {
        let (name, kind, asked) = Self.named(call, classicEvent)
        var decided: (result: DecisionResult, event: DecidedEvent)?
        switch content {
        case .reply(let reply): decided = (DecisionResult(reply), DecidedEvent(reply, asked: asked))
        case .refused(let refused):
            decided = (DecisionResult(refused.problem), asked.map(DecidedEvent.code) ?? .unknown)
        case .known: break
        }
        let isOverload = if case .reply(.failed(.overloaded)) = content { true } else { false }
        let isCounted = state.withLock { state in
            countRequest(name.rawValue, statusClass, waited, kind, in: &state)
            if isOverload, let kind { state.overloads[Int(kind.rawValue)] += 1 }
            guard let kind, let decided else { return true }
            return count(kind, decided.result, of: decided.event, in: &state)
        }
        if !isCounted, let kind, let decided { addAndCount(kind, decided.result, of: decided.event) }
    }

    /// Which call it is.
    static func name(of call: Call, _ classicEvent: Code) -> FastCall { named(call, classicEvent).0 }

    private static func named(_ call: Call, _ classicEvent: Code) -> (FastCall, DecisionKind?, Code?) {
        switch call {
        case .remaining: (.remaining, nil, nil)
        case .buy, .buyQueued: (.buy, .hold, classicEvent)
        case .complete: (.complete, .purchase, nil)
        case .refused, .preflight, .routed: (.other, nil, nil)
        case .buyer(let request):
            switch request.kind {
            case .availability: (.availability, nil, nil)
            case .queue: (.queue, nil, nil)
            case .join: (.join, nil, nil)
            case .look: (.look, nil, nil)
            case .hold(let event, _): (.hold, .hold, event)
            case .release: (.release, .release, nil)
            case .purchase: (.purchase, .purchase, nil)
            case .refused, .refusedPage: (.other, nil, nil)
            }
        }
    }

    /// Counts a request that the router answered.
    ///
    /// - Parameters:
    ///   - call: its number in ``ServiceFigures/calls``.
    ///   - took: until the answer began, in nanoseconds.
    func countRequest(_ call: Int, statusClass: Int, took: Int64) {
        state.withLock { countRequest(call, UInt8(clamping: statusClass), took, nil, in: &$0) }
    }

    private func countRequest(
        _ call: Int, _ statusClass: UInt8, _ took: Int64, _ kind: DecisionKind?, in state: inout State
    ) {
        let index = call * 5 + Int(min(max(1, statusClass), 5)) - 1
        while state.requests.count <= index { state.requests.append(DurationHistogram()) }
        state.requests[index].add(nanoseconds: took)
        countWait(kind, took, in: &state)
    }

    private func countWait(_ kind: DecisionKind?, _ took: Int64, in state: inout State) {
        switch kind {
        case .hold: state.waitsForHolds.change(at: state.minute) { $0.add(nanoseconds: took) }
        case .purchase: state.waitsForPurchases.change(at: state.minute) { $0.add(nanoseconds: took) }
        default: break
        }
    }

    /// Counts a command that the router, or a page, handed to the store.
    ///
    /// - Parameter waited: how long the store took, in nanoseconds.
    func count(_ command: Command, _ reply: StoreReply, waited: Int64) {
        var asked: Code?
        if case .hold(let request) = command { asked = request.event }
        let isOverload = if case .failed(.overloaded) = reply { true } else { false }
        state.withLock { state in
            countWait(DecisionKind(command), waited, in: &state)
            if isOverload { state.overloads[Int(DecisionKind(command).rawValue)] += 1 }
        }
        count(DecisionKind(command), DecisionResult(reply), of: DecidedEvent(reply, asked: asked))
    }

    /// Counts a decision, or a request that was refused before one. Codes that lead to no event are not counted, since callers
    /// can invent any number of them.
    func count(_ kind: DecisionKind, _ result: DecisionResult, of event: DecidedEvent) {
        guard !state.withLock({ count(kind, result, of: event, in: &$0) }) else { return }
        addAndCount(kind, result, of: event)
    }

    /// The store is asked outside the lock.
    private func addAndCount(_ kind: DecisionKind, _ result: DecisionResult, of event: DecidedEvent) {
        let code: Code
        switch event {
        case .unknown: return
        case .index(let index): code = store.catalogue(at: index).code
        case .code(let asked):
            guard store.event(asked) != nil else { return }
            code = asked
        }
        state.withLock { state in
            add(code, event, to: &state)
            _ = count(kind, result, of: event, in: &state)
        }
    }

    /// - Returns: whether it is counted; if not, the event is new here.
    private func count(
        _ kind: DecisionKind, _ result: DecisionResult, of event: DecidedEvent, in state: inout State
    ) -> Bool {
        let found: Int?
        switch event {
        case .unknown: found = 0
        case .code(let code): found = state.byCode[code]
        case .index(let index):
            if let latest = state.latest, latest.index == index {
                found = latest.event
            } else {
                found = state.byIndex[index]
                state.latest = found.map { (index, $0) }
            }
        }
        guard let found else { return false }
        if state.events[found].decisions[Int(kind.rawValue)].isEmpty {
            state.events[found].decisions[Int(kind.rawValue)] = [UInt64](repeating: 0, count: DecisionResult.count)
        }
        state.events[found].decisions[Int(kind.rawValue)][result.number] += 1
        countMinute(kind, result, of: found, in: &state)
        return true
    }

    private func countMinute(_ kind: DecisionKind, _ result: DecisionResult, of event: Int, in state: inout State) {
        let minute = state.minute
        if state.events[event].minutes == nil, state.events[event].refusedAt != minute,
            let code = state.events[event].code
        {
            if watched.admit(code) {
                state.events[event].minutes = MinuteRing(WatchedEvents.minutesKept, of: MinuteCounts())
            } else {
                state.events[event].refusedAt = minute
            }
        }
        state.events[event].minutes?.change(at: minute) { $0.count(kind, result) }
    }

    private func add(_ code: Code, _ event: DecidedEvent, to state: inout State) {
        var found = state.byCode[code] ?? 0
        if found == 0, state.events.count <= Self.mostEvents {
            found = state.events.count
            state.events.append(Event(code: code))
            state.byCode[code] = found
        }
        // Beyond the bound, indexes are not remembered either.
        if case .index(let index) = event, found > 0 || state.byIndex.count <= Self.mostEvents {
            state.byIndex[index] = found
        }
    }

    // MARK: Reading

    func set(minute: Int64) {
        state.withLock { $0.minute = minute }
    }

    /// The last minute in which something of an event was counted.
    func lastMinute(of event: Code) -> Int64? {
        state.withLock { state in
            state.byCode[event].flatMap { state.events[$0].minutes?.last }
        }
    }

    /// Gives the room for an event's minutes back.
    func forgetMinutes(of event: Code) {
        state.withLock { state in
            if let found = state.byCode[event] { state.events[found].minutes = nil }
        }
    }

    func minute(_ minute: Int64, of event: Code) -> MinuteCounts? {
        state.withLock { state in
            state.byCode[event].flatMap { state.events[$0].minutes?.value(at: minute) }
        }
    }

    /// By kind and result; an empty row for a kind that was not counted. `nil` for what belongs to no event.
    func decisions(of event: Code?) -> [[UInt64]] {
        state.withLock { state in
            guard let event else { return state.events[0].decisions }
            return state.byCode[event].map { state.events[$0].decisions } ?? []
        }
    }

    /// The events that were counted.
    var events: [Code] { state.withLock { Array($0.byCode.keys) } }

    /// Commands that the store refused because its queue was full, by kind.
    var overloads: [UInt64] { state.withLock { $0.overloads } }

    /// By the number of the call and the class of the status.
    var requests: [DurationHistogram] { state.withLock { $0.requests } }

    /// How long callers waited for holds, or for purchases, in the last minutes.
    func waits(for kind: DecisionKind, at minute: Int64) -> DurationHistogram {
        state.withLock { state in
            let ring = kind == .hold ? state.waitsForHolds : state.waitsForPurchases
            var sum = DurationHistogram()
            for minute in (minute - Self.recentMinutes + 1)...minute { ring.value(at: minute).map { sum += $0 } }
            return sum
        }
    }
}

/// The calls that the fast path answers.
enum FastCall: Int, CaseIterable {
    case remaining, buy, complete, availability, hold, release, purchase, queue, join, look
    /// Refused before the path meant anything, or a path or method that nobody knows.
    case other

    /// Method and path, as the routes have them.
    var name: String {
        switch self {
        case .remaining: "GET /remaining_tickets"
        case .buy: "POST /buy_ticket/:type"
        case .complete: "POST /complete_purchase/:token"
        case .availability: "GET /v1/events/:event/availability"
        case .hold: "POST /v1/events/:event/holds"
        case .release: "DELETE /v1/holds/:hold"
        case .purchase: "POST /v1/holds/:hold/purchase"
        case .queue: "GET /v1/events/:event/queue"
        case .join: "POST /v1/events/:event/queue"
        case .look: "GET /v1/queue-entries/:entry"
        case .other: "other"
        }
    }
}
