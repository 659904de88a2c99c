public import BoxOffice
internal import Dispatch
// For `Thread`, as the committer waits for the disk, which no thread of a shared pool should; and for the C library.
internal import Foundation
public import Logging
public import ServiceLifecycle
internal import Synchronization
public import TicketStore

/// The box office in memory, every fact of it in a SQLite ledger before a positive answer leaves.
///
/// Callers decide under a lock (well under a microsecond) and leave what must be durable in a batch; one thread
/// commits the batch, and while the disk works the next one gathers. There are no timers: a lone request waits for
/// one commit, a thousand at once share one.
///
/// The store lives, and has its ledger, until it is stopped.
///
/// ```
/// caller:     decide ─► fact + waiting reply ─► batch ┐
/// committer:  take the batch ─► commit, sync ─► deliver the replies, once a box ─► next batch
/// ```
public final class EmbeddedStore: TicketStore, Service {
    /// How a store is opened.
    public struct Configuration: Sendable {
        /// The directory of the ledger; made if it is not there.
        public var directory: String
        public var durability: Durability
        public var limits: Limits
        /// Facts, and answers that depend on them, that may wait for the disk. At 100,000 a second this is a sixth of a
        /// second; more would only make everyone wait longer. Looking is refused at a quarter of it, holding at half,
        /// extending and releasing at three quarters.
        public var queuedFacts = 16_384
        /// Commands that may wait for old holds to be read from the ledger: some 20 ms of reading. Each kind of command
        /// has the same share of it as of ``queuedFacts``.
        public var queuedLookups = 2_048
        /// Whether it opens although the ledger or a part of it is missing.
        public var acceptsLosses = false
        /// Files beside the ledger that the service needs; the log tells when one is gone.
        public var companions: [String] = []
        /// How often it looks whether the files that it writes are those of its directory.
        public var looksAtFilesEvery: Duration = .seconds(1)
        /// A write-ahead log of so many bytes is told in the log of the service: a reader keeps it from being folded in.
        public var noticedLogBytes = 4 * Ledger.logBytes
        /// Where time comes from; tests bring their own.
        public var clock: @Sendable () -> ClockReading = MachineClock.read

        public init(directory: String, durability: Durability = .full, limits: Limits = Limits()) {
            self.directory = directory
            self.durability = durability
            self.limits = limits
        }
    }

    /// The file inside ``Configuration/directory``.
    public static let ledgerName = "ledger.sqlite"

    /// Without a fact for that long the clock itself is recorded: a restart gives nobody more than that twice, and a disk
    /// that takes no facts is noticed before a buyer meets it.
    static let clockRecordInterval: Duration = .seconds(1)
    /// A batch that is with the disk for longer suspends readiness. With the clock recorded each second while nothing else
    /// is, a disk that hangs is told within two seconds.
    static let stall: Duration = .milliseconds(750)
    /// The committer wakes up at least that often, so that a stopped process is noticed by ``StoreClock``.
    static let tick: DispatchTimeInterval = .milliseconds(200)
    /// Pieces of tidying after a batch at the most. Each lets go of a thousand holds: as many as come with a batch.
    static let piecesAfterBatch = 16
    /// How long a stop that is in a hurry waits for the disk.
    static let hurriedWait: Duration = .seconds(2)

    /// What a stop left behind.
    public enum Ending: Sendable {
        /// Every answer that was given.
        case kept
        /// The files were lost, and what was answered could not be written anywhere else.
        case notSaved
        /// The disk had not answered yet: what became of the last requests, nobody was told.
        case unknown
    }

    public let configuration: Configuration
    /// 16 bytes that are this ledger's alone: tokens are bound to it.
    public let ledgerIdentity: [UInt8]
    /// The secret of this ledger under which idempotency keys are digested.
    public let keySecret: [UInt8]
    /// The openings of the ledger, this one last.
    public let series: [HoldSeries]
    /// Where the ledger is.
    public let ledgerPath: String
    /// Whether holds were ever given out: then there are tokens.
    public let hasHolds: Bool

    let logger: Logger
    let state: Mutex<StoreState>
    let ledger: Mutex<Ledger>
    /// Signalled when there is something for a committer that waits.
    let work = DispatchSemaphore(value: 0)
    private let committerEnded = DispatchSemaphore(value: 0)
    private let lock: Mutex<LedgerLock?>
    /// Those that are written now.
    let files: Mutex<LedgerFiles>
    let queries: LedgerQueries
    let reader: HoldReader
    let isRecounting = Mutex(false)
    private let ending = Mutex(Ending.kept)
    /// When a stop waits no longer.
    private let patienceEnds = Mutex<ContinuousClock.Instant?>(nil)

