internal import BoxOffice
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
public import TicketStore

/// The HTTP service in front of a store.
public struct TicketService: Service {
    private let store: any TicketStore
    private let ledger: any SalesLedger
    private let keyring: any OperatorKeyring
    private let configuration: ServiceConfiguration
    private let mint: TokenMint
    private let notice: StopNotice
    private let keys: KeyDigester
    private let logger: Logger
    private let whenListening: @Sendable ([String]) async -> Void

    /// - Parameters:
    ///   - notice: once it is given, the service answers that it is not ready.
    ///   - whenListening: called with the addresses, as in `http://127.0.0.1:8000`, once connections are accepted.
    public init(
        store: any TicketStore & SalesLedger, keyring: any OperatorKeyring, configuration: ServiceConfiguration,
        mint: TokenMint, keys: KeyDigester, notice: StopNotice = StopNotice(), logger: Logger,
        whenListening: @escaping @Sendable (_ addresses: [String]) async -> Void = { _ in }
    ) {
        self.store = store
        self.ledger = store
        self.keyring = keyring
        self.configuration = configuration
        self.mint = mint
        self.notice = notice
        self.keys = keys
        self.logger = logger
        self.whenListening = whenListening
    }

    /// Serves until a graceful shutdown. Then it accepts no new connection, answers what is under way, and closes each
    /// connection behind its last answer.
    ///
    /// - Throws: ``ListenFailure`` if it cannot listen at one of its addresses, ``ListenerEnded`` if one of them accepts no
    ///   connections any more.
    public func run() async throws {
        let loops = configuration.loops
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        do {
            try await serve(on: group, loops: loops)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
    }

    private func serve(on group: MultiThreadedEventLoopGroup, loops: Int) async throws {
        let configuration = configuration
        let service = ServiceContext(
            store: store, keyring: keyring, configuration: configuration, mint: mint, keys: keys, logger: logger)
        let contexts = try await LoopContexts(service, group: group)
        let routes = Routes(service, ledger: ledger, keyring: keyring, notice: notice).responder()
        let listeners = ServiceListeners(
            configuration: configuration, group: group,
            gate: AcceptGate(most: configuration.descriptors(loops: loops) - configuration.acceptedAtOnce),
            logger: logger,
            makeChannel: { address in
                ServiceChannel(
                    routes: routes, loops: contexts,
                    certificates: address.isSecure ? configuration.certificates : nil, isUnix: address.isUnix,
                    logger: logger)
            })
        do {
            // Once before callers come: passes are known by the copies of the queues.
            await service.queues.round()
            try await run(listeners, metricsListener(service, group), QueueTicker(queues: service.queues))
        } catch {
            await contexts.close()
            throw error
        }
        await contexts.close()
    }

    private func metricsListener(
        _ service: ServiceContext, _ group: MultiThreadedEventLoopGroup
    ) -> MetricsListener? {
        configuration.metricsListen.map {
            MetricsListener(address: $0, metrics: Metrics(service), group: group, logger: logger)
        }
    }

    /// Runs all until a graceful shutdown ends the service, or until one of them fails.
    private func run(
        _ listeners: ServiceListeners, _ metrics: MetricsListener?, _ ticker: QueueTicker
    ) async throws {
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await listeners.run(whenListening) }
            tasks.addTask { await ticker.run() }
            if let metrics { tasks.addTask { try await metrics.run() } }
            defer { tasks.cancelAll() }
            while try await tasks.next() != nil {}
        }
    }
}
