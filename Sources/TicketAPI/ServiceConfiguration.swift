public import BoxOffice
internal import NIOCore
public import TicketStore

/// How the HTTP service behaves, each bound with its default and its reason.
public struct ServiceConfiguration: Sendable {
    /// How the classic calls tell a refusal.
    public enum ClassicStatus: Sendable {
        /// 404, 409, 410 and so on, as each case is.
        case exact
        /// 403 for every refusal, as the service before this one did.
        case forbidden
    }

    public var host = "127.0.0.1"
    /// 0 for any that is free.
    public var port = 8_000
    /// The event that the three classic calls speak for.
    public var classicEvent: Code
    public var classicStatus = ClassicStatus.exact
    /// Connections at once; those beyond may only ask whether the service is well. 16 KiB each.
    public var connections = 10_000
    /// And of one caller (as ``Quota`` tells them apart); `nil` for no other bound. Behind a proxy all are one caller.
    public var connectionsOfCaller: Int?
    /// Bytes that the kernel keeps for a client that does not read; Linux takes twice as much. With a third of that gone
    /// it tells of progress, so a client that takes 3 KiB a second is seen to take something within ``write``.
    public var kernelBytes = 131_072
    /// Connections among them that are told of changes. Each is written to several times a second.
    public var listeners = 5_000
    /// And of one caller (as ``Quota`` tells them apart); `nil` for no other bound. Behind a proxy all are one caller.
    public var listenersOfCaller: Int?
    /// Connections that the kernel keeps for us until they are accepted, for the second an on-sale opens.
    public var backlog = 4_096
    /// Bytes of a request's line and headers together.
    public var headerBytes = 16_384
    /// Bytes of a request's body.
    public var bodyBytes = 65_536
    /// Header fields of a request.
    public var headerFields = 100
    /// A connection that asks nothing for so long is closed.
    public var idle: Duration = .seconds(75)
    /// From the first byte of a request until it is whole; slower ones are closed.
    public var request: Duration = .seconds(10)
    /// A connection that takes nothing of what it asked for so long is closed.
    public var write: Duration = .seconds(30)
    /// How often each caller may ask; `nil` for as often as they like.
    public var quota: Quota?
    /// What the store's answers are worth, for the operators' page.
    public var worth: DurabilityPromise
    /// Event loops; 0 for one fewer than there are cores, but one at least.
    public var threads = 0

    public init(classicEvent: Code, worth: DurabilityPromise) {
        self.classicEvent = classicEvent
        self.worth = worth
    }

    /// How often one caller may ask, told apart by IPv4 address or 64-bit IPv6 network.
    public struct Quota: Sendable {
        /// Requests a second, for as long as one likes.
        public var perSecond: Int
        /// Requests at once, of somebody who was quiet before.
        public var burst: Int
        /// Callers that are remembered at once, 32 bytes each. With more, who asked least is forgotten and begins
        /// anew: an attacker with so many networks is no matter for a quota.
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
    /// One core is left to the store's thread: with as many loops as cores the two take it from each other, and a hold
    /// cost 15 % more.
    var loops: Int { threads > 0 ? threads : max(1, System.coreCount - 1) }

    /// Connections on each event loop beyond ``connections``. Each that comes then closes the oldest of them, so a probe
    /// is shut out only by so many who connect in the moment between its connecting and its asking.
    var spareConnections: Int { max(16, 512 / loops) }

    /// Descriptors that connections may take at once: those that there is room for, the spare ones, and those that were
    /// accepted and are about to be turned away.
    public var descriptors: Int { descriptors(loops: loops) }

    func descriptors(loops: Int) -> Int {
        connections + loops * spareConnections + 2 * TicketService.acceptedAtOnce
    }
}
