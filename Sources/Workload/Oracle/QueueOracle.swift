internal import BoxOffice

/// What the answers about queues promised, and what must follow (Q1 Phases to Q6 Pass). It shares no code with the box office, and
/// judges only what a single client asked, one command after another.
struct QueueOracle: Sendable {
    private struct Turn: Sendable {
        var position: UInt32
        var endsAt: Timestamp
        var holds: [HoldID] = []
        var purchases = 0
        /// The most purchases that were allowed when it held: who pays needs no pass.
        var most = 0
    }

    private struct Book: Sendable {
        var next: UInt32 = 0
        var head: UInt32 = 0
        var count: UInt32?
        var beacon: QueueBeacon?
        var phase = QueueView.Phase.closed
        var turns: [EntryNumber: Turn] = [:]
        var positions: [UInt32: EntryNumber] = [:]
        var buyers: [EntryNumber: Buyer] = [:]
        /// Entries whose buyer was erased with one of their holds (R41 Erasure).
        var erased: Set<EntryNumber> = []
        var left: Set<EntryNumber> = []

        /// The sale goes on: each turn that ran when it was paused ends later by as much.
        mutating func prolong(since began: Timestamp, until now: Timestamp) {
            for (entry, turn) in turns where turn.endsAt > began {
                turns[entry]?.endsAt = turn.endsAt.advanced(by: now.since(began))
            }
        }
    }

    private struct Held: Sendable {
        var event: Code
        var entry: EntryNumber
        var grace: Duration
        var endsAt: Timestamp
        var isOver = false
    }

    typealias Breach = (rule: OracleRule, sentence: String)

    private var definitions: [Code: EventDefinition] = [:]
    private var books: [Code: Book] = [:]
    /// Since when sales are paused.
    private var pauses: [Code: Timestamp] = [:]
    private var holds: [HoldID: Held] = [:]

    /// Notes a command and its outcome.
    ///
    /// - Returns: the rules that it breaks.
    mutating func write(_ command: Command, _ outcome: Outcome, at now: Moment) -> [Breach] {
        switch (command, outcome) {
        case (.define(let definition, let isPaused, _), .eventChanged):
            definitions[definition.id] = definition
            if let isPaused { pause(definition.id, isPaused, now.office) }
        case (.pause(let event), .eventChanged): pause(event, true, now.office)
        case (.resume(let event), .eventChanged): pause(event, false, now.office)
        case (_, .eventRemoved(let event)):
            definitions[event] = nil
            books[event] = nil
            pauses[event] = nil
        case (.hold(let request), _): return judge(request, outcome, now)
        case (_, .extended(let view, replayed: false)): moveEnd(view)
        case (_, .released(let view, _)): holds[view.id]?.isOver = true
        case (_, .purchased(let view, _, repeated: false)): return purchased(view.id)
        case (.erase(let request), .erased(let id, repeated: false)): if !request.isTrial { erase(id) }
        case (.queue(let event, let asked), .queue(let answered)): return judge(asked, answered, of: event, now)
        default: break
        }
        return []
    }

    /// The store came back: each turn that runs has at least the recovery grace left (R7 Restart).
    mutating func restarted(at now: Timestamp, recoveryGrace: Duration) {
        for (event, book) in books {
            let from = pauses[event] ?? now
            let grace = min(recoveryGrace, definitions[event]?.holdTime ?? .zero)
            for (entry, turn) in book.turns where turn.endsAt > from {
                books[event]?.turns[entry]?.endsAt = max(turn.endsAt, from.advanced(by: grace))
            }
        }
    }

    private mutating func pause(_ event: Code, _ isPaused: Bool, _ now: Timestamp) {
        if isPaused {
            pauses[event] = pauses[event] ?? now
        } else if let began = pauses.removeValue(forKey: event) {
            books[event]?.prolong(since: began, until: now)
        }
    }

    // MARK: Queues

