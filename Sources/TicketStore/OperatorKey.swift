public import BoxOffice

/// A key that an operator works with, without its secret.
public struct OperatorKey: Sendable, Equatable {
    public enum Role: String, Sendable, CaseIterable {
        /// Everything.
        case `operator`
        /// Completing holds and naming their payments; looking at, extending and releasing them (R24 Who completes). No
        /// lists, no events, no returns.
        case shop
        /// Looking at everything, changing nothing.
        case viewer
    }

    /// What a key may be wanted for.
    public enum Right: Sendable {
        /// Operators' lists: purchases, debts, the audit, the recount.
        case readLists
        /// Events, returns, debts that were paid back.
        case change
        /// Looking at a hold without its token.
        case lookAtHolds
        /// Completing, extending and releasing a hold without its token.
        case sell
    }

    /// Eight of `a-z0-9`: how it is called in lists and in the audit.
    public var id: String
    /// Whom or what it was made for.
    public var name: String
    public var role: Role
    public var madeAt: WallTime
    public var revokedAt: WallTime?

    public func may(_ right: Right) -> Bool {
        switch (role, right) {
        case (.operator, _), (.viewer, .readLists), (_, .lookAtHolds), (.shop, .sell): true
        case (.viewer, .change), (.viewer, .sell), (.shop, .readLists), (.shop, .change): false
        }
    }

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
