import BoxOffice

/// A stand-in for a ledger: every fact in order, and each hold in its state after the last one.
struct FoldedFacts {
    private(set) var facts: [RecordedFact] = []
    /// Definitions and removals, in their order.
    private(set) var eventFacts: [RecordedFact] = []
    /// What happened to queues, and restarts, in their order.
    private(set) var queueFacts: [RecordedFact] = []
    private(set) var holds: [RestoredHold] = []
    private(set) var keys: [RestoredKey] = []
    private(set) var debts: [(payment: PaymentReference, debt: Debt)] = []
    private(set) var owedSinceErasure: Set<HoldID> = []
    private(set) var paidBack: [(payment: PaymentReference, hold: HoldID)] = []

    /// Events of which something was paid back since they were last cancelled.
    private var paidBackOf: Set<UInt32> {
        var found: Set<UInt32> = []
        for recorded in facts {
            switch recorded.fact {
            case .cancelled(let event), .reinstated(let event): found.remove(event)
            case .returned(let id), .returnedPart(let id, _), .paidBack(let id, _):
                found.insert(holds[Int(id.number) - 1].event)
            default: break
            }
        }
        return found
    }

    mutating func add(_ recorded: RecordedFact) {
        facts.append(recorded)
        switch recorded.fact {
        case .defined:
            eventFacts.append(recorded)
            queueFacts.append(recorded)
        case .removed, .cancelled, .reinstated: eventFacts.append(recorded)
        case .held(let id, let fact):
            var hold = RestoredHold(
                id: id, event: fact.event, lines: fact.lines, deadline: fact.deadline, buyer: fact.buyer,
                sequence: recorded.sequence)
            hold.code = fact.code
            hold.entry = fact.entry
            holds.append(hold)
            if let key = fact.key { remember(key, recorded.at, id) }
        case .extended(let id, let deadline, let key):
            change(id) {
                $0.deadline = deadline
                $0.extensions += 1
            }
            if let key { remember(key, recorded.at, id) }
        case .released(let id): change(id) { $0.state = .released }
        case .purchased(let id, let payment, let late, _, let seller):
            debts.removeAll { $0.payment == payment }
            change(id) {
                $0.state = .purchased
                $0.late = late
                $0.payment = payment
                $0.seller = seller
            }
        case .returned(let id): change(id) { $0.takeBack() }
        case .returnedPart(let id, let part): change(id) { precondition($0.takeBack(part), "a purchase has it") }
        case .refundOwed(let id, let payment, _, let isConfirmed):
            debts.removeAll { $0.payment == payment }
            let event = holds[Int(id.number) - 1].event
            debts.append((payment, Debt(hold: id, event: event, at: recorded.at, isConfirmed: isConfirmed)))
            if holds[Int(id.number) - 1].isErased { owedSinceErasure.insert(id) }
        case .corrected(let id, let state):
            change(id) {
                $0.buyer = state.buyer
                $0.note = state.note
            }
        case .erased(let id, _): erase(id)
        case .paidBack(let id, let payment):
            debts.removeAll { $0.payment == payment }
            paidBack.append((payment, id))
        case .recovered(let event, let until):
            for hold in holds where hold.event == event && hold.state == .held && hold.deadline > recorded.at {
                change(hold.id) { $0.deadline = max($0.deadline, until) }
            }
            queueFacts.append(recorded)
        case .queue: queueFacts.append(recorded)
        case .clockReached: break
        }
    }

    func hold(_ id: HoldID) -> RestoredHold? {
        holds.first { $0.id == id }
    }

    /// A box office that replayed every fact.
    func replayed(limits: Limits = Limits()) -> BoxOffice {
        var office = BoxOffice(limits: limits)
        for fact in facts { office.apply(fact) }
        return office
    }

    /// A box office that was restored from the final state of each hold.
    func restored(limits: Limits = Limits()) -> BoxOffice {
        var office = BoxOffice(limits: limits)
        guard let last = facts.last else { return office }
        let next = if case .clockReached = last.fact { last.sequence } else { last.sequence + 1 }
        office.beginRestoring(at: last.at, nextSequence: next)
        for recorded in eventFacts {
            switch recorded.fact {
            case .defined(let definition, let paused):
                office.restore(definition, paused: paused, sequence: recorded.sequence)
            case .removed(let event): _ = office.restoreRemoval(of: event)
            case .cancelled(let event): _ = office.restoreCancellation(of: event, at: recorded.at)
            case .reinstated(let event): _ = office.restoreCancellation(of: event, at: nil)
            default: break
            }
        }
        var paused: Set<Code> = []
        for recorded in queueFacts {
            switch recorded.fact {
            case .defined(let definition, let isPaused):
                let isNews =
                    isPaused ? paused.insert(definition.id).inserted : paused.remove(definition.id) != nil
                guard isNews, let known = office.catalogue(of: definition.id) else { continue }
                office.restoreSale(of: known.event, isPaused: isPaused, at: recorded.at)
            case .queue(let event, let fact):
                office.restore(fact, of: event, recorded.sequence, at: recorded.at)
            case .recovered(let event, let until): office.restoreTurns(of: event, until: until, at: recorded.at)
            default: break
            }
        }
        for event in paidBackOf { office.restorePaidBack(of: event) }
        for hold in holds { office.restore(hold) }
        for (payment, debt) in debts { office.restore(debt, of: payment) }
        for hold in owedSinceErasure { office.restoreOwedSinceErasure(hold) }
        for (payment, hold) in paidBack { office.restorePaidBack(payment, hold) }
        for key in keys { office.restore(key) }
        office.endRestoringQueues()
        return office
    }

    /// A ledger keeps nothing that was erased, whatever memory knew.
    private mutating func erase(_ id: HoldID) {
        let digester = PaymentDigester(secret: [])
        change(id) {
            $0.isErased = true
            $0.buyer = nil
            $0.note = nil
            $0.payment = $0.payment.map { digester.erased($0) }
        }
        debts.removeAll { $0.debt.hold == id }
        paidBack = paidBack.map { $0.hold == id ? (digester.erased($0.payment), id) : $0 }
        owedSinceErasure.remove(id)
    }

    private mutating func change(_ id: HoldID, _ change: (inout RestoredHold) -> Void) {
        change(&holds[Int(id.number) - 1])
    }

    private mutating func remember(_ key: KeyFact, _ at: Timestamp, _ id: HoldID) {
        keys.append(RestoredKey(key: key, at: at, hold: id))
    }
}

extension BoxOffice {
    /// Decides, and reads a hold that is no longer in memory from `ledger`, as a store does.
    mutating func decide(_ command: Command, at now: Moment, recallingFrom ledger: FoldedFacts) -> Decision? {
        for _ in 0..<2 {
            do {
                return try decide(command, at: now)
            } catch {
                guard let hold = ledger.hold(error.hold) else { return nil }
                recall(hold)
            }
        }
        return nil
    }
}
