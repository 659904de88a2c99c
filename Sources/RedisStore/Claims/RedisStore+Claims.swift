internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// In a cluster the events of one payment are on different servers. It is claimed for one event first, where all
// of them meet (`Lua/claims.lua`); a command is decided only with the claim of its own event.

extension RedisStore {
    /// A claim: the event that has a name, and the claim's number.
    private struct Claim {
        var event: UInt64
        var number: UInt64
        /// The debt that another event has for the payment, and which event.
        var owed = UseElsewhere.none
        var owedAt: UInt64?

        init(event: UInt64, number: UInt64) {
            self.event = event
            self.number = number
        }

        init(_ reader: inout PackedReader) throws(PackedMistake) {
            event = try reader.count()
            number = try reader.count()
            guard let owed = UseElsewhere(rawValue: try reader.byte()) else { throw PackedMistake() }
            self.owed = owed
            let debtor = try reader.count()
            owedAt = debtor > 0 ? debtor : nil
        }

        var packed: ByteBuffer {
            var bytes = ByteBuffer()
            bytes.writePacked(event)
            bytes.writePacked(number)
            return bytes
        }
    }

    func claim(_ claimants: [PendingCommands.Claimant], in part: UInt64) {
        var command = library.call(.claim, calling, keys: [keyspace.claims(part)])
        for claimant in claimants {
            command.append(Int(claimant.event))
            command.append(claimant.name)
        }
        let everyone = claimants.map(\.waiting)
        let isSale = everyone.contains(where: \.isSale)
        ask(command, in: Keyspace.tag(ofClaims: part), isSale: isSale, orFail: everyone) { bytes in
            if let bytes {
                var reader = PackedReader(bytes)
                // All of them are read before the first is placed: nobody is to be told twice.
                let claims = try claimants.map { _ in try Claim(&reader) }
                for (claimant, claim) in zip(claimants, claims) { self.take(claimant, claim) }
            }
            self.take(self.pending.withLock { $0.endClaim(in: part) })
        }
    }

    /// Places a command with its claim, or asks the event that has the name for it.
    private func take(_ claimant: PendingCommands.Claimant, _ claim: Claim) {
        guard claim.event == claimant.event else { return askFor(claimant, claim) }
        var waiting = claimant.waiting
        waiting.claim = claim.number
        waiting.countedAt = claim.event
        waiting.elsewhere = claim.owed
        waiting.owedAt = claim.owedAt
        take(pending.withLock { $0.place(waiting, at: claimant.event) })
    }

    /// Takes commands off the claims that they used for nothing, so that nothing stays of what was refused. Nobody waits
    /// for that; where it fails, a claim stays, which its event gives up to any other.
    func unclaim(_ waiting: [PendingCommands.Waiting]) {
        var parts: [UInt64: RedisCommand] = [:]
        for one in waiting {
            guard let name = one.claimedName, let number = one.claim, let event = one.countedAt else { continue }
            let part = keyspace.part(of: name)
            var command = parts[part] ?? library.call(.unclaim, calling, keys: [keyspace.claims(part)])
            command.append(Int(event))
            command.append(Int(number))
            command.append(name)
            parts[part] = command
        }
        for (part, command) in parts {
            client.pipeline([command], for: RedisKey(Keyspace.tag(ofClaims: part))) { outcomes in
                guard case .failure(let failure) = outcomes.first else { return }
                self.logger.debug("A claim was not taken back", metadata: ["failure": "\(failure)"])
            }
        }
    }

    /// Lets the event that owed a payment back know that it bought something in another event. Nobody waits for that; where
    /// it fails, the next look at the claim does it (`dropUnusedClaims`).
    func settleDebts(of payments: [String], at event: UInt64) {
        client.pipeline([settlement(of: payments, at: event)], for: key(of: event)) { outcomes in
            guard case .failure(let failure) = outcomes.first else { return }
            self.logger.debug("A debt was not settled", metadata: ["failure": "\(failure)"])
        }
    }

    private func settlement(of payments: [String], at event: UInt64) -> RedisCommand {
        var command = library.call(.settleDebts, calling, keys: keyspace.keys(of: event))
        command.append(header(for: event))
        for payment in payments { command.append(payment) }
        return command
    }

