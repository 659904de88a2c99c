internal import BoxOffice
internal import TicketStore

/// What callers and the committer share, under one lock: the box office, its clock, and the batch that gathers.
///
/// `condition` goes `recovering → selling`, `selling → suspended → selling` around a failed commit, and from each to
/// `closing`, which it never leaves.
struct StoreState: Sendable {
    /// What to do after handing in a command.
    struct Taken: Sendable {
        var reply: StoreReply?
        var wakesCommitter = false
        var step: StoreClock.Step?
    }

    /// Facts and the replies that wait for them.
    struct Batch: Sendable {
        var facts = Ledger.Batch()
        var replies = WaitingReplies()
        /// Old holds that are read when its facts are on the disk.
        var reads: [HoldRead] = []
        var markRequests: [MarkRequest] = []
        /// What those are given, when its facts are on the disk.
        var mark: LedgerMark?

        /// Callers that wait for it.
        var count: Int { replies.count }

        var isEmpty: Bool {
            facts.entries.isEmpty && count == 0 && reads.isEmpty && markRequests.isEmpty
        }

        /// An empty one with room for as many facts: batches that follow each other are nearly as large, and growing to
        /// that each time copies every fact once.
        var successor: Batch {
            var next = Batch()
            next.facts.entries.reserveCapacity(facts.entries.count)
            return next
        }
    }

    /// A command about a hold that must be read from the ledger first.
    struct Lookup: Sendable {
        var command: Command
        var note: AuditNote?
        var ticket: UInt64
        var box: any ReplySink
    }

    /// A hold that is to be read from the ledger.
    struct HoldRead: Sendable {
        var hold: HoldID
        /// Which reading of this hold it is: what an earlier one found may be out of date.
        var number: UInt64
    }

    /// The commands that wait for one reading of a hold.
    private struct Waiting {
        var number: UInt64
        var lookups: [Lookup]
    }

    typealias MarkRequest = @Sendable (Result<LedgerMark, StoreFailure>) -> Void

    private(set) var condition = StoreCondition.suspended(.recovering)
    private var office = BoxOffice()
    private var clock: StoreClock
    private let readMachine: @Sendable () -> ClockReading
    /// Takes what is decided now; the committer takes it away as a whole.
    private var gathering = Batch()
    /// A batch is with the disk.
    private var isCommitting: Bool { committingSince != nil }
    /// Since when, by the machine's clock.
    private var committingSince: MonotonicTime?
    /// The committer is woken up when so many replies wait; `nil` while it needs no waking.
    private var wakesCommitterAt: Int?
    /// The difference of the two clocks as last noted in the ledger.
    private var notedAhead: Int64?
    /// What waits for a hold to be read, by hold. While one is here nobody else brings the hold to hand, so what is read
    /// after the facts of that moment were committed is how it stands.
    private var waiting: [HoldID: Waiting] = [:]
    private var waitingLookups = 0
    private var readCount: UInt64 = 0
    private let queuedFacts: Int
    private let queuedLookups: Int

    init(queuedFacts: Int, queuedLookups: Int, clock readMachine: @escaping @Sendable () -> ClockReading) {
        self.queuedFacts = queuedFacts
        self.queuedLookups = queuedLookups
        self.readMachine = readMachine
        clock = StoreClock(startingAt: .zero, readMachine())
    }

    // MARK: Callers

    mutating func take(_ command: Command, note: AuditNote?, ticket: UInt64, box: any ReplySink) -> Taken {
        switch condition {
        case .selling: break
        case .closing: return Taken(reply: .failed(.closing))
        case .suspended(let reason): return Taken(reply: .failed(.suspended(reason)))
        }
        // Not all that waits brings a fact: a look, or the same again, waits for those of others.
        guard max(gathering.facts.entries.count, gathering.count) < queueLimit(for: command, of: queuedFacts) else {
            return Taken(reply: .failed(.overloaded))
        }
        let (moment, step) = readClock()
        do {
            // Apart at once: whole, they would be copied by the runtime, field by field.
            let (outcome, fact) = try office.decide(command, at: moment)
            let reply = StoreReply.decided(outcome, at: moment)
            if let fact = consume fact {
                append(fact, note: note, at: moment)
            } else if !waits(outcome) {
                return Taken(reply: reply, step: step)
            }
            gathering.replies.add(TicketedReply(ticket: ticket, reply: reply), for: box)
        } catch {
            guard waitingLookups < queueLimit(for: command, of: queuedLookups) else {
                return Taken(reply: .failed(.overloaded), step: step)
            }
            wait(for: error.hold, Lookup(command: command, note: note, ticket: ticket, box: box))
        }
        // A committer that lets callers gather takes what is to be read along; one that rests is woken up.
        guard let enough = wakesCommitterAt, gathering.count >= enough || (enough == 1 && !gathering.isEmpty) else {
            return Taken(step: step)
        }
        wakesCommitterAt = nil
        return Taken(wakesCommitter: true, step: step)
    }

