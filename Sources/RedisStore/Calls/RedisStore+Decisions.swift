internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import TicketStore

// The calls that decide: sent, read, and their outcomes handed back. Everything here runs for each batch, on the
// client's event loop, with callbacks.

extension RedisStore {
    /// How long a trial waits for replicas where it must not hold up other calls.
    private static let trialPatience: Duration = .milliseconds(100)

    /// Does what the pending commands say is to be done.
    func carryOut(_ action: PendingCommands.Action) {
        switch action {
        case .nothing: break
        case .refuse: preconditionFailure("only a command that comes in is refused, by `submit`")
        case .call(let event, let batch): call(event, batch)
        case .claim(let slot, let requests): caller.perform { await self.claim(requests, in: slot) }
        case .rest(let event, let until):
            client.eventLoop.scheduleTask(deadline: until) {
                self.carryOut(self.state.withLock { $0.pending.endRest(of: event) })
            }
        case .readList: caller.perform { await self.readList() }
        }
    }

    private func call(_ event: EventNumber, _ batch: CommandBatch) {
        let now = NIODeadline.now()
        let (entry, waitsShortly) = state.withLock { state in
            state.health.asked(event, at: now)
            let entry = state.directory.entries[event].map { (keys: $0.keys, version: $0.numbers.version) }
            return (entry, batch.isTrial && state.health.waitsShortly(event))
        }
        let keys = entry?.keys ?? keyspace.keys(of: event)
        let command = caller.decision(
            on: event, keys, known: entry?.version, limits: configuration.limits, batch: batch.bytes,
            isTrial: batch.isTrial)
        caller.call(command, to: keys.route, acknowledgedWithin: patience(batch, isShort: waitsShortly)) { answer in
            self.receive(answer, event, batch, askedAt: now)
        }
    }

    /// How long the replicas have for a batch; `nil` if its answers do not wait for them.
    private func patience(_ batch: CommandBatch, isShort: Bool) -> Duration? {
        guard let patience = caller.patience else { return nil }
        if batch.isTrial { return isShort ? min(patience, Self.trialPatience) : patience }
        // No caller relies on what a look sees, and it must not hold up the calls behind it.
        if batch.isLook { return nil }
        return configuration.holds == .full || batch.hasSale ? patience : nil
    }

    private func receive(
        _ answer: FunctionCaller.Answer, _ event: EventNumber, _ batch: CommandBatch, askedAt: NIODeadline
    ) {
        let now = NIODeadline.now()
        switch answer.outcome {
        case .success(let reply):
            do {
                let read = try CallReply(reply.bytes())
                let room = KeyRoom(configuration.limits.keys)
                state.withLock { state in
                    if let keys = read.keys { state.keyRooms[event, default: room].note(keys) }
                    if batch.isLook {
                        state.health.looked(event)
                    } else {
                        state.health.heard(event, answer.acknowledgement, at: now)
                        state.calls.add(nanoseconds: (now - askedAt).nanoseconds)
                        state.batches.add(batch.commands.count)
                    }
                }
                if read.status == .again { return call(event, batch) }
                try hand(batch, of: event, read, isAcknowledged: answer.acknowledgement.allowsAnswer)
            } catch {
                logger.error("A reply of the Redis functions could not be read", metadata: ["error": "\(error)"])
                end(event, failing: batch, .outcomeUnknown)
            }
        case .failure(let failure):
            let reason = SuspensionReason(failure)
            state.withLock { $0.health.failed(event, reason, at: now) }
            caller.note(failure, isLook: batch.commands.isEmpty)
            // A function that ended with an error may have left half of what it wanted to write.
            if reason == .failing { recounts.countSoon(event) }
            end(event, failing: batch, StoreFailure(failure))
        }
    }

    private func end(_ event: EventNumber, failing batch: CommandBatch, _ failure: StoreFailure) {
        let action = state.withLock { $0.pending.endCall(for: event, at: .now()) }
        fail(batch.commands, failure)
        // Nothing was decided, unless that is what nobody knows.
        if failure != .outcomeUnknown { claims.release(batch.commands) }
        carryOut(action)
    }

    func fail(_ commands: [PendingCommand], _ failure: StoreFailure) {
        var replies = WaitingReplies()
        for pending in commands {
            replies.add(TicketedReply(ticket: pending.ticket, reply: .failed(failure)), for: pending.sink)
        }
        replies.deliver()
    }

