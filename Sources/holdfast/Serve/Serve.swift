internal import ArgumentParser
internal import BoxOffice
internal import EmbeddedStore
internal import Foundation
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import ServiceLog
internal import Settings
internal import TicketAPI
internal import TicketStore
internal import UnixSignals

/// Runs the service.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the service: the HTTP API on the embedded store, or on Redis.",
        discussion: """
            Without configuration it sells the event "main" (44,000 GA, 1,000 VIP, 5,000 ONE_DAY) on port 8000 and keeps
            its ledger in ./holdfast-data. Each setting is a flag, a variable HOLDFAST_… in the environment, and a member
            of config.json, in this order of precedence. `holdfast config` shows the settings in force.

            EXAMPLES
              holdfast serve --port 9000 --data /srv/festival
              holdfast serve --event friday.json --event saturday.json --classic-event friday
              holdfast serve --durability relaxed             answer before the disk has synced
              holdfast serve --store redis://10.0.0.5:6379 --token-keys /etc/holdfast/token.keys
            """)

    @OptionGroup(title: "Settings") var options: SettingsOptions

    @Flag(
        help: """
            Start even if the ledger, a part of it or token.keys is missing, and go on with what is left. Places whose \
            sale is missing are sold again, under new numbers, and tokens without their key are unknown.
            """)
    var acceptLosses = false

    func run() async throws {
        try await Failure.reported {
            // A client that goes away is an error of a write. The other signals would end the service without a drain: a
            // terminal was closed, or a tool asks to reopen a log.
            for ignored in [SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2] { signal(ignored, SIG_IGN) }
            let settings = try options.loadReported()
            let output = LogOutput(settings.log, environment: ProcessInfo.processInfo.environment)
            LoggingSystem.bootstrap({ output.handler(label: $0, metadataProvider: $1) }, metadataProvider: nil)
            // A log that nobody reads must not keep the process alive.
            defer { output.writer.flush(within: .seconds(1)) }
            let access = try AccessLog(settings.accessLog)
            defer { access?.writer.flush(within: .seconds(1)) }
            let renewal = SettingsRenewal(settings, level: output.level, access: access) {
                [flags = options.flags] () throws(SettingsError) in
                try Settings.load(flags: flags, environment: ProcessInfo.processInfo.environment)
            }
            try await ServiceAssembly(settings, acceptsLosses: acceptLosses, renewal: renewal).run()
        }
    }
}

/// Puts the service together from its parts, and runs it.
struct ServiceAssembly {
    private let settings: Settings
    private let logger = Logger(label: "holdfast")
    private let notice = StopNotice()
    private let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
    private let output = LogWriter(descriptor: LogOutput.standardOutput)

    private let acceptsLosses: Bool
    private let renewal: SettingsRenewal
    /// How often a definition is tried when other nodes change the event in between.
    private static let tries = 32

    init(_ settings: Settings, acceptsLosses: Bool, renewal: SettingsRenewal) {
        self.settings = settings
        self.renewal = renewal
        self.acceptsLosses = acceptsLosses
    }

    /// Runs the service until it is stopped.
    func run() async throws {
        let definitions = try settings.events.map(EventFile.read)
        try EventFile.refuseDoubles(definitions, in: settings.events)
        let secret = try CheckoutSecretFile.read(settings)
        try EventFile.refuseCheckouts(definitions, settings, secret)
        try await OpenedStore.with(settings, acceptsLosses: acceptsLosses) { opened in
            let keys = try await tokenKeys(opened)
            try await define(definitions, in: opened.store)
            warnOfCheckouts(opened.store, secret)
            let certificates = try settings.certificates(Logger(label: "holdfast.tls"))
            let traces = try TraceExporter(settings.traces)
            let service = try makeService(
                opened, keys, secret, try classicEvent(definitions, in: opened.store), certificates, traces)
            try await run(opened, service, certificates, traces)
        }
    }

    /// The keys that sign tokens. A number always means the same key: with another key, tokens that buyers have would be
    /// unknown on this node, or on all nodes (R20 Tokens).
    private func tokenKeys(_ opened: OpenedStore) async throws -> [TokenKey] {
        let keys = try TokenKeyFile.keys(settings, mayBeMade: acceptsLosses || !opened.hasTokens)
        let fingerprints = Dictionary(keys.map { ($0.number, $0.fingerprint) }, uniquingKeysWith: { first, _ in first })
        let others: [UInt8]
        do {
            others = try await opened.otherTokenKeys(fingerprints)
        } catch {
            throw Failure("the token keys cannot be compared: \(error)", status: Failure.unavailable)
        }
        guard let number = others.first else { return keys }
        let path = settings.tokenKeys ?? settings.data + "/" + TokenKeyFile.name
        throw Failure(
            "token key \(number) in \(path) differs from the key that signed tokens here under that number, so buyers' "
                + "tokens would be unknown; restore the earlier key (every node needs the same file, see token_keys), or "
                + "give the new key a number of its own",
            status: Failure.badConfiguration)
    }

