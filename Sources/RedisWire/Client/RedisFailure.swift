/// Why there is no reply, and whether the command may have been done.
public enum RedisFailure: Error, Sendable, Equatable {
    /// No byte was sent: the command was not done, and can be sent again.
    case notSent(NotSent)
    /// It was sent, and no reply came: it may have been done, or may still be.
    case outcomeUnknown(Lost)
    /// The server answered with an error. What a function wrote before it failed stays written.
    case refused(RedisServerError)
    /// The servers cannot do it now. Nothing was done.
    case unavailable(Unavailable)

    /// Why it was not sent.
    public enum NotSent: Sendable, Equatable {
        /// There is no connection, and why.
        case notConnected(ConnectionFailure)
        /// Too many calls are under way (``RedisConfiguration/Limits``).
        case queueFull
        /// The command is larger than ``RedisCommand/largest`` or ``RedisCommand/mostArguments``.
        case tooLarge
        /// There was no connection until its deadline.
        case timedOut
        /// The client is being stopped.
        case stopping
    }

    /// How the outcome was lost.
    public enum Lost: Sendable, Equatable {
        /// No reply came until the deadline. The connection stays open, and a late reply is dropped.
        case timedOut
        /// The connection ended first, and why.
        case connectionLost(ConnectionFailure)
    }

    /// Why the servers cannot do it now.
    public enum Unavailable: Sendable, Equatable {
        /// `CLUSTERDOWN`, or no known node has the key's slot.
        case clusterDown
        /// `LOADING`: the server reads its data from disk.
        case loading
        /// `MASTERDOWN`: the server is a replica that lost its master.
        case masterDown
        /// `READONLY`: the server has become a replica.
        case readOnly
        /// `BUSY`: a script has been running for too long.
        case busy
        /// `NOREPLICAS`: the server has fewer replicas than it needs for a write.
        case tooFewReplicas
        /// `MISCONF`: the server cannot write to its disk.
        case cannotPersist
        /// `OOM`: the server is at its `maxmemory`. A script that has begun to write may finish.
        case outOfMemory
        /// Nodes redirected the call more than ``RedisConfiguration/Limits/redirects`` times.
        case movedTooOften
        /// `TRYAGAIN` more than ``RedisConfiguration/Limits/redirects`` times: the key's slot is being moved.
        case slotMoving
    }

    /// Whether it is certain that nothing was done.
    public var isCertainlyUndone: Bool {
        switch self {
        case .notSent, .unavailable: true
        case .outcomeUnknown, .refused: false
        }
    }
}

/// Why a connection could not be made, or ended.
public enum ConnectionFailure: Error, Sendable, Equatable {
    /// The name has no address, no server listens there, or none answered in time; in words.
    case unreachable(String)
    /// The certificate is not trusted or belongs to another host, or the server does not speak TLS; in words.
    case tlsRefused(String)
    /// The server refuses the login: wrong user or password, or none given. With the server's code.
    case loginRefused(code: String)
    /// The password file cannot be read; in words.
    case passwordUnreadable(String)
    /// The server refused another of the first commands (`SELECT` or `CLUSTER SLOTS`, for example).
    case handshakeRefused(RedisServerError)
    /// What came is not RESP, or exceeds a limit.
    case protocolBroken(RESPMistake)
    /// The server closed it.
    case closed
    /// Replies were due, and nothing came for ``RedisConfiguration/Timeouts/silence``.
    case silent
    /// No connection was made yet.
    case none
    /// The client is being stopped, or the node has left the cluster.
    case stopped
}

extension RedisFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notSent(.notConnected(let failure)): "not sent: \(failure)"
        case .notSent(.queueFull): "not sent: too many calls under way"
        case .notSent(.tooLarge): "not sent: the command is too large"
        case .notSent(.timedOut): "not sent: no connection in time"
        case .notSent(.stopping): "not sent: the client is stopping"
        case .outcomeUnknown(.timedOut): "outcome unknown: no reply in time"
        case .outcomeUnknown(.connectionLost(let failure)): "outcome unknown: \(failure)"
        case .refused(let error): "refused: \(error)"
        case .unavailable(let reason): "unavailable: \(reason)"
        }
    }
}

extension ConnectionFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreachable(let reason): "unreachable (\(reason))"
        case .tlsRefused(let reason): "TLS refused (\(reason))"
        case .loginRefused(let code): "login refused (\(code))"
        case .passwordUnreadable(let reason): "password file unreadable (\(reason))"
        case .handshakeRefused(let error): "handshake refused (\(error))"
        case .protocolBroken(let mistake): "protocol broken (\(mistake))"
        case .closed: "closed by the server"
        case .silent: "silent"
        case .none: "not connected yet"
        case .stopped: "stopped"
        }
    }
}
