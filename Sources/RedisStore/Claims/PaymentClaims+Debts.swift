internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

// Debts without a claim, which a release before this one left in a cluster: a second event would not learn that the
// payment is owed already (R23 Debts).

extension PaymentClaims {
    /// Claims payments that an event owes back or has used, where no event has the claim.
    func claim(_ payments: [PaymentReference], usedBy event: EventNumber) async throws {
        for (slot, names) in Dictionary(grouping: payments.map(Self.name), by: { ClaimSlot(of: $0) }) {
            let (key, route) = (keyspace.claims(slot), keyspace.route(to: slot))
            var get = RedisCommand("HMGET", isRepeatable: true)
            get.append(key)
            for name in names { get.append(name) }
            let found = try await caller.ask(get, to: route).array()
            guard found.count == names.count else { throw PackedMistake() }
            let missing = zip(names, found).filter(\.1.isNull).map(\.0)
            guard !missing.isEmpty else { continue }
            var command = caller.command(.claim, keys: [key])
            for name in missing {
                command.append(Int(event.value))
                command.append(name)
            }
            // Where another event claims one first, that claim stays.
            _ = try await ask(command, to: route)
        }
    }
}

extension SalesLists {
    /// Between two pages, so that the servers do something else.
    private static let restBetweenPages = TimeAmount.milliseconds(50)

    /// Goes through the debts of all events of a cluster and claims those without a claim. It can be repeated.
    func claimDebts(at now: WallTime) async throws {
        let since = WallTime(milliseconds: now.milliseconds - limits.unconfirmedDebtsKept.inMilliseconds)
        for (event, _) in allKnown(nil) {
            var from: UInt64 = 0
            while true {
                let (entries, uses) = try await debts(of: event, from: from)
                let owed = try zip(entries, uses).filter { try $0.counts(by: $1, event: event, since: since) }
                try await claims.claim(owed.compactMap { PaymentReference($0.0.payment) }, usedBy: event)
                guard entries.count == Self.debtPage else { break }
                from += UInt64(entries.count)
                try await caller.pause(Self.restBetweenPages)
            }
        }
    }
}
