internal import BoxOffice
internal import TicketStore

/// Says who may operate.
struct OperatorAuthorizer: Sendable {
    let keyring: any OperatorKeyring
    let known: KnownKeys

    /// The operator's key that a request comes with. Looked up each time: here a revocation works at once.
    func admit(_ fields: BuyerFields, _ right: OperatorKey.Right) async throws -> OperatorKey {
        guard let credential = fields.bearer, let key = try await keyring.key(of: credential) else {
            throw Refused.unauthenticated("An operator's key is needed, as Authorization: Bearer hfk_…")
        }
        guard key.may(right) else { throw Refused(.forbidden) }
        return key
    }

    /// The key with which a shop or an operator comes for a hold, perhaps looked up a moment ago.
    func admit(_ fields: BuyerFields, toHold right: OperatorKey.Right) async throws -> OperatorKey {
        guard let credential = fields.bearer, let key = try await known.key(of: credential) else {
            throw Refused.unauthenticated("This key is not known, or it was revoked.")
        }
        guard key.may(right) else { throw Refused(.forbidden) }
        return key
    }
}

extension OperatorKey {
    /// What the audit says of something that was done to a hold. A shop's sales are its ordinary business and stand in
    /// the list of purchases; the audit is of what operators did.
    func noteOnHold(_ action: String, _ hold: HoldID) -> AuditNote? {
        role == .operator ? note(action, on: hold.public) : nil
    }

    /// What the audit says of something that was done with this key.
    func note(_ action: String, on subject: String) -> AuditNote {
        AuditNote(key: id, name: name, action: action, subject: subject)
    }
}
