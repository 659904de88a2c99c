internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// Calls that decide: sent, read, and their outcomes handed back.

extension RedisStore {
    /// How often one call has the functions loaded: where they are flushed all the time, nobody is to wait for ever.
    static let reloads = 5
    /// How long a trial waits for replicas where that must not hold up others.
    private static let trialPatience: Duration = .milliseconds(100)

    /// Does what the pending says.
    @discardableResult
    func take(_ step: PendingCommands.Step) -> StoreReply? {
        switch step {
        case .nothing: break
        case .reply(let reply): return reply
        case .call(let event, let batch): call(event, batch)
        case .claim(let part, let claimants): claim(claimants, in: part)
        case .rest(let event, let until):
            client.eventLoop.scheduleTask(deadline: until) {
                self.take(self.pending.withLock { $0.endRest(of: event) })
            }
        case .readEvents: readEvents()
        }
        return nil
    }

    /// - Parameter attempt: how often the functions were found missing before.
    func call(_ event: UInt64, _ batch: PendingCommands.Batch, attempt: Int = 0) {
        var command = library.call(
            .decide, calling, keys: keyspace.keys(of: event), capacity: 640 + batch.bytes.readableBytes)
        command.append(header(for: event))
        command.append(batch.bytes)
        let now = NIODeadline.now()
        let waitsShortly = pending.withLock { pending in
            pending.health.asked(event, at: now)
            return batch.isTrial && pending.health.waitsShortly(event)
        }
        if batch.isTrial {
            command.append("1")
            let patience = waitsShortly ? min(configuration.waitTime, Self.trialPatience) : configuration.waitTime
            return pipeline(command, in: String(event), patience: patience) { [batch] outcomes in
                self.receive(outcomes, event, batch, attempt)
            }
        }
        // Whatever an empty look sees is told to nobody as certain: it does not hold up what is behind it.
        guard !batch.waiting.isEmpty else {
            return client.pipeline([command], for: key(of: event)) { [batch] outcomes in
                self.receive(outcomes, event, batch, attempt)
            }
        }
        let isSale = batch.waiting.contains(where: \.isSale)
        pipeline(command, in: String(event), isSale: isSale) { [batch] outcomes in
            self.receive(outcomes, event, batch, attempt)
        }
    }

    /// Sends the command, and behind it the question whether its replicas have it.
    ///
    /// - Parameters:
    ///   - tag: the hash tag of the command's keys.
    ///   - isSale: whether it may purchase or return something, or tell that somebody did.
    ///   - patience: how long the replicas are waited for; as configured if `nil`.
    func pipeline(
        _ command: RedisCommand, in tag: String, isSale: Bool = true, patience: Duration? = nil,
        _ done: @escaping @Sendable ([RedisClient.Outcome]) -> Void
    ) {
        guard configuration.waitsForReplicas, isSale || configuration.holds == .full else {
            return client.pipeline([command], for: RedisKey(tag), done)
        }
        var wait = RedisCommand("WAIT", isRepeatable: true)
        wait.append(configuration.waitReplicas)
        wait.append((patience ?? configuration.waitTime).inMilliseconds)
        client.pipeline([command, wait], for: RedisKey(tag), done)
    }

    func key(of event: UInt64) -> RedisKey {
        RedisKey(String(event))
    }

    func header(for event: UInt64) -> ByteBuffer {
        let known = pending.withLock { $0.directory.entries[event]?.numbers.version }
        var header = ByteBuffer()
        header.writePacked(event)
        header.writePacked(known.map(Double.init) ?? -1)
        header.writePacked(Double(configuration.limits.linesPerHold))
        header.writePacked(Double(configuration.limits.keys))
        header.writePacked(Double(configuration.limits.keyRetention.inMilliseconds))
        header.writePacked(Double(configuration.limits.endedKeyRetention.inMilliseconds))
        header.writePacked(Double(configuration.limits.endedHoldsShown.inMilliseconds))
        header.writePacked(Double(configuration.limits.recoveryGrace.inMilliseconds))
        header.writePacked(Double(configuration.limits.unconfirmedDebtsKept.inMilliseconds))
        header.writePacked(Double(configuration.limits.unconfirmedDebtsPerHold))
        header.writePacked(Double(configuration.limits.unconfirmedDebtsPerEvent))
        header.writePacked(Double(configuration.limits.liveHolds))
        return header
    }

