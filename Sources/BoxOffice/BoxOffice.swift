/// The rules of selling: events, pools, holds and purchases, decided one command after another.
///
/// It is a value. It does no I/O, reads no clock and draws no random number: a decision follows from the earlier
/// decisions, the command and the moment. Every change passes through ``apply(_:)`` as a ``Fact``, so a store that
/// records the facts can rebuild the same box office.
///
/// Commands come in the order of their moments. A decision costs well under a microsecond, however many places, live
/// holds and ended holds there are.
public struct BoxOffice: Sendable {
    /// The command names a hold that ended long ago and is no longer in memory. The store reads the hold from the
    /// ledger, passes it to ``recall(_:)``, and decides the command again.
    ///
    /// It is thrown and not a case of the answer: a decision is some two hundred bytes, and each wrapping copied it.
    public struct NotAtHand: Error, Equatable {
        public let hold: HoldID
    }

    public let limits: Limits
    /// The latest moment that the box office has seen.
    public internal(set) var clock = Timestamp.zero
    /// The time of day at the latest decision, which releases allocations (R45 Allocations).
    var wall = WallTime(milliseconds: 0)
    /// The moment of the latest fact.
    public internal(set) var lastFactAt = Timestamp.zero
    /// The number of the next fact.
    public internal(set) var nextSequence: UInt64 = 1

    var events: [Event] = []
    var eventIndexes: [Code: Int] = [:]
    /// The index of the event that the last hold was for.
    var lastHeldEvent = 0
    /// How many definitions all events have had, and may have had in lost time.
    var definitionCount: UInt64 = 0
    /// How long others may have gone on from a state that was a copy. What they decided is lost (R63 Backup).
    var lostTime = Duration.zero
    var holds = HoldTable()
    /// What each payment bought, and which payments are owed back (R10 One payment, one hold; R23 Debts).
    var payments = PaymentTable()
    var keys = KeyTable()
    var sellers = SellerTable()
    /// The queues that were opened, by the index of their event (Q1 Phases).
    var queues: [Int: EventQueue] = [:]
    /// Erased holds that a payment was reported for since (R41 Erasure).
    var owedSinceErasure: Set<HoldID> = []
    let digester: PaymentDigester
    /// When the next sweep of the keys begins.
    var keySweepDueAt = Timestamp.zero

    /// - Parameter digester: gives erased payments their names, always the same for one store.
    public init(limits: Limits = Limits(), digester: PaymentDigester = PaymentDigester(secret: [])) {
        self.limits = limits
        self.digester = digester
    }

    /// Decides one command and applies the fact that follows from it.
    ///
    /// - Parameter now: not before the moment of an earlier command.
    /// - Throws: ``NotAtHand`` if the hold must be recalled first. Nothing was decided then.
    public mutating func decide(_ command: Command, at now: Moment) throws(NotAtHand) -> Decision {
        advance(to: now.office)
        wall = now.wall
        switch command {
        case .hold(let request): return try hold(request, at: now)
        case .extend(let id, let key): return try extend(id, key: key)
        case .release(let id): return try release(id)
        case .purchase(let id, let payment, let completer): return try purchase(id, payment, by: completer, at: now)
        case .returnPurchase(let id): return try returnPurchase(id)
        case .returnPart(let id, let asked): return try returnPart(id, asked)
        case .correct(let id, let asked): return try correct(id, asked)
        case .payBack(let id, let payment): return payBack(id, payment)
        case .erase(let request): return try erase(request)
        case .look(let id): return try look(id)
        case .define(let definition, let paused, let revision):
            return define(definition, paused: paused, expecting: revision)
        case .pause(let event): return setPaused(true, event)
        case .resume(let event): return setPaused(false, event)
        case .cancel(let event): return cancel(event)
        case .reinstate(let event): return reinstate(event)
        case .remove(let event, let revision): return remove(event, expecting: revision)
        case .queue(let event, let command): return queue(event, command, at: now)
        }
    }

