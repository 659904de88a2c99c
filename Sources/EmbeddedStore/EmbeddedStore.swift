public import BoxOffice
internal import Dispatch
// For `Thread`: the committer waits for the disk, which no thread of a shared pool should do. And for the C library.
internal import Foundation
public import Logging
public import ServiceLifecycle
internal import Synchronization
public import TicketStore

/// A box office in memory that records every fact in a SQLite ledger before a positive answer leaves.
///
/// Callers decide under a lock, in well under a microsecond, and add facts to a batch. One thread commits the batch,
/// and the next one gathers meanwhile. A lone request waits for one commit; a thousand at once share one.
///
/// The store keeps its ledger open until it is stopped.
///
/// ```
/// caller:     decide ─► fact + waiting reply ─► batch ┐
/// committer:  take the batch ─► commit, sync ─► deliver the replies to each sink ─► next batch
/// ```
public final class EmbeddedStore: TicketStore, Service {
    /// How to open a store.
    public struct Configuration: Sendable {
        /// The directory of the ledger. It is made if it does not exist.
        public var directory: String
        public var durability: Durability
        public var limits: Limits
        /// Facts, and answers that depend on them, that may wait for the disk: a sixth of a second at 100,000 a second.
        /// Looks are refused at a quarter of it, holds at half, extensions and releases at three quarters (S6 Full
        /// queue).
        public var queuedFacts = 16_384
        /// Commands that may wait for old holds to be read from the ledger: some 20 ms of reading. Each kind of command
        /// may use the same share of it as of ``queuedFacts``.
        public var queuedLookups = 2_048
        /// Whether the store opens even if the ledger or a part of it is missing.
        public var acceptsLosses = false
        /// Files beside the ledger that the service needs. The log reports when one is gone.
        public var companions: [String] = []
        /// How often the store checks that the files it writes are still in its directory.
        public var looksAtFilesEvery: Duration = .seconds(1)
        /// From this length on the service's log reports the write-ahead log: a reader keeps it from being folded in.
        public var noticedLogBytes = 4 * Ledger.logBytes
        /// The source of time. Tests bring their own.
        public var clock: @Sendable () -> ClockReading = MachineClock.read

        public init(directory: String, durability: Durability = .full, limits: Limits = Limits()) {
            self.directory = directory
            self.durability = durability
            self.limits = limits
        }
    }

    /// The file inside ``Configuration/directory``.
    public static let ledgerName = "ledger.sqlite"

    /// After this long without a fact the clock is recorded. So a restart gives a hold at most this much time twice,
    /// and the store notices a failing disk before a buyer meets it.
    static let clockRecordInterval: Duration = .seconds(1)
    /// A commit that takes longer suspends readiness. Since the clock is recorded each second on an idle store,
    /// readiness reports a disk that hangs within two seconds.
    static let stall: Duration = .milliseconds(750)
    /// The committer wakes up at least this often, so that ``StoreClock`` notices when the process was stopped.
    static let tick: DispatchTimeInterval = .milliseconds(200)
    /// The most pieces of tidying after a batch. Each drops up to a thousand holds, as many as a batch brings.
    static let piecesAfterBatch = 16
    /// How long a hurried stop waits for the disk.
    static let hurriedWait: Duration = .seconds(2)

    /// How a stop ended.
    public enum Ending: Sendable {
        /// Every answered fact is in the ledger, or in a copy beside it.
        case kept
        /// Every answered fact is in the ledger's log, but a sync of the database failed. The log must stay until the
        /// next start folds it in again.
        case inDoubt
        /// The ledger's files were lost, and the answered facts could not be saved anywhere else.
        case notSaved
        /// The disk has not answered. The last requests got no answer, and may be done or not.
        case unknown
    }