    /// Whether the replicas that are asked for have what was done.
    func isDurable(_ outcomes: [RedisClient.Outcome]) -> Bool {
        guard outcomes.count > 1 else { return true }
        guard case .success(let reply) = outcomes[1], let count = try? reply.integer() else { return false }
        return count >= configuration.waitReplicas
    }

    /// Whether the replicas have it, where they were asked.
    private func confirmation(_ outcomes: [RedisClient.Outcome]) -> StoreHealth.Confirmation {
        guard outcomes.count > 1 else { return .notAsked }
        if isDurable(outcomes) { return .given }
        guard case .failure(let failure) = outcomes[1] else { return .missing(.replicasMissing) }
        return .missing(SuspensionReason(failure) ?? .replicasMissing)
    }

    private func receive(
        _ outcomes: [RedisClient.Outcome], _ event: UInt64, _ batch: PendingCommands.Batch, _ attempt: Int
    ) {
        switch outcomes.first ?? .failure(.notSent(.stopping)) {
        case .success(let reply):
            do {
                let read = try CallReply(reply.bytes())
                let (confirmation, now) = (confirmation(outcomes), NIODeadline.now())
                let isLook = batch.waiting.isEmpty && !batch.isTrial
                let room = KeyRoom(configuration.limits.keys)
                pending.withLock { pending in
                    if read.status == .decided { pending.keyRooms[event, default: room].note(read.keys) }
                    if isLook {
                        pending.health.looked(event)
                    } else {
                        pending.health.heard(event, confirmation, at: now)
                    }
                }
                if read.status == .again { return call(event, batch) }
                try answer(batch, at: event, read, isDurable: isDurable(outcomes))
            } catch {
                logger.error("A reply of the functions could not be read", metadata: ["error": "\(error)"])
                end(event, failing: batch, .outcomeUnknown)
            }
        case .failure(.refused(let error)) where error.isUnknownFunction:
            // Nothing was done. Somebody flushed the functions, or this is a server that never had them.
            guard attempt < Self.reloads else { return end(event, failing: batch, .suspended(.unreachable)) }
            reload { isLoaded in
                guard isLoaded else { return self.end(event, failing: batch, .suspended(.unreachable)) }
                self.call(event, batch, attempt: attempt + 1)
            }
        case .failure(let failure):
            let now = NIODeadline.now()
            pending.withLock { $0.health.failed(event, SuspensionReason(failure), at: now) }
            noteFailure(failure, isLook: batch.waiting.isEmpty)
            // A function that came to an error may have left half of what it wanted to write.
            if SuspensionReason(failure) == .failing { mendSoon(event) }
            end(event, failing: batch, StoreFailure(failure))
        }
    }

    private func end(_ event: UInt64, failing batch: PendingCommands.Batch, _ failure: StoreFailure) {
        let step = pending.withLock { $0.endCall(for: event) }
        fail(batch.waiting, failure)
        // Nothing was decided, unless that is what nobody knows.
        if failure != .outcomeUnknown { unclaim(batch.waiting) }
        take(step)
    }

    func fail(_ waiting: [PendingCommands.Waiting], _ failure: StoreFailure) {
        var replies = WaitingReplies()
        for one in waiting { replies.add(TicketedReply(ticket: one.ticket, reply: .failed(failure)), for: one.box) }
        replies.deliver()
    }