    private mutating func judge(
        _ asked: QueueCommand, _ answered: QueueOutcome, of event: Code, _ now: Moment
    ) -> [Breach] {
        guard let terms = definitions[event]?.queue else { return [(.phases, "\(event) has no queue and answers")] }
        switch answered {
        case .joined(let entry, let repeated, _):
            var found: [Breach] = []
            if repeated {
                if entry.number.value >= books[event, default: Book()].next {
                    found.append((.numbers, "\(entry.number) was repeated and never given"))
                }
            } else {
                if entry.number.value < books[event, default: Book()].next {
                    found.append((.numbers, "\(entry.number) was given again"))
                }
                books[event, default: Book()].next = entry.number.value + 1
            }
            if case .join(let buyer?, _) = asked {
                if let known = books[event]?.buyers[entry.number], known != buyer {
                    found.append((.numbers, "\(entry.number) is of two buyers"))
                }
                if books[event]?.erased.contains(entry.number) ?? false {
                    found.append((.erasure, "\(entry.number) is still known to be of \(buyer)"))
                }
                books[event]?.buyers[entry.number] = buyer
            }
            return found + judge(entry, of: event, terms, now, isJoin: !repeated)
        case .looked(let entry): return judge(entry, of: event, terms, now, isJoin: false)
        case .attended(let view, _), .changed(let view, _): return judge(view, asked, of: event)
        }
    }

    private mutating func judge(
        _ entry: QueueEntry, of event: Code, _ terms: QueueTerms, _ now: Moment, isJoin: Bool
    ) -> [Breach] {
        var book = books[event, default: Book()]
        defer { books[event] = book }
        let name = "entry \(entry.number) of \(event)"
        if entry.state == .closed {
            book.left.insert(entry.number)
            return []
        }
        if let position = entry.position {
            let known = book.positions[position] ?? entry.number
            if known != entry.number { return [(.draw, "\(name) and \(known) are both at \(position)")] }
            book.positions[position] = entry.number
            if entry.number.value >= book.count ?? 0, position != entry.number.value {
                return [(.draw, "\(name) was not drawn and is at \(position)")]
            }
        }
        if let turn = book.turns[entry.number] {
            // In a pause a turn that runs has as long as when it began.
            let time = pauses[event] ?? now.office
            let endsAt = turn.endsAt > time ? turn.endsAt.advanced(by: now.office.since(time)) : turn.endsAt
            guard entry.turnEndsAt == endsAt, entry.position == turn.position else {
                return [(.turn, "\(name) had its turn until \(endsAt), and has it until \(entry)")]
            }
            if entry.state == .waiting || time < turn.endsAt && entry.state == .passedBy {
                return [(.turn, "\(name) is \(entry.state) within its turn")]
            }
            return []
        }
        guard let endsAt = entry.turnEndsAt, let position = entry.position else {
            let mayWait = entry.state == .waiting || entry.state == .passedBy
            return mayWait ? [] : [(.turn, "\(name) is \(entry.state) without a turn")]
        }
        // A join may move the head by the entry itself.
        if isJoin { book.head = max(book.head, position + 1) }
        if position >= book.head { return [(.head, "\(name) at \(position) entered, and the head is \(book.head)")] }
        if pauses[event] != nil { return [(.turn, "the turn of \(name) began while the sale was paused")] }
        book.turns[entry.number] = Turn(position: position, endsAt: endsAt)
        guard endsAt == now.office.advanced(by: terms.turn) else {
            return [(.turn, "the turn of \(name) began at \(now.office) and ends at \(endsAt)")]
        }
        return []
    }

    private mutating func judge(_ view: QueueView, _ asked: QueueCommand, of event: Code) -> [Breach] {
        var book = books[event, default: Book()]
        defer { books[event] = book }
        let before = book
        (book.head, book.count, book.beacon, book.phase) = (view.head, view.count, view.beacon, view.phase)
        if view.head < before.head {
            book.head = before.head
            return [(.head, "the head of \(event) was \(before.head) and is \(view.head)")]
        }
        if let count = before.count, view.count != count { return [(.draw, "\(event) drew \(count), now \(view)")] }
        if let beacon = before.beacon, view.beacon != beacon { return [(.draw, "\(event) has a second draw")] }
        if case .attend = asked, view.isPaused, view.head > before.head {
            return [(.admission, "\(event) is paused and lets people in")]
        }
        if before.phase != .gathering, before.phase != .closed, view.phase == .gathering {
            return [(.phases, "\(event) gathers again")]
        }
        if view.phase == .gathering || view.phase == .drawing, view.head > 0 {
            return [(.phases, "\(event) lets people in before the draw")]
        }
        return []
    }

