public import BoxOffice

/// A key that an operator works with, without its secret.
public struct OperatorKey: Sendable, Equatable {
    public enum Role: String, Sendable, CaseIterable {
        /// Everything.
        case `operator`
        /// Looking at everything, changing nothing.
        case viewer
    }

    /// Eight of `a-z0-9`: how it is called in lists and in the audit.
    public var id: String
    /// Whom or what it was made for.
    public var name: String
    public var role: Role
    public var madeAt: WallTime
    public var revokedAt: WallTime?

    public init(id: String, name: String, role: Role, madeAt: WallTime, revokedAt: WallTime? = nil) {
        self.id = id
        self.name = name
        self.role = role
        self.madeAt = madeAt
        self.revokedAt = revokedAt
    }
}

/// Who may operate the box office.
public protocol OperatorKeyring: Sendable {
    /// The key that `credential` is; `nil` for one that is unknown, malformed or revoked. Throws a ``StoreFailure`` where
    /// the keys cannot be looked up just now.
    func key(of credential: String) async throws -> OperatorKey?
}