    /// Hands the outcomes back, and makes the next call.
    private func answer(
        _ batch: PendingCommands.Batch, at event: UInt64, _ reply: CallReply, isDurable: Bool
    ) throws(PackedMistake) {
        var reply = reply
        var replies = WaitingReplies()
        var moved: [(PendingCommands.Waiting, to: Move)] = []
        var found = Findings()
        let isAwaited = configuration.holds == .full || batch.waiting.contains(where: \.isSale)
        var askedAgain: Set<Int> = []
        for (index, waiting) in batch.waiting.enumerated() {
            let outcome =
                reply.status == .noEvent ? .gone : try reply.nextOutcome(ofEvent: event)
            switch outcome {
            case .decided(let outcome):
                found.note(outcome)
                if configuration.waitsForReplicas, !isAwaited, outcome.tellsOfSale {
                    moved.append((waiting, .replicas))
                    askedAgain.insert(index)
                    continue
                }
                if isDurable, case .purchased(_, _, repeated: false) = outcome, let debtor = waiting.owedAt,
                    let name = waiting.claimedName
                {
                    settleDebts(of: [String(name.dropFirst())], at: debtor)
                }
                let isTold = isDurable || !dependsOnReplicas(outcome)
                replies.add(
                    TicketedReply(
                        ticket: waiting.ticket,
                        reply: isTold ? .decided(outcome, at: reply.moment) : .failed(.outcomeUnknown)),
                    for: waiting.box)
            case .gone: moved.append((waiting, .wherever))
            case .unclaimed: moved.append((waiting, .claim))
            }
        }
        var freed = reply.status == .noEvent ? batch.waiting.indices.map { $0 } : []
        while reply.status == .decided, !reply.reader.isAtEnd { freed.append(Int(try reply.reader.short())) }
        // Who is asked again needs its claim still.
        unclaim(
            freed.filter { batch.waiting.indices.contains($0) && !askedAgain.contains($0) }.map { batch.waiting[$0] })
        // Where nothing is held there is nobody whose deadline moved.
        if reply.absorbed > 0, pending.withLock({ $0.directory.entries[event]?.numbers.hasHeld ?? false }) {
            logger.warning(
                "The server's clock jumped, or nobody called for a while; an event's deadlines moved with it",
                metadata: ["event": "\(event)", "absorbed_ms": "\(reply.absorbed)"])
        }
        finish(event, reply, replies, moved, foundNothing: found.isNothing)
    }

    /// Whether an outcome must not be told before the replicas have it.
    private func dependsOnReplicas(_ outcome: Outcome) -> Bool {
        configuration.holds == .full ? outcome.dependsOnFacts : outcome.tellsOfSale
    }

    /// Where the definition is news, it is read before anybody is told of a hold whose numbers only it explains.
    private func finish(
        _ event: UInt64, _ reply: CallReply, _ replies: WaitingReplies, _ moved: [(PendingCommands.Waiting, to: Move)],
        foundNothing: Bool
    ) {
        let now = NIODeadline.now()
        let (isNews, step) = pending.withLock { pending -> (Bool, PendingCommands.Step) in
            let isNews = reply.status == .decided && pending.directory.isNews(reply, at: event)
            if !isNews { pending.directory.take(reply, at: event, received: now) }
            return (isNews, isNews ? .nothing : pending.endCall(for: event, foundNothing: foundNothing))
        }
        guard isNews else {
            take(step)
            replies.deliver()
            for (waiting, other) in moved { move(waiting, from: event, to: other) }
            return
        }
        readDetails([event]) { failure in
            let step = self.pending.withLock { $0.endCall(for: event) }
            self.take(step)
            if failure == nil { replies.deliver() } else { replies.fail(.outcomeUnknown) }
            for (waiting, other) in moved { self.move(waiting, from: event, to: other) }
        }
    }

    /// Where a command goes that was not decided where it was asked.
    enum Move: Sendable {
        /// Its event was removed: to whatever its code leads to by now.
        case wherever
        /// Its claim was given up: it needs another one.
        case claim
        /// It changed nothing, and its answer tells of a purchase: it is asked again with those who wait for replicas.
        case replicas
    }

    func move(_ waiting: PendingCommands.Waiting, from event: UInt64, to move: Move) {
        var waiting = waiting
        waiting.moves += 1
        guard waiting.moves <= 8 else { return fail([waiting], .overloaded) }
        switch move {
        case .wherever:
            waiting.claim = nil
            waiting.countedAt = nil
            findAgain(waiting, insteadOf: event)
        case .claim: claimAgain(waiting, for: event)
        case .replicas:
            waiting.isSale = true
            take(pending.withLock { $0.place(waiting, at: event) })
        }
    }

