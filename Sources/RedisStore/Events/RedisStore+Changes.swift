internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import StrictJSON
internal import Synchronization
internal import TicketStore

// Operators' changes of events. The event itself decides, beside its numbers; the list of events, which in a cluster is
// elsewhere, gives a new event its number and every definition its place in their count, and is told afterwards.
//
// No lock is held in between. Whoever finds that another node was faster tells the list what that one did, in case it
// came no further, and begins again.

extension RedisStore {
    /// How often a change begins again before its caller is asked to.
    private static let attempts = 16
    /// Holds whose buyers one call counts: some milliseconds of the server.
    private static let holdsCounted = 500

    func change(_ waiting: PendingCommands.Waiting) {
        change(waiting, attempt: 1)
    }

    func change(_ waiting: PendingCommands.Waiting, attempt: Int) {
        guard let code = waiting.command.changedEvent else { return }
        guard attempt <= Self.attempts else { return fail([waiting], .overloaded) }
        var command = library.call(.lookUp, calling, keys: [keyspace.events])
        command.append(code.text)
        client.call(command, for: RedisKey("events")) { outcome in
            switch outcome {
            case .success(let reply):
                do {
                    let place = try Place(reply.bytes())
                    try self.change(waiting, code, place, attempt)
                } catch {
                    self.logger.error(
                        "A place in the list of events could not be read", metadata: ["error": "\(error)"])
                    self.fail([waiting], .suspended(.unreachable))
                }
            case .failure(.refused(let error)) where error.isUnknownFunction:
                self.loadAndChange(waiting, attempt: attempt + 1)
            case .failure(let failure):
                let told = StoreFailure(failure)
                self.noteFailure(failure)
                // Only a look was lost.
                self.fail([waiting], told == .outcomeUnknown ? .suspended(.unreachable) : told)
            }
        }
    }

    /// Where an event is in the list.
    private struct Place {
        var moment: Moment
        /// 0 if it is not there.
        var number: UInt64
        /// The number of the next new one.
        var next: UInt64
        /// Definitions so far.
        var count: UInt64

        init(_ bytes: ByteBuffer) throws(PackedMistake) {
            var reader = PackedReader(bytes)
            let ticks = try reader.number()
            let wall = try reader.number()
            moment = Moment(
                office: Timestamp(milliseconds: Int64(ticks)), wall: WallTime(milliseconds: Int64(wall)))
            number = try reader.count()
            next = try reader.count()
            count = try reader.count()
        }
    }

    private func change(_ waiting: PendingCommands.Waiting, _ code: Code, _ place: Place, _ attempt: Int) throws {
        if place.number == 0 {
            if let known = pending.withLock({ $0.directory.number(of: code) }) {
                // Another node removed it, or the list lost it.
                if waiting.lookedFor != known { return changeUnlisted(waiting, known, attempt) }
                // It lost its removal, which the list knows of.
                pending.withLock { $0.directory.hide(known) }
            }
            if case .define(_, _, let revision?) = waiting.command, revision > 0 {
                return deliver(.refused(.revisionMismatch(revision: 0)), at: place.moment, to: waiting)
            }
        }
        var mistakes: [Mistake] = []
        var document: [UInt8] = []
        if case .define(let definition, _, _) = waiting.command {
            mistakes = definition.mistakes(limits: configuration.limits)
            let most = min(UInt64(configuration.limits.events), HoldNumber.mostEvents)
            if place.number == 0, place.next > most {
                mistakes.append(Mistake("/id", "would be more than \(most) events, counting removed ones"))
            }
            document = EventDocument.write(definition, layout: .compact)
        } else if place.number == 0 {
            return deliver(.refused(.unknownEvent), at: place.moment, to: waiting)
        }
        let number = place.number == 0 ? place.next : place.number
        guard
            let asked = ChangeWriter.write(
                waiting.command, revision: place.count + 1, mistakes: mistakes, limits: configuration.limits)
        else { return }
        var command = library.call(
            .change, calling, keys: keyspace.keys(of: number), capacity: 1_024 + asked.count + document.count)
        command.append(asked)
        command.append(document)
        command.append(waiting.note.map(CommandWriter.packed) ?? ByteBuffer())
        pipeline(command, in: String(number)) { [mistakes] outcomes in
            switch outcomes.first ?? .failure(.notSent(.stopping)) {
            case .success(let reply):
                do {
                    let read = try ChangeReply(reply.bytes(), limits: self.configuration.limits)
                    self.finish(
                        waiting, code, number, read, mistakes, attempt, isDurable: self.isDurable(outcomes))
                } catch {
                    self.logger.error("A reply to a change could not be read", metadata: ["error": "\(error)"])
                    self.fail([waiting], .outcomeUnknown)
                }
            case .failure(.refused(let error)) where error.isUnknownFunction:
                self.loadAndChange(waiting, attempt: attempt + 1)
            case .failure(let failure):
                let told = StoreFailure(failure)
                self.noteFailure(failure)
                self.fail([waiting], told)
            }
        }
    }

    /// Looks at an event that is known here under the code, and not in the list, and begins again.
    private func changeUnlisted(_ waiting: PendingCommands.Waiting, _ known: UInt64, _ attempt: Int) {
        find([known]) { failure in
            if let failure { return self.fail([waiting], failure) }
            var waiting = waiting
            waiting.lookedFor = known
            self.change(waiting, attempt: attempt + 1)
        }
    }

    /// The functions were not on the server, so nothing was done: loads them, and begins again.
    private func loadAndChange(_ waiting: PendingCommands.Waiting, attempt: Int) {
        reload { isLoaded in
            if !isLoaded { return self.fail([waiting], .suspended(.unreachable)) }
            self.change(waiting, attempt: attempt)
        }
    }

