internal import BoxOffice
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import TicketStore

/// Says who may operate.
struct Doorman: Sendable {
    let keyring: any OperatorKeyring

    /// The bearer credential of a request, if it has one.
    static func credential(of request: Request) -> String? {
        guard let header = request.headers[.authorization] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    /// Whether a credential is written as an operator's key, and not as a hold's token.
    static func isOperators(_ credential: String) -> Bool {
        credential.hasPrefix("hfk_")
    }

    /// The operator's key that a request comes with.
    ///
    /// - Parameter toChange: whether looking is not all that is wanted.
    func admit(_ request: Request, toChange: Bool) async throws -> OperatorKey {
        guard let credential = Self.credential(of: request), let key = try await keyring.key(of: credential) else {
            throw unauthenticated("An operator's key is needed, as Authorization: Bearer hfk_…")
        }
        guard !toChange || key.role == .operator else { throw Refused(.forbidden) }
        return key
    }

    func unauthenticated(_ detail: String? = nil) -> Refused {
        var refused = Refused(.unauthenticated, detail)
        refused.headers[.wwwAuthenticate] = "Bearer"
        return refused
    }
}

extension OperatorKey {
    /// What the audit says of something that was done with this key.
    func note(_ action: String, on subject: String) -> AuditNote {
        AuditNote(key: id, name: name, action: action, subject: subject)
    }
}
