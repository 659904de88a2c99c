internal import BoxOffice
internal import StrictJSON
internal import TicketStore

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
struct OperatorAuthorizer: Sendable {
    let known: KnownKeys
    let store: any TicketStore
    let ledger: any SalesLedger

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
    private func check(_ key: OperatorKey, _ right: OperatorKey.Right, _ scope: KeyScope) async throws {
        if key.isSeller(right) { try await checkSeller(scope) }
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

    /// Refuses a shop what buyers may have completed by themselves.
    private func checkSeller(_ scope: KeyScope) async throws {
        guard case .hold(let hold) = scope else { throw Refused(.forbidden) }
        guard let hold else { return }
        guard let code = try await event(of: hold), store.event(code)?.definition.completion == .shop else {
            throw Refused(
                .forbidden, "A shop returns and corrects only what shops complete (\"completion\": \"shop\").")
        }
    }

    /// The event of a hold, which never changes; `nil` if there is no such hold.
    private func event(of hold: HoldID) async throws -> Code? {
        switch await store.perform(.look(hold)) {
        case .decided(.looked(let view), _): return store.catalogue(at: view.event).code
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
    /// The audit's note about a change of a hold; `nil` for a shop: its sales are in the list of purchases, and the audit
    /// lists what operators did.
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