    /// Defines the given events, or the standard event if none is given and the store has none.
    private func define(_ given: [EventDefinition], in store: any TicketStore) async throws {
        let known = store.events
        let definitions = given.isEmpty && known.isEmpty ? [EventFile.standard] : given
        for definition in definitions {
            let before = known.first { $0.definition.id == definition.id }?.definition
            for warning in definition.warnings {
                logger.warning(
                    "An event's definition is allowed but unusual",
                    metadata: ["event": "\(definition.id)", "at": "\(warning.pointer)", "why": "\(warning.what)"])
            }
            switch await define(definition, in: store) {
            case .decided(.eventChanged, _):
                if let before, before != definition {
                    logger.notice(
                        "An event file changed the definition of its event", metadata: ["event": "\(definition.id)"])
                }
            case .decided(.refused(.invalid(let mistakes)), _):
                let lines = mistakes.map { "\n  \($0.pointer) \($0.what)" }.joined()
                throw Failure("event \(definition.id) cannot be defined:\(lines)", status: Failure.badConfiguration)
            case .decided(.refused(let refusal), _):
                throw Failure("event \(definition.id) could not be defined: \(refusal)", status: Failure.atWork)
            case .failed(let failure):
                throw Failure("event \(definition.id): \(sentence(failure))", status: Failure.unavailable)
            case .decided(let outcome, _): preconditionFailure("a definition has no outcome \(outcome)")
            }
        }
    }

    /// Defines an event as the store knows it now, so that what the audit says of the difference is right (R49 Audit
    /// differences). Another node that changes it meanwhile is not overwritten unseen: its change is looked at first.
    private func define(_ definition: EventDefinition, in store: any TicketStore) async -> StoreReply {
        var reply = StoreReply.failed(.overloaded)
        for _ in 0..<Self.tries {
            let before = store.event(definition.id)
            let note = AuditNote(
                key: "-", name: "holdfast serve", action: "event.define", subject: definition.id.text,
                differences: AuditDifference.define(definition, isPaused: nil, before: before))
            reply = await store.perform(.define(definition, expecting: before?.revision ?? 0), note: note)
            guard case .decided(.refused(.revisionMismatch), _) = reply else { return reply }
        }
        return reply
    }

    private func sentence(_ failure: StoreFailure) -> String {
        switch failure {
        case .outcomeUnknown:
            "it may be defined or not: the store did not answer in time, or too few replicas acknowledged; "
                + "check them and start again, which defines nothing twice"
        case .suspended(let reason):
            "the store cannot record facts now (\(reason.rawValue)); see the log and start again"
        case .overloaded: "the store is overloaded; start again"
        case .closing: "the store was closed meanwhile"
        }
    }

    /// The event that the classic calls sell: the one in the settings, else the first one given, else the first one known.
    private func classicEvent(_ given: [EventDefinition], in store: any TicketStore) throws -> Code {
        let known = store.events.map(\.definition.id)
        if let named = settings.classic.event {
            guard let code = known.first(where: { $0.text == named }) else {
                let list = known.map(\.text).joined(separator: ", ")
                throw Failure(
                    "classic.event: there is no event \(named); the events are: \(list)",
                    status: Failure.badConfiguration)
            }
            return code
        }
        guard let first = given.first?.id ?? known.first else {
            throw Failure("there is no event to sell", status: Failure.badConfiguration)
        }
        return first
    }

    /// Buyers of an event that was defined with a page for payments cannot be sent there without these settings.
    private func warnOfCheckouts(_ store: any TicketStore, _ secret: [UInt8]?) {
        for event in store.events {
            for mistake in event.definition.mistakes(publicURL: settings.publicURL, checkoutSecret: secret) {
                logger.warning(
                    "Buyers of an event cannot pay on its page",
                    metadata: ["event": "\(event.definition.id)", "why": "\(mistake.pointer) \(mistake.what)"])
            }
        }
    }

