internal import BoxOffice
internal import NIOCore
internal import RedisWire
package import TicketStore

/// How many replicas must acknowledge a write before its answer leaves, and how long they have for it.
struct ReplicaWait: Sendable {
    var count: Int
    var time: Duration

    /// The question that goes behind a write on the same connection.
    func command(within time: Duration) -> RedisCommand {
        var wait = RedisCommand("WAIT", isRepeatable: true)
        wait.append(count)
        wait.append(time.inMilliseconds)
        return wait
    }

    func acknowledgement(in outcome: RedisClient.Outcome) -> Acknowledgement {
        switch outcome {
        case .success(let reply):
            let acknowledged = (try? reply.integer()) ?? 0
            return acknowledged >= count ? .given : .missing(.replicasMissing)
        case .failure(let failure): return .missing(SuspensionReason(failure) ?? .replicasMissing)
        }
    }
}

/// Whether the replicas have what a call wrote.
package enum Acknowledgement: Sendable {
    case notAsked
    case given
    case missing(SuspensionReason)

    /// Whether an answer may report what the call wrote.
    var allowsAnswer: Bool {
        if case .missing = self { false } else { true }
    }
}
