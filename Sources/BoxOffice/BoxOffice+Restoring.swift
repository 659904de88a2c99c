// Rebuilds a box office from a ledger without replaying every fact: each hold comes in its final state.

/// A hold in its final state, joined from its rows in a ledger.
public struct RestoredHold: Sendable, Equatable {
    public var id: HoldID
    public var event: UInt32
    public var lines: OneOrMore<HeldLine>
    /// After all extensions and recoveries.
    public var deadline: Timestamp
    public var extensions: UInt8
    public var state: HoldState
    public var late: Bool
    /// The buyer as the latest correction says (R40 Corrections).
    public var buyer: Buyer?
    public var note: SaleNote?
    /// The payment that bought it.
    public var payment: PaymentReference?
    /// Whether its buyer and payment were erased (R41 Erasure).
    public var isErased: Bool
    /// The number of the fact that made it. Its terms are those of the last definition before (R11 Terms of a hold).
    public var sequence: UInt64
    /// The keys of its partial returns (R39 Partial return).
    public private(set) var returnKeys: [KeyFact] = []
    /// The access code that it was made with (R46 Access codes).
    public var code = HeldCode.none
    /// The entry of the queue that made it (Q6 Pass).
    public var entry = HeldEntry.none
    /// Under which name it was sold (R48 Operator keys).
    public var seller: Seller?

    public init(
        id: HoldID, event: UInt32, lines: OneOrMore<HeldLine>, deadline: Timestamp, extensions: UInt8 = 0,
        state: HoldState = .held, late: Bool = false, buyer: Buyer? = nil,
        payment: PaymentReference? = nil, isErased: Bool = false, sequence: UInt64
    ) {
        self.id = id
        self.event = event
        self.lines = lines
        self.deadline = deadline
        self.extensions = extensions
        self.state = state
        self.late = late
        self.buyer = buyer
        self.payment = payment
        self.isErased = isErased
        self.sequence = sequence
    }

    /// The purchase was returned, or what was left of it.
    public mutating func takeBack() {
        state = .returned
        lines.returnAll()
    }

    /// A part of the purchase was returned.
    ///
    /// - Returns: whether the purchase has as much.
    public mutating func takeBack(_ part: PartReturnFact) -> Bool {
        for share in part.lines {
            guard lines.indices.contains(Int(share.line)), state == .purchased, share.quantity > 0,
                share.quantity <= lines[Int(share.line)].kept
            else { return false }
            lines[Int(share.line)].returned += UInt16(clamping: share.quantity)
        }
        returnKeys.append(part.key)
        if lines.allSatisfy({ $0.kept == 0 }) { state = .returned }
        return true
    }
}

/// An idempotency key as a ledger has it.
public struct RestoredKey: Sendable, Equatable {
    public var key: KeyFact
    public var at: Timestamp
    public var hold: HoldID

    public init(key: KeyFact, at: Timestamp, hold: HoldID) {
        self.key = key
        self.at = at
        self.hold = hold
    }
}

extension BoxOffice {
    /// Starts to restore an empty box office: `last` is the moment of the ledger's last fact, `next` the number after it.
    ///
    /// - Parameter lost: the sum of all times whose facts are lost (R63 Backup).
    public mutating func beginRestoring(at last: Timestamp, nextSequence next: UInt64, lost: Duration = .zero) {
        precondition(events.isEmpty && nextSequence == 1, "only an empty box office is restored")
        lostTime = lost
        clock = last
        lastFactAt = last
        nextSequence = next
    }

    /// Restores a definition. They come in the order in which they were made, replaced ones too, because an event's index
    /// follows from that order.
    ///
    /// - Parameter sequence: the number of the fact.
    public mutating func restore(_ definition: EventDefinition, paused: Bool, sequence: UInt64) {
        applyDefined(definition, paused, sequence)
    }

    /// Leaves out the revisions that events may have had in lost time, in its order among the definitions: nobody changes
    /// events more than once in a millisecond.
    public mutating func restoreLoss(of span: Duration) {
        definitionCount += UInt64(max(0, span.inMilliseconds))
    }

