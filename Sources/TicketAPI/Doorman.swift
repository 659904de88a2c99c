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
        guard var header = request.headers[.authorization] else { return nil }
        return header.withUTF8 { BearerCredential($0).map { String(decoding: $0.bytes, as: UTF8.self) } }
    }

    /// The operator's key that a request comes with.
    ///
    /// - Parameter toChange: whether looking is not all that is wanted.
    func admit(_ request: Request, toChange: Bool) async throws -> OperatorKey {
        guard let credential = Self.credential(of: request), let key = try await keyring.key(of: credential) else {
            throw Refused.unauthenticated("An operator's key is needed, as Authorization: Bearer hfk_…")
        }
        guard !toChange || key.role == .operator else { throw Refused(.forbidden) }
        return key
    }
}

extension OperatorKey {
    /// What the audit says of something that was done with this key.
    func note(_ action: String, on subject: String) -> AuditNote {
        AuditNote(key: id, name: name, action: action, subject: subject)
    }
}
