internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
public import TicketStore

/// The HTTP service in front of a store.
public struct TicketService: Service {
    /// Connections that are accepted in one turn of the loop that listens.
    static let acceptedAtOnce = 64

    private let store: any TicketStore
    private let ledger: any SalesLedger
    private let keyring: any OperatorKeyring
    private let configuration: ServiceConfiguration
    private let mint: TokenMint
    private let notice: StopNotice
    private let keys: KeyDigester
    private let logger: Logger
    private let whenListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - notice: once it is given, the service answers that it is not ready.
    ///   - whenListening: called with the port once connections are accepted.
    public init(
        store: any TicketStore & SalesLedger, keyring: any OperatorKeyring, configuration: ServiceConfiguration,
        mint: TokenMint, keys: KeyDigester, notice: StopNotice = StopNotice(), logger: Logger,
        whenListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
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
        let server = Server(
            childChannelSetup: ServiceChannel(routes: routes, loops: contexts, logger: logger),
            configuration: ServerConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                backlog: configuration.backlog,
                // Only so that descriptors are left whatever happens: ConnectionRoom refuses earlier.
                availableConnectionsDelegate: .maximum(
                    configuration.descriptors(loops: loops) - Self.acceptedAtOnce, logger: logger)),
            onServerRunning: { [whenListening] channel in
                // Connections inherit it. By default the kernel keeps megabytes for a client that does not read, and reports
                // a slow client's progress once in minutes.
                try? await channel.setOption(
                    .socketOption(.so_sndbuf), value: SocketOptionValue(configuration.kernelBytes)
                ).get()
                // An on-sale opens many connections at once; NIO's four in a turn of the loop are slow then.
                try? await channel.setOption(.maxMessagesPerRead, value: UInt(Self.acceptedAtOnce)).get()
                await whenListening(channel.localAddress?.port ?? configuration.port)
            },
            eventLoopGroup: group,
            logger: logger)
        do {
            try await server.run()
        } catch {
            await contexts.close()
            throw error
        }
        await contexts.close()
    }
}
