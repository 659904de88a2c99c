public import BoxOffice
public import TicketStore
internal import Workload

/// A store under test, whose clock the test sets.
public protocol ContractSubject: AnyObject {
    var store: any TicketStore { get }

    /// Moves the store's clocks to `moment`, which is not before the last one.
    func advance(to moment: Moment) async throws
    /// Stops the store in order and opens it again with the data that it kept.
    func restart() async throws
    func counts() async throws -> [PoolCount]
    /// Whether types, terms and revisions may have other numbers than in the core: a sale that moved has them anew.
    var renumbers: Bool { get }
    /// How often the sale moved into a store of another kind (R51 Moving a sale).
    var moves: Int { get }
}

extension ContractSubject {
    public var renumbers: Bool { false }
    public var moves: Int { 0 }
}

/// The contract of every store: command for command, it decides as the core does.
///
/// Random traffic from a seed goes to the store and, with the moment at which the store decided, to a box office in
/// memory. All answers and the numbers of all pools must be the same; now and then the store restarts. The oracle, which
/// shares no code with either, judges the answers as well. A store may number holds as it likes, so its numbers are
/// replaced by the core's before anything is compared.
public struct StoreContract {
    public var commands = 400
    /// Commands between restarts; 0 for none.
    public var restartsEvery = 0
    public var limits = Limits()
    /// How many events the traffic is about.
    public var events = 2
    /// How many commands are submitted together, so that the store can decide them in one batch. Only commands of one
    /// event have an order, so with more than one there must be one event.
    public var together = 1
    /// How many of 100 commands are for queues (Q1 Phases). What admission learned is not kept, so with restarts its answers
    /// may differ.
    public var queues = 0

    public init() {}

    /// Runs the traffic of `seed`; returns a sentence for each breach of the contract.
    public func breaches(of subject: any ContractSubject, seed: UInt64) async throws -> [String] {
        var shape = RandomTraffic.Shape()
        shape.events = events
        shape.queues = queues
        var traffic = RandomTraffic(seed: seed, shape: shape)
        var comparison = CoreComparison(limits: limits)
        var oracle = Oracle()
        var gathered: [Command] = []
        for step in 1...commands {
            let (moment, command) = traffic.next()
            gathered.append(command)
            if gathered.count < together, !command.isChange { continue }
            let place = "seed \(seed), command \(step)"
            guard
                let (outcomes, at) = try await comparison.compare(gathered, at: moment, with: subject, place: place)
            else { return comparison.breaches }
            for (command, outcome) in zip(gathered, outcomes) {
                traffic.learn(outcome, of: command)
                oracle.write(command, outcome, at: at)
            }
            gathered = []
            if restartsEvery > 0, step % restartsEvery == 0 {
                let moves = subject.moves
                try await subject.restart()
                comparison.restart(moved: subject.moves > moves)
            } else if step % 10 == 0 {
                guard try await comparison.compareCounts(at: at, with: subject, place: place) else {
                    return comparison.breaches
                }
            }
        }
        // A recovery grace moves deadlines, and the oracle does not know about the restarts.
        return comparison.breaches + (restartsEvery == 0 ? oracle.breaches : [])
    }
}

/// Compares a store with the core, which decides the same commands at the same moments.
public struct CoreComparison {
    private var office: BoxOffice
    private var numbers = HoldNumbers()
    private var hasMoved = false
    /// A sentence for each difference.
    public private(set) var breaches: [String] = []

    public init(limits: Limits = Limits()) {
        office = BoxOffice(limits: limits)
    }

    /// Lets the store and the core decide.
    ///
    /// - Returns: the store's outcome and when it decided, or `nil` if it broke the contract.
    public mutating func compare(
        _ command: Command, at moment: Moment, with subject: any ContractSubject, place: String = "script"
    ) async throws -> (outcome: Outcome, at: Moment)? {
        try await compare([command], at: moment, with: subject, place: place).map { ($0.outcomes[0], $0.at) }
    }

    /// The same for commands that the store gets together.
    public mutating func compare(
        _ commands: [Command], at moment: Moment, with subject: any ContractSubject, place: String = "script"
    ) async throws -> (outcomes: [Outcome], at: Moment)? {
        try await subject.advance(to: moment)
        // A change of an event is a call of its own, after the commands before it.
        var replies = await subject.store.perform(together: commands.filter { !$0.isChange })
        let renumbering = subject.renumbers ? Renumbering(store: subject.store) : nil
        for command in commands where command.isChange {
            let asked = renumbering?.ofStore(command, office) ?? command
            replies.append(await subject.store.perform(asked))
        }
        var outcomes: [Outcome] = []
        var latest = moment
        for (command, reply) in zip(commands, replies) {
            guard let (outcome, at) = judge(command, reply, renumbering, at: moment, place: place)
            else { return nil }
            outcomes.append(outcome)
            latest = at
        }
        return (outcomes, latest)
    }

