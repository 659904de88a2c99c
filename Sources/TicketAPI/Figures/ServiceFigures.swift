package import BoxOffice
internal import Synchronization
package import TicketStore

/// What this process has counted since it began: decisions, requests, and what happened to events in the last hour (R52 Pulse).
///
/// Each event loop counts in cells of its own (``LoopFigures``), which are summed when somebody reads.
package final class ServiceFigures: Sendable {
    private struct State {
        var loops: [LoopFigures] = []
        /// The names of calls, by number.
        var calls = FastCall.allCases.map(\.name)
        /// The second of the last look.
        var second = Int64.min
        var minute: Int64
    }

    /// When the counting began.
    package let since: WallTime
    /// The cells of what the router answers, on whatever thread.
    let routed: LoopFigures
    private let store: any TicketStore
    private let classicEvent: Code
    private let watched = WatchedEvents()
    private let labels: Mutex<EventLabels>
    private let state: Mutex<State>

    /// - Parameter mostLabels: events that have names in the metrics.
    init(_ store: any TicketStore, classicEvent: Code, mostLabels: Int) {
        self.store = store
        labels = Mutex(EventLabels(most: mostLabels))
        self.classicEvent = classicEvent
        since = store.now.wall
        routed = LoopFigures(store, watched, classicEvent: classicEvent, minute: since.minute)
        state = Mutex(State(loops: [routed], minute: since.minute))
    }

    /// Cells for one event loop.
    func makeLoop() -> LoopFigures {
        state.withLock { state in
            let loop = LoopFigures(store, watched, classicEvent: classicEvent, minute: state.minute)
            state.loops.append(loop)
            return loop
        }
    }

    /// Gives numbers to calls of the router.
    ///
    /// - Parameter calls: method and path of each.
    /// - Returns: the number of the first one.
    func add(calls: [String]) -> Int {
        state.withLock { state in
            defer { state.calls += calls }
            return state.calls.count
        }
    }

    /// Method and path of each call.
    var callNames: [String] { state.withLock { $0.calls } }

    // MARK: Time

    /// Looks at the store. Each event loop calls it once a second; the first one does the work.
    package func everySecond(at now: WallTime) {
        let minute = now.minute
        let due = state.withLock { state -> (loops: [LoopFigures], isNewMinute: Bool)? in
            guard state.second != now.milliseconds / 1_000 else { return nil }
            state.second = now.milliseconds / 1_000
            defer { state.minute = minute }
            return (state.loops, state.minute != minute)
        }
        guard let due else { return }
        if due.isNewMinute { for loop in due.loops { loop.set(minute: minute) } }
        for event in watched.events {
            if due.isNewMinute, forget(event, ifIdleAt: minute, due.loops) { continue }
            if let numbers = store.numbers(of: event) { watched.take(numbers, of: event, at: now) }
        }
    }

    /// Gives the room of an event back of which nothing was asked for an hour.
    private func forget(_ event: Code, ifIdleAt minute: Int64, _ loops: [LoopFigures]) -> Bool {
        let last = loops.compactMap { $0.lastMinute(of: event) }.max() ?? .min
        guard last <= minute - Int64(WatchedEvents.minutesKept) else { return false }
        for loop in loops { loop.forgetMinutes(of: event) }
        watched.forget(event)
        return true
    }

    // MARK: Reading

    /// Which events have names in the metrics now.
    ///
    /// - Parameters:
    ///   - closed: events of which a pool was closed.
    ///   - existing: says which events there are, in the order in which they were defined first. It is asked last: an event that
    ///     is made and counted meanwhile must not seem to have been removed.
    package func labels(closed: some Sequence<Code>, existing: () -> [Code]) -> (labels: EventLabels, existing: [Code])
    {
        // One at a time: what a slower scrape knows is older, and an event that it does not know was not removed.
        labels.withLock { labels in
            let counted = Set(events).union(closed)
            let existing = existing()
            labels.update(existing, counted: counted)
            return (labels, existing)
        }
    }

    private var loops: [LoopFigures] { state.withLock { $0.loops } }

    /// Decisions by kind and result, without those that did not occur.
    ///
    /// - Parameter event: `nil` for what belongs to no event.
    package func decisions(of event: Code?) -> [(kind: DecisionKind, result: DecisionResult, count: UInt64)] {
        let all = loops.map { $0.decisions(of: event) }.filter { !$0.isEmpty }
        return DecisionKind.allCases.flatMap { kind in
            let rows = all.map { $0[Int(kind.rawValue)] }.filter { !$0.isEmpty }
            return (0..<DecisionResult.count).compactMap { result in
                let sum = rows.reduce(0) { $0 + $1[result] }
                return sum == 0 ? nil : (kind, DecisionResult(number: result), sum)
            }
        }
    }

    /// Events of which something was decided.
    package var events: [Code] { Set(loops.flatMap(\.events)).sorted() }

    /// Requests that wait for their answer now.
    package var inFlight: Int { loops.reduce(0) { $0 + $1.inFlight.load(ordering: .relaxed) } }

    /// Commands that the store refused because its queue was full, by kind (S6 Full queue).
    package var overloads: [(kind: DecisionKind, count: UInt64)] {
        let all = loops.map(\.overloads)
        return DecisionKind.allCases.map { kind in (kind, all.reduce(0) { $0 + $1[Int(kind.rawValue)] }) }
    }

    /// Requests to hold that were refused, in the order of the table of problems (R50 Reports).
    package func refusedHolds(of event: Code) -> [(problem: Problem, count: UInt64)] {
        decisions(of: event).compactMap { kind, result, count in
            kind == .hold ? result.problem.map { ($0, count) } : nil
        }
    }

    /// How long requests took, by call and class of the status, without those that did not occur.
    package var requests: [(call: String, statusClass: Int, took: DurationHistogram)] {
        let all = loops.map(\.requests)
        let calls = state.withLock { $0.calls }
        return (0..<calls.count * 5).compactMap { index in
            let sum = all.reduce(into: DurationHistogram()) { sum, one in
                if one.indices.contains(index) { sum += one[index] }
            }
            return sum.count == 0 ? nil : (calls[index / 5], index % 5 + 1, sum)
        }
    }

    /// How long callers waited for holds, or for purchases, in the last five minutes.
    package func waits(for kind: DecisionKind, at now: WallTime) -> DurationHistogram {
        loops.reduce(into: DurationHistogram()) { $0 += $1.waits(for: kind, at: now.minute) }
    }

    /// The last hour of an event, minute by minute up to the present one.
    package func minutes(of event: Code, at now: WallTime) -> [MinuteFigures] {
        let loops = loops
        let minutes = (now.minute - Int64(WatchedEvents.minutesKept) + 1)...now.minute
        return zip(minutes, watched.samples(of: event, minutes)).map { minute, sample in
            var figures = MinuteFigures(at: WallTime(milliseconds: minute * 60_000))
            for counts in loops.lazy.compactMap({ $0.minute(minute, of: event) }) {
                figures.holds += UInt64(counts.holds)
                figures.purchases += UInt64(counts.purchases)
                figures.releases += UInt64(counts.releases)
                figures.refusals += UInt64(counts.refusals)
            }
            (figures.expired, figures.held, figures.sold) = (sample?.expired, sample?.held, sample?.sold)
            return figures
        }
    }

    /// When everything is sold if it goes on as in the last ten minutes and every hold is bought; `nil` if nothing is left, or
    /// nothing was sold.
    package func soldOut(_ numbers: EventNumbers, of event: Code, at now: WallTime) -> WallTime? {
        watched.soldOut(numbers, of: event, at: now)
    }
}
