internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import TicketStore

/// Calls the servers for the store. It alone loads functions again, waits for replicas, and turns failures of the
/// client into failures of the store.
///
/// Decisions call back on the client's event loop. Everything else is asynchronous; work that nobody waits for runs in
/// ``perform(_:)``.
final class FunctionCaller: Sendable {
    /// What became of a call.
    struct Answer: Sendable {
        var outcome: RedisClient.Outcome
        var acknowledgement = Acknowledgement.notAsked
    }

    /// How often one call loads the functions, so that no caller waits for ever on a server where they are flushed all
    /// the time.
    private static let mostLoads = 5

    let client: RedisClient
    private let library: FunctionLibrary
    private let method: FunctionLibrary.Calling
    private let replicas: ReplicaWait?
    private let logger: Logger

    /// - Parameter replicas: `nil` where nothing waits for replicas.
    init(
        _ client: RedisClient, library: FunctionLibrary, method: FunctionLibrary.Calling, replicas: ReplicaWait?,
        logger: Logger
    ) {
        self.client = client
        self.library = library
        self.method = method
        self.replicas = replicas
        self.logger = logger
    }

    /// How long replicas have for a write that must outlive a failover; `nil` where nothing waits for them.
    var patience: Duration? { replicas?.time }

    /// A call of `function`, whose arguments are still to be appended.
    func command(_ function: FunctionLibrary.Function, keys: [String], capacity: Int = 512) -> RedisCommand {
        library.call(function, method, keys: keys, capacity: capacity)
    }

    // MARK: Calling

    /// Sends a command, behind it the question whether its replicas have it, and calls back once.
    ///
    /// - Parameters:
    ///   - route: leads to the server of the command's keys.
    ///   - patience: how long replicas have to acknowledge it; `nil` if the call does not wait for them.
    ///   - deadline: until when the call waits for the reply; the client's own if `nil`.
    func call(
        _ command: RedisCommand, to route: RedisKey, acknowledgedWithin patience: Duration? = nil,
        deadline: NIODeadline? = nil, loads: Int = 0, _ done: @escaping @Sendable (Answer) -> Void
    ) {
        var commands = [command]
        if let replicas, let patience { commands.append(replicas.command(within: patience)) }
        client.pipeline(commands, for: route, deadline: deadline) { outcomes in
            let answer = self.answer(outcomes)
            guard case .failure(.refused(let error)) = answer.outcome, error.isUnknownFunction,
                loads < Self.mostLoads
            else { return done(answer) }
            // The function did not run: the functions were flushed, or this server never had them.
            self.perform {
                guard await self.load() else { return done(answer) }
                self.call(
                    command, to: route, acknowledgedWithin: patience, deadline: deadline, loads: loads + 1, done)
            }
        }
    }

    /// The same for tasks.
    func call(
        _ command: RedisCommand, to route: RedisKey, acknowledgedWithin patience: Duration? = nil,
        deadline: NIODeadline? = nil
    ) async -> Answer {
        await withCheckedContinuation { continuation in
            call(command, to: route, acknowledgedWithin: patience, deadline: deadline) {
                continuation.resume(returning: $0)
            }
        }
    }

    /// Makes a call that decides no command, so that it can be made again whatever failed: a question, a claim, a
    /// count.
    ///
    /// - Throws: never ``StoreFailure/outcomeUnknown``.
    func ask(
        _ command: RedisCommand, to route: RedisKey, acknowledgedWithin patience: Duration? = nil
    ) async throws(StoreFailure) -> RedisReply {
        let answer = await call(command, to: route, acknowledgedWithin: patience)
        switch answer.outcome {
        case .success(let reply):
            guard answer.acknowledgement.allowsAnswer else { throw .suspended(.writeFailed) }
            return reply
        case .failure(let failure):
            note(failure)
            throw StoreFailure(repeatable: failure)
        }
    }

