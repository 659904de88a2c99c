internal import BoxOffice
internal import Logging
internal import Synchronization

/// Whether there is room for a connection.
enum ConnectionStanding: Equatable {
    case new
    /// There is room for it.
    case counted
    /// There is none: it may send a probe, and any other request as soon as there is room.
    case spare(Room.Shortage)

    /// Whether there is no room for the connection. One that a proxy has not begun yet (``ProxyHeaderHandler``) is not
    /// counted, and may take its time.
    var isSpare: Bool {
        if case .spare = self { true } else { false }
    }
}

/// Counts connections over all event loops, and those that came when there was no room.
///
/// Each loop keeps a few of the latter open (``LoopConnections``), so that a probe is always answered.
final class ConnectionRoom: Sendable {
    private struct Crowd {
        /// Since the process began.
        var all: UInt64 = 0
        /// Since the last line in the log.
        var beyond = 0
        var lastTold: UInt32?
    }

    /// Seconds between two lines about connections that there was no room for.
    private static let silence: UInt32 = 10

    private let room: Room
    private let crowd = Mutex(Crowd())
    private let logger: Logger

    init(_ configuration: ServiceConfiguration, logger: Logger) {
        room = Room(most: configuration.connections, mostOfCaller: configuration.connectionsOfCaller)
        self.logger = logger
    }

    func take(_ caller: CallerQuota.Caller?) -> Room.Shortage? { room.take(caller) }
    func leave(_ caller: CallerQuota.Caller?) { room.leave(caller) }

    /// A connection came when there was no room.
    func countBeyond() {
        crowd.withLock { crowd in
            crowd.beyond += 1
            crowd.all += 1
        }
    }

    /// Connections that there is room for.
    var count: Int { room.count }
    /// Connections that came when there was no room, since the process began.
    var refusals: UInt64 { crowd.withLock { $0.all } }

    /// Logs one line about all connections that came without room since the last line.
    ///
    /// - Parameter tick: a second that does not run backwards.
    func tell(at tick: UInt32) {
        let beyond = crowd.withLock { crowd -> Int in
            guard crowd.beyond > 0, crowd.lastTold.map({ tick >= $0 + Self.silence }) ?? true else { return 0 }
            defer { crowd.beyond = 0 }
            crowd.lastTold = tick
            return crowd.beyond
        }
        guard beyond > 0 else { return }
        logger.warning(
            "Connections were turned away, as there is no room for more",
            metadata: [
                "connections": "\(beyond)", "setting": "limits.connections, limits.connections_per_caller",
            ])
    }

    /// The answer to a request on a connection that there is no room for.
    static func refused(_ standing: ConnectionStanding) -> Refused {
        var detail = "As many connections are open as there is room for."
        if standing == .spare(.ofCaller) { detail = "As many connections are open from your network as one may have." }
        var refused = Refused(.reducedCapacity, detail)
        refused.retryAfter = .milliseconds(Int.random(in: 1_000...5_000))
        return refused
    }
}
