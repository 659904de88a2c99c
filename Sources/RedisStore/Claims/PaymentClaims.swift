internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import TicketStore

/// Claims of payments, in a cluster (`Lua/claims.lua`).
///
/// There the events that might use one payment are on different servers. So the payment is claimed for one event first,
/// in a slot that follows from its name and is the same for all events. A command is decided only with the claim of its
/// own event.
struct PaymentClaims: Sendable {
    let caller: FunctionCaller
    let keyspace: Keyspace
    let limits: Limits
    /// Under which erased payments get their names.
    let secret: [UInt8]
    let logger: Logger

    /// The name under which a payment is claimed.
    static func name(of payment: PaymentReference) -> String { "p" + payment.text }

    /// Claims names, all in one slot.
    ///
    /// - Returns: the claims as they are now, in the same order. Each may belong to another event.
    func claim(_ requests: [ClaimRequest], in slot: ClaimSlot) async throws(StoreFailure) -> [Claim] {
        var command = caller.command(.claim, keys: [keyspace.claims(slot)])
        for request in requests {
            command.append(Int(request.event.value))
            command.append(request.name)
        }
        let reply = try await ask(command, to: keyspace.route(to: slot))
        return try caller.read(reply, orThrow: .outcomeUnknown) { bytes in
            var reader = PackedReader(bytes)
            return try requests.map { _ in try reader.claim() }
        }
    }

    /// Obtains the claim of a command's payment for its event.
    ///
    /// - Parameter claim: the claim as it was found.
    /// - Returns: the command with its claim, or with the note that its payment bought a hold of another event.
    func obtain(_ request: ClaimRequest, found claim: Claim) async throws(StoreFailure) -> PendingCommand {
        var command = request.command
        var claim = claim
        while claim.event != request.event {
            guard command.moves < PendingCommand.mostMoves else { throw .overloaded }
            let use = try await giveUp(request.name, claim)
            switch use {
            case .notGivenUp: throw .overloaded
            case .bought:
                command.moves += 1
                command.elsewhere = .bought
                return command
            case .none, .unconfirmedDebt, .confirmedDebt: break
            }
            claim = try await takeOver(request, from: claim, owed: use)
            command.moves += 1
        }
        command.take(claim)
        return command
    }

    /// Claims a payment again whose claim the command's own event gave up. The node that asked for it may have failed
    /// since. Then the claim is unchanged, and a new one replaces it.
    func renew(_ pending: PendingCommand, for event: EventNumber) async throws(StoreFailure) -> PendingCommand {
        guard let name = pending.claimedName, let stale = pending.claim else { return pending }
        var command = pending
        command.claim = nil
        var request = ClaimRequest(command: command, name: name, event: event)
        let claim = try await takeOver(request, from: Claim(event: event, number: stale.number), owed: .none)
        request.command.moves += 1
        return try await obtain(request, found: claim)
    }

    /// Takes commands off the claims that they did not use, so that nothing is left of refused commands (R21 Bounds).
    /// Nobody waits for that. If it fails, a claim stays, and its event gives it up to any other event.
    func release(_ commands: [PendingCommand]) {
        var calls: [ClaimSlot: RedisCommand] = [:]
        for pending in commands {
            guard let name = pending.claimedName, let claim = pending.claim else { continue }
            let slot = ClaimSlot(of: name)
            var command = calls[slot] ?? caller.command(.unclaim, keys: [keyspace.claims(slot)])
            command.append(Int(claim.event.value))
            command.append(Int(claim.number))
            command.append(name)
            calls[slot] = command
        }
        for (slot, command) in calls {
            caller.call(command, to: keyspace.route(to: slot)) { answer in
                guard case .failure(let failure) = answer.outcome else { return }
                logger.debug("A claim was not taken back", metadata: ["failure": "\(failure)"])
            }
        }
    }