    public let configuration: Configuration
    /// 16 random bytes of this ledger, to which tokens are bound.
    public let ledgerIdentity: [UInt8]
    /// The ledger's secret for digests of idempotency keys.
    public let keySecret: [UInt8]
    /// The series of holds, one for each opening of the ledger, then those of another store (R51 Moving a sale).
    public let series: [HoldSeries]
    /// The numbers that buyers know of moved holds.
    public let numbering: HoldNumbering
    /// The path of the ledger.
    public let ledgerPath: String
    /// Whether the ledger has holds, so that buyers have tokens.
    public let hasHolds: Bool

    let logger: Logger
    let state: Mutex<StoreState>
    let ledger: Mutex<Ledger>
    /// Wakes the committer.
    let work = DispatchSemaphore(value: 0)
    private let committerEnded = DispatchSemaphore(value: 0)
    private let lock: Mutex<LedgerLock?>
    /// The files that the store writes.
    let files: Mutex<LedgerFiles>
    let queries: LedgerQueries
    let reader: HoldReader
    let follower: SearchFollower
    let digester: SearchDigester
    let isRecounting = Mutex(false)
    /// How long the commits of facts took.
    let commits = Mutex(DurationHistogram())
    /// How many facts they had, and which events had pools that a broken rule closed.
    let counted = Mutex(CommitFigures())
    private let ending = Mutex(Ending.kept)
    /// When a hurried stop gives up.
    private let hurryEnds = Mutex<ContinuousClock.Instant?>(nil)

