/// Why there is no reply, and above all whether the command may have been done.
public enum RedisFailure: Error, Sendable, Equatable {
    /// No byte of it left: it was not done, and can be asked again.
    case notSent(NotSent)
    /// It left, and no reply came: it may have been done, and may still be.
    case outcomeUnknown(Lost)
    /// The server's error. What a function wrote before it failed stays written.
    case refused(RedisServerError)
    /// The servers cannot do it now; nothing was done.
    case unavailable(Unavailable)

    /// Why it was not sent.
    public enum NotSent: Sendable, Equatable {
        /// There is no connection, and why.
        case notConnected(ConnectionFailure)
        /// As many calls are under way as there may be (``RedisConfiguration/Limits``).
        case queueFull
        /// It outgrew ``RedisCommand/largest`` or ``RedisCommand/mostArguments``.
        case tooLarge
        /// It waited for a connection until its deadline.
        case timedOut
        /// The client is being stopped.
        case stopping
    }

    /// How its outcome was lost.
    public enum Lost: Sendable, Equatable {
        /// No reply came until the deadline. The connection stands, and the reply is thrown away when it comes.
        case timedOut
        /// The connection ended first, and why.
        case connectionLost(ConnectionFailure)
    }

    /// Why the servers cannot do it now.
    public enum Unavailable: Sendable, Equatable {
        /// `CLUSTERDOWN`, or no node is known to have the key's slot.
        case clusterDown
        /// `LOADING`: the server reads its data from disk.
        case loading
        /// `MASTERDOWN`: a replica that lost its master.
        case masterDown
        /// `READONLY`: the server has become a replica.
        case readOnly
        /// `BUSY`: a script of somebody's runs for too long.
        case busy
        /// `NOREPLICAS`: fewer replicas than the server wants for a write.
        case tooFewReplicas
        /// `MISCONF`: the server cannot write to its disk.
        case cannotPersist
        /// `OOM`: the server is at its `maxmemory`. A script that has begun to write is let finish.
        case outOfMemory
        /// Sent from node to node more than ``RedisConfiguration/Limits/redirects`` times.
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
    /// The name has no address, nobody listens there, or nobody answered in time; in words.
    case unreachable(String)
    /// The certificate is not to be trusted, is another host's, or there is no TLS there; in words.
    case tlsRefused(String)
    /// The server takes no commands from us: wrong user or password, or none given. With the server's code.
    case loginRefused(code: String)
    /// The file of the password cannot be read; in words.
    case passwordUnreadable(String)
    /// The server refused something else of what is asked first (`SELECT` for one, or a cluster's order).
    case handshakeRefused(RedisServerError)
    /// What came is no RESP, or goes beyond a bound.
    case protocolBroken(RESPMistake)
    /// The server closed it.
    case closed
    /// Replies were due, and nothing came for ``RedisConfiguration/Timeouts/silence``.
    case silent
    /// None was made yet.
    case none
    /// The client is being stopped, or the node is no part of the cluster any more.
    case stopped
}

extension RedisFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notSent(.notConnected(let failure)): "not sent: \(failure)"
        case .notSent(.queueFull): "not sent: too many calls under way"
        case .notSent(.tooLarge): "not sent: the command is too large"
        case .notSent(.timedOut): "not sent: no connection in time"
        case .notSent(.stopping): "not sent: the client is being stopped"
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
