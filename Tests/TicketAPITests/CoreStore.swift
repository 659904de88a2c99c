import BoxOffice
import Synchronization
import TicketStore

/// Sells by the rules alone, in memory, at a time that stands still unless a test moves it. A test decides when answers leave.
final class CoreStore: TicketStore {
    private struct State {
        var office = BoxOffice()
        var isHeldUp = false
        var isOverloaded = false
        var waiting = WaitingReplies()
        var submitted = 0
        /// A second after the first; the wall shows 2026.
        var now = Moment(office: Timestamp(milliseconds: 1_000), wall: WallTime(milliseconds: 1_795_000_000_000))
        /// How far the store's own clock is ahead of it.
        var ahead = Duration.zero
        var uptime = Timestamp(milliseconds: 7_000)
    }

    private let state = Mutex(State())

    /// Sells events with so many places of the type `GA` each.
    init(
        places: Int = 1_000, events: [String] = ["main"], disclosure: EventDefinition.Disclosure = .counts
    ) throws {
        struct NoCode: Error {}
        guard let floor = Code("floor"), let general = Code("GA") else { throw NoCode() }
        for event in events {
            guard let code = Code(event) else { throw NoCode() }
            let definition = EventDefinition(
                id: code, holdTime: .seconds(60), clientGrace: .seconds(2), disclosure: disclosure,
                pools: [.init(code: floor, capacity: places)],
                types: [.init(code: general, price: 1_000, pools: [floor])])
            _ = submit(.define(definition), note: nil, ticket: 0, replyTo: Nobody())
        }
    }

    var now: Moment {
        state.withLock { state in
            let wall = WallTime(milliseconds: state.now.wall.milliseconds + state.ahead.inMilliseconds)
            return Moment(office: state.now.office.advanced(by: state.ahead), wall: wall)
        }
    }

    /// How long the machine runs, for those who must not depend on the clocks of a store.
    var uptime: Timestamp { state.withLock { $0.uptime } }

    /// Sets the store's own clock, perhaps back. Decisions go on by the clock of their event, as on Redis.
    func set(ahead: Duration) {
        state.withLock { $0.ahead = ahead }
    }

    /// Moves all clocks on.
    func pass(_ span: Duration) {
        state.withLock { state in
            state.uptime = state.uptime.advanced(by: span)
            let wall = WallTime(milliseconds: state.now.wall.milliseconds + span.inMilliseconds)
            state.now = Moment(office: state.now.office.advanced(by: span), wall: wall)
        }
    }

    /// Takes so many places of the type `GA` in one hold.
    func hold(_ quantity: Int) throws {
        struct NoCode: Error {}
        guard let main = Code("main"), let general = Code("GA") else { throw NoCode() }
        let line = Line(type: general, quantity: quantity)
        _ = submit(.hold(HoldRequest(event: main, lines: OneOrMore(line))), note: nil, ticket: 0, replyTo: Nobody())
    }

    /// From now on answers of commands wait.
    func holdUp() {
        state.withLock { $0.isHeldUp = true }
    }

    /// From now on the queue is full.
    func overload() {
        state.withLock { $0.isOverloaded = true }
    }

    /// Delivers what waits, in one batch.
    func goOn() {
        let waiting = state.withLock { state in
            state.isHeldUp = false
            defer { state.waiting = WaitingReplies() }
            return state.waiting
        }
        waiting.deliver()
    }

    /// Commands that were handed in, without the definition.
    var submitted: Int { state.withLock { $0.submitted - 1 } }

    var free: Int {
        guard let main = Code("main") else { return 0 }
        return state.withLock { $0.office.availability(of: main, at: $0.now)?.free ?? 0 }
    }

    func submit(_ command: Command, note: AuditNote?, ticket: UInt64, replyTo box: any ReplySink) -> StoreReply? {
        state.withLock { state in
            state.submitted += 1
            if state.isOverloaded { return .failed(.overloaded) }
            guard let decision = try? state.office.decide(command, at: state.now) else {
                return .failed(.outcomeUnknown)
            }
            let reply = StoreReply.decided(decision.outcome, at: state.now)
            guard state.isHeldUp else { return reply }
            state.waiting.add(TicketedReply(ticket: ticket, reply: reply), for: box)
            return nil
        }
    }

    func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading {
        state.withLock { state in
            guard let current = state.office.availability(of: event, at: state.now) else { return .unknownEvent }
            return current.version == known ? .unchanged : .current(current, at: state.now)
        }
    }

    func numbers(of event: Code) -> EventNumbers? {
        state.withLock { $0.office.numbers(of: event, at: $0.now) }
    }

    var writes: DurationHistogram { DurationHistogram() }
    /// What a test says that the store counted.
    let counted = Mutex(StoreFigures())
    var figures: StoreFigures { counted.withLock { $0 } }

    func event(_ code: Code) -> EventReading? {
        state.withLock { state in
            state.office.definition(of: code).map {
                EventReading($0.definition, isPaused: $0.paused, revision: $0.revision)
            }
        }
    }

    func catalogue(at index: UInt32) -> EventCatalogue { state.withLock { $0.office.catalogue(at: index) } }

    func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        state.withLock { $0.office.catalogue(at: index, unless: revision) }
    }

    var events: [EventReading] { state.withLock { $0.office.eventCodes }.compactMap(event) }
    var condition: StoreCondition { .selling }
    var concerns: [StoreConcern] { [] }

    private final class Nobody: ReplySink {
        func deliver(_ replies: ContiguousArray<TicketedReply>) {}
    }
}

/// Knows the keys that a test gives it.
struct TestKeyring: OperatorKeyring {
    var known: [String: OperatorKey] = [:]

    func key(of credential: String) async throws -> OperatorKey? { known[credential] }
    func keys() async throws -> [OperatorKey] { Array(known.values) }
    func make(
        _ draft: OperatorKey.Draft, by author: OperatorKey.Author, at now: WallTime
    ) async throws -> (key: OperatorKey, credential: String)? { nil }
    func revoke(
        _ id: String, by author: OperatorKey.Author, at now: WallTime, keepsManager: Bool
    ) async throws -> KeyRevocation { .unknown }
}