    private mutating func judge(
        _ command: Command, _ reply: StoreReply, _ renumbering: Renumbering?, at moment: Moment, place: String
    ) -> (outcome: Outcome, at: Moment)? {
        let place = "\(place), \(command)"
        guard case .decided(var outcome, let decidedAt) = reply else {
            breaches.append("\(place): the store failed, and nothing was wrong")
            return nil
        }
        // A store may show the time of day a little late, so that deadlines do not jitter.
        let isLate = abs(decidedAt.wall.milliseconds - moment.wall.milliseconds)
        guard decidedAt.office == moment.office, isLate <= 20 else {
            breaches.append("\(place): decided at \(decidedAt), it is \(moment)")
            return nil
        }
        guard let decision = try? office.decide(numbers.ofCore(command), at: decidedAt) else {
            breaches.append("\(place): the core forgets nothing")
            return nil
        }
        var wanted = decision.outcome
        // What was reported for an erased hold, and is now for another one, did not move with it (R51 Moving a sale).
        if hasMoved, case .erased(_, repeated: true) = outcome, case .erased(let id, repeated: false) = wanted {
            wanted = .erased(id, repeated: true)
        }
        if let renumbering {
            outcome = renumbering.ofCore(outcome, to: command, office, numbers.events)
            wanted = Renumbering.plain(wanted, office)
        }
        if case .queue(.joined(_, _, recordedBy: 0)) = outcome { wanted = wanted.withoutFact }
        let told = numbers.ofCore(outcome, learningFrom: wanted)
        guard told == wanted else {
            breaches.append("\(place): \(told), and the core decides \(wanted)")
            return nil
        }
        return (numbers.withEventsOfCore(outcome), decidedAt)
    }

    /// - Returns: whether every pool's numbers are the core's.
    public mutating func compareCounts(
        at moment: Moment, with subject: any ContractSubject, place: String = "script"
    ) async throws -> Bool {
        var counts = try await subject.counts()
        var wanted = office.counts(at: moment)
        if subject.renumbers { (counts, wanted) = (Renumbering.plain(counts), Renumbering.plain(wanted)) }
        if counts != wanted { breaches.append("\(place): \(counts), and the core counts \(wanted)") }
        guard counts == wanted, let ledger = subject.store as? any SalesLedger else { return counts == wanted }
        return try await compareCodes(at: moment, with: ledger, place)
    }

    /// Compares what became of every access code (R46 Access codes), in pages of two.
    private mutating func compareCodes(
        at moment: Moment, with ledger: any SalesLedger, _ place: String
    ) async throws -> Bool {
        for event in office.eventCodes {
            for batch in office.definition(of: event)?.definition.codes ?? [] {
                var listed: [CodeCount] = []
                for after in stride(from: 0, to: batch.count, by: 2) {
                    listed += try await ledger.codes(of: batch.name, in: event, after: after, limit: 2) ?? []
                }
                let wanted = office.codes(of: batch.name, in: event, after: 0, limit: .max, at: moment)
                guard listed == wanted else {
                    breaches.append("\(place): codes \(listed), and the core counts \(wanted ?? [])")
                    return false
                }
            }
        }
        return true
    }

    /// Notes that the store was stopped and opened again.
    ///
    /// - Parameter moved: as one of another kind (R51 Moving a sale), so that a cancellation is final (R42 Cancelled event).
    public mutating func restart(moved: Bool = false) {
        _ = office.grantRecoveryGrace()
        guard moved else { return }
        hasMoved = true
        for code in office.eventCodes where office.cancelledAt(code) != nil {
            if let event = office.catalogue(of: code)?.event { office.restorePaidBack(of: event) }
        }
    }
}

extension TicketStore {
    /// Submits all commands, one right after another, and waits for all replies.
    fileprivate func perform(together commands: [Command]) async -> [StoreReply] {
        let box = ReplyStream()
        var replies: [UInt64: StoreReply] = [:]
        for (ticket, command) in commands.enumerated() {
            if let reply = submit(command, note: nil, ticket: UInt64(ticket), replyTo: box) {
                replies[UInt64(ticket)] = reply
            }
        }
        if replies.count < commands.count {
            for await told in box.stream {
                replies[told.ticket] = told.reply
                if replies.count == commands.count { break }
            }
        }
        return commands.indices.compactMap { replies[UInt64($0)] }
    }
}

