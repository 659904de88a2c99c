internal import BoxOffice
internal import EmbeddedStore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import RedisStore
internal import RedisWire
public import ServiceLifecycle
internal import Settings
public import TicketStore

/// The store that the settings name, with what the service and the startup banner need from it.
struct OpenedStore: Sendable {
    let store: any TicketStore & SalesLedger & Service
    let keyring: any OperatorKeyring
    /// Whether there is a valid operator's key.
    let hasOperators: Bool
    /// The store's identity, to which tokens are bound.
    let identity: [UInt8]
    let series: [HoldSeries]
    /// Whether buyers have tokens that the keys of this directory signed.
    var hasTokens = false
    /// The secret for digests of idempotency keys.
    let keySecret: [UInt8]
    /// Where the facts are, as the startup banner shows it.
    let location: (name: String, text: String)
    let worth: DurabilityPromise
    let stop: @Sendable () -> EmbeddedStore.Ending
    /// Limits how long a stop waits for the disk.
    var hurry: @Sendable () -> Void = {}
    /// Records the fingerprints of token keys, and returns the numbers that have other ones in the store.
    let otherTokenKeys: @Sendable ([UInt8: [UInt8]]) async throws -> [UInt8]

    /// Opens the store, calls `serve` with it, and stops it afterwards.
    ///
    /// - Parameter acceptsLosses: whether to open the store even if files of the data directory are missing.
    static func with(
        _ settings: Settings, acceptsLosses: Bool, _ serve: (OpenedStore) async throws -> Void
    ) async throws {
        switch settings.store {
        case .embedded:
            let opened = try embedded(settings, acceptsLosses: acceptsLosses)
            do {
                try await serve(opened)
            } catch {
                _ = opened.stop()
                throw error
            }
        case .redis(let address):
            try await RedisAccess.with(settings, address: address) { client, isCluster in
                let opened = try await redis(settings, client, isCluster: isCluster)
                do {
                    try await serve(opened)
                } catch {
                    _ = opened.stop()
                    throw error
                }
                _ = opened.stop()
            }
        }
    }

    private static func embedded(_ settings: Settings, acceptsLosses: Bool) throws -> OpenedStore {
        if !acceptsLosses { try TokenKeyFile.refuseKeysWithoutLedger(settings) }
        var limits = Limits()
        limits.recoveryGrace = settings.recoveryGrace
        limits.keys = settings.limits.keys
        limits.liveHolds = settings.limits.liveHolds
        var configuration = EmbeddedStore.Configuration(
            directory: settings.data, durability: Durability(settings.durability), limits: limits)
        configuration.acceptsLosses = acceptsLosses
        configuration.companions = [
            settings.tokenKeys ?? settings.data + "/" + TokenKeyFile.name,
            settings.data + "/" + OperatorKeyFile.name,
        ]
        let store: EmbeddedStore
        do {
            store = try EmbeddedStore(configuration, logger: Logger(label: "holdfast.store"))
        } catch {
            let status =
                switch error {
                case .inUse: Failure.unavailable
                case .cannotOpen, .unsuitable, .writeFailed: Failure.cannotCreate
                case .diskFull: Failure.forNow
                case .incomplete: Failure.cannotRead
                case .tooNew, .notALedger, .departed: Failure.badConfiguration
                case .settingRefused, .damaged: Failure.atWork
                }
            throw Failure(error.description, status: status)
        }
        let keyring = try OperatorKeyFile.opened(in: settings.data)
        let worth =
            switch settings.durability {
            case .full: "full: on disk and synced before an answer leaves"
            case .relaxed: "relaxed: a power cut may undo the last answers"
            }
        return OpenedStore(
            store: renumbered(store, store.numbering), keyring: keyring, hasOperators: try keyring.hasKeys(),
            identity: store.ledgerIdentity,
            series: store.series, hasTokens: store.hasHolds, keySecret: store.keySecret,
            location: ("Ledger", store.ledgerPath),
            worth: DurabilityPromise(purchases: worth, holds: worth), stop: { store.stop() }, hurry: store.hurry,
            otherTokenKeys: { try store.otherTokenKeys(than: $0, replacing: acceptsLosses) })
    }

    /// The store on the client's servers.
    static func redisStore(
        _ settings: Settings, _ client: RedisClient, isCluster: Bool, mendsByItself: Bool = true
    ) async throws -> RedisStore {
        var configuration = redisConfiguration(settings)
        configuration.mendsByItself = mendsByItself
        do {
            return try await RedisStore(
                configuration, client: client, isCluster: isCluster, logger: Logger(label: "holdfast.store"))
        } catch {
            let status =
                switch error {
                case .unreachable: Failure.unavailable
                case .unfit: Failure.badConfiguration
                }
            throw Failure(error.description, status: status)
        }
    }

