internal import NIOCore

/// A request on its way through links and connections, on the client's loop.
final class RedisCall {
    /// What one of its commands came to, before redirections are looked at.
    enum Answer {
        case reply(RedisReply)
        case failure(RedisFailure)
    }

    let request: RedisRequest
    /// Whether it is for one node and no other, whatever that says.
    let isPinned: Bool
    var redirects: Redirects
    /// Spreads what is tried again later.
    var backoff: Backoff
    /// Whether each command is to have an `ASKING` before it.
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

    /// Replies that come for it, `ASKING`'s among them.
    var replyCount: Int { isAsking ? 2 * answers.count : answers.count }

    /// - Returns: whether that was the last one.
    func take(_ answer: Answer, at place: Int) -> Bool {
        precondition(answers[place] == nil, "a command has one answer")
        answers[place] = answer
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

    /// It is going to be sent again.
    func forget(asking: Bool) {
        isAsking = asking
        missing = answers.count
        for place in answers.indices { answers[place] = nil }
    }

    /// - Precondition: all answers are there.
    func tell(isCluster: Bool) {
        func outcome(_ answer: Answer?) -> RedisClient.Outcome {
            switch answer {
            case .reply(let reply): reply.outcome(isCluster: isCluster)
            case .failure(let failure): .failure(failure)
            case nil: preconditionFailure("a call is told of when all of it is answered")
            }
        }
        switch request.done {
        case .one(let done): done(outcome(answers[0]))
        case .many(let done): done(answers.map(outcome))
        }
    }
}
