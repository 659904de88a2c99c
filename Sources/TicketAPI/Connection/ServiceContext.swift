package import BoxOffice
package import Logging
package import NIOCore
package import TicketStore

/// What all connections of a service share, whatever event loop they are on.
package struct ServiceContext: Sendable {
    let store: any TicketStore
    let configuration: ServiceConfiguration
    let mint: TokenMint
    let keys: KeyDigester
    let known: KnownKeys
    /// This node's copies of the queues.
    package let queues: QueueDirectory
    /// `nil` if callers may ask as often as they like.
    let quota: SharedQuota?
    /// `nil` if no page on another origin may call.
    let origins: SharedOrigins?
    let connections: ConnectionRoom
    let listeners: Room
    package let figures: ServiceFigures
    let logger: Logger

    /// - Parameter uptime: a clock that never goes back.
    package init(
        store: any TicketStore, keyring: any OperatorKeyring, configuration: ServiceConfiguration, mint: TokenMint,
        keys: KeyDigester, logger: Logger, uptime: @escaping @Sendable () -> Timestamp = QueueDirectory.uptime
    ) {
        self.store = store
        self.configuration = configuration
        self.mint = mint
        self.keys = keys
        queues = QueueDirectory(store, mint: mint.queues, uptime: uptime)
        known = KnownKeys(keyring, wall: { store.now.wall })
        quota = configuration.quota.map(SharedQuota.init)
        origins = configuration.origins.isEmpty ? nil : SharedOrigins(configuration.origins)
        self.logger = logger
        connections = ConnectionRoom(configuration, logger: logger)
        figures = ServiceFigures(
            store, classicEvent: configuration.classicEvent, mostLabels: configuration.metricsEvents)
        listeners = Room(most: configuration.listeners, mostOfCaller: configuration.listenersOfCaller)
    }

    /// - Precondition: called on `loop`.
    package func setup(on loop: any EventLoop) -> ConnectionSetup {
        ConnectionSetup(
            LoopContext(self), streams: AvailabilityStream(store: store, queues: queues, room: listeners, loop: loop),
            on: loop)
    }
}