    /// The number of the terms of a hold that the fact `sequence` made; `nil` if the event was not defined then.
    public func terms(of event: UInt32, at sequence: UInt64) -> UInt16? {
        Int(event) < events.count ? events[Int(event)].terms(at: sequence) : nil
    }

    /// Restores a removal, in its order among the definitions.
    ///
    /// - Returns: whether there is such an event.
    public mutating func restoreRemoval(of event: UInt32) -> Bool {
        guard Int(event) < events.count else { return false }
        applyRemoved(event)
        return true
    }

    /// Whether ``restore(_:)-(RestoredHold)`` can take `hold` next: its number follows, and its event and types are known.
    public func canRestore(_ hold: RestoredHold) -> Bool {
        hold.id.number == holds.next && Int(hold.event) < events.count
            && events[Int(hold.event)].terms(at: hold.sequence) != nil
            && hold.lines.allSatisfy { Int($0.type) < events[Int(hold.event)].offers.count && $0.quantity > 0 }
            && (hold.code.isNone || hold.code.batch < events[Int(hold.event)].codes.names.count)
    }

    /// Restores a hold. They come in the order of their numbers.
    ///
    /// - Precondition: ``canRestore(_:)``.
    public mutating func restore(_ hold: RestoredHold) {
        precondition(canRestore(hold), "holds are restored in order")
        let index = Int(hold.event)
        let buyer = enterBuyer(of: hold)
        let record = record(of: hold, buyer: buyer)
        if record.state == .purchased {
            changePools(of: Self.kept(hold.lines), in: index, code: hold.code) { $0.restoreSold($1) }
        } else if record.isLive(at: clock) {
            changePools(of: hold.lines, in: index, code: hold.code) { $0.restoreHeld($1, until: hold.deadline) }
        }
        holds.append(record, moreLines: hold.lines.rest)
        holds.remember(hold.code, of: hold.id)
        restoreEntry(of: hold)
        holds.rememberReturns(hold.returnKeys, of: hold.id)
        holds.setNote(hold.note, of: hold.id)
        if record.state == .purchased || record.state == .returned { events[index].hasSold = true }
        if let account = buyer.index, record.isLive(at: clock) { addHold(hold.id, toAccount: account, in: index) }
        if record.state == .purchased { addBought(Self.kept(hold.lines), record, sign: 1) }
        if let payment = hold.payment { payments.buy(payment, hold.id) }
        if hold.id.number % 65_536 == 0 { tidy() }
    }

    /// Whether ``restore(_:of:_:at:)`` can take a fact: its event exists, and its queue is as the fact needs it.
    public func canRestore(_ fact: QueueFact, of event: UInt32) -> Bool {
        guard Int(event) < events.count else { return false }
        let queue = queues[Int(event)]
        switch fact {
        case .opened(let secret, _, _): return queue == nil && secret.count == QueueDraw.secretBytes
        case .joined(let number, _): return queue.map { $0.buyers.count == Int(number.value) } ?? false
        case .moved(let head, _, _): return queue.map { $0.head <= head } ?? false
        default: return queue != nil
        }
    }

    /// Restores what happened to a queue. They come in the order of their facts, after all definitions and before the holds.
    ///
    /// - Precondition: ``canRestore(_:of:)``.
    public mutating func restore(_ fact: QueueFact, of event: UInt32, _ sequence: UInt64, at moment: Timestamp) {
        let reached = clock
        clock = moment
        applyQueue(fact, of: event, sequence)
        clock = reached
    }

    /// Restores that the sale of an event was paused, or went on after a pause, in the order of the facts of its queue.
    public mutating func restoreSale(of event: UInt32, isPaused: Bool, at moment: Timestamp) {
        queues[Int(event)]?.noteSale(isPaused: isPaused, at: moment)
    }

    /// Restores that facts were lost before this time of day, in the order of the facts of queues (R63 Backup).
    public mutating func restoreLossOfQueues(at wall: WallTime) {
        for index in queues.keys {
            let isSaleOpen = events[index].terms.opensAt.map { $0 <= wall } ?? true
            queues[index]?.loseFacts(at: wall, isSaleOpen: isSaleOpen)
        }
    }