    // MARK: Handing outcomes back

    /// Commands of a batch that were not decided where they were sent, or whose answers must not leave yet.
    private struct Undecided {
        /// Their event was removed: their code may lead to another one by now.
        var gone: [PendingCommand] = []
        /// Their event gave their claim up.
        var unclaimed: [PendingCommand] = []
        /// They changed nothing, and their answers report a sale: they are sent again, and then wait for the replicas.
        var unacknowledged: [PendingCommand] = []
    }

    private func hand(
        _ batch: CommandBatch, of event: EventNumber, _ reply: CallReply, isAcknowledged: Bool
    ) throws(PackedMistake) {
        var reply = reply
        var replies = WaitingReplies()
        var undecided = Undecided()
        var findings = Findings()
        let wasAwaited = caller.patience == nil || configuration.holds == .full || batch.hasSale
        var isAskedAgain: Set<Int> = []
        for (index, pending) in batch.commands.enumerated() {
            switch reply.status == .noEvent ? .gone : try reply.nextOutcome(of: event) {
            case .decided(let outcome):
                findings.note(outcome)
                if !wasAwaited, outcome.tellsOfSale {
                    undecided.unacknowledged.append(pending)
                    isAskedAgain.insert(index)
                    continue
                }
                if isAcknowledged, case .purchased(_, _, repeated: false) = outcome { settleDebt(of: pending) }
                if case .erased(_, repeated: false) = outcome { eraseElsewhere(of: pending) }
                let mayLeave = isAcknowledged || !dependsOnReplicas(outcome)
                replies.add(
                    TicketedReply(
                        ticket: pending.ticket,
                        reply: mayLeave ? .decided(outcome, at: reply.moment) : .failed(.outcomeUnknown)),
                    for: pending.sink)
            case .gone: undecided.gone.append(pending)
            case .unclaimed: undecided.unclaimed.append(pending)
            }
        }
        var unused = reply.status == .noEvent ? Array(batch.commands.indices) : []
        while reply.status == .decided, !reply.reader.isAtEnd { unused.append(Int(try reply.reader.short())) }
        // A command that is asked again still needs its claim.
        claims.release(
            unused.filter { batch.commands.indices.contains($0) && !isAskedAgain.contains($0) }
                .map { batch.commands[$0] })
        // Where nothing is held, no deadline moved.
        if reply.absorbed > 0, state.withLock({ $0.directory.entries[event]?.numbers.hasHeld ?? false }) {
            logger.warning(
                "The Redis server's clock jumped, or no node called for a while; the event's deadlines moved with it",
                metadata: ["event": "\(event)", "absorbed_ms": "\(reply.absorbed)"])
        }
        finish(event, reply, replies, undecided, foundNothing: findings.isNothing)
    }

    /// Tells the event that owed a command's payment back that the payment bought something in another event.
    private func settleDebt(of pending: PendingCommand) {
        guard let debtor = pending.claim?.debtor, case .purchase(_, let payment?, _) = pending.command else { return }
        claims.settleDebts(of: [payment.text], at: debtor)
    }

    /// Claims have their payments in their names, and other events may have them in their lists of debts.
    private func eraseElsewhere(of pending: PendingCommand) {
        guard case .erase(let request) = pending.command, !request.isTrial else { return }
        if keyspace.isCluster { claims.erase(request.references) }
        state.withLock { $0.mayHaveErasedDebts = true }
    }

    /// Whether an outcome must not leave before the replicas have it.
    private func dependsOnReplicas(_ outcome: Outcome) -> Bool {
        if case .queue = outcome { return outcome.dependsOnFacts }
        return configuration.holds == .full ? outcome.dependsOnFacts : outcome.tellsOfSale
    }

    /// Ends the call. A definition that is new here is read before the replies leave, since only it explains their
    /// numbers.
    private func finish(
        _ event: EventNumber, _ reply: CallReply, _ replies: WaitingReplies, _ undecided: Undecided,
        foundNothing: Bool
    ) {
        let now = NIODeadline.now()
        let action = state.withLock { state -> PendingCommands.Action? in
            if reply.status == .decided, state.directory.isNews(reply, at: event) { return nil }
            state.directory.take(reply, at: event, received: now)
            return state.pending.endCall(for: event, foundNothing: foundNothing, at: now)
        }
        if let action {
            carryOut(action)
            replies.deliver()
            return move(undecided, from: event)
        }
        caller.perform {
            let isRead = (try? await self.reader.readDetails(of: event)) != nil
            self.carryOut(self.state.withLock { $0.pending.endCall(for: event, at: .now()) })
            if isRead { replies.deliver() } else { replies.fail(.outcomeUnknown) }
            self.move(undecided, from: event)
        }
    }

