public import BoxOffice
public import Logging
internal import NIOCore
public import RedisWire
public import ServiceLifecycle
internal import Synchronization
public import TicketStore

/// The box office on Redis or Valkey. Any number of nodes share one server or cluster, and no node keeps anything that
/// another node needs.
///
/// The rules are functions on the server. They decide a batch of commands of one event at a time, by the server's
/// clock. A node gathers the commands that come while a call is under way, and hands the answers back once a batch.
///
/// ```
/// caller:  write the command into the event's batch ─► no call under way? call
/// server:  read, settle, decide each, write once
/// loop:    read the outcomes ─► deliver, once a sink ─► the next batch, if commands wait
/// ```
public final class RedisStore: TicketStore, Service {
    public struct Configuration: Sendable {
        /// The first part of every key. Two services that share a server need different ones.
        public var prefix = "holdfast"
        /// The bounds of holds, keys and times, which this node applies.
        public var limits: Limits
        /// What the servers must keep before an answer leaves.
        public var durability = Durability.full
        /// Replicas that must acknowledge a write before its answer leaves, with ``Durability/full``; 0 for none.
        public var waitReplicas = 0
        /// Whether holds, extensions and releases wait for the replicas as well; purchases and returns always do. If
        /// relaxed, a failover may lose the newest holds. Their numbers are not given again.
        public var holds = Durability.full
        /// How long the replicas have to acknowledge a write.
        public var waitTime: Duration = .seconds(1)
        /// Whether the store opens on servers whose settings break its promises; they are then only logged.
        public var acceptsUnfitServers = false
        /// How long the start waits for servers that are likely to become fit by themselves: they read their data from
        /// disk, their replicas still load, or they are about to become masters.
        public var startTime: Duration = .seconds(30)
        /// The time of day of this node. The start compares the servers' clocks with it; it decides nothing.
        public var nodeClock: (@Sendable () -> WallTime)?
        /// Whether the node corrects numbers that differ from their holds, where the right numbers are certain.
        public var mendsByItself = true
        /// Holds of an event that a node counts in one call by itself: its server does nothing else for some 40 ms. An
        /// event with more holds is counted in pages.
        package var countedInOneCall = 20_000
        /// Commands that may wait on this node (S6 Full queue). Looking is refused at a quarter of it, holding at half,
        /// extending and releasing at three quarters.
        public var queuedCommands = 16_384
        /// Changes the text of the functions: tests put in a clock of their own or plant a mistake.
        package var rewriteFunctions: (@Sendable (String) -> String)?

        public init(limits: Limits = Limits()) {
            self.limits = limits
        }

        /// `nil` where nothing waits for replicas.
        var replicaWait: ReplicaWait? {
            durability == .full && waitReplicas > 0 ? ReplicaWait(count: waitReplicas, time: waitTime) : nil
        }
    }

    public let configuration: Configuration
    /// 16 bytes that only this database has. Tokens are bound to them.
    public let ledgerIdentity: [UInt8]
    /// The secret of this database with which idempotency keys are digested.
    public let keySecret: [UInt8]
    /// The series of holds that were moved here, to which their tokens are bound (R51 Moving a sale).
    public let series: [HoldSeries]
    /// The numbers that moved holds had before.
    public let numbering: HoldNumbering
    /// The servers' settings when the store opened.
    public let check: ServerCheck

    /// Between two steps of ``run()``.
    private static let upkeepStep = TimeAmount.seconds(1)

    let client: RedisClient
    let caller: FunctionCaller
    let keyspace: Keyspace
    let state: SharedState
    let reader: EventReader
    let claims: PaymentClaims
    let logger: Logger
    private let looking = Mutex<RepeatedTask?>(nil)
    /// Under which it reports who is in the queues (Q7 Admission).
    private let node = UInt64.random(in: 0...UInt64.max)

    /// Loads the functions, reads the events that there are, and sells.
    ///
    /// - Parameters:
    ///   - client: runs already. Its owner stops it, after the store.
    ///   - isCluster: whether keys with different hash tags may be on different servers.
    public init(
        _ configuration: Configuration, client: RedisClient, isCluster: Bool, logger: Logger
    ) async throws(RedisStoreError) {
        self.configuration = configuration
        self.client = client
        self.logger = logger
        let replicas = configuration.replicaWait
        let library = FunctionLibrary(writesAlways: replicas != nil, rewrite: configuration.rewriteFunctions)
        keyspace = Keyspace(isCluster: isCluster, prefix: configuration.prefix)
        state = SharedState(
            NodeState(
                pending: PendingCommands(limit: configuration.queuedCommands, needsClaims: isCluster),
                health: StoreHealth(waitTime: replicas?.time, holdsWait: configuration.holds == .full)))
        check = try await StartupCheck(configuration: configuration, client: client, logger: logger).run()
        caller = FunctionCaller(
            client, library: library, method: try await library.load(to: client), replicas: replicas,
            logger: logger)
        let identity = try await DatabaseIdentity(under: keyspace, client)
        (ledgerIdentity, keySecret) = (identity.ledger, identity.keySecret)
        (series, numbering) = (identity.series, identity.numbering)
        reader = EventReader(
            caller: caller, keyspace: keyspace, limits: configuration.limits, state: state, logger: logger)
        claims = PaymentClaims(
            caller: caller, keyspace: keyspace, limits: configuration.limits, secret: identity.keySecret, logger: logger
        )
        try await RightsCheck(
            caller: caller, keyspace: keyspace, waitReplicas: configuration.waitReplicas, logger: logger
        ).run()
        try await reader.readAll()
        state.withLock { $0.phase = .selling }
        startLooking()
        recounts.countAll()
    }