    /// What became of a payment in another event of the cluster; `nil` if no event has claimed it since.
    ///
    /// - Returns: the event that has the claim.
    func owner(of payment: PaymentReference) async throws -> EventNumber? {
        let name = Self.name(of: payment)
        let slot = ClaimSlot(of: name)
        let get = RedisCommand("HGET", keyspace.claims(slot), name, isRepeatable: true)
        var claim = try await caller.ask(get, to: keyspace.route(to: slot))
        if claim.isNull {
            let erased = Self.name(of: PaymentDigester(secret: secret).erased(payment))
            let get = RedisCommand("HGET", keyspace.claims(slot), erased, isRepeatable: true)
            claim = try await caller.ask(get, to: keyspace.route(to: slot))
        }
        if claim.isNull { return nil }
        var reader = PackedReader(try claim.bytes())
        return try reader.event()
    }

    /// Lets an event that owes payments back know that they bought something in another event. Nobody waits for that.
    /// Where it fails, ``dropUnused(in:interval:now:)`` does it later.
    func settleDebts(of payments: [String], at debtor: EventNumber) {
        let keys = keyspace.keys(of: debtor)
        var command = caller.command(.settleDebts, keys: keys.all)
        command.append(caller.header(of: debtor, known: nil, limits: limits))
        for payment in payments { command.append(payment) }
        caller.call(command, to: keys.route) { answer in
            guard case .failure(let failure) = answer.outcome else { return }
            logger.debug("A debt was not settled", metadata: ["failure": "\(failure)"])
        }
    }

    /// Erases payments from the names of their claims, after the event that used them erased them (R41 Erasure). Nobody
    /// waits for that. Where it fails, ``dropUnused(in:interval:now:)`` does it later.
    func erase(_ payments: [PaymentReference]) {
        for payment in payments where !payment.isErased {
            let slot = ClaimSlot(of: Self.name(of: payment))
            var command = caller.command(.eraseClaims, keys: [keyspace.claims(slot)])
            command.append(secret)
            command.append(Self.name(of: payment))
            caller.call(command, to: keyspace.route(to: slot)) { answer in
                guard case .failure(let failure) = answer.outcome else { return }
                logger.debug("A claim was not erased", metadata: ["failure": "\(failure)"])
            }
        }
    }

    /// Asks the event that has a payment whether it used it, and to give it up if not.
    func giveUp(_ name: String, _ claim: Claim) async throws(StoreFailure) -> PaymentUse {
        let keys = keyspace.keys(of: claim.event)
        var command = caller.command(.giveUp, keys: keys.all)
        command.append(name)
        command.append(Int(claim.number))
        command.append(limits.unconfirmedDebtsKept.inMilliseconds)
        command.append(secret)
        let reply = try await ask(command, to: keys.route)
        return try caller.read(reply, orThrow: .outcomeUnknown) { bytes in
            var reader = PackedReader(bytes)
            _ = try reader.moment()
            guard let use = PaymentUse(rawValue: try reader.byte()) else { throw PackedMistake() }
            return use
        }
    }

    /// Takes a payment over from an event that gave it up.
    ///
    /// - Parameter owed: what that event owes the payment back for.
    private func takeOver(
        _ request: ClaimRequest, from claim: Claim, owed: PaymentUse
    ) async throws(StoreFailure) -> Claim {
        let slot = ClaimSlot(of: request.name)
        var command = caller.command(.reclaim, keys: [keyspace.claims(slot)])
        command.append(request.name)
        command.append(claim.packed)
        command.append(Int(request.event.value))
        command.append(Int(owed.rawValue))
        let reply = try await ask(command, to: keyspace.route(to: slot))
        return try caller.read(reply, orThrow: .outcomeUnknown) { bytes in
            var reader = PackedReader(bytes)
            return try reader.claim()
        }
    }

    /// Only sales have claims, and those wait for replicas.
    func ask(_ command: RedisCommand, to route: RedisKey) async throws(StoreFailure) -> RedisReply {
        try await caller.ask(command, to: route, acknowledgedWithin: caller.patience)
    }
}

extension Claim {
    fileprivate var packed: ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writePacked(event.value)
        bytes.writePacked(number)
        return bytes
    }
}

extension PackedReader {
    fileprivate mutating func claim() throws(PackedMistake) -> Claim {
        guard let event = try event() else { throw PackedMistake() }
        var claim = Claim(event: event, number: try count())
        guard let owed = PaymentUse(rawValue: try byte()) else { throw PackedMistake() }
        claim.owed = owed
        claim.debtor = try self.event()
        return claim
    }
}
