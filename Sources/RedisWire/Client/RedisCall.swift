internal import NIOCore

/// A request on its way through links and connections, on the client's loop.
final class RedisCall {
    /// What became of one of its commands, before redirections are followed.
    enum Answer {
        case reply(RedisReply)
        case failure(RedisFailure)
    }

    let request: RedisRequest
    /// Whether it is for one node only, so that redirections are not followed.
    let isPinned: Bool
    var redirects: Redirects
    /// How long to wait before the call is sent again.
    var backoff: Backoff
    /// When it was sent last.
    var sentAt = NIODeadline.uptimeNanoseconds(0)
    /// Whether an `ASKING` goes before each command.
    private(set) var isAsking = false
    private var answers: [Answer?]
    private var missing: Int

    init(_ request: RedisRequest, isPinned: Bool = false, configuration: RedisConfiguration) {
        self.request = request
        self.isPinned = isPinned
        redirects = Redirects(limit: configuration.limits.redirects)
        let shortest = configuration.timeouts.tryAgain
        backoff = Backoff(shortest: shortest, longest: shortest * 32)
        answers = Array(repeating: nil, count: request.commands.count)
        missing = request.commands.count
    }

    /// How many replies come for it, those to `ASKING` included.
    var replyCount: Int { isAsking ? 2 * answers.count : answers.count }

    /// - Returns: whether that was the last answer.
    func take(_ answer: Answer, at index: Int) -> Bool {
        precondition(answers[index] == nil, "a command has one answer")
        answers[index] = answer
        missing -= 1
        return missing == 0
    }

    /// All replies, if there is one for each command.
    var replies: [RedisReply]? {
        var replies: [RedisReply] = []
        replies.reserveCapacity(answers.count)
        for answer in answers {
            guard case .reply(let reply) = answer else { return nil }
            replies.append(reply)
        }
        return replies
    }

    /// How many replicas acknowledged what it wrote, if it asked them and they answered.
    var acknowledged: Int? {
        guard request.commands.last?.isWait == true, case .reply(.integer(let count))? = answers[answers.count - 1]
        else {
            return nil
        }
        return Int(clamping: count)
    }

    /// Forgets all answers: the call is about to be sent again.
    func forget(asking: Bool) {
        isAsking = asking
        missing = answers.count
        for index in answers.indices { answers[index] = nil }
    }

    /// Calls back.
    ///
    /// - Precondition: all answers are there.
    func complete(isCluster: Bool) {
        func outcome(_ answer: Answer?) -> RedisClient.Outcome {
            switch answer {
            case .reply(let reply): reply.outcome(isCluster: isCluster)
            case .failure(let failure): .failure(failure)
            case nil: preconditionFailure("a call ends when all of its commands are answered")
            }
        }
        switch request.done {
        case .one(let done): done(outcome(answers[0]))
        case .many(let done): done(answers.map(outcome))
        }
    }
}
