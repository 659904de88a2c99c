public import BoxOffice
internal import NIOCore
package import Pages
public import TicketStore

/// The settings of the HTTP service, each bound with its default and its reason.
public struct ServiceConfiguration: Sendable {
    /// The status of a refused classic call.
    public enum ClassicStatus: Sendable {
        /// 404, 409, 410 and so on, by the kind of refusal.
        case exact
        /// 403 for every refusal, as the service before this one answered.
        case forbidden
    }

    /// Where the service listens; at least one address.
    public var addresses: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 8_000, isSecure: false)]
    /// What secure addresses show.
    public var certificates: TLSCertificates?
    /// Seconds for which a browser that got a page through TLS uses nothing else; 0 leaves that to the browser.
    public var strictTransport = 0
    /// The proxies whose word about callers counts; `nil` if callers are those that connect.
    public var proxies: TrustedProxies?
    /// The origins whose pages may call the API, or `*` alone for all; at most 100.
    public var origins: [String] = []
    /// The origin at which browsers reach the service, as in `https://tickets.example`; `nil` if it is not known.
    public var publicURL: String?
    /// The secret that the service shares with shops' pages for payments (R55 Checkout); `nil` if there are none.
    public var checkoutSecret: [UInt8]?
    /// What an operator gives the pages of their own.
    package var theme = PageTheme.standard
    /// Where images of events are; `nil` if the service has none.
    package var images: ImageFolder?
    /// Origins whose pages may embed a sale.
    public var embedOrigins: [String] = []
    /// The event that the three classic calls sell.
    public var classicEvent: Code
    public var classicStatus = ClassicStatus.exact
    /// Connections at once; further ones may only send probes. 16 KiB each.
    public var connections = 10_000
    /// Connections of one caller (see ``Quota``); `nil` for no bound. Those of ``proxies`` have none.
    public var connectionsOfCaller: Int?
    /// Bytes that the kernel keeps for a client that does not read; Linux takes twice as much. It reports progress when a
    /// third of that is gone, so a client that reads 3 KiB a second shows progress within ``write``.
    public var kernelBytes = 131_072
    /// Connections among them that are streams. Each is written to several times a second.
    public var listeners = 5_000
    /// Streams of one caller (see ``Quota``); `nil` for no bound.
    public var listenersOfCaller: Int?
    /// Connections that the kernel keeps until they are accepted, for the second in which an on-sale opens.
    public var backlog = 4_096
    /// Bytes of a request's line and headers together.
    public var headerBytes = 16_384
    /// Bytes of a request's body.
    public var bodyBytes = 65_536
    /// Header fields of a request.
    public var headerFields = 100
    /// A connection without a request for so long is closed.
    public var idle: Duration = .seconds(75)
    /// From the first byte of a request until it is whole; a slower one is refused.
    public var request: Duration = .seconds(10)
    /// A connection whose client reads nothing of its answers for so long is closed.
    public var write: Duration = .seconds(30)
    /// How often each caller may ask; `nil` for no bound.
    public var quota: Quota?
    /// An address at which the service gives its metrics to all who can connect, without a key; `nil`: on its own port, with an
    /// operator's key (R57 Metrics).
    public var metricsListen: (host: String, port: Int)?
    /// Events that have names in the metrics; the others are summed up, so that an answer stays small.
    public var metricsEvents = 100
    /// Who hears of requests that were answered.
    public var observers: [any RequestObserver] = []
    /// The logs whose lost lines the metrics count, by name.
    public var logs: [(name: String, lostLines: @Sendable () -> UInt64)] = []
    /// How much the service logs; `nil` if it may not be changed while it runs.
    public var log: (any LogControl)?
    /// The release that runs, for the metrics.
    public var version = "unknown"
    /// What the store's answers promise, for readiness.
    public var worth: DurabilityPromise
    /// Event loops; 0 for one fewer than the cores, and at least one.
    public var threads = 0

    public init(classicEvent: Code, worth: DurabilityPromise) {
        self.classicEvent = classicEvent
        self.worth = worth
    }

    /// How often one caller may ask. A caller is an IPv4 address or a 64-bit IPv6 network (R26 Quota).
    public struct Quota: Sendable {
        /// Requests a second in the long run.
        public var perSecond: Int
        /// Requests at once, of a caller that was quiet before.
        public var burst: Int
        /// Callers that are remembered at once, 32 bytes each. With more callers, the one that asked least is forgotten and
        /// begins anew: a quota does not stop an attacker with so many networks.
        public var callers = 65_536

        /// - Precondition: 1 or more of each.
        public init(perSecond: Int, burst: Int) {
            self.perSecond = perSecond
            self.burst = burst
        }
    }
}

extension ServiceConfiguration {
    /// Event loops that run.
    ///
    /// One core is left to the store's thread: with as many loops as cores they compete with it, and a hold cost 15 %
    /// more.
    var loops: Int { threads > 0 ? threads : max(1, System.coreCount - 1) }

    /// Connections on each event loop beyond ``connections``. With more, a new one closes the oldest of them: only if so
    /// many connect between a probe's connection and its request is the probe shut out.
    var spareConnections: Int { max(16, 512 / loops) }

    /// Descriptors that connections may take at once: those with room, the spare ones, and those that were accepted and are
    /// about to be closed.
    public var descriptors: Int { descriptors(loops: loops) }

    /// Connections that all addresses together accept before any of them asks again whether there is room.
    var acceptedAtOnce: Int { ServiceListeners.acceptedAtOnce * addresses.count }

    func descriptors(loops: Int) -> Int {
        connections + loops * spareConnections + 2 * acceptedAtOnce
    }
}