    // MARK: TicketStore

    public func submit(
        _ command: Command, note: AuditNote?, ticket: UInt64, replyTo sink: any ReplySink
    ) -> StoreReply? {
        switch command {
        case .define, .pause, .resume, .cancel, .reinstate, .remove:
            if state.withLock({ $0.phase }) == .closing { return .failed(.closing) }
            caller.perform {
                let reply = await self.changes.perform(command, note: note)
                sink.deliver([TicketedReply(ticket: ticket, reply: reply)])
            }
        case .hold, .extend, .release, .purchase, .returnPurchase, .returnPart, .correct, .payBack, .erase,
            .look, .queue:
            var pending = PendingCommand(command: command, note: note, ticket: ticket, sink: sink)
            if case .erase = command { pending.secret = keySecret }
            addQueue(to: &pending)
            switch state.withLock({ [pending] in $0.admit(pending) }) {
            case .refuse(let failure): return .failed(failure)
            case let action: carryOut(action)
            }
        }
        return nil
    }

    /// As this node last read it: at most some 100 ms and a round trip old while somebody asks, and never older than an
    /// answer that this node gave.
    public func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading {
        let now = NIODeadline.now()
        return state.withLock { state in
            guard let number = state.directory.number(of: event), let entry = state.directory.entries[number] else {
                return .unknownEvent
            }
            state.looks.noteAsked(number, at: now)
            if known == entry.numbers.version { return .unchanged }
            let moment = entry.numbers.moment(at: now)
            return .current(entry.availability(at: moment.wall), at: moment)
        }
    }

    public func numbers(of event: Code) -> EventNumbers? {
        let now = NIODeadline.now()
        return state.withLock { state in
            state.directory.entry(event).map { entry in
                EventNumbers(
                    pools: entry.counts, holds: nil,
                    nextExpiry: entry.numbers.pools.lazy.filter { $0.earliest > 0 }.map(\.earliest).min()
                        .map { Timestamp(milliseconds: Int64($0)) },
                    expired: nil, at: entry.numbers.moment(at: now))
            }
        }
    }

    public var writes: DurationHistogram {
        state.withLock { $0.calls }
    }

    public var figures: StoreFigures {
        var figures = state.withLock { state in
            var figures = StoreFigures()
            figures.batches = state.batches
            figures.queued = state.pending.count
            figures.violations = state.violations
            return figures
        }
        figures.servers = (client.observer as? RedisFigures)?.all ?? []
        return figures
    }

    public var events: [EventReading] {
        state.withLock { state in state.directory.order.compactMap { state.directory.entries[$0]?.reading } }
    }

    public func event(_ code: Code) -> EventReading? {
        state.withLock { $0.directory.entry(code)?.reading }
    }

    public func catalogue(at index: UInt32) -> EventCatalogue {
        guard let catalogue = state.withLock({ $0.directory.catalogue(of: EventNumber(index: index)) }) else {
            preconditionFailure("an index comes from a view, and its event is read before a view is given")
        }
        return catalogue
    }

    public func catalogue(at index: UInt32, unless revision: UInt64) -> EventCatalogue? {
        let catalogue = catalogue(at: index)
        return catalogue.revision == revision ? nil : catalogue
    }

    public var condition: StoreCondition {
        let now = NIODeadline.now()
        return state.withLock { $0.condition(at: now) }
    }

    public var concerns: [StoreConcern] {
        let now = NIODeadline.now()
        return state.withLock { Array($0.concerns(at: now).prefix(StoreConcern.most)) }
    }

    /// The server's clock when it was last read, plus the time since then. For people; no deadline follows from it.
    public var now: Moment {
        let now = NIODeadline.now()
        let latest = state.withLock { state in
            state.directory.entries.values.lazy.map(\.numbers).max { $0.at < $1.at }
        }
        guard let latest else { return Moment(office: .zero, wall: WallTime(milliseconds: 0)) }
        let moment = latest.moment(at: now)
        return Moment(office: Timestamp(milliseconds: moment.wall.milliseconds), wall: moment.wall)
    }

