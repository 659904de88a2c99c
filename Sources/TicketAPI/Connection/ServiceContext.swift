internal import BoxOffice
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
    /// `nil` if callers may ask as often as they like.
    let quota: SharedQuota?
    let connections: ConnectionRoom
    let listeners: Room
    package let figures: ServiceFigures
    let logger: Logger

    package init(
        store: any TicketStore, keyring: any OperatorKeyring, configuration: ServiceConfiguration, mint: TokenMint,
        keys: KeyDigester, logger: Logger
    ) {
        self.store = store
        self.configuration = configuration
        self.mint = mint
        self.keys = keys
        known = KnownKeys(keyring, wall: { store.now.wall })
        quota = configuration.quota.map(SharedQuota.init)
        self.logger = logger
        connections = ConnectionRoom(configuration, logger: logger)
        figures = ServiceFigures(store, classicEvent: configuration.classicEvent)
        listeners = Room(most: configuration.listeners, mostOfCaller: configuration.listenersOfCaller)
    }

    /// - Precondition: called on `loop`.
    package func setup(on loop: any EventLoop) -> ConnectionSetup {
        ConnectionSetup(
            LoopContext(self), streams: AvailabilityStream(store: store, room: listeners, loop: loop), on: loop)
    }
}
