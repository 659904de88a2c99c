internal import BoxOffice
internal import Logging
internal import Synchronization

/// What a connection counts as.
enum ConnectionStanding: Equatable {
    case new
    /// One of those that there is room for.
    case counted
    /// One beyond: it may ask whether the service is well, and anything else once there is room.
    case spare(Room.Shortage)
}

/// Which connections there is room for, over all event loops, and how many came beyond.
///
/// Beyond the room there are a few spare places on each loop (``LoopContext``), so that a probe is always answered.
final class ConnectionRoom: Sendable {
    private struct Crowd {
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

    func take(_ caller: CallerQuota.Caller) -> Room.Shortage? { room.take(caller) }
    func leave(_ caller: CallerQuota.Caller) { room.leave(caller) }

    /// A connection came that there is no room for.
    func countBeyond() {
        crowd.withLock { $0.beyond += 1 }
    }

    /// Writes one line about all that came beyond the room since the last one.
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

    /// What a request is answered on a connection that there is no room for.
    static func refused(_ standing: ConnectionStanding) -> Refused {
        var detail = "As many connections are open as there is room for."
        if standing == .spare(.ofCaller) { detail = "As many connections are open from your network as one may have." }
        var refused = Refused(.reducedCapacity, detail)
        refused.retryAfter = .milliseconds(Int.random(in: 1_000...5_000))
        return refused
    }
}
