// Making a box office again from a ledger without playing every fact: each hold is told as it stands in the end.

/// A hold as its rows in a ledger say, all together.
public struct RestoredHold: Sendable, Equatable {
    public var id: HoldID
    public var event: UInt32
    public var lines: OneOrMore<HeldLine>
    /// After all extensions and recoveries.
    public var deadline: Timestamp
    public var extensions: UInt8
    public var state: HoldState
    public var late: Bool
    public var buyer: Buyer?
    /// The payment that bought it.
    public var payment: PaymentReference?
    /// The number of the fact that gave it: its terms are those of the definition before that (R11 Terms of a hold).
    public var sequence: UInt64

    public init(
        id: HoldID, event: UInt32, lines: OneOrMore<HeldLine>, deadline: Timestamp, extensions: UInt8 = 0,
        state: HoldState = .held, late: Bool = false, buyer: Buyer? = nil,
        payment: PaymentReference? = nil, sequence: UInt64
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
        self.sequence = sequence
    }
}

/// A remembered idempotency key as a ledger says.
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
    /// Sets an empty box office to the moment and the number of a ledger's last fact.
    public mutating func beginRestoring(at last: Timestamp, nextSequence next: UInt64) {
        precondition(events.isEmpty && nextSequence == 1, "only an empty box office is restored")
        clock = last
        lastFactAt = last
        nextSequence = next
    }

    /// Definitions in the order in which they were made, replaced ones too: indexes follow from the order.
    ///
    /// - Parameter sequence: the number of the fact.
    public mutating func restore(_ definition: EventDefinition, paused: Bool, sequence: UInt64) {
        applyDefined(definition, paused, sequence)
    }

    /// A removal, in its place between the definitions.
    ///
    /// - Returns: whether there is such an event.
    public mutating func restoreRemoval(of event: UInt32) -> Bool {
        guard Int(event) < events.count else { return false }
        applyRemoved(event)
        return true
    }

    /// Whether `restore(_:)` can take `hold` next: it follows the one before, and its event and types are known.
    public func canRestore(_ hold: RestoredHold) -> Bool {
        hold.id.number == holds.next && Int(hold.event) < events.count
            && events[Int(hold.event)].terms(at: hold.sequence) != nil
            && hold.lines.allSatisfy { Int($0.type) < events[Int(hold.event)].offers.count && $0.quantity > 0 }
    }

    /// Holds in the order of their numbers, each as it stands in the end.
    ///
    /// - Precondition: ``canRestore(_:)``.
    public mutating func restore(_ hold: RestoredHold) {
        precondition(canRestore(hold), "holds are restored in order")
        let index = Int(hold.event)
        let buyer = events[index].buyers.enter(hold.buyer)
        let record = record(of: hold, buyer: buyer)
        if record.state == .purchased {
            changePools(of: hold.lines, in: index) { $0.restoreSold($1) }
        } else if record.isLive(at: clock) {
            changePools(of: hold.lines, in: index) { $0.restoreHeld($1, until: hold.deadline) }
        }
        holds.append(record, moreLines: hold.lines.rest)
        if record.state == .purchased || record.state == .returned { events[index].hasSold = true }
        if buyer > 0, record.isLive(at: clock) { addHold(hold.id, toAccount: Int(buyer - 1), in: index) }
        if record.state == .purchased { addBought(hold.id, record, sign: 1) }
        if let payment = hold.payment { payments.buy(payment, hold.id) }
        if hold.id.number % 65_536 == 0 { tidy() }
    }

    /// Whether `restore(_:)` can take `key`: its hold was given, and its use is not to come.
    public func canRestore(_ key: RestoredKey) -> Bool {
        holds.wasGiven(key.hold) && key.at >= .zero && key.at <= clock
    }

    /// Keys in the order of their use, behind all holds. Those that count no more are passed over.
    ///
    /// - Precondition: ``canRestore(_:)``.
    public mutating func restore(_ key: RestoredKey) {
        guard counts(key.hold, usedAt: key.at) else { return }
        remember(key.key, key.hold, at: key.at)
    }

    /// Whether `restore(_:of:)` can take `debt`: its hold was given, and its event is known.
    public func canRestore(_ debt: Debt) -> Bool {
        holds.wasGiven(debt.hold) && Int(debt.event) < events.count
    }

    /// A payment that is owed back, in the order in which they came to be.
    ///
    /// - Precondition: ``canRestore(_:)-(Debt)``.
    public mutating func restore(_ debt: Debt, of payment: PaymentReference) {
        noteOwed(payment, debt)
    }

    /// A payment that was paid back.
    public mutating func restorePaidBack(_ payment: PaymentReference, _ hold: HoldID) {
        payments.payBack(payment, hold)
    }

    /// Brings a hold that ended long ago back to hand, as the ledger says it stands.
    public mutating func recall(_ hold: RestoredHold) {
        precondition(holds.wasGiven(hold.id), "only a hold that was given is recalled")
        guard !holds.isAtHand(hold.id) else { return }
        let buyer = events[Int(hold.event)].buyers.enter(hold.buyer)
        let gone = holds.recall(
            hold.id, record(of: hold, buyer: buyer), moreLines: hold.lines.rest, limit: limits.recalledHolds)
        if let gone { events[Int(gone.event)].buyers.leave(gone.buyer) }
    }

    private func record(of hold: RestoredHold, buyer: UInt32) -> HoldRecord {
        HoldRecord(
            deadline: hold.deadline, line: hold.lines.first, event: hold.event, buyer: buyer, state: hold.state,
            extensions: hold.extensions, hasMoreLines: !hold.lines.rest.isEmpty, late: hold.late,
            terms: events[Int(hold.event)].terms(at: hold.sequence) ?? 0)
    }
}
