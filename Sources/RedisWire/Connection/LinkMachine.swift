package import NIOCore

/// Our side of one server over all its connections: connecting, up, resting after a failure, closed; and who waits.
package struct LinkMachine<Call>: ~Copyable {
    private enum State {
        /// Nobody has asked yet.
        case idle
        case connecting
        case up
        /// An attempt failed, or a connection was lost. Calls are refused at once.
        case resting(ConnectionFailure)
        /// For good.
        case closed
    }

    package enum AskAction {
        case send
        /// It waits; a connection is being made.
        case wait
        /// It waits, and a connection is to be made.
        case connect
        case refuse(RedisFailure.NotSent)
    }

    private var state = State.idle
    private var room: BoundedQueue<Call>
    private var backoff: Backoff

    package init(limits: RedisConfiguration.Limits, timeouts: RedisConfiguration.Timeouts) {
        room = BoundedQueue(places: limits.waiting)
        backoff = Backoff(shortest: timeouts.shortestBackoff, longest: timeouts.longestBackoff)
    }

    package var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// When ``expire(at:)`` is to be called; `nil` while nobody waits.
    package var earliestDeadline: NIODeadline? { room.earliest }

    /// A connection is wanted before anybody asks.
    ///
    /// - Returns: whether one is to be made.
    package mutating func start() -> Bool {
        guard case .idle = state else { return false }
        state = .connecting
        return true
    }

    package mutating func ask(_ call: Call, until deadline: NIODeadline) -> AskAction {
        switch state {
        case .up: return .send
        case .resting(let failure): return .refuse(.notConnected(failure))
        case .closed: return .refuse(.notConnected(.stopped))
        case .connecting: return room.enter(call, deadline: deadline) ? .wait : .refuse(.queueFull)
        case .idle:
            guard room.enter(call, deadline: deadline) else { return .refuse(.queueFull) }
            state = .connecting
            return .connect
        }
    }

    /// Who waited too long.
    package mutating func expire(at now: NIODeadline) -> [Call] {
        room.expire(at: now)
    }

    /// The connection is ready.
    ///
    /// - Returns: who waited for it, in order.
    package mutating func connected() -> [Call] {
        guard case .connecting = state else { return [] }
        state = .up
        backoff.reset()
        return room.leave()
    }

    /// The connection, or the attempt to make one, came to nothing.
    ///
    /// - Returns: who waited for it, and after what time another is to be made; `nil` if none is.
    package mutating func failed(_ failure: ConnectionFailure, chance: Double) -> (refused: [Call], rest: Duration?) {
        switch state {
        case .connecting, .up:
            state = .resting(failure)
            return (room.leave(), backoff.next(chance: chance))
        case .idle, .resting, .closed: return (room.leave(), nil)
        }
    }

    /// The rest is over.
    ///
    /// - Returns: whether a connection is to be made.
    package mutating func rested() -> Bool {
        guard case .resting = state else { return false }
        state = .connecting
        return true
    }

    /// For good.
    ///
    /// - Returns: who waited.
    package mutating func close() -> [Call] {
        state = .closed
        return room.leave()
    }
}