    /// The numbers of every pool of every event, counted now.
    public func counts() async throws -> [PoolCount] {
        var counts: [PoolCount] = []
        for event in state.withLock({ $0.directory.order }) {
            try await reader.count(event)
            counts += state.withLock { $0.directory.entries[event]?.counts ?? [] }
        }
        return counts
    }

    // MARK: Service

    /// Runs until a graceful shutdown. Meanwhile it recounts events, claims old debts and drops unused claims.
    public func run() async throws {
        await cancelWhenGracefulShutdown { await self.keepUp() }
        stop()
    }

    /// Takes no more commands. The client, which is stopped after this, answers those under way.
    public func stop() {
        looking.withLock { looking in
            looking?.cancel()
            looking = nil
        }
        fail(state.withLock { $0.close() }, .closing)
    }

    /// Records the fingerprints of this node's token keys, and returns the numbers under which another node has a
    /// different key. Each number has one key; a node may add a number at any time.
    public func otherTokenKeys(than fingerprints: [UInt8: [UInt8]]) async throws(RedisStoreError) -> [UInt8] {
        try await DatabaseIdentity.otherTokenKeys(than: fingerprints, under: keyspace, client)
    }

    /// Lets a client that is there for ``repair(applies:)`` wait as long as the largest event takes. A service does
    /// not: it has to notice a server that is away.
    public static func allowLongCounts(_ timeouts: inout RedisConfiguration.Timeouts) {
        EventRecounts.allowLongCounts(&timeouts)
    }

    /// Counts every event again from its holds, and corrects what differs if `applies`. A server that counts an event
    /// does nothing else: some 2 µs a hold.
    public func repair(applies: Bool) async throws -> [RepairReport] {
        try await recounts.repair(applies: applies)
    }

    /// Looks at some claims of one slot and drops those that their events do not use.
    ///
    /// - Parameter interval: how long after the last look of any node.
    package func dropUnusedClaims(in slot: ClaimSlot, interval: Duration = PaymentClaims.interval) async throws {
        try await claims.dropUnused(in: slot, interval: interval, now: now.wall)
    }

    /// Claims payments that events of a cluster owe back, where a release before this one left them without a claim.
    package func claimDebts() async throws {
        guard keyspace.isCluster else { return }
        try await lists.claimDebts(at: now.wall)
    }

    /// Takes payments out of events' lists of debts that were erased with holds of other events (R41 Erasure).
    package func eraseDebts() async throws {
        try await lists.eraseDebts()
    }

    /// The same, if there may be some.
    private func eraseDebtsIfNeeded() async throws {
        let mayHave = state.withLock { state in
            defer { state.mayHaveErasedDebts = false }
            return state.mayHaveErasedDebts
        }
        guard mayHave else { return }
        do {
            try await eraseDebts()
        } catch {
            state.withLock { $0.mayHaveErasedDebts = true }
            throw error
        }
    }

    /// Recounts events, erases names and drops unused claims, one step after the other, until its task is cancelled.
    private func keepUp() async {
        let slots = ClaimSlot.all
        var hasClaimedDebts = false
        var index = slots.indices.randomElement() ?? 0
        while !Task.isCancelled {
            do {
                try await caller.pause(Self.upkeepStep)
                if !hasClaimedDebts {
                    try await claimDebts()
                    hasClaimedDebts = true
                }
                try await eraseDebtsIfNeeded()
                if keyspace.isCluster {
                    index = (index + 1) % slots.count
                    try await dropUnusedClaims(in: slots[index])
                }
                try await recounts.countNext(at: .now())
            } catch {
                logger.debug("Recounting an event or tidying claims failed", metadata: ["error": "\(error)"])
            }
        }
    }

    var recounts: EventRecounts {
        EventRecounts(
            caller: caller, keyspace: keyspace, lists: lists, state: state, logger: logger,
            configuration: configuration)
    }

    private var changes: EventChanges {
        EventChanges(
            reader: reader, caller: caller, keyspace: keyspace, limits: configuration.limits, state: state)
    }

    /// What a command needs where there is a queue.
    private func addQueue(to pending: inout PendingCommand) {
        let buyer: Buyer?
        switch pending.command {
        case .hold(let request): buyer = request.pass == nil ? nil : request.buyer
        case .queue(_, .join(let joining, _)): buyer = joining
        case .queue:
            pending.node = node
            buyer = nil
        default: buyer = nil
        }
        pending.buyer = buyer.map { PaymentDigester(secret: keySecret).digest($0) }
    }

    private func startLooking() {
        let task = client.eventLoop.scheduleRepeatedTask(
            initialDelay: LookSchedule.round, delay: LookSchedule.round
        ) { [weak self] task in
            guard let self else { return task.cancel() }
            let now = NIODeadline.now()
            let actions = state.withLock { $0.look(at: now) }
            reportHealth(at: now)
            for action in actions { carryOut(action) }
        }
        looking.withLock { $0 = task }
    }
}