    // MARK: Holds

    private mutating func judge(_ request: HoldRequest, _ outcome: Outcome, _ now: Moment) -> [Breach] {
        guard let definition = definitions[request.event], let terms = definition.queue,
            !request.override.contains(.queue)
        else {
            if case .refused(.queue) = outcome, definitions[request.event]?.queue == nil {
                return [(.pass, "\(request.event) has no queue and asks for a pass")]
            }
            return []
        }
        let turn = request.pass.flatMap { books[request.event]?.turns[$0.number] }
        let hasLeft = request.pass.map { books[request.event]?.left.contains($0.number) ?? false } ?? false
        let time = pauses[request.event] ?? now.office
        let isRunning = !hasLeft && turn.map { time < $0.endsAt } ?? false
        let isUsed = turn.map { $0.purchases >= terms.purchasesPerEntry || hasLive($0, now) } ?? false
        let joined = request.pass.flatMap { books[request.event]?.buyers[$0.number] }
        let isOthers = terms.identity == .buyer && (joined == nil || joined != request.buyer)
        switch outcome {
        case .held(let view, replayed: false):
            guard let pass = request.pass, isRunning, !isUsed, !isOthers else {
                return [(.pass, "\(view.id) was given for \(request)")]
            }
            let endsAt = view.expiresAt.advanced(by: definition.clientGrace)
            holds[view.id] = Held(
                event: request.event, entry: pass.number, grace: definition.clientGrace, endsAt: endsAt)
            books[request.event]?.turns[pass.number]?.holds.append(view.id)
            books[request.event]?.turns[pass.number]?.most = max(turn?.most ?? 0, terms.purchasesPerEntry)
        case .refused(.queue(let refusal)):
            let isRight =
                switch refusal {
                case .passRequired: request.pass == nil
                case .notYourTurn: turn == nil && !hasLeft
                case .turnOver: hasLeft || turn != nil && !isRunning
                case .passUsed: isRunning && isUsed
                case .otherBuyer: isRunning && !isUsed && isOthers
                default: false
                }
            if !isRight { return [(.pass, "\(request) was refused with \(refusal)")] }
        default: break
        }
        return []
    }

    /// Whether a late payment for the hold would be more than its entry may buy.
    func isUsedUp(_ hold: String, _ now: Int64) -> Bool {
        guard let number = UInt64(hold), let held = holds[HoldID(number)],
            let terms = definitions[held.event]?.queue, let turn = books[held.event]?.turns[held.entry]
        else { return false }
        let live = turn.holds.contains { id in
            id != HoldID(number) && holds[id].map { !$0.isOver && now < $0.endsAt.milliseconds } ?? false
        }
        return turn.purchases + (live ? 1 : 0) >= terms.purchasesPerEntry
    }

    private mutating func erase(_ id: HoldID) {
        guard let held = holds[id], books[held.event]?.buyers.removeValue(forKey: held.entry) != nil else { return }
        books[held.event]?.erased.insert(held.entry)
    }

    private func hasLive(_ turn: Turn, _ now: Moment) -> Bool {
        turn.holds.contains { id in holds[id].map { !$0.isOver && now.office < $0.endsAt } ?? false }
    }

    private mutating func moveEnd(_ view: HoldView) {
        guard let held = holds[view.id] else { return }
        holds[view.id]?.endsAt = view.expiresAt.advanced(by: held.grace)
    }

    private mutating func purchased(_ id: HoldID) -> [Breach] {
        guard let held = holds[id] else { return [] }
        holds[id]?.isOver = true
        books[held.event]?.turns[held.entry]?.purchases += 1
        guard let terms = definitions[held.event]?.queue, let turn = books[held.event]?.turns[held.entry],
            turn.purchases > max(turn.most, terms.purchasesPerEntry)
        else { return [] }
        return [(.pass, "entry \(held.entry) of \(held.event) bought \(turn.purchases) times")]
    }
}