    // MARK: Moving on

    private func move(_ undecided: Undecided, from event: EventNumber) {
        for var pending in movable(undecided.unacknowledged) {
            pending.isSale = true
            add(pending, for: event)
        }
        for pending in movable(undecided.unclaimed) { caller.perform { await self.claimAgain(pending, for: event) } }
        let gone = movable(undecided.gone)
        guard !gone.isEmpty else { return }
        caller.perform {
            await self.reader.confirmRemoval(of: event)
            for var pending in gone {
                pending.claim = nil
                self.carryOut(self.state.withLock { [pending] in $0.pending.addUnrouted(pending) })
            }
        }
    }

    /// Counts a move of each command; refuses the commands that moved too often.
    private func movable(_ commands: [PendingCommand]) -> [PendingCommand] {
        var commands = commands
        for index in commands.indices { commands[index].moves += 1 }
        let split = commands.partition { $0.moves > PendingCommand.mostMoves }
        if split < commands.count { fail(Array(commands[split...]), .overloaded) }
        return Array(commands[..<split])
    }

    // MARK: Claims

    private func claim(_ requests: [ClaimRequest], in slot: ClaimSlot) async {
        do throws(StoreFailure) {
            for (request, claim) in zip(requests, try await claims.claim(requests, in: slot)) {
                var pending = request.command
                if claim.event == request.event {
                    pending.take(claim)
                    add(pending, for: request.event)
                } else {
                    caller.perform { await self.obtain(request, found: claim) }
                }
            }
        } catch {
            fail(requests.map(\.command), error)
        }
        carryOut(state.withLock { $0.pending.endClaim(in: slot) })
    }

    private func obtain(_ request: ClaimRequest, found claim: Claim) async {
        do throws(StoreFailure) {
            add(try await claims.obtain(request, found: claim), for: request.event)
        } catch {
            fail([request.command], error)
        }
    }

    private func claimAgain(_ pending: PendingCommand, for event: EventNumber) async {
        do throws(StoreFailure) {
            add(try await claims.renew(pending, for: event), for: event)
        } catch {
            fail([pending], error)
        }
    }

    private func add(_ pending: PendingCommand, for event: EventNumber) {
        carryOut(state.withLock { $0.pending.add(pending, for: event) })
    }

    // MARK: The list of events

    /// Reads the list of events, then sends the commands on that waited for it. A command whose event the list does not
    /// have leads to the event by the number of its hold.
    private func readList() async {
        let unrouted = state.withLock { $0.pending.takeUnrouted() }
        do throws(StoreFailure) {
            let moment = try await reader.readList()
            let unknown = state.withLock { state in
                Set(unrouted.compactMap { state.directory.unknownEvent(of: $0.command) })
            }
            for event in unknown.sorted() { try await reader.find(event) }
            route(unrouted, at: moment)
        } catch {
            fail(unrouted, error)
        }
        carryOut(state.withLock { $0.pending.endReading() })
    }

    private func route(_ commands: [PendingCommand], at moment: Moment) {
        var replies = WaitingReplies()
        for pending in commands {
            if let action = state.withLock({ $0.route(pending) }) {
                carryOut(action)
            } else {
                let refusal: Refusal = pending.command.hold == nil ? .unknownEvent : .unknownHold
                replies.add(
                    TicketedReply(ticket: pending.ticket, reply: .decided(.refused(refusal), at: moment)),
                    for: pending.sink)
            }
        }
        replies.deliver()
    }
}

/// What a call found for its holds.
private struct Findings {
    private var refused = false
    private var held = false

    /// A hold was refused because there were no places, and no hold got any.
    var isNothing: Bool { refused && !held }

    mutating func note(_ outcome: Outcome) {
        switch outcome {
        case .refused(.soldOut), .refused(.temporarilyHeld): refused = true
        case .held(_, replayed: false): held = true
        default: break
        }
    }
}