    // MARK: Looking

    /// Makes a call that only looks and waits for its answer; loads the functions where they are missing. One whose answer
    /// was lost is told as one that could not be made.
    func ask(_ command: RedisCommand, at number: UInt64) async throws(StoreFailure) -> RedisReply {
        try await ask(command, in: String(number))
    }

    /// - Parameters:
    ///   - tag: the hash tag of the command's keys.
    ///   - isDurable: whether the replicas must have what it did.
    func ask(
        _ command: RedisCommand, in tag: String, isDurable: Bool = false
    ) async throws(StoreFailure) -> RedisReply {
        for _ in 0...Self.reloads {
            let outcomes: [RedisClient.Outcome] =
                if isDurable {
                    await withCheckedContinuation { continuation in
                        pipeline(command, in: tag) { continuation.resume(returning: $0) }
                    }
                } else {
                    await client.pipeline([command], for: RedisKey(tag))
                }
            switch outcomes.first ?? .failure(.notSent(.stopping)) {
            case .success where isDurable && !self.isDurable(outcomes): throw .suspended(.replicasMissing)
            case .success(let reply): return reply
            case .failure(.refused(let error)) where error.isUnknownFunction:
                let isLoaded = await withCheckedContinuation { continuation in
                    reload { continuation.resume(returning: $0) }
                }
                guard isLoaded else { throw .suspended(.unreachable) }
            case .failure(let failure):
                let told = StoreFailure(failure)
                noteFailure(failure)
                throw told == .outcomeUnknown ? .suspended(.unreachable) : told
            }
        }
        throw .suspended(.unreachable)
    }

    // MARK: How it stands

    /// - Parameter isLook: nobody waits for the answer; looks go on several times a second, and so would the warnings.
    func noteFailure(_ failure: RedisFailure, isLook: Bool = false) {
        logger.log(level: isLook ? .debug : .warning, "A call to Redis failed", metadata: ["failure": "\(failure)"])
    }

    /// Loads the functions again; nothing that was asked for them was done.
    func reload(_ done: @escaping @Sendable (Bool) -> Void) {
        logger.notice("The functions are not on the server; loading them")
        guard case .functions = calling else {
            return loadScripts(FunctionLibrary.Function.allCases[...], done)
        }
        client.callEachMaster(RedisCommand("FUNCTION", "LOAD", library.text)) { answers in
            // The server that missed them may be well while another one is away: whoever asked asks again, and sees.
            done(answers.contains { Self.isLoaded($0.outcome) })
        }
    }

    private func loadScripts(
        _ left: ArraySlice<FunctionLibrary.Function>, _ done: @escaping @Sendable (Bool) -> Void
    ) {
        guard let function = left.first else { return done(true) }
        client.callEachMaster(RedisCommand("SCRIPT", "LOAD", library.script(function))) { answers in
            guard answers.contains(where: { Self.isLoaded($0.outcome) }) else { return done(false) }
            self.loadScripts(left.dropFirst(), done)
        }
    }
}

/// What a call found for those who wanted to hold.
private struct Findings {
    private var refused = false
    private var held = false

    /// Somebody was refused for want of places, and nobody holds any.
    var isNothing: Bool { refused && !held }

    mutating func note(_ outcome: Outcome) {
        switch outcome {
        case .refused(.soldOut), .refused(.temporarilyHeld): refused = true
        case .held(_, replayed: false): held = true
        default: break
        }
    }
}

extension StoreFailure {
    /// What a caller is told. Only what is certainly undone is told as such.
    init(_ failure: RedisFailure) {
        switch failure {
        case .notSent(.stopping): self = .closing
        case .notSent(.queueFull), .notSent(.tooLarge), .notSent(.timedOut): self = .overloaded
        case .notSent(.notConnected): self = .suspended(.unreachable)
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
            self = error.isCertainlyUndone ? .suspended(.forbidden) : .outcomeUnknown
        }
    }
}
