package import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
package import TicketStore

// The parts of an event, seen together and made to fit: what is under way between them ends, all have one definition,
// and where one promises more than it has, places that are free elsewhere go there (`Lua/parts.lua`, `Lua/moving.lua`).

extension RedisStore {
    /// How often parts are looked at before whoever waits is asked to come again: others change them all the time.
    private static let looks = 24

    /// What the parts of an event have together, each read after `since`, when nothing is under way between them and
    /// nothing is to be done about them.
    ///
    /// Parts that do not answer are told as ``JointNumbers/unreached``; nothing is done about the others then.
    func settled(_ event: UInt64, since: NIODeadline) async throws(StoreFailure) -> JointNumbers {
        var outrun: Set<Int> = []
        var isMended = false
        for _ in 0..<Self.looks {
            let joint = await look(at: event, since: since)
            if !joint.unreached.isEmpty { return joint }
            if !joint.isComplete {
                try await catchUp(event)
            } else if !joint.outrun.isEmpty {
                // Read after the others were, and behind them all the same: facts were lost there.
                if !outrun.isDisjoint(with: joint.outrun) {
                    try await mend(joint, event)
                    isMended = true
                }
                outrun = joint.outrun
                for part in outrun { try await count(event + UInt64(part)) }
            } else if let move = joint.underWay.first {
                try await carry([], from: move.from, to: move.to, of: event)
            } else if isMended, let lost = joint.lost {
                try await correct(lost, joint, event)
            } else if let balance = joint.balance {
                try await carry(balance.places, from: balance.from, to: balance.to, of: event)
            } else if joint.mayResume {
                try await resume(joint, event)
            } else {
                return joint
            }
        }
        throw .overloaded
    }

    /// Reads the parts that were not read after `since`, all at once.
    private func look(at event: UInt64, since: NIODeadline) async -> JointNumbers {
        let (parts, old) = foyer.withLock { foyer in
            let parts = foyer.programme.parts(of: event)
            return (parts, parts.filter { foyer.programme.entries[$0]?.numbers.sentAt ?? .distantPast < since })
        }
        let unreached = await withTaskGroup(of: UInt64?.self) { group in
            for number in old {
                group.addTask {
                    do {
                        try await self.count(number)
                        return nil
                    } catch {
                        return number
                    }
                }
            }
            return await group.reduce(into: [UInt64]()) { found, number in
                if let number { found.append(number) }
            }
        }
        var joint = foyer.withLock { $0.programme.joint(event) }
        for number in unreached where parts.contains(number) { joint.drop(Int(number - event)) }
        return joint
    }

    /// Lets all parts have the newest definition that one of them has: the first one's, unless that was lost.
    func catchUp(_ event: UInt64) async throws(StoreFailure) {
        try await details(event)
        let joint = foyer.withLock { $0.programme.joint(event) }
        let source = joint.newest
        let read = RedisCommand(
            "HMGET", keyspace.keys(of: event + UInt64(source))[0], "terms", "document", isRepeatable: true)
        guard let found = try? await ask("read", read, at: event + UInt64(source)).array(), found.count == 2,
            let terms = try? found[0].bytes(), let document = try? found[1].bytes()
        else { throw .suspended(.unreachable) }
        for part in joint.parts.indices where part != source {
            let number = event + UInt64(part)
            var command = arranging("follow", number)
            command.append(terms)
            command.append(document)
            command.append(part)
            var reply: ChangeReply?
            repeat {
                let bytes = try await ask("follow", command, at: number)
                reply = try? ChangeReply(bytes.bytes(), limits: configuration.limits)
            } while reply?.result == .unsettled
            guard let reply, reply.result != .otherEvent else {
                logger.error("A part of an event is something else", metadata: ["event": "\(number)"])
                throw .outcomeUnknown
            }
        }
        try await details(event)
    }

    /// Moves places from one part of an event to another: as many of those wanted as are free there. If a move between
    /// the two is under way, that one is ended instead.
    func carry(_ wanted: [Int], from: Int, to: Int, of event: UInt64) async throws(StoreFailure) {
        guard let move = try await takePlaces(wanted, from: from, to: to, of: event) else { return }
        try await givePlaces(move.places, of: move.number, from: from, to: to, of: event)
        try await closeMove(move.number, from: from, to: to, of: event)
    }