    /// Restores that a restart gave the turns of an event more time, in the order of the facts of its queue.
    public mutating func restoreTurns(of event: UInt32, until: Timestamp, at moment: Timestamp) {
        queues[Int(event)]?.prolong(until: until, at: moment)
    }

    /// Ends the restoring of queues, after all holds.
    public mutating func endRestoringQueues() {
        for index in queues.keys { queues[index]?.skipBlock() }
    }

    private mutating func restoreEntry(of hold: RestoredHold) {
        guard let number = hold.entry.number else { return }
        holds.remember(hold.entry, of: hold.id)
        let tickets = hold.lines.reduce(0) { $0 + Int($1.quantity) }
        queues[Int(hold.event)]?.noteHeld(hold.id, by: number, tickets: tickets, until: hold.deadline)
        switch hold.state {
        case .purchased, .returned: queues[Int(hold.event)]?.notePurchased(hold.id, by: number, isLate: hold.late)
        case .released: queues[Int(hold.event)]?.noteEnded(hold.id, isBought: false)
        case .held: break
        }
        if hold.isErased { queues[Int(hold.event)]?.forgetBuyer(of: number) }
    }

    /// Whether ``restore(_:)-(RestoredKey)`` can take `key`: its hold exists, and its use is not in the future.
    public func canRestore(_ key: RestoredKey) -> Bool {
        holds.wasGiven(key.hold) && key.at >= .zero && key.at <= clock
    }

    /// Restores a key. They come after all holds, in the order of their use. Expired keys are skipped.
    ///
    /// - Precondition: ``canRestore(_:)``.
    public mutating func restore(_ key: RestoredKey) {
        guard counts(key.hold, usedAt: key.at) else { return }
        remember(key.key, key.hold, at: key.at)
    }

    /// Whether ``restore(_:of:)`` can take `debt`: its hold and its event exist.
    public func canRestore(_ debt: Debt) -> Bool {
        holds.wasGiven(debt.hold) && Int(debt.event) < events.count
    }

    /// Restores a payment that is owed back. They come in the order of their facts.
    ///
    /// - Precondition: ``canRestore(_:)-(Debt)``.
    public mutating func restore(_ debt: Debt, of payment: PaymentReference) {
        noteOwed(payment, debt)
    }

    /// Restores a payment that was paid back.
    public mutating func restorePaidBack(_ payment: PaymentReference, _ hold: HoldID) {
        payments.payBack(payment, hold)
    }

    /// Brings a hold that ended long ago back into memory, in the state that the ledger has.
    public mutating func recall(_ hold: RestoredHold) {
        precondition(holds.wasGiven(hold.id), "only a hold that exists is recalled")
        guard !holds.isAtHand(hold.id) else { return }
        let buyer = enterBuyer(of: hold)
        let record = record(of: hold, buyer: buyer)
        let gone = holds.recall(
            hold.id, record, moreLines: hold.lines.rest, limit: limits.recalledHolds)
        holds.rememberReturns(hold.returnKeys, of: hold.id)
        holds.setNote(hold.note, of: hold.id)
        holds.remember(hold.code, of: hold.id)
        holds.remember(hold.entry, of: hold.id)
        if let gone { events[Int(gone.event)].buyers.leave(gone.buyer) }
    }

    private mutating func enterBuyer(of hold: RestoredHold) -> BuyerAccountID {
        hold.isErased ? .erased : events[Int(hold.event)].buyers.enter(hold.buyer)
    }

    private mutating func record(of hold: RestoredHold, buyer: BuyerAccountID) -> HoldRecord {
        HoldRecord(
            deadline: hold.deadline, line: hold.lines.first, event: hold.event, buyer: buyer, state: hold.state,
            extensions: hold.extensions, hasMoreLines: !hold.lines.rest.isEmpty, late: hold.late,
            terms: events[Int(hold.event)].terms(at: hold.sequence) ?? 0, seller: sellers.enter(hold.seller))
    }
}