    /// Asks the event that has the name whether it has used it, and to give it up if not.
    private func askFor(_ claimant: PendingCommands.Claimant, _ claim: Claim) {
        guard claimant.waiting.moves < 8 else { return fail([claimant.waiting], .overloaded) }
        let command = request(toGiveUp: claimant.name, claim.number, of: claim.event)
        ask(command, in: String(claim.event), isSale: claimant.waiting.isSale, orFail: [claimant.waiting]) { bytes in
            guard let bytes else { return }
            var reader = PackedReader(bytes)
            // The moment.
            _ = try (reader.number(), reader.number())
            let answer = try reader.byte()
            guard let use = UseElsewhere(rawValue: answer), use != .notGivenUp else {
                return self.fail([claimant.waiting], .overloaded)
            }
            if use == .bought { return self.placeUsed(claimant) }
            self.reclaim(claimant, claim, owed: use)
        }
    }

    func request(toGiveUp name: String, _ claim: UInt64, of event: UInt64) -> RedisCommand {
        var command = library.call(.giveUp, calling, keys: keyspace.keys(of: event))
        command.append(name)
        command.append(Int(claim))
        command.append(configuration.limits.unconfirmedDebtsKept.inMilliseconds)
        return command
    }

    /// The payment was for a hold of another event.
    private func placeUsed(_ claimant: PendingCommands.Claimant) {
        var waiting = claimant.waiting
        waiting.moves += 1
        waiting.elsewhere = .bought
        take(pending.withLock { $0.place(waiting, at: claimant.event) })
    }

    /// Claims a name that the command's own event gave up. Whoever asked for it may have come no further, and then the
    /// claim is the same as before: a new one takes its place.
    func claimAgain(_ waiting: PendingCommands.Waiting, for event: UInt64) {
        var waiting = waiting
        guard let name = waiting.claimedName, let number = waiting.claim else {
            take(pending.withLock { $0.place(waiting, at: event) })
            return
        }
        waiting.claim = nil
        waiting.countedAt = nil
        reclaim(
            PendingCommands.Claimant(waiting: waiting, name: name, event: event), Claim(event: event, number: number),
            owed: .none)
    }

    /// Takes the name over from an event that gave it up.
    ///
    /// - Parameter owed: the debt that this event has for the payment.
    private func reclaim(_ claimant: PendingCommands.Claimant, _ claim: Claim, owed: UseElsewhere) {
        let part = keyspace.part(of: claimant.name)
        var command = library.call(.reclaim, calling, keys: [keyspace.claims(part)])
        command.append(claimant.name)
        command.append(claim.packed)
        command.append(Int(claimant.event))
        command.append(Int(owed.rawValue))
        let tag = Keyspace.tag(ofClaims: part)
        ask(command, in: tag, isSale: claimant.waiting.isSale, orFail: [claimant.waiting]) { bytes in
            guard let bytes else { return }
            var reader = PackedReader(bytes)
            var claimant = claimant
            claimant.waiting.moves += 1
            self.take(claimant, try Claim(&reader))
        }
    }

    /// Makes a call that decides nothing about anybody: what fails can be asked again.
    ///
    /// - Parameter done: is given the reply, or `nil` after those who wait were told that it failed.
    private func ask(
        _ command: RedisCommand, in tag: String, isSale: Bool, orFail waiting: [PendingCommands.Waiting],
        attempt: Int = 0,
        _ done: @escaping @Sendable (ByteBuffer?) throws -> Void
    ) {
        pipeline(command, in: tag, isSale: isSale) { outcomes in
            do {
                switch outcomes.first ?? .failure(.notSent(.stopping)) {
                case .success(let reply) where self.isDurable(outcomes): try done(reply.bytes())
                case .failure(.refused(let error)) where error.isUnknownFunction && attempt < Self.reloads:
                    self.reload { isLoaded in
                        if isLoaded {
                            return self.ask(
                                command, in: tag, isSale: isSale, orFail: waiting, attempt: attempt + 1, done)
                        }
                        self.fail(waiting, .suspended(.unreachable))
                        try? done(nil)
                    }
                case .failure(let failure):
                    let told = StoreFailure(failure)
                    self.noteFailure(failure)
                    self.fail(waiting, told == .outcomeUnknown ? .suspended(.unreachable) : told)
                    try done(nil)
                case .success:
                    self.fail(waiting, .suspended(.writeFailed))
                    try done(nil)
                }
            } catch {
                self.logger.error("A claim could not be read", metadata: ["error": "\(error)"])
                self.fail(waiting, .outcomeUnknown)
                try? done(nil)
            }
        }
    }
}
