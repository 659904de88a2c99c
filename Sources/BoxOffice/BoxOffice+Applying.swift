// Facts change the box office only here: those of new decisions and those that are read back.

extension BoxOffice {
    /// Applies a fact that was decided. It checks only that the fact is possible.
    ///
    /// - Precondition: facts come in their order, and each names a hold that is in memory.
    public mutating func apply(_ recorded: RecordedFact) {
        precondition(recorded.sequence == nextSequence, "facts come without gaps")
        advance(to: max(clock, recorded.at))
        lastFactAt = recorded.at
        if case .clockReached = recorded.fact { return }
        nextSequence += 1
        switch recorded.fact {
        case .defined(let definition, let paused): applyDefined(definition, paused, recorded.sequence)
        case .cancelled(let event): applyCancelled(event, at: recorded.at)
        case .reinstated(let event): applyCancelled(event, at: nil)
        case .removed(let event): applyRemoved(event)
        case .held(let id, let fact):
            applyHeld(
                id, fact.lines, for: fact.buyer, key: fact.key, code: fact.code, until: fact.deadline, in: fact.event,
                by: fact.entry)
        case .extended(let id, let deadline, let key): applyExtended(id, deadline, key)
        case .released(let id): applyReleased(id)
        case .purchased(let id, let payment, let late, _, let seller): applyPurchased(id, payment, late, seller)
        case .returned(let id): applyReturned(id)
        case .returnedPart(let id, let part): applyReturnedPart(id, part)
        case .corrected(let id, let state): applyCorrected(id, state)
        case .refundOwed(let id, let payment, _, let isConfirmed):
            let debt = Debt(hold: id, event: atHand(id).event, at: recorded.at, isConfirmed: isConfirmed)
            noteOwed(payment, debt)
            if atHand(id).isErased { owedSinceErasure.insert(id) }
        case .erased(let id, let references): applyErased(id, references)
        case .paidBack(let id, let payment):
            let debt = payments.payBack(payment, id)
            noteEnded(debt)
            if let debt { events[Int(debt.event)].notePaidBack() }
        case .recovered(let event, let until): applyRecovered(event, until)
        case .queue(let event, let fact): applyQueue(fact, of: event, recorded.sequence)
        case .clockReached: break
        }
    }

    /// Does what `make(.held(…))` would do, without taking the fact apart again: a hold is the largest and the most
    /// frequent fact.
    mutating func makeHeld(_ id: HoldID, _ fact: HeldFact) -> RecordedFact {
        lastFactAt = clock
        nextSequence += 1
        applyHeld(
            id, fact.lines, for: fact.buyer, key: fact.key, code: fact.code, until: fact.deadline, in: fact.event,
            by: fact.entry)
        return RecordedFact(sequence: nextSequence - 1, at: clock, fact: .held(id, fact))
    }

    mutating func applyDefined(_ definition: EventDefinition, _ paused: Bool, _ sequence: UInt64) {
        definitionCount += 1
        let index = eventIndexes[definition.id] ?? events.count
        if index < events.count {
            events[index].settle(at: clock)
            events[index].adopt(definition, sequence)
        } else {
            eventIndexes[definition.id] = index
            events.append(Event(definition, sequence, version: firstVersion))
        }
        if events[index].isPaused != paused { queues[index]?.noteSale(isPaused: paused, at: clock) }
        events[index].isPaused = paused
        events[index].revision = definitionCount
    }

    mutating func applyRemoved(_ event: UInt32) {
        let index = Int(event)
        events[index].settle(at: clock)
        events[index].remove()
        eventIndexes[events[index].definition.id] = nil
    }

    /// It is given the parts of the fact: the fact as a whole would be copied and reference-counted for it.
    private mutating func applyHeld(
        _ id: HoldID, _ lines: OneOrMore<HeldLine>, for buyer: Buyer?, key: KeyFact?, code: HeldCode,
        until deadline: Timestamp, in event: UInt32, by entry: HeldEntry
    ) {
        precondition(id.number == holds.next, "holds are numbered without gaps")
        let index = Int(event)
        let buyer = events[index].buyers.enter(buyer)
        changePools(of: lines, in: index, code: code) { $0.hold($1, until: deadline) }
        holds.remember(code, of: id)
        if !entry.isNone { noteHeld(id, lines, by: entry, until: deadline, in: index) }
        holds.append(
            HoldRecord(
                deadline: deadline, line: lines.first, event: event, buyer: buyer, state: .held, extensions: 0,
                hasMoreLines: !lines.rest.isEmpty, late: false, terms: events[index].terms.ofHolds),
            moreLines: lines.rest)
        if let account = buyer.index { addHold(id, toAccount: account, in: index) }
        if let key { remember(key, id, at: clock) }
    }

    private mutating func applyExtended(_ id: HoldID, _ deadline: Timestamp, _ key: KeyFact?) {
        let record = atHand(id)
        changePools(of: holds.lines(id, record), in: Int(record.event), code: holds.code(of: id)) {
            $0.extend($1, from: record.deadline, to: deadline)
        }
        holds.update(id) {
            $0.deadline = deadline
            $0.extensions += 1
        }
        if let key { remember(key, id, at: clock) }
    }

