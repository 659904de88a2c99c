internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

// Payments that one event owed back and that went over to another event, with whose hold they were erased (R41 Erasure): the
// list of the first event still has them.

extension SalesLists {
    /// Between two pages, so that the servers do something else.
    private static let restBetweenPages = TimeAmount.milliseconds(50)
    /// Payments of one call that rewrites a list.
    private static let erasedAtOnce = 1_000

    /// Goes through the lists of debts of all events and erases such payments. It can be repeated.
    func eraseDebts() async throws {
        for (event, _) in allKnown(nil) {
            var erased: Set<PaymentReference> = []
            var from: UInt64 = 0
            while true {
                let (entries, uses) = try await debts(of: event, from: from)
                // What the event used or owes as a key said is its own.
                let others = try zip(entries, uses).filter { _, use in
                    try use.map { try PackedDebt($0)?.isConfirmed == false } ?? true
                }
                erased.formUnion(try await claims.erased(among: others.compactMap { PaymentReference($0.0.payment) }))
                guard entries.count == Self.debtPage else { break }
                from += UInt64(entries.count)
                try await caller.pause(Self.restBetweenPages)
            }
            var rest = Array(erased)[...]
            while !rest.isEmpty {
                try await claims.eraseDebts(of: rest.prefix(Self.erasedAtOnce), at: event)
                rest = rest.dropFirst(Self.erasedAtOnce)
            }
        }
    }
}

extension PaymentClaims {
    /// The payments that are known by their erased names: to their claims in a cluster, and otherwise to the one server.
    fileprivate func erased(among payments: [PaymentReference]) async throws -> [PaymentReference] {
        let digester = PaymentDigester(secret: secret)
        guard keyspace.isCluster else {
            let keys = keyspace.keys(of: 1)
            return try await known(payments, in: keys.payments, keys.route) { digester.erased($0).text }
        }
        var found: [PaymentReference] = []
        // A claim stays in the slot of the name that its payment had.
        for (slot, some) in Dictionary(grouping: payments, by: { ClaimSlot(of: Self.name(of: $0)) }) {
            found += try await known(some, in: keyspace.claims(slot), keyspace.route(to: slot)) {
                Self.name(of: digester.erased($0))
            }
        }
        return found
    }

    /// The payments for which the hash has a field.
    private func known(
        _ payments: [PaymentReference], in key: String, _ route: RedisKey, _ field: (PaymentReference) -> String
    ) async throws -> [PaymentReference] {
        guard !payments.isEmpty else { return [] }
        var get = RedisCommand("HMGET", isRepeatable: true)
        get.append(key)
        for payment in payments { get.append(field(payment)) }
        let found = try await caller.ask(get, to: route).array()
        guard found.count == payments.count else { throw PackedMistake() }
        return zip(payments, found).filter { !$1.isNull }.map(\.0)
    }

    /// Lets an event take payments out of its list of debts.
    fileprivate func eraseDebts(of payments: some Collection<PaymentReference>, at event: EventNumber) async throws {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.eraseDebts, keys: keys.all)
        command.append(caller.header(of: event, known: nil, limits: limits))
        command.append(secret)
        for payment in payments { command.append(payment.text) }
        _ = try await ask(command, to: keys.route)
    }
}