    /// Remembers the fingerprints of the keys that sign tokens, and returns the numbers that had another one before.
    ///
    /// - Parameter replacing: whether these take their place.
    public func otherTokenKeys(
        than fingerprints: [UInt8: [UInt8]], replacing: Bool
    ) throws(LedgerError) -> [UInt8] {
        let kept = try ledger.withLock { ledger throws(LedgerError) in
            try ledger.tokenKeys(adding: fingerprints, replacing: replacing)
        }
        return fingerprints.keys.filter { kept[$0] != fingerprints[$0] }.sorted()
    }

    /// Opens the ledger, recovers what it says, and sells.
    ///
    /// Costs about a second for a million holds with their purchases. On return every live hold has at least the
    /// recovery grace left.
    public init(_ configuration: Configuration, logger: Logger) throws(LedgerError) {
        self.configuration = configuration
        self.logger = logger
        try Self.makeDirectory(configuration.directory)
        ledgerPath = configuration.directory + "/" + Self.ledgerName
        let lock = try LedgerLock(path: configuration.directory + "/lock")
        let known = configuration.acceptsLosses ? nil : lock.knowledge
        if !configuration.acceptsLosses { try Self.refuseMissingLedger(ledgerPath, known) }
        let ledger = try Ledger(path: ledgerPath, durability: configuration.durability)
        if ledger.isBeingRead {
            logger.warning("Somebody reads the ledger; its log grows until they are done")
        }
        var random = SystemRandomNumberGenerator()
        let fresh = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        ledgerIdentity = try ledger.identity(orMake: fresh, at: configuration.clock().wall)
        keySecret = try ledger.keySecret(orMake: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
        var state = StoreState(
            queuedFacts: configuration.queuedFacts, queuedLookups: configuration.queuedLookups,
            clock: configuration.clock)
        let recovered = try Self.readBack(ledger, configuration.limits)
        hasHolds = recovered.office.nextHold.number > 1
        try Self.refuseLostFacts(ledgerPath, ledgerIdentity, recovered.office.nextSequence - 1, known)
        series = try ledger.beginSeries(
            HoldSeries(first: recovered.office.nextHold, mark: UInt64.random(in: 1 ... .max, using: &random)),
            at: configuration.clock().wall)
        state.recover(recovered)
        try ledger.commit(state.takeRecovery())
        files = Mutex(try LedgerFiles(ledger: ledgerPath, lock: lock.path))
        state.open()
        self.state = Mutex(state)
        self.ledger = Mutex(ledger)
        self.lock = Mutex(consume lock)
        queries = try LedgerQueries(path: ledgerPath)
        reader = try HoldReader(path: ledgerPath)
        record(recovered.office.nextSequence - 1)
        startCommitter(behind: recovered.office.nextSequence - 1)
    }

    private static func refuseMissingLedger(
        _ path: String, _ known: LedgerLock.Knowledge?
    ) throws(LedgerError) {
        guard !LedgerFiles.isFilled(path) else { return }
        if let known {
            throw .incomplete(what: "\(path) is gone or empty, and had \(known.sequence) facts or more")
        }
        if LedgerFiles.isFilled(path + "-wal") {
            throw .incomplete(what: "\(path) is gone or empty, and its log \(path)-wal is there")
        }
    }

    /// Refuses a ledger that knows less than the last process had on the disk.
    private static func refuseLostFacts(
        _ path: String, _ identity: [UInt8], _ sequence: UInt64, _ known: LedgerLock.Knowledge?
    ) throws(LedgerError) {
        guard let known else { return }
        guard known.identity == identity else {
            throw .incomplete(what: "\(path) is another ledger than the last one of this directory")
        }
        guard sequence >= known.sequence else {
            throw .incomplete(
                what: """
                    \(path) ends with fact \(sequence), and fact \(known.sequence) was on the disk: its log is gone, or an \
                    older copy was put back
                    """)
        }
    }

    /// Writes down beside the ledger which facts are on the disk.
    func record(_ sequence: UInt64) {
        // With less than full durability a power cut may take back what was written.
        let certain = configuration.durability == .full ? sequence : 0
        lock.withLock { $0?.record(LedgerLock.Knowledge(identity: ledgerIdentity, sequence: certain)) }
    }

    // MARK: TicketStore

    public func submit(
        _ command: Command, note: AuditNote?, ticket: UInt64, replyTo box: any ReplySink
    ) -> StoreReply? {
        let taken = state.withLock { $0.take(command, note: note, ticket: ticket, box: box) }
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

    /// Closes a pool as a broken rule would; for tests.
    package func closePool(_ pool: Code, of event: Code) {
        state.withLock { $0.closePool(pool, of: event) }
    }

    public var now: Moment {
        state.withLock { $0.readClock().moment }
    }

    /// Every pool of every event, counted now.
    public func counts() -> [PoolCount] {
        state.withLock { $0.counts() }
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

    /// Runs until a graceful shutdown, then commits what waits and closes the ledger.
    public func run() async throws {
        try? await gracefulShutdown()
        stop()
    }

    /// Commits what waits, answers it, and closes the ledger. Whoever asks from then on is told that it closes.
    ///
    /// Blocks for as long as a commit takes, after ``hurry()`` for two seconds at the most; can be called again.
    @discardableResult
    public func stop() -> Ending {
        let wasOpen = state.withLock { state in
            defer { state.close() }
            return state.condition != .closing
        }
        guard wasOpen else { return ending.withLock { $0 } }
        work.signal()
        while committerEnded.wait(timeout: .now() + Self.tick) == .timedOut {
            guard let end = patienceEnds.withLock({ $0 }), ContinuousClock.now >= end else { continue }
            // The ledger stays open and locked: the committer still works with it.
            ended(.unknown)
            return .unknown
        }
        // Those who read first, or the log could not be folded in whole; in doubt last, or it would be removed.
        let isInDoubt = ledger.withLock { $0.isInDoubt }
        if !isInDoubt { closeReaders() }
        do {
            try ledger.withLock { ledger throws(LedgerError) in try ledger.close() }
        } catch {
            logger.error("The ledger did not close cleanly", metadata: ["error": "\(error)"])
        }
        if isInDoubt {
            closeReaders()
            logger.critical(
                "A sync of the database failed and could not be made good; start when no one else has the ledger open")
        }
        lock.withLock { $0 = nil }
        return ending.withLock { $0 }
    }

    private func closeReaders() {
        reader.close()
        queries.close()
    }

    /// A stop, under way or to come, waits for the disk no longer than two seconds from now on.
    public func hurry() {
        patienceEnds.withLock { $0 = $0 ?? ContinuousClock.now + Self.hurriedWait }
    }

    /// Takes the files that are there now for those that are written, after the ledger was opened anew.
    func takeFiles() throws(LedgerError) {
        let found = try LedgerFiles(ledger: ledgerPath, lock: configuration.directory + "/lock")
        files.withLock { $0 = found }
    }

    func ended(_ ending: Ending) {
        self.ending.withLock { $0 = ending }
    }

    private func startCommitter(behind sequence: UInt64) {
        let committer = Committer(store: self, ended: committerEnded, startsBehind: sequence)
        Thread.detachNewThread { committer.run() }
    }

    /// Hands in again what waited for these holds.
    func takeAgain(_ reads: [StoreState.HoldRead], _ found: Result<[HoldID: RestoredHold], LedgerError>) {
        var replies = WaitingReplies()
        var wakesCommitter = false
        for read in reads {
            guard case .success(let holds) = found, let hold = holds[read.hold] else {
                for lookup in state.withLock({ $0.endWaiting(for: read) }) {
                    replies.add(
                        TicketedReply(ticket: lookup.ticket, reply: .failed(.outcomeUnknown)), for: lookup.box)
                }
                continue
            }
            for (lookup, taken) in state.withLock({ $0.takeAgain(read, hold) }) {
                if let reply = taken.reply {
                    replies.add(TicketedReply(ticket: lookup.ticket, reply: reply), for: lookup.box)
                }
                wakesCommitter = wakesCommitter || taken.wakesCommitter
            }
        }
        if wakesCommitter { work.signal() }
        replies.deliver()
        switch found {
        case .success(let holds) where holds.count == Set(reads.map(\.hold)).count: break
        case .success: logger.error("Old holds are missing in the ledger")
        case .failure(let error):
            logger.error("Old holds could not be read from the ledger", metadata: ["error": "\(error)"])
        }
    }

    func log(_ step: StoreClock.Step) {
        switch step {
        case .absorbed(let span):
            logger.warning(
                "The process did not run for a while; deadlines moved with it", metadata: ["absorbed": "\(span)"])
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

    static func makeDirectory(_ path: String) throws(LedgerError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            if mkdir(made, 0o700) != 0, errno != EEXIST {
                throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
            }
        }
    }
}

/// A box office that was read from a ledger, and how far the time of day was ahead of its clock.
struct RecoveredOffice: Sendable {
    var office: BoxOffice
    var ahead: Int64?
}