    private mutating func wait(for hold: HoldID, _ lookup: Lookup) {
        waitingLookups += 1
        if waiting[hold] == nil {
            readCount += 1
            waiting[hold] = Waiting(number: readCount, lookups: [])
            gathering.reads.append(HoldRead(hold: hold, number: readCount))
        }
        waiting[hold]?.lookups.append(lookup)
    }

    mutating func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading {
        let moment = readClock().moment
        if let known, office.version(of: event, at: moment) == known { return .unchanged }
        return office.availability(of: event, at: moment).map { .current($0, at: moment) } ?? .unknownEvent
    }

    mutating func counts() -> [PoolCount] {
        office.counts(at: readClock().moment)
    }

    func events() -> [EventReading] {
        office.eventCodes.compactMap(event)
    }

    func event(_ code: Code) -> EventReading? {
        office.definition(of: code).map { EventReading($0.definition, isPaused: $0.paused, revision: $0.revision) }
    }

    func catalogue(at index: UInt32) -> EventCatalogue {
        office.catalogue(at: index)
    }

    func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        office.catalogue(at: index, unless: revision)
    }

    mutating func readClock() -> (moment: Moment, step: StoreClock.Step?) {
        clock.read(readMachine())
    }

    /// Completing is refused last, then extending and releasing, before them holding, and looking first (rule 21).
    private func queueLimit(for command: Command, of whole: Int) -> Int {
        switch command {
        case .purchase, .returnPurchase, .payBack, .define, .pause, .resume, .remove: whole
        case .extend, .release: whole / 4 * 3
        case .hold: whole / 2
        case .look: whole / 4
        }
    }

    /// Whether an answer that needs no fact of its own still has to wait, because it tells of a hold whose facts may
    /// not be on the disk yet.
    private func waits(_ outcome: Outcome) -> Bool {
        (isCommitting || !gathering.facts.entries.isEmpty) && outcome.dependsOnFacts
    }

    private mutating func append(_ fact: consuming RecordedFact, note: AuditNote? = nil, at moment: Moment) {
        var catalogue: EventCatalogue?
        if case .defined(let definition, _) = fact.fact { catalogue = office.catalogue(of: definition.id) }
        if let note, fact.fact != .clockReached { gathering.facts.notes.append((copy fact, note)) }
        gathering.facts.entries.append(.init(recorded: fact, catalogue: catalogue))
        noteWallClock(at: moment)
    }

    /// The time of day is noted when it moves against the office's clock, so that moments can be told to people.
    private mutating func noteWallClock(at moment: Moment) {
        let ahead = moment.wall.milliseconds - moment.office.milliseconds
        if let notedAhead, (-50...50).contains(ahead - notedAhead) { return }
        notedAhead = ahead
        gathering.facts.wallClock = (moment.office, ahead)
    }

    // MARK: The committer

    /// The batch that gathered, or `nil` if fewer than `enough` callers wait in it; then the one that makes them
    /// enough wakes the committer up.
    mutating func takeBatch(ofAtLeast enough: Int) -> Batch? {
        let isReady = enough > 0 ? gathering.count >= enough : !gathering.isEmpty
        committingSince = isReady ? readMachine().monotonic : nil
        wakesCommitterAt = isReady ? nil : max(1, enough)
        guard isReady else { return nil }
        var batch = gathering
        gathering = batch.successor
        if !batch.markRequests.isEmpty {
            let moment = readClock().moment
            batch.mark = LedgerMark(
                sequence: office.nextSequence - 1, at: moment.office, pools: office.counts(at: moment))
        }
        return batch
    }

    /// Callers that wait for the batch that gathers.
    var waitingCount: Int { gathering.count }

    /// Between batches: notices the time, and records the clock if holds depend on it.
    mutating func tick() -> StoreClock.Step? {
        let (moment, step) = readClock()
        guard condition == .selling else { return step }
        office.advance(to: moment.office)
        // Also where nothing is live: a disk that takes no facts is then found before a buyer meets it.
        if office.lastFactAt.advanced(by: EmbeddedStore.clockRecordInterval) <= office.clock {
            append(office.recordClock(), at: moment)
        }
        return step
    }

    /// Forgets a piece of what need not be at hand.
    ///
    /// - Returns: whether there is more.
    mutating func tidyAPiece() -> Bool {
        condition == .selling && office.tidyAPiece()
    }

    /// How many keys are remembered, and when the oldest was used that may count no more.
    var keys: (count: Int, oldestOfEndedHoldAt: Timestamp, now: Timestamp) {
        (office.keyCount, office.oldestKeyOfEndedHoldAt, office.clock)
    }

    /// Which of these keys, each told by its hold and its use, count no more.
    func forgotten(_ keys: [(hold: HoldID, at: Timestamp)]) -> [Bool] {
        keys.map { !office.counts($0.hold, usedAt: $0.at) }
    }

    /// Asks for a moment whose facts are all in the ledger.
    ///
    /// - Returns: whether the committer has to be woken up.
    mutating func requestMark(_ request: @escaping MarkRequest) -> Bool {
        guard condition == .selling else {
            request(.failure(refusal))
            return false
        }
        gathering.markRequests.append(request)
        defer { wakesCommitterAt = nil }
        return wakesCommitterAt != nil
    }

    /// Hands in again what waited for a hold, which is brought back to hand.
    mutating func takeAgain(_ read: HoldRead, _ hold: RestoredHold) -> [(lookup: Lookup, taken: Taken)] {
        let lookups = endWaiting(for: read)
        guard condition == .selling else { return lookups.map { ($0, Taken(reply: .failed(refusal))) } }
        if !lookups.isEmpty { office.recall(hold) }
        return lookups.map { ($0, take($0.command, note: $0.note, ticket: $0.ticket, box: $0.box)) }
    }

    /// What waited for a hold, which does not any more; empty if it was told already.
    mutating func endWaiting(for read: HoldRead) -> [Lookup] {
        guard let found = waiting[read.hold], found.number == read.number else { return [] }
        waiting[read.hold] = nil
        waitingLookups -= found.lookups.count
        return found.lookups
    }

    /// Why nothing is decided now.
    private var refusal: StoreFailure {
        if case .suspended(let reason) = condition { return .suspended(reason) }
        return .closing
    }

    // MARK: How it stands

    /// The condition, for readiness: a disk that takes a batch and does not come back is as good as one that fails.
    var visibleCondition: StoreCondition {
        guard condition == .selling, let since = committingSince,
            readMachine().monotonic.nanoseconds - since.nanoseconds > EmbeddedStore.stall.inMilliseconds * 1_000_000
        else { return condition }
        return .suspended(.diskStalled)
    }

    /// Pools that a broken rule closed.
    var closedPools: [ClosedPool] {
        office.closedPools.map { ClosedPool(event: $0.event, pool: $0.pool) }
    }

    mutating func closePool(_ pool: Code, of event: Code) {
        office.closePool(pool, of: event)
    }

    // MARK: Failing, recovering, closing

    /// After a failed commit memory and disk disagree: nothing is decided until memory was read back, and the clock
    /// stands, because nobody can complete.
    ///
    /// - Returns: what gathered behind the failed batch, and what waits for holds to be read. None of it was handed to
    ///   the disk, so none of it happened.
    mutating func suspend(_ reason: SuspensionReason) -> (behind: Batch, lookups: [Lookup]) {
        if condition != .closing { condition = .suspended(reason) }
        _ = readClock()
        clock.stand()
        committingSince = nil
        defer {
            gathering = Batch()
            waiting = [:]
            waitingLookups = 0
        }
        return (gathering, waiting.values.flatMap(\.lookups))
    }

    /// Takes what was read back from the ledger. The clock goes on from the last fact, but never backwards within
    /// one process: somebody may have been told of an expiry.
    mutating func recover(_ recovered: RecoveredOffice) {
        let isFirst = condition == .suspended(.recovering)
        let reached = readClock().moment
        let isNew = recovered.office.nextSequence == 1
        office = recovered.office
        notedAhead = recovered.ahead
        let start =
            isFirst
            // A new ledger's clock starts with the time of day, only so that its numbers can be read.
            ? (isNew ? Timestamp(milliseconds: reached.wall.milliseconds) : office.clock)
            : max(office.clock, reached.office)
        clock = StoreClock(startingAt: start, readMachine())
        clock.stand()
        office.advance(to: start)
    }

    /// The facts that come before selling goes on: the recovery grace, and that the clock came this far.
    mutating func takeRecovery() -> Ledger.Batch {
        let moment = readClock().moment
        office.advance(to: moment.office)
        let wasNoted = notedAhead != nil
        let facts = office.grantRecoveryGrace()
        for fact in facts { append(fact, at: moment) }
        if facts.isEmpty { append(office.recordClock(), at: moment) }
        // From the next millisecond on: facts of this one were made before, when the time of day was another.
        if wasNoted, let note = gathering.facts.wallClock {
            gathering.facts.wallClock = (note.at.advanced(by: .milliseconds(1)), note.ahead)
        }
        defer { gathering = Batch() }
        return gathering.facts
    }

    /// Sells from here on.
    mutating func open() {
        // What passed while it stood does not count.
        _ = readClock()
        clock.goOn()
        if condition != .closing { condition = .selling }
    }

    /// That the clock came this far. Also where nothing is live any more: what expired since the last fact would be
    /// live again after the restart.
    ///
    /// - Precondition: ``isDone``, so that nobody waits in the batch that gathers.
    mutating func takeLastClock() -> Ledger.Batch? {
        precondition(isDone)
        let moment = readClock().moment
        office.advance(to: moment.office)
        guard office.lastFactAt < office.clock else { return nil }
        append(office.recordClock(), at: moment)
        defer { gathering = Batch() }
        return gathering.facts
    }

    /// Whether it closes and nothing waits for the disk; nothing will any more.
    var isDone: Bool { condition == .closing && gathering.isEmpty }

    mutating func close() {
        condition = .closing
    }
}
