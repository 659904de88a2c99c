public import BoxOffice
internal import NIOCore
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

    public var host = "127.0.0.1"
    /// 0 for any free port.
    public var port = 8_000
    /// The origin at which browsers reach the service, as in `https://tickets.example`; `nil` if it is not known.
    public var publicURL: String?
    /// The event that the three classic calls sell.
    public var classicEvent: Code
    public var classicStatus = ClassicStatus.exact
    /// Connections at once; further ones may only send probes. 16 KiB each.
    public var connections = 10_000
    /// Connections of one caller (see ``Quota``); `nil` for no bound. Behind a proxy all clients are one caller.
    public var connectionsOfCaller: Int?
    /// Bytes that the kernel keeps for a client that does not read; Linux takes twice as much. It reports progress when a
    /// third of that is gone, so a client that reads 3 KiB a second shows progress within ``write``.
    public var kernelBytes = 131_072
    /// Connections among them that are streams. Each is written to several times a second.
    public var listeners = 5_000
    /// Streams of one caller (see ``Quota``); `nil` for no bound. Behind a proxy all clients are one caller.
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

    func descriptors(loops: Int) -> Int {
        connections + loops * spareConnections + 2 * TicketService.acceptedAtOnce
    }
}
