public import BoxOffice
public import Logging
internal import NIOCore
public import RedisWire
public import ServiceLifecycle
internal import Synchronization
public import TicketStore

/// The box office on Redis or Valkey: any number of nodes share one server or cluster, and none of them keeps anything
/// that another one needs.
///
/// The rules are functions on the server, which decide a batch of commands of one event at a time by the server's
/// clock. A node gathers what is asked while a call is under way, and hands the answers back once a batch.
///
/// ```
/// caller:  write the command into the event's batch ─► no call under way? call
/// server:  read, settle, decide each, write once
/// loop:    read the outcomes ─► deliver, once a box ─► the next batch, if somebody waits
/// ```
public final class RedisStore: TicketStore, Service {
    public struct Configuration: Sendable {
        /// What every key begins with: two services that share a server need two.
        public var prefix = "holdfast"
        public var limits: Limits
        public var durability = Durability.full
        /// Replicas that must have acknowledged what is answered, with ``Durability/full``; 0 for none.
        public var waitReplicas = 0
        /// Whether holds, extensions and releases wait for them, too; purchases and returns always do. Relaxed, a
        /// failover may lose the newest holds; their numbers are not given again.
        public var holds = Durability.full
        /// How long is waited for them.
        public var waitTime: Duration = .seconds(1)
        /// Whether a store opens on servers whose settings make its promises void; what is wrong is then only logged.
        public var acceptsUnfitServers = false
        /// How long the start waits for servers that are likely to become fit by themselves: that read their data from
        /// disk, whose replicas are still being fed, which are to become masters.
        public var startTime: Duration = .seconds(30)
        /// The time of day of this node, with which the servers' clocks are compared at the start; nothing is decided by it.
        public var nodeClock: (@Sendable () -> WallTime)?
        /// Whether numbers that are not as their holds say are set right where that is certain.
        public var mendsByItself = true
        /// Holds of an event that are counted in one call without an operator's doing: some 40 ms in which its server does
        /// nothing else. An event with more is counted in pages.
        package var countedInOneCall = 20_000
        /// Commands that may wait on this node. Looking is refused at a quarter of it, holding at half, extending and
        /// releasing at three quarters.
        public var queuedCommands = 16_384
        /// Changes the text of the functions; for tests, which bring a clock of their own or plant a mistake.
        package var rewriteFunctions: (@Sendable (String) -> String)?

        public init(limits: Limits = Limits()) {
            self.limits = limits
        }

        var waitsForReplicas: Bool { durability == .full && waitReplicas > 0 }
    }

    public let configuration: Configuration
    /// 16 bytes that are this database's alone: tokens are bound to it.
    public let ledgerIdentity: [UInt8]
    /// The secret of this database under which idempotency keys are digested.
    public let keySecret: [UInt8]
    /// What the servers were set to when the store was opened.
    public let check: ServerCheck

    let client: RedisClient
    let logger: Logger
    let library: FunctionLibrary
    let calling: FunctionLibrary.Calling
    let keyspace: Keyspace
    let pending: Mutex<PendingCommands>
    private let looking = Mutex<RepeatedTask?>(nil)

    /// Loads the functions, reads what events there are, and sells.
    ///
    /// - Parameters:
    ///   - client: running, and stopped by whoever made it, after the store.
    ///   - isCluster: whether keys with different hash tags may be on different servers.
    public init(
        _ configuration: Configuration, client: RedisClient, isCluster: Bool, logger: Logger
    ) async throws(RedisStoreError) {
        self.configuration = configuration
        self.client = client
        self.logger = logger
        library = FunctionLibrary(
            writesAlways: configuration.waitsForReplicas, rewrite: configuration.rewriteFunctions)
        keyspace = Keyspace(isCluster: isCluster, prefix: configuration.prefix)
        pending = Mutex(
            PendingCommands(
                queueLimit: configuration.queuedCommands, keyspace: keyspace,
                health: StoreHealth(
                    waitTime: configuration.waitsForReplicas ? configuration.waitTime : nil,
                    holdsWait: configuration.holds == .full)))
        check = try await Self.checked(configuration, client, logger)
        calling = try await Self.load(library, to: client)
        (ledgerIdentity, keySecret) = try await Self.identity(under: keyspace, client)
        try await checkRights()
        try await readAllEvents()
        pending.withLock { $0.condition = .selling }
        startLooking()
        mendAtStart()
    }

