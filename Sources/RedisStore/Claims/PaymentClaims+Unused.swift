internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

// Claims that nothing uses (`Lua/claims.lua`): a node ended between the claim and the decision, or an unconfirmed debt
// was forgotten. The nodes of a cluster look at its claims in turn, a page at a time.

extension PaymentClaims {
    /// Claims of one slot in a page, about.
    private static let claimsInAPage = 100
    /// Between two pages of one slot. With 64 slots that is 200 claims a second: a million claims in less than two
    /// hours.
    package static let interval = Duration.seconds(30)

    /// A claim as its slot keeps it.
    private struct KeptClaim {
        let name: String
        let bytes: ByteBuffer
        let claim: Claim

        init(_ name: String, _ bytes: ByteBuffer) throws(PackedMistake) {
            self.name = name
            self.bytes = bytes
            var reader = PackedReader(bytes)
            guard let event = try reader.event() else { throw PackedMistake() }
            var claim = Claim(event: event, number: try reader.count())
            if !reader.isAtEnd {
                // How many requests use it; infinite in a claim of a release before this one.
                try reader.skipNumber()
                if !reader.isAtEnd { claim.debtor = try reader.event() }
            }
            self.claim = claim
        }

        var payment: String { String(name.dropFirst()) }
    }

    /// Looks at some claims of one slot and drops those that their events do not use.
    ///
    /// - Parameters:
    ///   - interval: how long after the last look of any node.
    ///   - now: the time of day of the servers.
    func dropUnused(in slot: ClaimSlot, interval: Duration, now: WallTime) async throws {
        let (key, route) = (keyspace.claims(slot), keyspace.route(to: slot))
        var command = caller.command(.someClaims, keys: [key])
        command.append(Self.claimsInAPage)
        command.append(interval.inMilliseconds)
        let found = try await caller.ask(command, to: route).array()
        var kept: [EventNumber: [KeptClaim]] = [:]
        for index in stride(from: 0, to: found.count - 1, by: 2) {
            let claim = try KeptClaim(found[index].text(), found[index + 1].bytes())
            kept[claim.claim.event, default: []].append(claim)
        }
        var dropped: [KeptClaim] = []
        for (event, claims) in kept { dropped += try await unused(claims, of: event, now: now) }
        guard !dropped.isEmpty else { return }
        var drop = caller.command(.dropClaims, keys: [key])
        for claim in dropped {
            drop.append(claim.name)
            drop.append(claim.bytes)
        }
        _ = try await ask(drop, to: route)
    }

    /// The claims that an event has given up now, since it did not use them. What it used settles the debts that other
    /// events have for the same payments.
    private func unused(_ claims: [KeptClaim], of event: EventNumber, now: WallTime) async throws -> [KeptClaim] {
        let keys = keyspace.keys(of: event)
        var get = RedisCommand("HMGET", isRepeatable: true)
        get.append(keys.payments)
        for claim in claims { get.append(claim.payment) }
        let uses = try await caller.ask(get, to: keys.route).array()
        guard uses.count == claims.count else { throw PackedMistake() }
        let since = now.milliseconds - limits.unconfirmedDebtsKept.inMilliseconds
        var unused: [KeptClaim] = []
        for (kept, use) in zip(claims, uses) {
            let debt = use.isNull ? nil : try PackedDebt(use.bytes())
            let isForgotten = debt.map { !$0.isConfirmed && $0.wall.milliseconds < since } ?? use.isNull
            if isForgotten {
                // Given up, so that a command with the claim that is still on its way must claim again.
                switch try await giveUp(kept.name, kept.claim) {
                case .none: unused.append(kept)
                // Under its erased name, so the node that erased it did not come to its claim.
                case .bought: erase([PaymentReference(kept.payment)].compactMap { $0 })
                case .unconfirmedDebt, .confirmedDebt, .notGivenUp: break
                }
            } else if let debtor = kept.claim.debtor, debt == nil {
                settleDebts(of: [kept.payment], at: debtor)
            }
        }
        return unused
    }
}