    /// Opens the ledger, restores its state, and starts the sale.
    ///
    /// Takes about a second for a million holds with their purchases. On return each live hold has at least the
    /// recovery grace (R7 Restart).
    public init(_ configuration: Configuration, logger: Logger) throws(LedgerError) {
        self.configuration = configuration
        self.logger = logger
        try StorageLocation.check(configuration.directory)
        try Self.makeDirectory(configuration.directory)
        ledgerPath = configuration.directory + "/" + Self.ledgerName
        let lock = try LedgerLock(path: configuration.directory + "/lock")
        let known = configuration.acceptsLosses ? nil : lock.knowledge
        if !configuration.acceptsLosses { try Self.refuseMissingLedger(in: configuration.directory, known) }
        let ledger = try Ledger(path: ledgerPath, durability: configuration.durability)
        if try ledger.hasDeparted() { throw .departed(path: ledgerPath) }
        if ledger.isBeingRead {
            logger.warning("Another program reads the ledger; its log grows until that program is done")
        }
        var random = SystemRandomNumberGenerator()
        let fresh = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        ledgerIdentity = try ledger.identity(orMake: fresh, at: configuration.clock().wall)
        keySecret = try ledger.keySecret(orMake: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
        var state = StoreState(
            queuedFacts: configuration.queuedFacts, queuedLookups: configuration.queuedLookups,
            clock: configuration.clock)
        try Self.leaveOutLostNumbers(of: ledger, ledgerIdentity, lock.knowledge, configuration, logger)
        let recovered = try Self.readBack(ledger, configuration.limits)
        hasHolds = recovered.office.nextHold.number > 1
        let last = recovered.office.nextSequence - 1
        try Self.refuseLostFacts(ledgerPath, ledgerIdentity, last, known)
        let origin = SearchIndex.Origin(ledger: ledgerIdentity, mark: try ledger.lastMark(), sequence: last)
        numbering = try ledger.read(MovedNumbers.read)
        let next = numbering.known(recovered.office.nextHold)
        let own = try ledger.beginSeries(
            HoldSeries(first: next, mark: UInt64.random(in: 1 ... .max, using: &random)),
            at: configuration.clock().wall)
        series = try ledger.series(after: own)
        state.recover(recovered)
        let recovery = state.takeRecovery()
        try ledger.commit(recovery)
        files = Mutex(try LedgerFiles(ledger: ledgerPath, lock: lock.path))
        state.open()
        self.state = Mutex(state)
        self.ledger = Mutex(ledger)
        self.lock = Mutex(consume lock)
        queries = try LedgerQueries(path: ledgerPath)
        reader = try HoldReader(path: ledgerPath)
        digester = SearchDigester(secret: keySecret)
        follower = SearchFollower(
            path: configuration.directory + "/" + SearchIndex.name,
            source: SearchSource(
                connection: try ReadConnection(path: ledgerPath, label: "search index"), digester: digester),
            origin: origin, series: own.last?.mark ?? 0, now: recovered.office.clock, logger: logger)
        follower.take(recovery.entries)
        record(last)
        startCommitter(lastFact: last)
    }

    /// Records beside the ledger which facts are on the disk.
    func record(_ sequence: UInt64) {
        // With relaxed durability a power cut may undo what was written.
        let certain = configuration.durability == .full ? sequence : 0
        lock.withLock { $0?.record(LedgerLock.Knowledge(identity: ledgerIdentity, sequence: certain)) }
    }

    /// Records the fingerprints of the keys that sign tokens.
    ///
    /// - Parameter replacing: whether they replace earlier ones.
    /// - Returns: the numbers that have another fingerprint in the ledger.
    public func otherTokenKeys(
        than fingerprints: [UInt8: [UInt8]], replacing: Bool
    ) throws(LedgerError) -> [UInt8] {
        let kept = try ledger.withLock { ledger throws(LedgerError) in
            try ledger.tokenKeys(adding: fingerprints, replacing: replacing)
        }
        return fingerprints.keys.filter { kept[$0] != fingerprints[$0] }.sorted()
    }

    // MARK: TicketStore

    public func submit(
        _ command: Command, note: AuditNote?, ticket: UInt64, replyTo sink: any ReplySink
    ) -> StoreReply? {
        let taken = state.withLock { $0.take(command, note: note, ticket: ticket, sink: sink) }
        if taken.wakesCommitter { work.signal() }
        if let step = taken.step { log(step) }
        return taken.reply
    }

    public func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading {
        state.withLock { $0.availability(of: event, unless: known) }
    }

    public var condition: StoreCondition {
        state.withLock { $0.visibleCondition }
    }

    public var concerns: [StoreConcern] {
        let (pools, keys) = state.withLock { ($0.closedPools, $0.keys.count) }
        let room = KeyRoom(configuration.limits.keys)
        let concerns = (room.isAlarming(keys) ? [room.concern(of: keys)] : []) + pools.map(\.concern)
        return Array(concerns.prefix(StoreConcern.most))
    }

    /// Closes a pool as a broken rule would. For tests.
    package func closePool(_ pool: Code, of event: Code) {
        state.withLock { $0.closePool(pool, of: event) }
    }

    public var now: Moment {
        state.withLock { $0.readClock().moment }
    }

    public var events: [EventReading] {
        state.withLock { $0.events() }
    }

    public func event(_ code: Code) -> EventReading? {
        state.withLock { $0.event(code) }
    }

    public func catalogue(at index: UInt32) -> EventCatalogue {
        state.withLock { $0.catalogue(at: index) }
    }

    public func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        state.withLock { $0.catalogue(at: index, unless: revision) }
    }

    // MARK: Service

    /// Runs until a graceful shutdown, then stops.
    public func run() async throws {
        try? await gracefulShutdown()
        stop()
    }

