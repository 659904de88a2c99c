internal import DequeModule
package import NIOCore

/// The life of one connection: opening, handshake, ready, draining, closed; and whose reply comes next.
///
/// It cannot be copied: a stale copy would answer somebody twice. `Caller` is whoever waits for one reply.
package struct ConnectionMachine<Caller>: ~Copyable {
    /// Each leads to the next ones only, and any of them to `closed`.
    private enum State {
        /// TCP, and TLS where it is asked for.
        case opening
        case handshake(Handshake)
        case ready
        /// Nothing new is taken.
        case draining
        case closed
    }

    /// A reply that is due.
    private struct Due {
        /// `nil` when nobody waits for it: the caller's time was over, or the machine asked for itself.
        var caller: Caller?
        let deadline: NIODeadline
    }

    package enum ReplyAction {
        case answer(Caller, RedisReply)
        /// Nobody waits for it.
        case drop
        case write(RedisCommand)
        /// Calls may be sent from now on.
        case ready
        case close(ConnectionFailure)
    }

    package enum WakeAction {
        case rest
        /// Nothing came for longer than is usual.
        case doubt
        case ping
        case close(ConnectionFailure)
    }

    private var state = State.opening
    private var due: Deque<Due> = []
    /// No caller's deadline lies before it.
    private var earliest = NIODeadline.distantFuture
    /// When the last bytes came, or, if that is later, the first reply became due.
    private var quietSince: NIODeadline
    private let openUntil: NIODeadline
    private let inFlight: Int
    /// When it is to be told that nothing comes, as long as nothing does; counts while replies are due.
    private var doubtAt: NIODeadline
    private let silence: TimeAmount
    private let doubt: TimeAmount
    private let idle: TimeAmount

    package init(
        limits: RedisConfiguration.Limits, timeouts: RedisConfiguration.Timeouts, openUntil: NIODeadline,
        at now: NIODeadline
    ) {
        inFlight = limits.inFlight
        silence = TimeAmount(timeouts.silence)
        doubt = TimeAmount(timeouts.doubt)
        doubtAt = now + doubt
        idle = TimeAmount(timeouts.idle)
        self.openUntil = openUntil
        quietSince = now
    }

    /// How many replies are due.
    package var dueCount: Int { due.count }

    package var isReady: Bool {
        if case .ready = state { true } else { false }
    }

    package var isOpening: Bool {
        if case .opening = state { true } else { false }
    }

    /// Whether it was drained to the end, and is to be closed.
    package var isDrained: Bool {
        if case .draining = state { due.isEmpty } else { false }
    }

    /// When ``wake(at:)`` is to be called at the latest; `nil` when closed.
    package var nextWake: NIODeadline? {
        switch state {
        case .opening, .handshake: openUntil
        case .ready, .draining: min(earliest, due.isEmpty ? quietSince + idle : min(doubtAt, quietSince + silence))
        case .closed: nil
        }
    }

    /// The connection stands, TLS included: what is to be written first.
    package mutating func opened(_ handshake: Handshake) -> RedisCommand {
        guard case .opening = state else { preconditionFailure("a connection is opened once") }
        state = .handshake(handshake)
        return handshake.start()
    }

    /// Why `count` commands cannot be sent now; `nil` if they can.
    package func refusal(of count: Int) -> RedisFailure.NotSent? {
        guard case .ready = state else { return .notConnected(.none) }
        return due.count + count <= inFlight ? nil : .queueFull
    }

    /// A command is being written; its reply goes to `caller`, or to nobody.
    ///
    /// - Precondition: ``refusal(of:)`` had none. What goes to nobody needs none.
    package mutating func expect(_ caller: Caller?, until deadline: NIODeadline, at now: NIODeadline) {
        guard case .ready = state else { preconditionFailure("only a ready connection is written to") }
        if due.isEmpty { heard(at: now) }
        due.append(Due(caller: caller, deadline: deadline))
        if caller != nil { earliest = min(earliest, deadline) }
    }

    /// Bytes came, of a whole reply or not.
    package mutating func heard(at now: NIODeadline) {
        quietSince = max(quietSince, now)
        doubtAt = quietSince + doubt
    }

    /// Whether nothing came for longer than is usual.
    package func isDoubtful(at now: NIODeadline) -> Bool {
        !due.isEmpty && quietSince + doubt <= now
    }

    /// A whole reply came.
    package mutating func received(_ reply: RedisReply) -> ReplyAction {
        if case .push = reply { return .drop }
        switch state {
        case .opening: return .close(.protocolBroken(.unasked))
        case .handshake(var handshake):
            switch handshake.heard(reply) {
            case .ask(let command):
                state = .handshake(handshake)
                return .write(command)
            case .done:
                state = .ready
                return .ready
            case .refused(let failure): return .close(failure)
            }
        case .ready, .draining:
            guard let first = due.popFirst() else { return .close(.protocolBroken(.unasked)) }
            guard let caller = first.caller else { return .drop }
            return .answer(caller, reply)
        case .closed: return .drop
        }
    }

    /// Time has passed: whose deadline has come, and what is to be done. Looks at all replies that are due.
    package mutating func wake(at now: NIODeadline) -> (timedOut: [Caller], action: WakeAction) {
        switch state {
        case .opening, .handshake:
            return ([], now < openUntil ? .rest : .close(.unreachable("no connection in time")))
        case .closed: return ([], .rest)
        case .ready, .draining: break
        }
        let timedOut = expire(at: now)
        if due.isEmpty {
            guard case .ready = state, quietSince + idle <= now else { return (timedOut, .rest) }
            return (timedOut, .ping)
        }
        if quietSince + silence <= now { return (timedOut, .close(.silent)) }
        guard doubtAt <= now else { return (timedOut, .rest) }
        doubtAt = now + .nanoseconds(doubt.nanoseconds / 4)
        return (timedOut, .doubt)
    }

    /// Takes nothing more.
    ///
    /// - Returns: whether it is to be closed at once.
    package mutating func drain() -> Bool {
        switch state {
        case .opening, .handshake: return true
        case .ready, .draining:
            state = .draining
            return due.isEmpty
        case .closed: return false
        }
    }

    /// The connection is gone.
    ///
    /// - Returns: who still waited, in order, and will get no reply.
    package mutating func closed() -> [Caller] {
        state = .closed
        let lost = due.compactMap(\.caller)
        due.removeAll()
        earliest = .distantFuture
        return lost
    }

    /// Those whose time is over are let go; their replies stay due, or the next would be taken for theirs.
    private mutating func expire(at now: NIODeadline) -> [Caller] {
        guard earliest <= now else { return [] }
        var timedOut: [Caller] = []
        earliest = .distantFuture
        for place in due.indices {
            guard let caller = due[place].caller else { continue }
            if due[place].deadline <= now {
                timedOut.append(caller)
                due[place].caller = nil
            } else {
                earliest = min(earliest, due[place].deadline)
            }
        }
        return timedOut
    }
}
