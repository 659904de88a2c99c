internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import StrictJSON
internal import TicketStore

/// Operators' changes of events.
///
/// The event itself decides, beside its numbers. The list of events, which in a cluster is on another server, gives a
/// new event its number and every definition its revision, and learns the result afterwards. Nothing is locked in
/// between. If another node was faster, the change enters that node's result in the list, in case the node failed
/// before it could, and begins again.
struct EventChanges: Sendable {
    /// How often a change begins again before it is refused as overload.
    private static let attempts = 16
    /// Holds whose buyers one call counts: some milliseconds of the server.
    private static let holdsCounted = 500

    let reader: EventReader
    let caller: FunctionCaller
    let keyspace: Keyspace
    let limits: Limits
    let state: SharedState

    /// What came of one attempt.
    private enum Attempt {
        case reply(StoreReply)
        case again
    }

    /// A change on its way.
    private struct Change {
        let command: Command
        let code: Code
        let note: AuditNote?
        /// The event that this node knows under the code, that the list does not have, and that was read because of
        /// that.
        var found: EventNumber?
    }

    /// - Precondition: the command is an operator's change of an event.
    func perform(_ command: Command, note: AuditNote?) async -> StoreReply {
        guard let code = command.changedEvent else { preconditionFailure("only changes of events come here") }
        var change = Change(command: command, code: code, note: note)
        do throws(StoreFailure) {
            for _ in 1...Self.attempts {
                if case .reply(let reply) = try await attempt(&change) { return reply }
            }
            return .failed(.overloaded)
        } catch {
            return .failed(error)
        }
    }

    private func attempt(_ change: inout Change) async throws(StoreFailure) -> Attempt {
        var lookUp = caller.command(.lookUp, keys: [keyspace.events])
        lookUp.append(change.code.text)
        let reply = try await caller.ask(lookUp, to: keyspace.eventsRoute)
        let listing = try caller.read(reply, orThrow: .suspended(.unreachable)) { try EventListing($0) }
        if listing.number == nil {
            if let known = state.withLock({ $0.directory.number(of: change.code) }) {
                guard change.found == known else {
                    // Another node removed it, or the list lost it.
                    try await reader.find(known)
                    change.found = known
                    return .again
                }
                // The event lost its removal, which the list knows of.
                state.withLock { $0.directory.hide(known) }
            }
            if case .define(_, _, let revision?) = change.command, revision > 0 {
                return .reply(.decided(.refused(.revisionMismatch(revision: 0)), at: listing.moment))
            }
        }
        return try await decide(change, listing)
    }

    private func decide(_ change: Change, _ listing: EventListing) async throws(StoreFailure) -> Attempt {
        var mistakes: [Mistake] = []
        var document: [UInt8] = []
        if case .define(let definition, _, _) = change.command {
            mistakes = definition.mistakes(limits: limits)
            let most = min(UInt64(limits.events), EventNumber.last)
            if listing.number == nil, listing.next.value > most {
                mistakes.append(.events(most: Int(most)))
            }
            document = EventDocument.write(definition, layout: .compact)
        } else if listing.number == nil {
            return .reply(.decided(.refused(.unknownEvent), at: listing.moment))
        }
        let event = listing.number ?? listing.next
        guard
            let asked = ChangeWriter.write(
                change.command, revision: listing.count + 1, mistakes: mistakes, limits: limits)
        else { preconditionFailure("only changes of events come here") }
        let keys = keyspace.keys(of: event)
        var command = caller.command(.change, keys: keys.all, capacity: 1_024 + asked.count + document.count)
        command.append(asked)
        command.append(document)
        command.append(change.note.map(CommandWriter.packed) ?? ByteBuffer())
        while true {
            let answer = await caller.call(command, to: keys.route, acknowledgedWithin: caller.patience)
            switch answer.outcome {
            case .success(let reply):
                let read = try caller.read(reply, orThrow: .outcomeUnknown) { try ChangeReply($0, limits: limits) }
                if read.result == .unsettled { continue }
                return try await finish(
                    change, event, read, mistakes, isAcknowledged: answer.acknowledgement.allowsAnswer)
            case .failure(let failure):
                caller.note(failure)
                throw StoreFailure(failure)
            }
        }
    }

    private func finish(
        _ change: Change, _ event: EventNumber, _ reply: ChangeReply, _ mistakes: [Mistake], isAcknowledged: Bool
    ) async throws(StoreFailure) -> Attempt {
        func refused(_ refusal: Refusal) -> Attempt { .reply(.decided(.refused(refusal), at: reply.moment)) }
        switch reply.result {
        case .unsettled: return .again
        case .uncounted:
            try await countBuyers(of: event)
            return .again
        case .stale, .gone, .otherEvent:
            // Another node was faster, and may have failed before it entered its change in the list.
            _ = await reader.enter(event, reply.code, reply.revision, isRemoved: reply.isRemoved)
            return .again
        case .invalid: return refused(.invalid(mistakes + reply.obstacles))
        case .changed, .unchanged: return try await enter(change, event, reply, isAcknowledged: isAcknowledged)
        case .revisionMismatch, .hasSales, .hasDebts, .final:
            guard isAcknowledged else { throw .outcomeUnknown }
        }
        switch reply.result {
        case .hasSales: return refused(.eventHasSales)
        case .hasDebts: return refused(.eventHasDebts)
        case .final: return refused(.cancellationFinal)
        default: break
        }
        // The node that made that revision may have failed before it entered it in the list.
        switch await reader.enter(event, reply.code, reply.revision, isRemoved: reply.isRemoved) {
        case .otherLeads: return .again
        case .unknown: throw .suspended(.unreachable)
        case .done: break
        }
        // The caller now reads what there is, and asks again: this node must know it by then.
        if reply.revision > 0 { try? await reader.readDetails(of: event) }
        return refused(.revisionMismatch(revision: reply.revision))
    }

    /// Enters in the list a change that the event took.
    private func enter(
        _ change: Change, _ event: EventNumber, _ reply: ChangeReply, isAcknowledged: Bool
    ) async throws(StoreFailure) -> Attempt {
        switch await reader.enter(event, change.code.text, reply.revision, isRemoved: reply.isRemoved) {
        case .otherLeads: return .again
        case .done where isAcknowledged: break
        case .done, .unknown: throw .outcomeUnknown
        }
        do {
            try await reader.readDetails(of: event)
        } catch {
            throw .outcomeUnknown
        }
        let outcome: Outcome =
            reply.isRemoved ? .eventRemoved(change.code) : .eventChanged(change.code, revision: reply.revision)
        return .reply(.decided(outcome, at: reply.moment))
    }

    /// Counts what buyers have of an event that gets its first limit per buyer, some holds a call.
    private func countBuyers(of event: EventNumber) async throws(StoreFailure) {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.countBuyers, keys: keys.all)
        command.append(Self.holdsCounted)
        command.append(limits.recoveryGrace.inMilliseconds)
        while true {
            let reply = try await caller.ask(command, to: keys.route, acknowledgedWithin: caller.patience)
            guard let isCounted = try? reply.integer() else { throw .suspended(.writeFailed) }
            if isCounted == 1 { return }
        }
    }
}
