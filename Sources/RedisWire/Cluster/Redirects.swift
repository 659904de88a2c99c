/// Decides from the replies to a call whether it is over, or is to be sent again, and where.
///
/// A call is sent again only if it certainly was not done: a server that answers `MOVED`, `ASK` or `TRYAGAIN` has
/// looked at the keys and done nothing.
package struct Redirects: Sendable {
    package enum Verdict: Equatable {
        case over
        /// To another node, at once. With `ASKING` if the slot is still being moved there.
        case again(RedisNode, asking: Bool)
        /// To the node that has the slot then, later.
        case later
    }

    /// What one reply says.
    private enum Standing {
        case done
        case moved(Redirection)
        case ask(Redirection)
        case tryAgain
    }

    private let limit: Int
    private var sent = 0

    package init(limit: Int) {
        self.limit = limit
    }

    /// - Parameters:
    ///   - replies: to all commands of the call, in order.
    ///   - isRepeatable: whether the command at an index may be done twice.
    ///   - node: that answered.
    /// - Returns: what to do, and a redirection to remember for its slot.
    package mutating func decide(
        _ replies: [RedisReply], isRepeatable: (Int) -> Bool, from node: RedisNode
    ) -> (verdict: Verdict, moved: Redirection?) {
        var moved: Redirection?
        var verdict: Verdict?
        var isDone = false
        for (index, reply) in replies.enumerated() {
            switch Self.standing(of: reply, node) {
            case .done: isDone = isDone || !isRepeatable(index)
            case .moved(let redirection):
                moved = moved ?? redirection
                verdict = verdict ?? .again(redirection.node, asking: false)
            case .ask(let redirection): verdict = verdict ?? .again(redirection.node, asking: true)
            case .tryAgain: verdict = verdict ?? .later
            }
        }
        guard let verdict, !isDone, sent < limit else { return (.over, moved) }
        sent += 1
        return (verdict, moved)
    }

    private static func standing(of reply: RedisReply, _ node: RedisNode) -> Standing {
        guard case .error(let error) = reply else { return .done }
        switch error.code {
        case "MOVED": return Redirection(error.message, from: node).map { .moved($0) } ?? .done
        case "ASK": return Redirection(error.message, from: node).map { .ask($0) } ?? .done
        case "TRYAGAIN": return .tryAgain
        default: return .done
        }
    }
}

extension RedisReply {
    /// What the caller gets: a reply, or why there is none.
    ///
    /// - Parameter isCluster: whether redirections were followed. If not, the server's own words say most.
    package func outcome(isCluster: Bool) -> RedisClient.Outcome {
        guard case .error(let error) = self else { return .success(self) }
        switch error.cause {
        case "CLUSTERDOWN": return .failure(.unavailable(.clusterDown))
        case "LOADING": return .failure(.unavailable(.loading))
        case "MASTERDOWN": return .failure(.unavailable(.masterDown))
        case "READONLY": return .failure(.unavailable(.readOnly))
        case "BUSY": return .failure(.unavailable(.busy))
        case "NOREPLICAS": return .failure(.unavailable(.tooFewReplicas))
        case "MISCONF": return .failure(.unavailable(.cannotPersist))
        case "OOM": return .failure(.unavailable(.outOfMemory))
        case "TRYAGAIN": return .failure(.unavailable(.slotMoving))
        case "MOVED" where isCluster, "ASK" where isCluster: return .failure(.unavailable(.movedTooOften))
        default: return .failure(.refused(error))
        }
    }

    /// Whether the reply shows that the client's map of the servers is out of date.
    package var tellsOfChange: Bool {
        guard case .error(let error) = self else { return false }
        return ["MOVED", "CLUSTERDOWN", "READONLY", "MASTERDOWN"].contains(error.cause)
    }
}