    /// Moves the clock on, as a command that changes nothing would.
    public mutating func advance(to moment: Timestamp) {
        precondition(moment >= clock, "the store's clock does not run backwards")
        clock = moment
    }

    /// Drops what memory no longer needs: expired keys and unconfirmed debts, holds that ended long ago, and their
    /// buyers.
    ///
    /// No answer depends on when this is called, or whether it is called at all.
    public mutating func tidy() {
        keySweepDueAt = clock
        while tidyAPiece() {}
    }

    /// Does a piece of ``tidy()``: at most ``Limits/keysLookedAtInAPiece`` keys and as many holds.
    ///
    /// - Returns: whether more remains to be done. One piece for every thousand commands, and one now and then, keep
    ///   memory flat.
    public mutating func tidyAPiece() -> Bool {
        payments.forget(before: clock, kept: limits.unconfirmedDebtsKept)
        let gone = holds.forgetSettled(
            at: clock, keeping: limits.settledHolds, retention: limits.keyRetention)
        for record in gone where record.buyer != .none { events[Int(record.event)].buyers.leave(record.buyer) }
        guard keySweepDueAt <= clock else { return !gone.isEmpty }
        if sweepKeys(Limits.keysLookedAtInAPiece) {
            keySweepDueAt = clock.advanced(by: limits.endedKeyRetention / Self.keySweepsInRetention)
            return !gone.isEmpty
        }
        return true
    }

    /// Sweeps of all keys within ``Limits/endedKeyRetention``. An expired key stays in memory a sixtieth longer.
    private static let keySweepsInRetention = 60

    /// Records the clock if something is live and the latest fact is older than `age`.
    ///
    /// A restart continues from the latest fact. Without this, live holds would get an hour without facts twice.
    public mutating func recordClock(ifOlderThan age: Duration) -> RecordedFact? {
        guard lastFactAt.advanced(by: age) <= clock else { return nil }
        // Settle first: a pool that nobody looked at may still count expired holds as live.
        for index in events.indices { events[index].settle(at: clock) }
        guard events.contains(where: { $0.pools.contains { $0.earliestExpiry != nil } }) else { return nil }
        return recordClock()
    }

    /// Records that the clock reached the present moment.
    public mutating func recordClock() -> RecordedFact {
        make(.clockReached)
    }

    /// Gives every live hold, and every turn of a queue, at least the recovery grace (R7 Restart). A store calls it once, when it has read its ledger
    /// and is ready.
    ///
    /// - Returns: the facts to record, one for each event that has live holds or turns.
    public mutating func grantRecoveryGrace() -> [RecordedFact] {
        var alive = Set(holds.live(at: clock).map(\.1.event))
        for (event, queue) in queues where queue.hasTurns(at: clock) { alive.insert(UInt32(event)) }
        return alive.sorted().map { event in
            let recoveryGrace = min(limits.recoveryGrace, events[Int(event)].definition.holdTime)
            return make(.recovered(event: event, until: clock.advanced(by: recoveryGrace)))
        }
    }

    /// The definition in force, whether the sale is paused, and the definition's number, counted over all events.
    public func definition(of event: Code) -> (definition: EventDefinition, paused: Bool, revision: UInt64)? {
        eventIndexes[event].map { (events[$0].definition, events[$0].isPaused, events[$0].revision) }
    }

    /// The number of the next hold.
    public var nextHold: HoldID {
        HoldID(holds.next)
    }

    /// The codes of all events, in the order in which they were first defined.
    public var eventCodes: [Code] {
        events.lazy.filter { !$0.isRemoved }.map(\.definition.id)
    }

    /// The first version of a new event. Versions keep rising across restarts, because the clock does and no event
    /// changes 4,096 times in a millisecond. Versions of lost time are below it.
    var firstVersion: UInt64 {
        UInt64(max(0, clock.advanced(by: lostTime).milliseconds)) << 12
    }

    /// Numbers and applies a new fact.
    mutating func make(_ fact: Fact) -> RecordedFact {
        let recorded = RecordedFact(sequence: nextSequence, at: clock, fact: fact)
        apply(recorded)
        return recorded
    }
}
