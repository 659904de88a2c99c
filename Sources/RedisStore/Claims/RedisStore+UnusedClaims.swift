internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

// Claims that nothing uses (`Lua/claims.lua`): a node ended between the claim and the decision, or an unconfirmed debt was
// forgotten. Nodes look at the claims of a cluster in turn, a page at a time, whichever node comes first.

extension RedisStore {
    /// Claims of one part that a page has, about.
    private static let claimsInAPage = 100
    /// Between two pages of one part. With 64 parts that is 200 claims a second: a million of them in less than two hours.
    package static let claimsInterval = Duration.seconds(30)

    /// What stands in the list of claims.
    private struct KeptClaim {
        var name: String
        var bytes: ByteBuffer
        var event: UInt64
        var number: UInt64
        /// The event that owes the payment back, if that is another one.
        var owedAt: UInt64?

        init(_ name: String, _ bytes: ByteBuffer) throws(PackedMistake) {
            self.name = name
            self.bytes = bytes
            var reader = PackedReader(bytes)
            event = try reader.count()
            number = try reader.count()
            guard !reader.isAtEnd else { return }
            _ = try reader.number()
            if !reader.isAtEnd { owedAt = try reader.count() }
        }

        var payment: String { String(name.dropFirst()) }
    }

    /// Looks at some claims of one part and drops those that their events do not use.
    ///
    /// - Parameter interval: how long after the last look of any node.
    package func dropUnusedClaims(in part: UInt64, interval: Duration = claimsInterval) async throws {
        let tag = Keyspace.tag(ofClaims: part)
        var command = library.call(.someClaims, calling, keys: [keyspace.claims(part)])
        command.append(Self.claimsInAPage)
        command.append(interval.inMilliseconds)
        let found = try await ask(command, in: tag).array()
        var claims: [UInt64: [KeptClaim]] = [:]
        for index in stride(from: 0, to: found.count - 1, by: 2) {
            let claim = try KeptClaim(found[index].text(), found[index + 1].bytes())
            claims[claim.event, default: []].append(claim)
        }
        var dropped: [KeptClaim] = []
        for (event, claims) in claims { dropped += try await unused(claims, of: event) }
        guard !dropped.isEmpty else { return }
        var drop = library.call(.dropClaims, calling, keys: [keyspace.claims(part)])
        for claim in dropped {
            drop.append(claim.name)
            drop.append(claim.bytes)
        }
        _ = try await ask(drop, in: tag, isDurable: true)
    }

    /// Those of an event's claims that it has given up now, since it did not use them. What it used settles the debts that
    /// other events have for the same payments.
    private func unused(_ claims: [KeptClaim], of event: UInt64) async throws -> [KeptClaim] {
        let keys = keyspace.keys(of: event)
        var get = RedisCommand("HMGET", isRepeatable: true)
        get.append(keys[5])
        for claim in claims { get.append(claim.payment) }
        let uses = try await ask(get, at: event).array()
        guard uses.count == claims.count else { throw PackedMistake() }
        let since = now.wall.milliseconds - configuration.limits.unconfirmedDebtsKept.inMilliseconds
        var unused: [KeptClaim] = []
        for (claim, use) in zip(claims, uses) {
            let debt = use.isNull ? nil : try PackedDebt(use.bytes())
            let isForgotten = debt.map { !$0.isConfirmed && $0.wall.milliseconds < since } ?? use.isNull
            if isForgotten {
                if try await givesUp(claim) { unused.append(claim) }
            } else if let debtor = claim.owedAt, debt == nil {
                settleDebts(of: [claim.payment], at: debtor)
            }
        }
        return unused
    }

    /// Whether the event gives the claim up, so that a request with it which is still on its way claims anew.
    private func givesUp(_ claim: KeptClaim) async throws -> Bool {
        let command = request(toGiveUp: claim.name, claim.number, of: claim.event)
        var reader = PackedReader(try await ask(command, in: String(claim.event), isDurable: true).bytes())
        // The moment.
        _ = try (reader.number(), reader.number())
        return try reader.byte() == UseElsewhere.none.rawValue
    }
}
