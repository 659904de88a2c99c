/// The rules of selling: events, pools, holds and purchases, decided one command after another.
///
/// A value. It does no I/O, reads no clock and draws no random number: what it decides follows from what was decided
/// before, the command, and the moment. Every change passes through ``apply(_:)`` as a ``Fact``, so a store that
/// records the facts can make the same box office again.
///
/// Commands come in the order of their moments. Deciding costs well under a microsecond, whatever the number of
/// places, of live holds or of holds that ended.
public struct BoxOffice: Sendable {
    /// The command is about a hold that ended long ago and is no longer at hand: read it from the ledger,
    /// ``recall(_:)`` it, and hand the command in again.
    ///
    /// Thrown rather than one case of an answer: a decision is some two hundred bytes, and every wrapping copied it.
    public struct NotAtHand: Error, Equatable {
        public let hold: HoldID
    }

    public let limits: Limits
    /// The latest moment that the box office has seen.
    public internal(set) var clock = Timestamp.zero
    /// The moment of the latest fact.
    public internal(set) var lastFactAt = Timestamp.zero
    /// The number the next fact gets.
    public internal(set) var nextSequence: UInt64 = 1

    var events: [Event] = []
    var eventIndexes: [Code: Int] = [:]
    /// The event of the last hold that was asked for.
    var lastHeldEvent = 0
    /// How many definitions there were, of all events.
    var definitionCount: UInt64 = 0
    var holds = HoldTable()
    /// What each payment bought, and which are owed back (R10 One payment, one hold, and R23 Debts).
    var payments = PaymentTable()
    var keys = KeyTable()
    /// When the keys are swept again.
    var keySweepDueAt = Timestamp.zero

    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Decides one command, and applies what follows from it.
    ///
    /// - Parameter now: not before the moment of any earlier command.
    /// - Throws: where the hold it is about must be recalled first; nothing was decided.
    public mutating func decide(_ command: Command, at now: Moment) throws(NotAtHand) -> Decision {
        advance(to: now.office)
        switch command {
        case .hold(let request): return try hold(request, at: now)
        case .extend(let id, let key): return try extend(id, key: key)
        case .release(let id): return try release(id)
        case .purchase(let id, let payment, let completer): return try purchase(id, payment, by: completer)
        case .returnPurchase(let id): return try returnPurchase(id)
        case .payBack(let id, let payment): return payBack(id, payment)
        case .look(let id): return try look(id)
        case .define(let definition, let paused, let revision):
            return define(definition, paused: paused, expecting: revision)
        case .pause(let event): return setPaused(true, event)
        case .resume(let event): return setPaused(false, event)
        case .remove(let event, let revision): return remove(event, expecting: revision)
        }
    }

    /// Notices that time has passed; the same as deciding a command that changes nothing.
    public mutating func advance(to moment: Timestamp) {
        precondition(moment >= clock, "the store's clock does not run backwards")
        clock = moment
    }

    /// Forgets everything that need not be at hand: keys and unconfirmed debts past their time, holds that ended long ago, their buyers.
    ///
    /// No answer depends on when, or whether, this is called.
    public mutating func tidy() {
        keySweepDueAt = clock
        while tidyAPiece() {}
    }

    /// Does a piece of that, bounded by ``Limits/keysLookedAtInAPiece``.
    ///
    /// - Returns: whether there is more to do now. With as many pieces as a thousandth of the commands, and one now and
    ///   then, nothing piles up.
    public mutating func tidyAPiece() -> Bool {
        payments.forget(before: clock, kept: limits.unconfirmedDebtsKept)
        let gone = holds.forgetSettled(
            at: clock, keeping: limits.settledHolds, retention: limits.keyRetention)
        for record in gone where record.buyer > 0 { events[Int(record.event)].buyers.leave(record.buyer) }
        guard keySweepDueAt <= clock else { return !gone.isEmpty }
        if sweepKeys(Limits.keysLookedAtInAPiece) {
            keySweepDueAt = clock.advanced(by: limits.endedKeyRetention / Self.keySweepsInRetention)
            return !gone.isEmpty
        }
        return true
    }

    /// How often all keys are swept in the time that keys of ended holds have: they stay a sixtieth longer in memory.
    private static let keySweepsInRetention = 60

    /// Records that the clock came this far, if anything live depends on it and no fact has said so since `age` ago.
    ///
    /// A restart continues from the latest fact; without this, an hour without facts would be given to holds twice.
    public mutating func recordClock(ifOlderThan age: Duration) -> RecordedFact? {
        guard lastFactAt.advanced(by: age) <= clock else { return nil }
        // Counted up to now first: places that came free and were not looked at since are nothing live.
        for index in events.indices { events[index].settle(at: clock) }
        guard events.contains(where: { $0.pools.contains { $0.earliestExpiry != nil } }) else { return nil }
        return recordClock()
    }

    /// Records that the clock came this far.
    public mutating func recordClock() -> RecordedFact {
        make(.clockReached)
    }

    /// Gives every live hold at least the recovery grace (rule 7). Called once, when a ledger has been read and the
    /// service is ready.
    ///
    /// - Returns: the facts to record, one an event that has live holds.
    public mutating func grantRecoveryGrace() -> [RecordedFact] {
        let alive = Set(holds.live(at: clock).map(\.1.event))
        return alive.sorted().map { event in
            let grace = min(limits.recoveryGrace, events[Int(event)].definition.holdTime)
            return make(.recovered(event: event, until: clock.advanced(by: grace)))
        }
    }

    /// The definition in force, whether the sale is paused, and which definition it is, counted over all events.
    public func definition(of event: Code) -> (definition: EventDefinition, paused: Bool, revision: UInt64)? {
        eventIndexes[event].map { (events[$0].definition, events[$0].isPaused, events[$0].revision) }
    }

    /// The number that the next hold gets.
    public var nextHold: HoldID {
        HoldID(holds.next)
    }

    /// The codes of all events, in the order in which they were first defined.
    public var eventCodes: [Code] {
        events.lazy.filter { !$0.isRemoved }.map(\.definition.id)
    }

    /// Where an event's versions start: they go on rising through a restart, because the clock does and no event
    /// changes 4,096 times a millisecond.
    var firstVersion: UInt64 {
        UInt64(max(0, clock.milliseconds)) << 12
    }

    /// A new fact, applied and numbered.
    mutating func make(_ fact: Fact) -> RecordedFact {
        let recorded = RecordedFact(sequence: nextSequence, at: clock, fact: fact)
        apply(recorded)
        return recorded
    }
}