    // MARK: TicketStore

    public func submit(
        _ command: Command, note: AuditNote?, ticket: UInt64, replyTo box: any ReplySink
    ) -> StoreReply? {
        let waiting = PendingCommands.Waiting(command: command, note: note, ticket: ticket, box: box)
        switch command {
        case .define, .pause, .resume, .remove:
            if pending.withLock({ $0.condition }) == .closing { return .failed(.closing) }
            change(waiting)
            return nil
        case .hold, .extend, .release, .purchase, .returnPurchase, .payBack, .look:
            return take(pending.withLock { $0.take(waiting) })
        }
    }

    /// As this node last heard: at the most some 100 ms and a round trip old while somebody asks, and never older than
    /// an answer that this node gave.
    public func availability(of event: Code, unless known: UInt64?) -> AvailabilityReading {
        let now = NIODeadline.now()
        return pending.withLock { pending in
            guard let number = pending.directory.number(of: event), let entry = pending.directory.entries[number] else {
                return .unknownEvent
            }
            pending.noteAsked(number, at: now)
            if known == entry.numbers.version { return .unchanged }
            return .current(entry.availability, at: entry.numbers.moment(at: now))
        }
    }

    public var events: [EventReading] {
        pending.withLock { pending in pending.directory.order.compactMap { pending.directory.entries[$0]?.reading } }
    }

    public func event(_ code: Code) -> EventReading? {
        pending.withLock { $0.directory.entry(code)?.reading }
    }

    public func catalogue(at index: UInt32) -> EventCatalogue {
        guard let catalogue = pending.withLock({ $0.directory.catalogue(of: UInt64(index) + 1) }) else {
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
        return pending.withLock { $0.visibleCondition(at: now) }
    }

    public var concerns: [StoreConcern] {
        let now = NIODeadline.now()
        return pending.withLock { Array($0.concerns(at: now).prefix(StoreConcern.most)) }
    }

    /// The server's clock as it was last heard, and the time since then. For people; no deadline is told by it.
    public var now: Moment {
        let now = NIODeadline.now()
        let latest = pending.withLock { pending in
            pending.directory.entries.values.lazy.map(\.numbers).max { $0.at < $1.at }
        }
        guard let latest else { return Moment(office: .zero, wall: WallTime(milliseconds: 0)) }
        let moment = latest.moment(at: now)
        return Moment(office: Timestamp(milliseconds: moment.wall.milliseconds), wall: moment.wall)
    }

    // MARK: Service

    /// Runs until a graceful shutdown, and keeps in order what the servers have meanwhile.
    public func run() async throws {
        await cancelWhenGracefulShutdown { await self.keepUp() }
        stop()
    }

    /// Takes no more commands. What is under way is answered by the client, which is stopped after this.
    public func stop() {
        looking.withLock { looking in
            looking?.cancel()
            looking = nil
        }
        fail(pending.withLock { $0.close() }, .closing)
    }

    private func startLooking() {
        let task = client.eventLoop.scheduleRepeatedTask(
            initialDelay: LookTimes.round, delay: LookTimes.round
        ) { [weak self] task in
            guard let self else { return task.cancel() }
            lookAround()
        }
        looking.withLock { $0 = task }
    }
}

extension EventDirectory.Numbers {
    /// What the server's clocks show now, as far as can be told here.
    func moment(at now: NIODeadline) -> Moment {
        let passed = max(0, (now - at).nanoseconds / 1_000_000)
        return Moment(
            office: Timestamp(milliseconds: moment.office.milliseconds + passed),
            wall: WallTime(milliseconds: moment.wall.milliseconds + passed))
    }
}
