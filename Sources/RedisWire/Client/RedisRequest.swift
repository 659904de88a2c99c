internal import NIOCore

/// A request on its way to the event loop: the commands, their slot, the deadline, and the callback.
struct RedisRequest: Sendable {
    enum Done: Sendable {
        case one(@Sendable (RedisClient.Outcome) -> Void)
        case many(@Sendable ([RedisClient.Outcome]) -> Void)
    }

    let commands: [RedisCommand]
    let slot: RedisSlot?
    let deadline: NIODeadline
    let done: Done

    init(
        _ command: RedisCommand, slot: RedisSlot?, deadline: NIODeadline,
        done: @escaping @Sendable (RedisClient.Outcome) -> Void
    ) {
        commands = [command]
        self.slot = slot
        self.deadline = deadline
        self.done = .one(done)
    }

    init(
        _ commands: [RedisCommand], slot: RedisSlot?, deadline: NIODeadline,
        done: @escaping @Sendable ([RedisClient.Outcome]) -> Void
    ) {
        self.commands = commands
        self.slot = slot
        self.deadline = deadline
        self.done = .many(done)
    }

    /// The same failure for every command.
    func fail(_ failure: RedisFailure) {
        switch done {
        case .one(let done): done(.failure(failure))
        case .many(let done): done(commands.map { _ in .failure(failure) })
        }
    }
}
