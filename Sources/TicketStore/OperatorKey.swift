public import BoxOffice

/// A key of an operator, a shop or a viewer, without its secret.
public struct OperatorKey: Sendable, Equatable {
    public enum Role: String, Sendable, CaseIterable {
        /// May do everything.
        case `operator`
        /// May complete holds and name their payments, look at them, extend and release them (R24 Who completes), and hold
        /// with an override. No lists, no events.
        case shop
        /// May look at everything and change nothing.
        case viewer
    }

    /// What a request needs a key for.
    public enum Right: Sendable {
        /// Operators' lists: purchases, debts, the audit, the recount.
        case readLists
        /// Looking at a hold without its token.
        case lookAtHolds
        /// Completing, extending and releasing a hold without its token.
        case sell
        /// Holding although a rule of the sale speaks against it, never outside the pools.
        case override
        /// Defining, changing, pausing, cancelling and removing events, with what belongs to them.
        case changeEvents
        /// Returning a purchase or a part of it.
        case returnPurchases
        /// Correcting who bought, and notes.
        case correct
        /// Recording that a debt was paid back.
        case payBack
        /// Forgetting people.
        case erase
        /// Making, listing and revoking keys.
        case manageKeys
    }

    /// Eight of `a-z0-9`: the key's identifier in lists and in the audit.
    public var id: String
    /// The person or program that it was made for.
    public var name: String
    public var role: Role
    public var madeAt: WallTime
    public var revokedAt: WallTime?

    /// Whether the key's role has this right.
    public func may(_ right: Right) -> Bool {
        switch role {
        case .operator: true
        case .viewer: right == .readLists || right == .lookAtHolds
        case .shop: right == .lookAtHolds || right == .sell || right == .override
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

/// The keys of operators, shops and viewers.
public protocol OperatorKeyring: Sendable {
    /// The key of a credential; `nil` if it is unknown, malformed or revoked.
    ///
    /// - Throws: ``StoreFailure`` if keys cannot be looked up now.
    func key(of credential: String) async throws -> OperatorKey?
}