    /// Reads a reply of the functions.
    ///
    /// - Parameter failure: is thrown if the reply cannot be read.
    func read<Value>(
        _ reply: RedisReply, orThrow failure: StoreFailure, _ body: (ByteBuffer) throws -> Value
    ) throws(StoreFailure) -> Value {
        try read(orThrow: failure) { try body(reply.bytes()) }
    }

    /// Reads what is left of a reply.
    func read<Value>(
        orThrow failure: StoreFailure, _ body: () throws -> Value
    ) throws(StoreFailure) -> Value {
        do {
            return try body()
        } catch {
            logger.error("A reply of the Redis functions could not be read", metadata: ["error": "\(error)"])
            throw failure
        }
    }

    /// Runs work of several calls that nobody here waits for. The end of the client waits for it.
    func perform(_ work: @escaping @Sendable () async -> Void) {
        client.perform(work)
    }

    /// Waits, at most until the task is cancelled.
    func pause(_ time: TimeAmount) async throws {
        let timer = client.eventLoop.scheduleTask(in: time) {}
        try await withTaskCancellationHandler {
            try await timer.futureResult.get()
        } onCancel: {
            timer.cancel()
        }
    }

    /// - Parameter isLook: nobody waits for the answer. Looks repeat several times a second, and so would the warnings.
    func note(_ failure: RedisFailure, isLook: Bool = false) {
        logger.log(level: isLook ? .debug : .warning, "A call to Redis failed", metadata: ["failure": "\(failure)"])
    }

    private func answer(_ outcomes: [RedisClient.Outcome]) -> Answer {
        var answer = Answer(outcome: outcomes.first ?? .failure(.notSent(.stopping)))
        if let replicas, outcomes.count > 1 { answer.acknowledgement = replicas.acknowledgement(in: outcomes[1]) }
        return answer
    }

    // MARK: Loading

    /// Loads the functions again.
    ///
    /// - Returns: whether some server took them. The server that missed them may be well while another one is away; the
    ///   call that is repeated finds that out.
    private func load() async -> Bool {
        logger.notice("The functions are not on the Redis server; loading them")
        for command in library.loadCommands(for: method) {
            let answers = await client.callEachMaster(command)
            guard answers.contains(where: { FunctionLibrary.isLoaded($0.outcome) }) else { return false }
        }
        return true
    }
}

extension FunctionCaller {
    /// A call of `decide` (`Lua/batch.lua`).
    ///
    /// - Parameters:
    ///   - version: of the numbers that are known here; the functions leave the numbers out if it is still theirs.
    ///   - batch: commands; none for a call that counts and reads the clock.
    ///   - isTrial: whether it tries what decisions need.
    func decision(
        on event: EventNumber, _ keys: Keyspace.EventKeys, known version: UInt64?, limits: Limits,
        batch: ByteBuffer = ByteBuffer(), isTrial: Bool = false
    ) -> RedisCommand {
        var command = command(.decide, keys: keys.all, capacity: 640 + batch.readableBytes)
        command.append(header(of: event, known: version, limits: limits))
        command.append(batch)
        if isTrial { command.append("1") }
        return command
    }

    /// What a call of `decide` begins with.
    func header(of event: EventNumber, known version: UInt64?, limits: Limits) -> ByteBuffer {
        var header = ByteBuffer()
        header.writePacked(event.value)
        header.writePacked(version.map(Double.init) ?? -1)
        header.writePacked(Double(limits.linesPerHold))
        header.writePacked(Double(limits.keys))
        header.writePacked(Double(limits.keyRetention.inMilliseconds))
        header.writePacked(Double(limits.endedKeyRetention.inMilliseconds))
        header.writePacked(Double(limits.endedHoldsShown.inMilliseconds))
        header.writePacked(Double(limits.recoveryGrace.inMilliseconds))
        header.writePacked(Double(limits.unconfirmedDebtsKept.inMilliseconds))
        header.writePacked(Double(limits.unconfirmedDebtsPerHold))
        header.writePacked(Double(limits.unconfirmedDebtsPerEvent))
        header.writePacked(Double(limits.liveHolds))
        return header
    }
}
