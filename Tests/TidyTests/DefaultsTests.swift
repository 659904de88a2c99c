import BoxOffice
import RedisStore
import Settings
import Testing
import TicketAPI
import TicketStore

/// The libraries have defaults of their own, for programs that use them without `Settings`.
@Suite("A default is the same in the settings and in the library that it configures")
struct DefaultsTests {
    private let settings: Settings

    init() throws {
        settings = try Settings()
    }

    @Test("Limits of the box office")
    func limits() {
        let limits = Limits()
        #expect(limits.keys == settings.limits.keys)
        #expect(limits.liveHolds == settings.limits.liveHolds)
        #expect(limits.recoveryGrace == settings.recoveryGrace)
    }

    @Test("The HTTP service")
    func service() throws {
        let service = ServiceConfiguration(
            classicEvent: try #require(Code("main")), worth: DurabilityPromise(purchases: "", holds: ""))
        #expect(service.addresses == [.tcp(host: settings.host, port: settings.port, isSecure: false)])
        #expect(settings.listensByDefault && service.certificates == nil && settings.tls.certificate == nil)
        #expect(service.strictTransport == settings.tls.hstsSeconds)
        #expect(service.proxies == nil && settings.trustedProxies.isEmpty)
        #expect(service.origins == settings.cors.origins)
        #expect(service.connections == settings.limits.connections)
        #expect(service.connectionsOfCaller == nil && settings.limits.connectionsPerCaller == 0)
        #expect(service.listeners == settings.limits.listeners)
        #expect(service.listenersOfCaller == nil && settings.quota.listeners == 0)
        #expect(service.headerBytes == settings.limits.headerBytes)
        #expect(service.bodyBytes == settings.limits.bodyBytes)
        #expect(service.quota == nil && settings.quota.perSecond == 0)
        #expect(service.idle == settings.timeouts.idle)
        #expect(service.request == settings.timeouts.request)
        #expect(service.write == settings.timeouts.write)
        #expect(service.threads == settings.threads)
    }

    @Test("The store on Redis")
    func redis() {
        let store = RedisStore.Configuration()
        #expect(store.prefix == settings.redis.prefix)
        #expect(store.waitReplicas == settings.redis.waitReplicas)
        #expect(store.waitTime == settings.redis.waitTime)
        #expect(store.acceptsUnfitServers == (settings.redis.unfit == .warn))
    }
}