private final class ReplyStream: ReplySink {
    let stream: AsyncStream<TicketedReply>
    private let continuation: AsyncStream<TicketedReply>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: TicketedReply.self)
    }

    func deliver(_ replies: ContiguousArray<TicketedReply>) {
        for reply in replies { continuation.yield(reply) }
    }
}

extension Command {
    /// Whether an operator changes an event.
    fileprivate var isChange: Bool {
        switch self {
        case .define, .pause, .resume, .cancel, .reinstate, .remove: true
        case .hold, .extend, .release, .purchase, .returnPurchase, .returnPart, .correct, .payBack, .erase,
            .look, .queue:
            false
        }
    }
}

/// The core's numbers of the store's holds.
private struct HoldNumbers {
    private var numbers: [HoldID: HoldID] = [:]
    private var given: Set<HoldID> = []
    /// The core's indexes of the store's events.
    private(set) var events: [UInt32: UInt32] = [:]

    /// A number that no hold of the store has becomes one that no hold of the core has.
    private func ofCore(_ id: HoldID) -> HoldID {
        numbers[id] ?? (given.contains(id) ? HoldID(0) : id)
    }

    private func ofCore(_ request: ErasureRequest) -> ErasureRequest {
        var request = request
        request.hold = ofCore(request.hold)
        return request
    }

    func ofCore(_ command: Command) -> Command {
        switch command {
        case .extend(let id, let key): .extend(ofCore(id), key: key)
        case .release(let id): .release(ofCore(id))
        case .purchase(let id, let payment, let completer): .purchase(ofCore(id), payment, by: completer)
        case .correct(let id, let correction): .correct(ofCore(id), correction)
        case .payBack(let id, let payment): .payBack(ofCore(id), payment)
        case .returnPurchase(let id): .returnPurchase(ofCore(id))
        case .returnPart(let id, let part): .returnPart(ofCore(id), part)
        case .erase(let request): .erase(ofCore(request))
        case .look(let id): .look(ofCore(id))
        case .hold, .define, .pause, .resume, .cancel, .reinstate, .remove, .queue: command
        }
    }

    /// The store's outcome with the core's number. The core's outcome gives the number of a new hold, unless the store
    /// used its number before.
    mutating func ofCore(_ outcome: Outcome, learningFrom decided: Outcome) -> Outcome {
        if case .held(let view, replayed: false) = outcome, case .held(let known, replayed: false) = decided,
            numbers[view.id] == nil
        {
            numbers[view.id] = known.id
            given.insert(known.id)
            events[view.event] = known.event
        }
        if case .paidBack(let id, let repeated) = outcome { return .paidBack(ofCore(id), repeated: repeated) }
        if case .erased(let id, let repeated) = outcome { return .erased(ofCore(id), repeated: repeated) }
        return change(outcome) { view in
            var view = view
            view.id = ofCore(view.id)
            view.event = events[view.event] ?? view.event
            return view
        }
    }

    /// The store's outcome with the core's indexes of events, which the random traffic knows.
    func withEventsOfCore(_ outcome: Outcome) -> Outcome {
        change(outcome) { view in
            var view = view
            view.event = events[view.event] ?? view.event
            return view
        }
    }

    private func change(_ outcome: Outcome, _ change: (HoldView) -> HoldView) -> Outcome {
        outcome.changingView(change)
    }
}

extension Outcome {
    /// The same where a store numbers no facts.
    fileprivate var withoutFact: Outcome {
        guard case .queue(.joined(let entry, let repeated, _)) = self else { return self }
        return .queue(.joined(entry, repeated: repeated, recordedBy: 0))
    }

    func changingView(_ change: (HoldView) -> HoldView) -> Outcome {
        switch self {
        case .held(let view, let replayed): return .held(change(view), replayed: replayed)
        case .extended(let view, let replayed): return .extended(change(view), replayed: replayed)
        case .released(let view, let repeated): return .released(change(view), repeated: repeated)
        case .purchased(let view, let late, let repeated):
            return .purchased(change(view), late: late, repeated: repeated)
        case .returned(let view, let repeated): return .returned(change(view), repeated: repeated)
        case .corrected(let view, let repeated): return .corrected(change(view), repeated: repeated)
        case .looked(let view, let payment): return .looked(change(view), payment: payment)
        case .paidBack, .erased, .eventChanged, .eventRemoved, .queue, .refused: return self
        }
    }
}
