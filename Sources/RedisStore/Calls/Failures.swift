internal import RedisWire
internal import TicketStore

// What a failure of the client means to the store. This is the only place that translates it.

extension StoreFailure {
    /// What the caller of a decision gets (R18 Unknown outcome): a failure counts as undone only if it certainly is.
    init(_ failure: RedisFailure) {
        switch failure {
        case .notSent(.stopping): self = .closing
        case .notSent(.queueFull), .notSent(.tooLarge): self = .overloaded
        case .notSent(.notConnected), .notSent(.timedOut): self = .suspended(.unreachable)
        case .unavailable(let reason):
            switch reason {
            case .outOfMemory: self = .suspended(.memoryFull)
            case .cannotPersist: self = .suspended(.writeFailed)
            case .tooFewReplicas: self = .suspended(.replicasMissing)
            case .busy: self = .suspended(.busy)
            case .slotMoving, .movedTooOften: self = .overloaded
            default: self = .suspended(.unreachable)
            }
        case .outcomeUnknown: self = .outcomeUnknown
        case .refused(let error):
            if error.isUnknownFunction {
                self = .suspended(.unreachable)
            } else {
                self = error.isCertainlyUndone ? .suspended(.forbidden) : .outcomeUnknown
            }
        }
    }

    /// What the caller of a call that can be made again gets: there an unknown outcome is as good as none.
    init(repeatable failure: RedisFailure) {
        let failure = StoreFailure(failure)
        self = failure == .outcomeUnknown ? .suspended(.unreachable) : failure
    }
}

extension SuspensionReason {
    /// Why nothing can be decided, if a call failed like this; `nil` if the failure says nothing of the servers.
    init?(_ failure: RedisFailure) {
        switch failure {
        case .notSent(.notConnected), .notSent(.timedOut): self = .unreachable
        case .notSent: return nil
        case .outcomeUnknown(.timedOut): self = .silent
        case .outcomeUnknown(.connectionLost(.silent)): self = .silent
        case .outcomeUnknown(.connectionLost): self = .unreachable
        case .unavailable(let reason):
            switch reason {
            case .outOfMemory: self = .memoryFull
            case .cannotPersist: self = .writeFailed
            case .tooFewReplicas: self = .replicasMissing
            case .busy: self = .busy
            case .slotMoving, .movedTooOften: return nil
            case .clusterDown, .loading, .masterDown, .readOnly: self = .unreachable
            }
        case .refused(let error):
            guard !error.isUnknownFunction else { return nil }
            self = error.isAboutRights ? .forbidden : .failing
        }
    }
}

extension RedisServerError {
    /// The functions are not on the server: nothing was done.
    var isUnknownFunction: Bool {
        code == "NOSCRIPT" || code == "ERR" && message.hasPrefix("Function not found")
    }

    /// The user may not do it. Where a function says so (``FunctionLibrary``), nothing was written.
    var isAboutRights: Bool {
        ["NORIGHTS", "NOPERM", "NOAUTH", "WRONGPASS"].contains(code)
    }

    /// Whether nothing was done: a function refused before its first write, or the user may not call functions at all.
    var isCertainlyUndone: Bool {
        switch code {
        case "NORIGHTS", "NOAUTH", "WRONGPASS": true
        case "NOPERM": message.contains("'fcall") || message.contains("'evalsha")
        default: false
        }
    }
}