    /// What the settings say of a store on Redis.
    static func redisConfiguration(_ settings: Settings) -> RedisStore.Configuration {
        var configuration = RedisStore.Configuration()
        configuration.limits.recoveryGrace = settings.recoveryGrace
        configuration.limits.keys = settings.limits.keys
        configuration.limits.liveHolds = settings.limits.liveHolds
        configuration.prefix = settings.redis.prefix
        configuration.nodeClock = { MachineClock.read().wall }
        configuration.durability = Durability(settings.durability)
        configuration.waitReplicas = settings.redis.waitReplicas
        configuration.waitTime = settings.redis.waitTime
        configuration.holds = Durability(settings.redis.holds)
        configuration.acceptsUnfitServers = settings.redis.unfit == .warn
        return configuration
    }

    /// With the numbers that buyers know, where a sale was moved here (R51 Moving a sale).
    private static func renumbered<Store: TicketStore & SalesLedger & Service>(
        _ store: Store, _ numbering: HoldNumbering
    ) -> any TicketStore & SalesLedger & Service {
        numbering.isEmpty ? store : RenumberedStore(store, numbering)
    }

    private static func redis(
        _ settings: Settings, _ client: RedisClient, isCluster: Bool
    ) async throws -> OpenedStore {
        let store = try await redisStore(settings, client, isCluster: isCluster)
        let keyring = RedisKeyring(settings.redis, client)
        let keys = try await RedisAccess.reportingFailures { try await keyring.list() }
        return OpenedStore(
            store: renumbered(store, store.numbering), keyring: keyring,
            hasOperators: keys.contains { $0.isValid(at: MachineClock.read().wall) }, identity: store.ledgerIdentity,
            series: store.series, hasTokens: !store.numbering.isEmpty, keySecret: store.keySecret,
            location: (
                "Redis",
                isCluster
                    ? "a cluster, keys under \(settings.redis.prefix):"
                    : "one server, keys under \(settings.redis.prefix):"
            ),
            worth: store.check.durability,
            stop: {
                store.stop()
                return .kept
            }, otherTokenKeys: { try await store.otherTokenKeys(than: $0) })
    }
}

extension RenumberedStore: Service where Store: Service {
    public func run() async throws {
        try await store.run()
    }
}

/// A client of the Redis servers that the settings name.
enum RedisAccess {
    /// Runs a client while `body` runs.
    ///
    /// - Parameter allowLongCounts: for `holdfast repair`.
    static func with(
        _ settings: Settings, address: String, allowLongCounts: Bool = false,
        _ body: (RedisClient, _ isCluster: Bool) async throws -> Void
    ) async throws {
        var configuration: RedisConfiguration
        do {
            configuration = try RedisConfiguration(address: address)
        } catch {
            throw Failure("store: \(error)", status: Failure.badConfiguration)
        }
        if let file = settings.redis.passwordFile { configuration.password = .file(file) }
        if let file = settings.redis.caFile { configuration.tls?.authorities = file }
        if settings.redis.waitReplicas > 0 {
            // A reply comes only after the replicas had this time.
            configuration.timeouts.call += settings.redis.waitTime
            configuration.timeouts.silence += settings.redis.waitTime
            configuration.timeouts.doubt += settings.redis.waitTime
        }
        if allowLongCounts { RedisStore.allowLongCounts(&configuration.timeouts) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client: RedisClient
        do {
            client = try RedisClient(
                configuration: configuration, eventLoopGroup: group, observer: RedisFigures(),
                logger: Logger(label: "holdfast.redis"))
        } catch {
            throw Failure("store: \(error)", status: Failure.badConfiguration)
        }
        async let isRunning: Void = client.run()
        do {
            try await body(client, configuration.isCluster)
        } catch {
            client.stop()
            try? await isRunning
            throw error
        }
        client.stop()
        try await isRunning
        try await group.shutdownGracefully()
    }

    /// Runs `body`, and turns failures of Redis into failures of the command.
    static func reportingFailures<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let failure as RedisFailure {
            throw Failure(RedisStoreError.unreachable(failure).description, status: Failure.unavailable)
        } catch StoreFailure.outcomeUnknown {
            throw Failure(
                "too few replicas acknowledged it in time, so a failover may undo it; check that they run, and try again",
                status: Failure.unavailable)
        }
    }
}

extension RedisKeyring {
    init(_ settings: Settings.Redis, _ client: RedisClient) {
        self.init(
            client: client, prefix: settings.prefix, waitReplicas: settings.waitReplicas, waitTime: settings.waitTime)
    }
}

extension Durability {
    init(_ settings: Settings.Durability) {
        switch settings {
        case .full: self = .full
        case .relaxed: self = .relaxed
        }
    }
}