    private mutating func applyReleased(_ id: HoldID) {
        let record = atHand(id)
        changePools(of: holds.lines(id, record), in: Int(record.event), code: holds.code(of: id)) {
            $0.release($1, heldUntil: record.deadline)
        }
        holds.update(id) { $0.state = .released }
        if holds.entry(of: id).number != nil { queues[Int(record.event)]?.noteEnded(id, isBought: false) }
    }

    private mutating func applyPurchased(
        _ id: HoldID, _ payment: PaymentReference?, _ late: Bool, _ seller: Seller?
    ) {
        let record = atHand(id)
        changePools(of: holds.lines(id, record), in: Int(record.event), code: holds.code(of: id)) { pool, share in
            if late { pool.sellFree(share) } else { pool.sell(share, heldUntil: record.deadline) }
        }
        holds.update(id) {
            $0.state = .purchased
            $0.late = late
        }
        if let seller {
            let index = sellers.enter(seller)
            holds.update(id) { $0.seller = index }
        }
        if let payment { noteEnded(payments.buy(payment, id)) }
        events[Int(record.event)].hasSold = true
        noteBought(id, record, isLate: late)
        addBought(holds.lines(id, record), record, sign: 1)
    }

    mutating func noteOwed(_ payment: PaymentReference, _ debt: Debt) {
        noteEnded(payments.owe(payment, debt))
        if debt.isConfirmed { events[Int(debt.event)].confirmedDebts += 1 }
    }

    mutating func noteEnded(_ debt: Debt?) {
        if let debt, debt.isConfirmed { events[Int(debt.event)].confirmedDebts -= 1 }
    }

    private mutating func applyRecovered(_ event: UInt32, _ until: Timestamp) {
        for (id, record) in holds.live(at: clock) where record.event == event && record.deadline < until {
            changePools(of: holds.lines(id, record), in: Int(event), code: holds.code(of: id)) {
                $0.extend($1, from: record.deadline, to: until)
            }
            holds.update(id) { $0.deadline = until }
        }
        queues[Int(event)]?.prolong(until: until, at: clock)
    }

    mutating func applyQueue(_ fact: QueueFact, of event: UInt32, _ sequence: UInt64) {
        let index = Int(event)
        guard case .opened(let secret, let gathers, let identity) = fact else {
            queues[index]?.apply(fact, sequence, at: clock)
            return
        }
        queues[index] = EventQueue(
            secret: secret, gathers: gathers, identity: identity, ticketsPerHold: events[index].terms.ticketsPerHold,
            sequence: sequence, at: clock)
    }

    private mutating func noteHeld(
        _ id: HoldID, _ lines: OneOrMore<HeldLine>, by entry: HeldEntry, until deadline: Timestamp, in index: Int
    ) {
        holds.remember(entry, of: id)
        guard let number = entry.number else { return }
        let tickets = lines.reduce(0) { $0 + Int($1.quantity) }
        queues[index]?.noteHeld(id, by: number, tickets: tickets, until: deadline)
    }

    /// Counts a purchase for the entry of the queue that held.
    private mutating func noteBought(_ id: HoldID, _ record: HoldRecord, isLate: Bool) {
        guard let number = holds.entry(of: id).number else { return }
        queues[Int(record.event)]?.notePurchased(id, by: number, isLate: isLate)
    }

    /// Settles and changes each pool that the lines of a hold draw from, and what its access code was used for.
    @inline(__always)
    mutating func changePools(
        of lines: OneOrMore<HeldLine>, in index: Int, code: HeldCode, _ change: (inout Pool, Share) -> Void
    ) {
        if !code.isNone { events[index].codes.change(code, of: lines, at: clock, change) }
        events[index].changePools(of: lines.first, holds: 1, at: clock, change)
        for line in lines.rest { events[index].changePools(of: line, holds: 0, at: clock, change) }
    }

    func atHand(_ id: HoldID) -> HoldRecord {
        guard let record = holds.record(id) else { preconditionFailure("a hold that changes is in memory") }
        return record
    }

    mutating func addHold(_ id: HoldID, toAccount account: Int, in index: Int) {
        events[index].buyers.accounts[account].holds.append(id)
        let kept = events[index].buyers.accounts[account]
        guard kept.holds.count >= Int(kept.lookAgainAt) else { return }
        let live = kept.holds.filter { holds.record($0)?.isLive(at: clock) ?? false }
        events[index].buyers.accounts[account].holds = live
        events[index].buyers.accounts[account].lookAgainAt = Int32(clamping: max(8, live.count * 2))
    }

    func quantity(_ id: HoldID, _ record: HoldRecord) -> Int {
        holds.lines(id, record).reduce(0) { $0 + Int($1.quantity) }
    }

    /// Adds tickets that were bought to the buyer's account.
    ///
    /// - Parameter sign: -1 for tickets that were returned.
    mutating func addBought(_ lines: OneOrMore<HeldLine>, _ record: HoldRecord, sign: Int) {
        guard let account = record.buyer.index else { return }
        let index = Int(record.event)
        for line in lines {
            let type = events[index].offers[Int(line.type)].firstIndex
            events[index].buyers.addBought(sign * Int(line.quantity), ofType: type, to: account)
        }
    }
}
