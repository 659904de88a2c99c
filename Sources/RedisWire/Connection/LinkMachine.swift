package import NIOCore

/// The connections to one server, one after the other (connecting, up, resting after a failure, closed), and the calls
/// that wait for one.
package struct LinkMachine<Call>: ~Copyable {
    private enum State {
        /// No call has come yet.
        case idle
        case connecting
        case up
        /// An attempt failed or a connection was lost. Calls are refused at once.
        case resting(ConnectionFailure)
        /// For good.
        case closed
    }

    package enum AskAction {
        case send
        /// The call waits for the connection that is being made.
        case wait
        /// The call waits, and a connection is to be made.
        case connect
        case refuse(RedisFailure.NotSent)
    }

    private var state = State.idle
    private var waiting: BoundedQueue<Call>
    private var backoff: Backoff

    package init(limits: RedisConfiguration.Limits, timeouts: RedisConfiguration.Timeouts) {
        waiting = BoundedQueue(capacity: limits.waiting)
        backoff = Backoff(shortest: timeouts.shortestBackoff, longest: timeouts.longestBackoff)
    }

    package var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// When ``expire(at:)`` is to be called; `nil` while no call waits.
    package var earliestDeadline: NIODeadline? { waiting.earliest }

    /// A connection is wanted before the first call.
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
        case .connecting: return waiting.add(call, deadline: deadline) ? .wait : .refuse(.queueFull)
        case .idle:
            guard waiting.add(call, deadline: deadline) else { return .refuse(.queueFull) }
            state = .connecting
            return .connect
        }
    }

    /// Takes out the calls whose deadline has passed.
    package mutating func expire(at now: NIODeadline) -> [Call] {
        waiting.expire(at: now)
    }

    /// The connection is ready.
    ///
    /// - Returns: the calls that waited for it, in order.
    package mutating func connected() -> [Call] {
        guard case .connecting = state else { return [] }
        state = .up
        backoff.reset()
        return waiting.removeAll()
    }

    /// The connection, or the attempt to make one, failed.
    ///
    /// - Returns: the calls that waited for it, and how long to rest before the next attempt; `nil` if there is none.
    package mutating func failed(_ failure: ConnectionFailure, chance: Double) -> (refused: [Call], rest: Duration?) {
        switch state {
        case .connecting, .up:
            state = .resting(failure)
            return (waiting.removeAll(), backoff.next(chance: chance))
        case .idle, .resting, .closed: return (waiting.removeAll(), nil)
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

    /// Closes for good.
    ///
    /// - Returns: the calls that waited.
    package mutating func close() -> [Call] {
        state = .closed
        return waiting.removeAll()
    }
}
