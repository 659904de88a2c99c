internal import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore
internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import Settings
internal import TicketAPI
internal import TicketStore
internal import UnixSignals

/// Opens the box office.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Open the box office: serve the HTTP API on the embedded store.",
        discussion: """
            With nothing configured it sells the event "main" (44,000 GA, 1,000 VIP, 5,000 ONE_DAY) on port 8000 and
            keeps its ledger in ./holdfast-data. Each setting is a flag, HOLDFAST_… in the environment, and a member
            of config.json, in this order of precedence; `holdfast config` shows what is in force.

            EXAMPLES
              holdfast serve --port 9000 --data /srv/festival
              holdfast serve --event friday.json --event saturday.json --classic-event friday
              holdfast serve --durability relaxed             answers before the disk has synced
            """)

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        try await Failure.told {
            // A client that goes away is an error of a write, not the end of the service.
            signal(SIGPIPE, SIG_IGN)
            let settings = try options.loadTold()
            let output = LogOutput(settings.log, environment: ProcessInfo.processInfo.environment)
            LoggingSystem.bootstrap({ output.handler(label: $0, metadataProvider: $1) }, metadataProvider: nil)
            try await BoxOfficeHouse(settings).open()
        }
    }
}

/// The service put together from its parts.
struct BoxOfficeHouse {
    private let settings: Settings
    private let logger = Logger(label: "holdfast")

    init(_ settings: Settings) {
        self.settings = settings
    }

    /// Serves until it is told to stop.
    func open() async throws {
        let definitions = try settings.events.map(EventFile.read)
        try EventFile.refuseDoubles(definitions, in: settings.events)
        let store = try openStore()
        do {
            try await define(definitions, in: store)
            let service = try makeService(store, try classicEvent(definitions, in: store))
            try await run(store, service)
        } catch {
            store.stop()
            throw error
        }
    }

    private func openStore() throws -> EmbeddedStore {
        var limits = Limits()
        limits.recoveryGrace = settings.recoveryGrace
        let configuration = EmbeddedStore.Configuration(
            directory: settings.data, durability: durability, limits: limits)
        do {
            return try EmbeddedStore(configuration, logger: Logger(label: "holdfast.store"))
        } catch {
            let status =
                switch error {
                case .inUse: Failure.unavailable
                case .cannotOpen, .diskFull, .writeFailed: Failure.cannotCreate
                case .tooNew, .tooOld, .settingRefused, .damaged: Failure.atWork
                }
            throw Failure(error.description, status: status)
        }
    }

    private var durability: Durability {
        switch settings.durability {
        case .full: .full
        case .relaxed: .relaxed
        }
    }

    /// Defines what was given, or the standard event where nothing is given and nothing was ever sold here.
    private func define(_ given: [EventDefinition], in store: EmbeddedStore) async throws {
        let known = store.events
        let definitions = given.isEmpty && known.isEmpty ? [EventFile.standard] : given
        for definition in definitions {
            let before = known.first { $0.definition.id == definition.id }?.definition
            let note = AuditNote(
                key: "-", name: "holdfast serve", action: "event.define", subject: definition.id.text)
            switch await store.perform(.define(definition), note: note) {
            case .decided(.eventChanged, _):
                if let before, before != definition {
                    logger.notice("An event was redefined by its file", metadata: ["event": "\(definition.id)"])
                }
            case .decided(.refused(.invalid(let mistakes)), _):
                let lines = mistakes.map { "\n  \($0.pointer) \($0.what)" }.joined()
                throw Failure("event \(definition.id) cannot be defined so:\(lines)", status: Failure.badConfiguration)
            case let reply:
                throw Failure("event \(definition.id) could not be defined: \(reply)", status: Failure.atWork)
            }
        }
    }

    /// The event that the classic calls sell: the one named, else the first one given, else the first one known.
    private func classicEvent(_ given: [EventDefinition], in store: EmbeddedStore) throws -> Code {
        let known = store.events.map(\.definition.id)
        if let named = settings.classic.event {
            guard let code = known.first(where: { $0.text == named }) else {
                let list = known.map(\.text).joined(separator: ", ")
                throw Failure(
                    "classic.event: there is no event \(named); there are: \(list)", status: Failure.badConfiguration)
            }
            return code
        }
        guard let first = given.first?.id ?? known.first else {
            throw Failure("there is no event to sell", status: Failure.badConfiguration)
        }
        return first
    }

    private func makeService(_ store: EmbeddedStore, _ classicEvent: Code) throws -> TicketService {
        var configuration = ServiceConfiguration(classicEvent: classicEvent)
        configuration.host = settings.host
        configuration.port = settings.port
        configuration.classicStatus = settings.classic.status == .forbidden ? .forbidden : .exact
        configuration.connections = settings.limits.connections
        configuration.listeners = settings.limits.listeners
        if settings.quota.listeners > 0 { configuration.listenersOfCaller = settings.quota.listeners }
        configuration.headerBytes = settings.limits.headerBytes
        configuration.bodyBytes = settings.limits.bodyBytes
        if settings.quota.perSecond > 0 {
            let burst = settings.quota.burst > 0 ? settings.quota.burst : settings.quota.perSecond
            configuration.quota = .init(perSecond: settings.quota.perSecond, burst: burst)
        }
        configuration.idle = settings.timeouts.idle
        configuration.request = settings.timeouts.request
        configuration.threads = settings.threads
        let keys = try TokenKeyFile.keys(in: settings.data)
        let keyring = try OperatorKeyFile.told(in: settings.data)
        let greeting = Greeting(
            settings: settings, store: store, classicEvent: classicEvent, hasOperators: try keyring.hasKeys())
        return TicketService(
            store: store, keyring: keyring, configuration: configuration,
            mint: TokenMint(keys: keys, ledger: store.ledgerIdentity), logger: Logger(label: "holdfast.http"),
            whenListening: { greeting.print(port: $0) })
    }

    private func run(_ store: EmbeddedStore, _ service: TicketService) async throws {
        // The last one stops first: connections are answered and closed before the ledger is.
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: store, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "holdfast.life"))
        configuration.maximumGracefulShutdownDuration = settings.timeouts.drain
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch is CancellationError {
            // The drain was cut off by its limit; what was answered is in the ledger all the same.
        } catch {
            throw Failure(
                "cannot listen on \(settings.host):\(settings.port): \(error)", status: Failure.unavailable)
        }
        store.stop()
        logger.notice("Stopped; every answer that was given is in the ledger")
    }
}
