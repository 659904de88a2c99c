public import RedisWire

/// Why a store on Redis cannot be opened.
public enum RedisStoreError: Error, Sendable, CustomStringConvertible {
    /// The servers cannot be reached, or cannot answer now.
    case unreachable(RedisFailure)
    /// They answer, but the store cannot run on them; in a sentence.
    case unfit(String)

    public var description: String {
        switch self {
        case .unreachable(let failure): "the Redis servers cannot be asked: \(failure.advice)"
        case .unfit(let reason): reason
        }
    }
}

extension RedisFailure {
    /// What is wrong and what to do about it, for the operator who starts a node.
    var advice: String {
        switch self {
        case .notSent(.notConnected(let failure)): failure.advice
        case .notSent(.timedOut): "no connection in time; see that the server runs, and that store names it"
        case .outcomeUnknown(.timedOut):
            "the server takes connections and does not answer; see that it is not stopped or busy"
        case .unavailable(.loading): "a server still reads its data from its disk; start again when it has"
        case .unavailable(.masterDown):
            "the server is a replica that has lost its master; see to that, or name another one"
        case .unavailable(.readOnly): "the server is a replica, which takes no writes; name its master"
        case .unavailable(.clusterDown): "the cluster is not whole; see CLUSTER INFO on its nodes"
        case .unavailable(.tooFewReplicas): "a server has fewer replicas than its min-replicas-to-write asks for"
        case .unavailable(.cannotPersist): "a server cannot write to its disk; see its log"
        case .unavailable(.outOfMemory): "a server is full; give it a larger maxmemory"
        case .unavailable(.busy): "a script has been running on a server for too long; end it with SCRIPT KILL"
        case .refused(let error) where error.code == "NOPERM":
            "the user may not do what is needed (\(error.message)); see docs/redis.md for what it must be allowed"
        default: description
        }
    }

    /// Whether the failure is likely to pass by itself.
    var passes: Bool {
        switch self {
        case .unavailable(.loading), .unavailable(.masterDown), .unavailable(.clusterDown), .unavailable(.slotMoving),
            .unavailable(.tooFewReplicas), .unavailable(.busy):
            true
        case .notSent(.notConnected(.handshakeRefused(let error))): ["LOADING", "MASTERDOWN"].contains(error.code)
        default: false
        }
    }
}

extension ConnectionFailure {
    fileprivate var advice: String {
        switch self {
        case .unreachable(let reason): "\(reason); see that the server runs, and that store names it"
        case .tlsRefused(let reason): "TLS fails (\(reason)); see that the server speaks TLS there, and redis.ca_file"
        case .loginRefused(let code):
            "the server refuses user or password (\(code)); see store and redis.password_file"
        case .passwordUnreadable(let reason): "redis.password_file cannot be read: \(reason)"
        case .closed: "the server closes connections at once; see its log"
        case .silent: "the server takes connections and does not answer; see that it is not stopped or busy"
        default: description
        }
    }
}
