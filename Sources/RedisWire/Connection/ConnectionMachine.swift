internal import DequeModule
package import NIOCore

/// The life of one connection (opening, handshake, ready, draining, closed), and the order in which replies are due.
///
/// It cannot be copied, since a stale copy would answer a caller twice. `Caller` identifies the caller of one command.
package struct ConnectionMachine<Caller>: ~Copyable {
    /// A state leads only to states below it; each leads to `closed`.
    private enum State {
        /// TCP connects, and TLS if it is configured.
        case opening
        case handshake(Handshake)
        case ready
        /// It takes no new commands.
        case draining
        case closed
    }

    /// A reply that is due.
    private struct Due {
        /// `nil` if nobody waits for the reply: the caller's deadline passed, or the machine itself sent the command.
        var caller: Caller?
        let deadline: NIODeadline
    }

    package enum ReplyAction {
        case answer(Caller, RedisReply)
        /// Nobody waits for the reply.
        case drop
        case write(RedisCommand)
        /// Commands may be sent from now on.
        case ready
        case close(ConnectionFailure)
    }

    package enum WakeAction {
        case rest
        /// Nothing has come for longer than usual.
        case doubt
        case ping
        case close(ConnectionFailure)
    }

    private var state = State.opening
    private var due: Deque<Due> = []
    /// No caller's deadline is earlier.
    private var earliest = NIODeadline.distantFuture
    /// When the last bytes came, or when the first reply became due if that is later.
    private var quietSince: NIODeadline
    private let openUntil: NIODeadline
    private let inFlight: Int
    /// When to report that nothing comes, if nothing has come by then; counts while replies are due.
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

    /// Whether the last reply of a draining connection has come, so that it is to be closed.
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

    /// The connection is open, TLS included.
    ///
    /// - Returns: the first command to write.
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

    /// A command is being written. Its reply goes to `caller`, or to nobody.
    ///
    /// - Precondition: ``refusal(of:)`` returned `nil`; a command whose reply goes to nobody need not ask.
    package mutating func expect(_ caller: Caller?, until deadline: NIODeadline, at now: NIODeadline) {
        guard case .ready = state else { preconditionFailure("only a ready connection is written to") }
        if due.isEmpty { heard(at: now) }
        due.append(Due(caller: caller, deadline: deadline))
        if caller != nil { earliest = min(earliest, deadline) }
    }

    /// Bytes came, whether or not they complete a reply.
    package mutating func heard(at now: NIODeadline) {
        quietSince = max(quietSince, now)
        doubtAt = quietSince + doubt
    }

    /// Whether nothing has come for longer than usual.
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

    /// Time has passed.
    ///
    /// - Returns: the callers whose deadline has passed, and what to do. Costs a look at every reply that is due.
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

    /// Takes no more commands.
    ///
    /// - Returns: whether the connection is to be closed at once.
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
    /// - Returns: the callers that still waited, in order. They get no reply.
    package mutating func closed() -> [Caller] {
        state = .closed
        let lost = due.compactMap(\.caller)
        due.removeAll()
        earliest = .distantFuture
        return lost
    }

    /// Takes out the callers whose deadline has passed. Their replies stay due; otherwise the next reply would be taken
    /// for theirs.
    private mutating func expire(at now: NIODeadline) -> [Caller] {
        guard earliest <= now else { return [] }
        var timedOut: [Caller] = []
        earliest = .distantFuture
        for index in due.indices {
            guard let caller = due[index].caller else { continue }
            if due[index].deadline <= now {
                timedOut.append(caller)
                due[index].caller = nil
            } else {
                earliest = min(earliest, due[index].deadline)
            }
        }
        return timedOut
    }
}