    /// A call of the function that does what nodes do with the parts of an event.
    private func arranging(_ step: String, _ number: UInt64) -> RedisCommand {
        var command = library.call(.arrange, calling, keys: keyspace.keys(of: number))
        command.append(step)
        command.append(configuration.limits.recoveryGrace.inMilliseconds)
        return command
    }

    /// The number of the event, or of the part of one, that gave a hold.
    package static func part(of hold: HoldID) -> UInt64 {
        HoldNumber.split(hold).event
    }

    // MARK: The steps of a move
    //
    // Each may be made by anybody, at any time and any number of times, but for one thing: a move is closed only when
    // somebody has given its places.

    /// Takes places off one part for another.
    ///
    /// - Returns: what is on its way between the two now: these places, fewer of them, or others that still were.
    package func takePlaces(
        _ wanted: [Int], from: Int, to: Int, of event: UInt64
    ) async throws(StoreFailure) -> (number: UInt64, places: [Int])? {
        let source = event + UInt64(from)
        var take = arranging("take", source)
        take.append(to)
        take.append(ByteBuffer(packing: wanted))
        let reply = try await askPart("take", take, at: source)
        return reply.moves.first { $0.part == to && !$0.places.isEmpty }.map { ($0.sent, $0.places) }
    }

    package func givePlaces(
        _ places: [Int], of move: UInt64, from: Int, to: Int, of event: UInt64
    ) async throws(StoreFailure) {
        let target = event + UInt64(to)
        var give = arranging("give", target)
        give.append(from)
        give.append(Int(move))
        give.append(ByteBuffer(packing: places))
        _ = try await askPart("give", give, at: target)
    }

    package func closeMove(_ move: UInt64, from: Int, to: Int, of event: UInt64) async throws(StoreFailure) {
        let source = event + UInt64(from)
        var close = arranging("close", source)
        close.append(to)
        close.append(Int(move))
        _ = try await askPart("close", close, at: source)
    }

    /// Lets pools sell again of which no part promises more than it has.
    private func resume(_ joint: JointNumbers, _ event: UInt64) async throws(StoreFailure) {
        guard let revision = joint.parts.first.flatMap({ $0 })?.reading.revision else { return }
        for part in joint.parts.indices {
            let number = event + UInt64(part)
            var command = arranging("resume", number)
            command.append(Int(revision))
            for pool in joint.resumable { command.append(pool + 1) }
            _ = try await askPart("resume", command, at: number)
        }
    }

    /// Lets parts that lost what others know of moves between them go on from there; one that only was read too early
    /// stays as it is.
    private func mend(_ joint: JointNumbers, _ event: UInt64) async throws(StoreFailure) {
        for part in joint.outrun {
            for other in joint.parts.indices where other != part {
                let number = event + UInt64(part)
                let known = joint.known(of: part, by: other)
                var command = arranging("mend", number)
                for value in [UInt64(other), known.sent, known.received] { command.append(Int(value)) }
                _ = try await askPart("mend", command, at: number)
            }
        }
    }

    /// Gives the first part what all together have too few of, or takes it there: what a move took from one part, or gave
    /// to one, was lost with the facts of that.
    private func correct(_ lost: [Int], _ joint: JointNumbers, _ event: UInt64) async throws(StoreFailure) {
        guard let version = joint.parts.first.flatMap({ $0 })?.numbers.version else { return }
        logger.error(
            "Servers lost facts about an event in parts; its places are set right",
            metadata: ["event": "\(event)", "places": "\(lost)"])
        var command = arranging("correct", event)
        command.append(Int(version))
        command.append(ByteBuffer(packing: lost))
        _ = try await askPart("correct", command, at: event)
    }

    // MARK: Changes

    /// Lets all parts follow a change of the first one, and tells its caller when no part sells by the old one any more.
    func conclude(_ waiting: Foyer.Waiting, _ event: UInt64, _ outcome: Outcome, at moment: Moment) async {
        do {
            try await catchUp(event)
            if case .eventChanged = outcome {
                guard try await settled(event, since: .now()).unreached.isEmpty else {
                    throw StoreFailure.outcomeUnknown
                }
            }
            deliver(outcome, at: moment, to: waiting)
        } catch {
            // It is changed, and all parts will follow: whoever asks again hears so.
            fail([waiting], .outcomeUnknown)
        }
    }

