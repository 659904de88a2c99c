internal import BoxOffice
internal import TicketStore

/// Checks the keys of operators and shops.
struct OperatorAuthorizer: Sendable {
    let keyring: any OperatorKeyring
    let known: KnownKeys

    /// The key of a request, if it has the right. Looked up each time, so that a revocation works at once.
    func admit(_ fields: BuyerFields, _ right: OperatorKey.Right) async throws -> OperatorKey {
        guard let credential = fields.bearer, let key = try await keyring.key(of: credential) else {
            throw Refused.unauthenticated("An operator's key is needed, as Authorization: Bearer hfk_…")
        }
        guard key.may(right) else { throw Refused(.forbidden) }
        return key
    }

    /// The key of a request about a hold, if it has the right; perhaps looked up a moment ago (R24 Who completes).
    func admit(_ fields: BuyerFields, toHold right: OperatorKey.Right) async throws -> OperatorKey {
        guard let credential = fields.bearer, let key = try await known.key(of: credential) else {
            throw Refused.unauthenticated("This key is not known, or it was revoked.")
        }
        guard key.may(right) else { throw Refused(.forbidden) }
        return key
    }
}

extension OperatorKey {
    /// The audit's note about a change of a hold; `nil` for a shop: its sales are in the list of purchases, and the audit
    /// lists what operators did.
    func noteOnHold(_ action: String, _ hold: HoldID) -> AuditNote? {
        role == .operator ? note(action, on: hold.public) : nil
    }

    /// The audit's note about a change with this key.
    func note(
        _ action: String, on subject: String, reason: String? = nil, differences: [AuditDifference] = []
    ) -> AuditNote {
        AuditNote(
            key: id, name: name, action: action, subject: subject, reason: reason, differences: differences)
    }
}
