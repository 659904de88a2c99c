package import BoxOffice
internal import StrictJSON
package import TicketStore

/// What a request is about, for keys that are bound to events (R48 Operator keys).
enum KeyScope: Sendable {
    /// An event, by the text in the path.
    case event(String)
    /// A hold or a purchase. `nil` if the path names none: the handler says so.
    case hold(HoldID?)
    /// All events, or what belongs to none.
    case everything
    /// The handler leaves out what is not about the key's events.
    case narrowed
}

/// Checks the keys of operators and shops.
package struct OperatorAuthorizer: Sendable {
    let known: KnownKeys
    let store: any TicketStore
    let ledger: any SalesLedger

    package init(_ service: ServiceContext, ledger: any SalesLedger) {
        (known, store, self.ledger) = (service.known, service.store, ledger)
    }

    /// The key of a request, if it has the right. Looked up each time, so that a revocation works at once.
    func admit(_ fields: BuyerFields, _ right: OperatorKey.Right, _ scope: KeyScope) async throws -> OperatorKey {
        guard let credential = fields.bearer, let key = try await known.lookedUp(credential) else {
            throw Refused.unauthenticated("An operator's key is needed, as Authorization: Bearer hfk_…")
        }
        guard key.may(right) else { throw Refused(.forbidden) }
        try await check(key, right, scope)
        return key
    }

    /// The key of a request about a hold, if it has the right; perhaps looked up a moment ago (R24 Who completes).
    func admit(_ fields: BuyerFields, toHold right: OperatorKey.Right, _ scope: KeyScope) async throws -> OperatorKey {
        guard let credential = fields.bearer, let key = try await known.key(of: credential) else {
            throw Refused.unknownKey
        }
        guard key.may(right) else { throw Refused(.forbidden) }
        try await check(key, right, scope)
        return key
    }

    /// Refuses what a bound key is not for, and what a shop did not sell. For other keys this costs nothing.
    func check(_ key: OperatorKey, _ right: OperatorKey.Right, _ scope: KeyScope) async throws {
        if key.isSeller(right) { try await checkSeller(key, scope) }
        guard key.isBound else { return }
        let works: Bool
        switch scope {
        case .narrowed: works = true
        case .everything: works = false
        case .event(let text): works = Code(text).map { key.works(for: $0) } ?? false
        case .hold(let hold):
            // The handler says that the path names none.
            guard let hold else { return }
            works = try await event(of: hold).map { key.works(for: $0) } ?? false
        }
        guard works else {
            let list = key.events.map(\.text).joined(separator: ", ")
            throw Refused(.forbidden, "This key works only for \(list).")
        }
    }

    /// Refuses a shop what it did not sell. The answer is the same whether there is such a sale or not.
    private func checkSeller(_ key: OperatorKey, _ scope: KeyScope) async throws {
        switch scope {
        // The handler lists only what the key sold.
        case .event: return
        // The handler says that the path names none.
        case .hold(nil): return
        case .hold(let hold?):
            if try await sells(key, hold) { return }
            throw Refused(.forbidden, "A shop sees, returns and corrects only what it sold.")
        case .everything, .narrowed: throw Refused(.forbidden)
        }
    }

    /// Whether a shop sold the hold. What is not sold yet, nobody has: while the shop asks, another one may be selling it. Who
    /// sold it never changes afterwards. Where the ledger does not know who did, because a token completed it, or an earlier
    /// release, every shop may have, if the event says that shops complete (R24 Who completes).
    package func sells(_ key: OperatorKey, _ hold: HoldID) async throws -> Bool {
        guard let sale = try await ledger.search(SalesQuery(hold: hold, limit: 1)).records.first,
            let purchase = sale.purchase
        else { return false }
        if let seller = purchase.soldBy { return seller == key.seller }
        return Code(sale.event).flatMap { store.event($0) }?.definition.completion == .shop
    }

    /// The event of a hold, which never changes; `nil` if there is no such hold.
    private func event(of hold: HoldID) async throws -> Code? {
        switch await store.perform(.look(hold)) {
        case .decided(.looked(let view, _), _): return store.catalogue(at: view.event).code
        // Buyers get no answer about a hold that ended long ago, or with its event; the ledger still has its event.
        case .decided:
            return try await ledger.search(SalesQuery(hold: hold, limit: 1)).records.first.flatMap { Code($0.event) }
        case .failed(let failure): throw Refused(failure)
        }
    }
}

extension Refused {
    static let unknownKey = unauthenticated("This key is not known, or it was revoked or has expired.")
}

extension OperatorKey {
    /// The audit's note about a change of a hold; `nil` for a shop: the list of purchases has its sales with its name, and the
    /// audit lists what operators did.
    func noteOnHold(_ action: String, _ hold: HoldID) -> AuditNote? {
        role == .operator ? note(action, on: hold.public) : nil
    }

    /// The audit's note about a hold past checks of the sale, for shops, too (R43 Override); `nil` for every other hold. The store
    /// adds the number of the hold.
    func noteOnOverride(_ command: Command) throws(Refused) -> AuditNote? {
        guard case .hold(let request) = command, !request.override.isEmpty else { return nil }
        guard may(.override) else { throw Refused(.forbidden) }
        let checks = request.override.checks.map { JSONValue.string("\($0)") }
        return note(
            "hold.override", on: "", differences: [AuditDifference("/override", from: .null, to: .array(checks))])
    }

    /// The audit's note about a change with this key.
    func note(
        _ action: String, on subject: String, reason: String? = nil, differences: [AuditDifference] = []
    ) -> AuditNote {
        AuditNote(
            key: id, name: name, action: action, subject: subject, reason: reason, differences: differences)
    }
}