    /// Removes an event in parts: each part promises nothing more until the first one is removed, or the removal has come
    /// to nothing because one of them has sales, or somebody wanted to hold.
    func remove(_ waiting: Foyer.Waiting, _ event: UInt64, _ parts: Int, _ attempt: Int) async {
        let number = UInt64.random(in: 1..<1 << 53)
        do {
            for part in 0..<UInt64(parts) {
                let reply = try await take(
                    .init(number: number, step: .leave), of: waiting, at: event + part, isFirst: part == 0)
                guard reply.result == .changed else {
                    let isRemoved = try await stayOpen(event, parts: event...event + part, of: number)
                    if reply.result == .hasSales, !isRemoved {
                        return deliver(.refused(.eventHasSales), at: reply.moment, to: waiting)
                    }
                    if part > 0, !isRemoved { try await catchUp(event) }
                    return change(waiting, attempt: attempt + 1)
                }
            }
            let reply = try await take(.init(number: number, step: .remove), of: waiting, at: event, isFirst: true)
            guard reply.result == .changed else {
                _ = try await stayOpen(event, parts: event...event + UInt64(parts) - 1, of: number)
                return change(waiting, attempt: attempt + 1)
            }
            let entered = await withCheckedContinuation { continuation in
                enter(event, reply.code, reply.revision, isRemoved: true, parts: parts) {
                    continuation.resume(returning: $0)
                }
            }
            guard entered == .done, case .remove(let code, _) = waiting.command else {
                return fail([waiting], .outcomeUnknown)
            }
            await conclude(waiting, event, .eventRemoved(code), at: reply.moment)
        } catch {
            // Nothing was removed, or it was: whoever asks again hears so.
            fail([waiting], .outcomeUnknown)
        }
    }

    /// One step of a removal at one part.
    private func take(
        _ removal: Removal, of waiting: Foyer.Waiting, at number: UInt64, isFirst: Bool
    ) async throws(StoreFailure) -> ChangeReply {
        guard case .remove(let code, let expecting) = waiting.command,
            let asked = ChangeWriter.write(
                .remove(event: code, expecting: isFirst ? expecting : nil), revision: 0, mistakes: [],
                limits: configuration.limits, removal: removal)
        else { throw .outcomeUnknown }
        var command = library.call(.change, calling, keys: keyspace.keys(of: number))
        command.append(asked)
        command.append("")
        command.append(removal.step == .remove ? waiting.note.map(CommandWriter.packed) ?? ByteBuffer() : ByteBuffer())
        while true {
            let bytes = try await ask(removal.step.rawValue, command, at: number)
            guard let reply = try? ChangeReply(bytes.bytes(), limits: configuration.limits) else {
                throw .outcomeUnknown
            }
            if reply.result != .unsettled { return reply }
        }
    }

    /// Lets parts promise again that wait for a removal, unless the event is removed by now, by this or by another one.
    ///
    /// The first part ends whatever removal it waits for, before any other one promises again: it must not be removed behind
    /// them.
    ///
    /// - Returns: whether the event is removed.
    private func stayOpen(
        _ event: UInt64, parts: ClosedRange<UInt64>, of removal: UInt64
    ) async throws(StoreFailure) -> Bool {
        if try await stay(0, at: event).isRemoved {
            try await catchUp(event)
            return true
        }
        for part in parts where part != event { try await stay(removal, at: part) }
        return false
    }

    /// Lets a part promise again that waits for the removal with this number; 0 for any.
    @discardableResult
    private func stay(_ removal: UInt64, at number: UInt64) async throws(StoreFailure) -> ChangeReply {
        var command = arranging("stay", number)
        command.append(Int(removal))
        let bytes = try await ask("stay", command, at: number)
        guard let reply = try? ChangeReply(bytes.bytes(), limits: configuration.limits) else { throw .outcomeUnknown }
        return reply
    }

    /// Settles whether an event is removed, for a command that met the removal at a part. Until the first part is removed
    /// nothing is, and whoever wants to hold comes before.
    func settle(_ waiting: Foyer.Waiting, at number: UInt64, _ removal: UInt64) async {
        let event = foyer.withLock { $0.programme.event(of: number) }
        do {
            _ = try await stayOpen(event, parts: number...number, of: removal)
            take(foyer.withLock { $0.place(waiting, at: number) })
        } catch {
            fail([waiting], error == .outcomeUnknown ? .suspended(.unreachable) : error)
        }
    }
}

extension ByteBuffer {
    /// Places of each pool as the functions read them.
    fileprivate init(packing places: [Int]) {
        self.init()
        for quantity in places { writePacked(Double(quantity)) }
    }
}