    /// Commits and answers what waits, then closes the ledger. Later commands fail with ``StoreFailure/closing``.
    ///
    /// It blocks for as long as a commit takes, after ``hurry()`` at most two seconds. A second call only returns the
    /// ending.
    @discardableResult
    public func stop() -> Ending {
        let wasOpen = state.withLock { state in
            defer { state.close() }
            return state.condition != .closing
        }
        guard wasOpen else { return ending.withLock { $0 } }
        work.signal()
        while committerEnded.wait(timeout: .now() + Self.tick) == .timedOut {
            guard let end = hurryEnds.withLock({ $0 }), ContinuousClock.now >= end else { continue }
            // The ledger stays open and locked: the committer still works with it.
            noteEnding(.unknown)
            return .unknown
        }
        // Readers close first, or the log could not be folded whole; in doubt last, or the log would be removed.
        let isInDoubt = ledger.withLock { $0.isInDoubt }
        if !isInDoubt { closeReaders() }
        do {
            try ledger.withLock { ledger throws(LedgerError) in try ledger.close() }
        } catch {
            logger.error("The ledger did not close cleanly", metadata: ["error": "\(error)"])
        }
        if isInDoubt {
            closeReaders()
            noteEnding(.inDoubt)
            logger.critical(
                "A sync of the database failed and was not repeated; start when no other program has the ledger open")
        }
        lock.withLock { $0 = nil }
        return ending.withLock { $0 }
    }

    private func closeReaders() {
        follower.close()
        reader.close()
        queries.close()
    }

    /// Limits the present or next stop: from now on it waits for the disk for at most two seconds.
    public func hurry() {
        hurryEnds.withLock { $0 = $0 ?? ContinuousClock.now + Self.hurriedWait }
    }

    /// Notes the files that exist now as those that the store writes, after the ledger was opened again.
    func noteFiles() throws(LedgerError) {
        let found = try LedgerFiles(ledger: ledgerPath, lock: configuration.directory + "/lock")
        files.withLock { $0 = found }
    }

    func noteEnding(_ ending: Ending) {
        self.ending.withLock { $0 = ending }
    }

    private func startCommitter(lastFact: UInt64) {
        let committer = Committer(store: self, ended: committerEnded, lastFact: lastFact)
        Thread.detachNewThread { committer.run() }
    }

    /// Decides the commands that waited for these holds.
    func takeAgain(_ reads: [StoreState.HoldRead], _ found: Result<[HoldID: RestoredHold], LedgerError>) {
        var replies = WaitingReplies()
        var wakesCommitter = false
        for read in reads {
            guard case .success(let holds) = found, let hold = holds[read.hold] else {
                for lookup in state.withLock({ $0.endWaiting(for: read) }) {
                    replies.add(
                        TicketedReply(ticket: lookup.ticket, reply: .failed(.outcomeUnknown)), for: lookup.sink)
                }
                continue
            }
            for (lookup, taken) in state.withLock({ $0.takeAgain(read, hold) }) {
                if let reply = taken.reply {
                    replies.add(TicketedReply(ticket: lookup.ticket, reply: reply), for: lookup.sink)
                }
                wakesCommitter = wakesCommitter || taken.wakesCommitter
            }
        }
        if wakesCommitter { work.signal() }
        replies.deliver()
        switch found {
        case .success(let holds) where holds.count == Set(reads.map(\.hold)).count: break
        case .success: logger.error("The ledger lacks old holds")
        case .failure(let error):
            logger.error("Old holds could not be read from the ledger", metadata: ["error": "\(error)"])
        }
    }

    func log(_ step: StoreClock.Step) {
        switch step {
        case .absorbed(let span):
            logger.warning(
                "The process did not run for a while; deadlines moved by that time", metadata: ["absorbed": "\(span)"])
        case .timeOfDayMoved(let span):
            logger.warning("The time of day was set; no deadline moved", metadata: ["by": "\(span)"])
        }
    }

    static func readBack(_ ledger: Ledger, _ limits: Limits) throws(LedgerError) -> RecoveredOffice {
        try ledger.read { db in
            let reader = try LedgerReader(db)
            return RecoveredOffice(office: try reader.boxOffice(limits: limits), ahead: try reader.lastWallClock())
        }
    }
}

/// A box office read from a ledger, and the milliseconds by which the time of day was ahead of the store's clock.
struct RecoveredOffice: Sendable {
    var office: BoxOffice
    var ahead: Int64?
}