    private func makeService(
        _ opened: OpenedStore, _ keys: [TokenKey], _ checkoutSecret: [UInt8]?, _ classicEvent: Code,
        _ certificates: TLSCertificates?, _ traces: TraceExporter?
    ) throws -> TicketService {
        var configuration = ServiceConfiguration(classicEvent: classicEvent, worth: opened.worth)
        configuration.addresses = try settings.addresses()
        configuration.certificates = certificates
        configuration.strictTransport = settings.tls.hstsSeconds
        configuration.proxies = settings.proxyTrust
        configuration.origins = settings.cors.origins
        configuration.publicURL = settings.publicURL
        configuration.checkoutSecret = checkoutSecret
        configuration.theme = try ThemeFile.theme(settings.pages.theme, logger)
        configuration.images = try settings.pages.images.map(ThemeFile.images)
        configuration.embedOrigins = settings.pages.embedOrigins
        configuration.classicStatus = settings.classic.status == .forbidden ? .forbidden : .exact
        configuration.connections = settings.limits.connections
        if settings.limits.connectionsPerCaller > 0 {
            configuration.connectionsOfCaller = settings.limits.connectionsPerCaller
        }
        configuration.listeners = settings.limits.listeners
        if settings.quota.listeners > 0 { configuration.listenersOfCaller = settings.quota.listeners }
        configuration.headerBytes = settings.limits.headerBytes
        configuration.bodyBytes = settings.limits.bodyBytes
        if settings.quota.perSecond > 0 {
            let burst = settings.quota.burst > 0 ? settings.quota.burst : settings.quota.perSecond
            configuration.quota = .init(perSecond: settings.quota.perSecond, burst: burst)
        }
        configuration.metricsListen = settings.metrics.listen.map { ($0.host, $0.port) }
        configuration.metricsEvents = settings.metrics.events
        configuration.version = Holdfast.version
        let observers: [(any RequestObserver)?] = [renewal.access, traces]
        configuration.observers = observers.compactMap { $0 }
        configuration.log = renewal.level
        configuration.logs = [("service", { LogWriter.standardError.lostLines })]
        if let access = renewal.access { configuration.logs.append(("access", { access.writer.lostLines })) }
        configuration.idle = settings.timeouts.idle
        configuration.request = settings.timeouts.request
        configuration.write = settings.timeouts.write
        configuration.threads = settings.threads
        try OpenFiles.makeRoom(for: configuration.descriptors, settings)
        if settings.store != .embedded, settings.tokenKeys == nil {
            logger.warning(
                "Tokens are signed with keys that only this node knows; give every node the same file",
                metadata: ["setting": "token_keys"])
        }
        let banner = StartupBanner(settings: settings, opened: opened, classicEvent: classicEvent)
        return TicketService(
            store: opened.store, keyring: opened.keyring, configuration: configuration,
            mint: TokenMint(keys: keys, ledger: opened.identity, series: opened.series),
            keys: KeyDigester(secret: opened.keySecret), notice: notice, logger: Logger(label: "holdfast.http"),
            whenListening: { [output, manager] addresses in
                banner.write(addresses: addresses, to: output)
                manager.ready("Sells on \(addresses.joined(separator: ", "))") { _ = opened.store.condition }
            })
    }

    private func run(
        _ opened: OpenedStore, _ service: TicketService, _ certificates: TLSCertificates?, _ traces: TraceExporter?
    ) async throws {
        // The last one stops first: connections are answered and closed before the store stops.
        var configuration = ServiceGroupConfiguration(
            // Behind everything else, so that the last answers are traced, too.
            services: (traces.map { [.init(service: $0)] } ?? []) + [
                .init(service: opened.store, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup),
                .init(service: LameDuck(settings.timeouts.lameDuck, notice: notice)),
            ]
                + (certificates.map { [.init(service: CertificateWatch($0))] } ?? []),
            logger: Logger(label: "holdfast.life"))
        configuration.maximumGracefulShutdownDuration = settings.timeouts.lameDuck + settings.timeouts.drain
        var ended: Failure?
        do {
            try await runUntilSignalled(ServiceGroup(configuration: configuration), opened, certificates)
        } catch is CancellationError {
            // The limit of the drain, or a second signal, cut it off. The answered facts are in the ledger all the same.
        } catch let failure as MetricsListenFailure {
            throw Failure(
                "metrics.listen: cannot listen on \(StartupBanner.address(failure.host, failure.port)): "
                    + ListenError.reason(failure.reason),
                status: Failure.unavailable)
        } catch let failure as ListenFailure {
            throw Failure(
                "cannot listen on \(failure.address): \(ListenError.reason(failure.reason))",
                status: Failure.unavailable)
        } catch let failure as ListenerEnded {
            let reason = failure.reason.map(ListenError.reason) ?? "its socket was closed"
            ended = Failure(
                "no connections are accepted on \(failure.address) any more: \(reason)", status: Failure.unavailable)
        }
        switch opened.stop() {
        case .kept: logger.notice("Stopped; every answer that was given is kept")
        case .inDoubt:
            logger.warning(
                "Stopped; every answer is in the ledger's log, so start again when no other program has the ledger open"
            )
        case .notSaved:
            throw Failure(
                "the files of the ledger are gone from \(settings.data), and the answered facts could not be saved there",
                status: Failure.cannotCreate)
        case .unknown:
            throw Failure(
                "stopped before the disk answered; the last requests may be done or not",
                status: Failure.unknownOutcome)
        }
        if let ended { throw ended }
    }

    /// Runs the services. The first signal stops them after a drain, the second one at once.
    private func runUntilSignalled(
        _ services: ServiceGroup, _ opened: OpenedStore, _ certificates: TLSCertificates?
    ) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await services.run()
                return true
            }
            tasks.addTask { [logger, manager, renewal] in
                var isStopping = false
                for await signal in signals {
                    if signal == .sighup {
                        certificates?.renew()
                        renewal.renew()
                        continue
                    }
                    if isStopping {
                        logger.notice("Asked again to stop; requests under way are cut off")
                        opened.hurry()
                        break
                    }
                    logger.notice("Asked to stop; a second signal stops at once", metadata: ["signal": "\(signal)"])
                    isStopping = true
                    manager.stopping()
                    await services.triggerGracefulShutdown()
                }
                return false
            }
            while let areEnded = try await tasks.next() {
                tasks.cancelAll()
                if areEnded { return }
            }
        }
    }
}
