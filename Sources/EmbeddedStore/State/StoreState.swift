package import BoxOffice
package import TicketStore

/// What callers and the committer share under one lock: the box office, its clock, and the batch that gathers.
///
/// `condition` goes from `recovering` to `selling`, from `selling` to `suspended` and back around a failed commit, and
/// from each to `closing`, which is final.
package struct StoreState: Sendable {
    /// What the caller does after it handed in a command.
    package struct Taken: Sendable {
        /// `nil` if the reply comes later.
        package var reply: StoreReply?
        package var wakesCommitter = false
        package var step: StoreClock.Step?
    }

    /// Facts, and the replies that wait until they are durable.
    package struct Batch: Sendable {
        var facts = Ledger.Batch()
        var replies = WaitingReplies()
        /// Old holds to read when the facts are on the disk.
        var reads: [HoldRead] = []
        var markRequests: [MarkRequest] = []
        /// What the requests get when the facts are on the disk.
        var mark: LedgerMark?

        /// The number of replies that wait.
        package var count: Int { replies.count }

        var isEmpty: Bool {
            facts.entries.isEmpty && count == 0 && reads.isEmpty && markRequests.isEmpty
        }

        /// An empty batch with room for as many facts. Batches in sequence are about equally large, and growing would
        /// copy every fact once.
        var successor: Batch {
            var next = Batch()
            next.facts.entries.reserveCapacity(facts.entries.count)
            return next
        }
    }

    /// A command that waits until its hold is read from the ledger.
    struct Lookup: Sendable {
        var command: Command
        var note: AuditNote?
        var ticket: UInt64
        var sink: any ReplySink
    }

    /// A request to read a hold from the ledger.
    struct HoldRead: Sendable {
        var hold: HoldID
        /// The number of the request. The result of an earlier request may be out of date.
        var number: UInt64
    }

    /// The commands that wait for one read request.
    private struct Waiting {
        var number: UInt64
        var lookups: [Lookup]
    }

    typealias MarkRequest = @Sendable (Result<LedgerMark, StoreFailure>) -> Void

    package private(set) var condition = StoreCondition.suspended(.recovering)
    var office = BoxOffice()
    private var clock: StoreClock
    private let readMachine: @Sendable () -> ClockReading
    /// Collects what is decided now, until the committer takes it.
    private var gathering = Batch()
    /// Whether the committer is writing a batch.
    private var isCommitting: Bool { committingSince != nil }
    /// The facts up to this one are on the disk, and those up to the other one are in the batch that is being written.
    private var durableThrough: UInt64 = 0
    private var committingThrough: UInt64 = 0
    /// When the committer took that batch, by the machine's clock.
    private var committingSince: MonotonicTime?
    /// The number of waiting replies that wakes the committer; `nil` while it needs no waking.
    private var wakesCommitterAt: Int?
    /// The difference of the two clocks that the ledger noted last, in milliseconds.
    private var notedAhead: Int64?
    /// Commands that wait for a hold, by hold. Nothing changes the hold meanwhile, so a read after the commit of the
    /// present facts finds its latest state.
    private var waiting: [HoldID: Waiting] = [:]
    private(set) var waitingLookups = 0
    private var readCount: UInt64 = 0
    private let queuedFacts: Int
    private let queuedLookups: Int

    package init(queuedFacts: Int, queuedLookups: Int, clock readMachine: @escaping @Sendable () -> ClockReading) {
        self.queuedFacts = queuedFacts
        self.queuedLookups = queuedLookups
        self.readMachine = readMachine
        clock = StoreClock(startingAt: .zero, readMachine())
    }

    // MARK: Callers

    /// Decides a command, or queues it behind the read of its hold.
    package mutating func take(_ command: Command, note: AuditNote?, ticket: UInt64, sink: any ReplySink) -> Taken {
        switch condition {
        case .selling: break
        case .closing: return Taken(reply: .failed(.closing))
        case .suspended(let reason): return Taken(reply: .failed(.suspended(reason)))
        }
        // Not every waiting reply has a fact of its own: a look, or a repeated request, waits for the facts of others.
        guard max(gathering.facts.entries.count, gathering.count) < queueLimit(for: command, of: queuedFacts) else {
            return Taken(reply: .failed(.overloaded))
        }
        let (moment, step) = readClock()
        do {
            // Taken apart at once: as a whole, the runtime would copy them field by field.
            let (outcome, fact) = try office.decide(command, at: moment)
            let reply = StoreReply.decided(outcome, at: moment)
            if let fact = consume fact {
                append(fact, note: note, at: moment)
            } else if !waits(outcome) {
                return Taken(reply: reply, step: step)
            }
            gathering.replies.add(TicketedReply(ticket: ticket, reply: reply), for: sink)
        } catch {
            guard waitingLookups < queueLimit(for: command, of: queuedLookups) else {
                return Taken(reply: .failed(.overloaded), step: step)
            }
            wait(for: error.hold, Lookup(command: command, note: note, ticket: ticket, sink: sink))
        }
        // A committer that waits for more callers takes read requests along with them. One that rests must be woken.
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

    mutating func counts() -> [PoolCount] { office.counts(at: readClock().moment) }

    mutating func numbers(of event: Code) -> EventNumbers? { office.numbers(of: event, at: readClock().moment) }

    mutating func readClock() -> (moment: Moment, step: StoreClock.Step?) {
        clock.read(readMachine())
    }

    /// The share of a queue that each kind of command may use: looking is refused first, then holding and what people ask of an
    /// event's queue, then extending and releasing, and completing last (R21 Bounds).
    private func queueLimit(for command: Command, of whole: Int) -> Int {
        switch command {
        case .extend, .release: whole / 4 * 3
        case .hold: whole / 2
        case .queue(_, let command): command.isOfPeople ? whole / 2 : whole
        case .look: whole / 4
        default: whole
        }
    }

    /// Whether an answer without a fact of its own must wait, because it depends on facts that may not be on the disk
    /// yet (S2 Durable first).
    private func waits(_ outcome: Outcome) -> Bool {
        // A number waits for its block alone, which nearly always is on the disk.
        if case .queue(.joined(_, _, let sequence)) = outcome { return sequence > durableThrough }
        return (isCommitting || !gathering.facts.entries.isEmpty) && outcome.dependsOnFacts
    }

    private mutating func append(_ fact: consuming RecordedFact, note: AuditNote? = nil, at moment: Moment) {
        var catalogue: EventCatalogue?
        if case .defined(let definition, _) = fact.fact { catalogue = office.catalogue(of: definition.id) }
        if let note, fact.fact != .clockReached { gathering.facts.notes.append((copy fact, note)) }
        gathering.facts.add(.init(recorded: fact, catalogue: catalogue))
        noteWallClock(at: moment)
    }

    /// Notes the difference of the time of day and the store's clock when it changes, so that people can read moments.
    private mutating func noteWallClock(at moment: Moment) {
        let ahead = moment.wall.milliseconds - moment.office.milliseconds
        if let notedAhead, (-50...50).contains(ahead - notedAhead) { return }
        notedAhead = ahead
        gathering.facts.wallClock = (moment.office, ahead)
    }

    // MARK: The committer

    /// The batch that gathered, if `enough` callers wait in it; 0 for any number. Else `nil`: the caller that makes the
    /// number complete wakes the committer.
    package mutating func takeBatch(ofAtLeast enough: Int) -> Batch? {
        let isReady = enough > 0 ? gathering.count >= enough : !gathering.isEmpty
        durableThrough = committingThrough
        if isReady { committingThrough = office.nextSequence - 1 }
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

    /// The number of replies that wait in the batch that gathers.
    var waitingCount: Int { gathering.count }

    /// Moves the clock on while there is no batch, and records it if the latest fact is old.
    mutating func tick() -> StoreClock.Step? {
        let (moment, step) = readClock()
        guard condition == .selling else { return step }
        office.advance(to: moment.office)
        // Even if nothing is live: a disk that fails is found before a buyer meets it.
        if office.lastFactAt.advanced(by: EmbeddedStore.clockRecordInterval) <= office.clock {
            append(office.recordClock(), at: moment)
        }
        return step
    }

    /// Frees a piece of memory.
    ///
    /// - Returns: whether more remains to be done.
    mutating func tidyAPiece() -> Bool {
        condition == .selling && office.tidyAPiece()
    }

    /// The number of keys in memory, and the moment since which every key counts.
    var keys: (count: Int, oldestOfEndedHoldAt: Timestamp, now: Timestamp) {
        (office.keyCount, office.oldestKeyOfEndedHoldAt, office.clock)
    }

    /// Which of these keys, each given by its hold and its use, have expired.
    func expired(_ keys: [(hold: HoldID, at: Timestamp)]) -> [Bool] {
        keys.map { !office.counts($0.hold, usedAt: $0.at) }
    }

    /// Requests a moment whose facts are all in the ledger.
    ///
    /// - Returns: whether the caller must wake the committer.
    mutating func requestMark(_ request: @escaping MarkRequest) -> Bool {
        guard condition == .selling else {
            request(.failure(refusal))
            return false
        }
        gathering.markRequests.append(request)
        defer { wakesCommitterAt = nil }
        return wakesCommitterAt != nil
    }

    /// Brings a hold back into memory, and decides the commands that waited for it.
    mutating func takeAgain(_ read: HoldRead, _ hold: RestoredHold) -> [(lookup: Lookup, taken: Taken)] {
        let lookups = endWaiting(for: read)
        guard condition == .selling else { return lookups.map { ($0, Taken(reply: .failed(refusal))) } }
        if !lookups.isEmpty { office.recall(hold) }
        return lookups.map { ($0, take($0.command, note: $0.note, ticket: $0.ticket, sink: $0.sink)) }
    }

    /// Ends a read request.
    ///
    /// - Returns: the commands that waited for it; none if they were answered already.
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

    // MARK: Condition

    /// The condition for readiness. A disk that hangs with a batch counts as one that fails.
    var visibleCondition: StoreCondition {
        guard condition == .selling, let since = committingSince,
            readMachine().monotonic.nanoseconds - since.nanoseconds > EmbeddedStore.stall.inMilliseconds * 1_000_000
        else { return condition }
        return .suspended(.diskStalled)
    }

    /// Pools that are closed because a rule was broken (R4 Broken rule).
    var closedPools: [ClosedPool] {
        office.closedPools.map { ClosedPool(event: $0.event, pool: $0.pool) }
    }

    mutating func closePool(_ pool: Code, of event: Code) {
        office.closePool(pool, of: event)
    }

    // MARK: Failing, recovering, closing

    /// Suspends the sale: after a failed commit memory and disk disagree, so nothing is decided until memory is read
    /// back. The clock stops, because nobody can complete a purchase.
    ///
    /// - Returns: what gathered behind the failed batch, and the commands that wait for holds. None of it reached the
    ///   disk, so none of it happened.
    mutating func suspend(_ reason: SuspensionReason) -> (behind: Batch, lookups: [Lookup]) {
        if condition != .closing { condition = .suspended(reason) }
        _ = readClock()
        clock.stop()
        committingSince = nil
        defer {
            gathering = Batch()
            waiting = [:]
            waitingLookups = 0
        }
        return (gathering, waiting.values.flatMap(\.lookups))
    }

    /// Replaces memory by what was read from the ledger. The clock goes on from the last fact, but never backwards
    /// within one process, because a caller may know of an expiry.
    mutating func recover(_ recovered: RecoveredOffice) {
        let isFirst = condition == .suspended(.recovering)
        let reached = readClock().moment
        // Numbers of facts may have been left out for a ledger that is lost.
        let isNew = recovered.ahead == nil && recovered.office.clock == .zero
        office = recovered.office
        committingThrough = office.nextSequence - 1
        durableThrough = committingThrough
        notedAhead = recovered.ahead
        let start =
            isFirst
            // A new ledger's clock starts with the time of day, only to make its numbers readable.
            ? (isNew ? Timestamp(milliseconds: reached.wall.milliseconds) : office.clock)
            : max(office.clock, reached.office)
        clock = StoreClock(startingAt: start, readMachine())
        clock.stop()
        office.advance(to: start)
    }

    /// The facts to record before the sale goes on: the recovery grace or the clock.
    mutating func takeRecovery() -> Ledger.Batch {
        let moment = readClock().moment
        office.advance(to: moment.office)
        let wasNoted = notedAhead != nil
        let facts = office.grantRecoveryGrace()
        for fact in facts { append(fact, at: moment) }
        if facts.isEmpty { append(office.recordClock(), at: moment) }
        // From the next millisecond on: facts of this millisecond were made earlier, at another time of day.
        if wasNoted, let note = gathering.facts.wallClock {
            gathering.facts.wallClock = (note.at.advanced(by: .milliseconds(1)), note.ahead)
        }
        defer { gathering = Batch() }
        return gathering.facts
    }

    /// Starts or resumes the sale.
    package mutating func open() {
        // The time that passed while the clock stood does not count.
        _ = readClock()
        clock.start()
        if condition != .closing { condition = .selling }
    }

    /// The last fact of an orderly stop: the clock. It is needed even if nothing is live, because a hold that expired
    /// since the last fact would be live again after the restart.
    ///
    /// - Precondition: ``isDone``, so that no caller waits.
    mutating func takeLastClock() -> Ledger.Batch? {
        precondition(isDone)
        let moment = readClock().moment
        office.advance(to: moment.office)
        guard office.lastFactAt < office.clock else { return nil }
        append(office.recordClock(), at: moment)
        defer { gathering = Batch() }
        return gathering.facts
    }

    /// Whether the store is closing and no reply waits. None will wait again.
    package var isDone: Bool { condition == .closing && gathering.isEmpty }

    package mutating func close() {
        condition = .closing
    }
}