    private func finish(
        _ waiting: PendingCommands.Waiting, _ code: Code, _ number: UInt64, _ reply: ChangeReply, _ mistakes: [Mistake],
        _ attempt: Int, isDurable: Bool
    ) {
        switch reply.result {
        case .unsettled: change(waiting, attempt: attempt)
        case .uncounted: countBuyers(of: number, for: waiting, attempt)
        case .stale, .gone, .otherEvent:
            // Another node was faster, and may not have told the list.
            enter(number, reply.code, reply.revision, isRemoved: reply.isRemoved) { _ in
                self.change(waiting, attempt: attempt + 1)
            }
        case .revisionMismatch where !isDurable: fail([waiting], .outcomeUnknown)
        case .revisionMismatch:
            // Whoever made it may not have told the list.
            enter(number, reply.code, reply.revision, isRemoved: reply.isRemoved) { entered in
                switch entered {
                case .done: self.refuse(waiting, revision: reply.revision, of: number, at: reply.moment)
                case .otherLeads: self.change(waiting, attempt: attempt + 1)
                case .unknown: self.fail([waiting], .suspended(.unreachable))
                }
            }
        case .invalid:
            deliver(.refused(.invalid(mistakes + reply.obstacles)), at: reply.moment, to: waiting)
        case .hasSales where !isDurable, .hasDebts where !isDurable: fail([waiting], .outcomeUnknown)
        case .hasSales: deliver(.refused(.eventHasSales), at: reply.moment, to: waiting)
        case .hasDebts: deliver(.refused(.eventHasDebts), at: reply.moment, to: waiting)
        case .changed, .unchanged:
            enter(number, code.text, reply.revision, isRemoved: reply.isRemoved) { entered in
                if entered == .otherLeads { return self.change(waiting, attempt: attempt + 1) }
                guard entered == .done, isDurable else { return self.fail([waiting], .outcomeUnknown) }
                self.readDetails([number]) { failure in
                    guard failure == nil else { return self.fail([waiting], .outcomeUnknown) }
                    let outcome: Outcome =
                        reply.isRemoved ? .eventRemoved(code) : .eventChanged(code, revision: reply.revision)
                    self.deliver(outcome, at: reply.moment, to: waiting)
                }
            }
        }
    }

    /// Counts what buyers have of an event before it limits that, some holds a call, and begins the change again.
    private func countBuyers(of number: UInt64, for waiting: PendingCommands.Waiting, _ attempt: Int) {
        var command = library.call(.countBuyers, calling, keys: keyspace.keys(of: number))
        command.append(Self.holdsCounted)
        command.append(configuration.limits.recoveryGrace.inMilliseconds)
        pipeline(command, in: String(number)) { outcomes in
            switch outcomes.first ?? .failure(.notSent(.stopping)) {
            case .success(let reply):
                guard self.isDurable(outcomes), let isCounted = try? reply.integer() else {
                    return self.fail([waiting], .suspended(.writeFailed))
                }
                if isCounted == 1 { return self.change(waiting, attempt: attempt + 1) }
                self.countBuyers(of: number, for: waiting, attempt)
            case .failure(.refused(let error)) where error.isUnknownFunction:
                self.loadAndChange(waiting, attempt: attempt + 1)
            case .failure(let failure):
                let told = StoreFailure(failure)
                self.noteFailure(failure)
                // The change itself was not made.
                self.fail([waiting], told == .outcomeUnknown ? .suspended(.unreachable) : told)
            }
        }
    }

    /// Says which revision the event has. Whoever asked looks at what there is now, and asks again: it must be here by then.
    private func refuse(_ waiting: PendingCommands.Waiting, revision: UInt64, of number: UInt64, at moment: Moment) {
        readDetails(revision > 0 ? [number] : []) { _ in
            self.deliver(.refused(.revisionMismatch(revision: revision)), at: moment, to: waiting)
        }
    }

    func deliver(_ outcome: Outcome, at moment: Moment, to waiting: PendingCommands.Waiting) {
        waiting.box.deliver([TicketedReply(ticket: waiting.ticket, reply: .decided(outcome, at: moment))])
    }

    /// What came of telling the list of events.
    enum Entered {
        case done
        /// It is a new event, and the code is another one's: a node that made that at the same time was faster.
        case otherLeads
        case unknown
    }

    /// Tells the list of events what became of one. May be told again, late, and in any order.
    func enter(
        _ number: UInt64, _ code: String, _ revision: UInt64, isRemoved: Bool,
        _ done: @escaping @Sendable (Entered) -> Void
    ) {
        // An event that never came to be is nothing to tell of.
        guard revision > 0 else { return done(.done) }
        var command = library.call(.enter, calling, keys: [keyspace.events])
        command.append(Int(number))
        command.append(code)
        command.append(Int(revision))
        command.append(isRemoved ? 1 : 0)
        pipeline(command, in: "events") { outcomes in
            guard case .success(let reply) = outcomes.first, let told = try? reply.integer(), self.isDurable(outcomes)
            else { return done(.unknown) }
            done(told == Int64(EnterReply.otherLeads.rawValue) ? .otherLeads : .done)
        }
    }
}

extension Command {
    /// The event that an operator changes.
    fileprivate var changedEvent: Code? {
        switch self {
        case .define(let definition, _, _): definition.id
        case .pause(let code), .resume(let code), .remove(let code, _): code
        case .hold, .extend, .release, .purchase, .returnPurchase, .payBack, .look: nil
        }
    }
}
