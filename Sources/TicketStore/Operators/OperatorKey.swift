public import BoxOffice

/// A key of an operator, a shop or a viewer, without its secret (R48 Operator keys).
public struct OperatorKey: Sendable, Equatable {
    /// Keys that a store keeps, revoked ones included: enough for a new one every day for 27 years.
    public static let most = 10_000
    /// Events that a key can be bound to.
    public static let mostEvents = 100

    /// What a key is for. Its rights follow from it.
    public enum Role: String, Sendable, CaseIterable {
        /// May do everything.
        case `operator`
        /// May complete holds and name their payments, look at them, extend and release them (R24 Who completes), hold
        /// with an override, and list, return and correct what it sold. No other lists, no events.
        case shop
        /// May look at everything and change nothing.
        case viewer
    }

    /// What a request needs a key for.
    public enum Right: Sendable, CaseIterable {
        /// Operators' lists: holds, debts, the audit, the recount.
        case readLists
        /// The purchases of an event, and one purchase.
        case readPurchases
        /// Looking at a hold without its token.
        case lookAtHolds
        /// Completing, extending and releasing a hold without its token.
        case sell
        /// Holding past checks of the sale (R43 Override), never past the pools.
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
        /// Changing how the service itself runs: how much it logs. No key that is bound to events can.
        case runService
        /// Making, listing and revoking keys. Never with a key that is bound to events: it could make one that is not.
        case manageKeys
    }

    /// Who made or revoked a key, and why.
    public struct Author: Sendable, Equatable {
        /// The command on the machine, which needs no key.
        public static let command = Author(key: "-", name: "holdfast key")

        public var key: String
        public var name: String
        public var reason: String?

        public init(key: String, name: String, reason: String? = nil) {
            self.key = key
            self.name = name
            self.reason = reason
        }
    }

    /// A key that is to be made.
    public struct Draft: Sendable, Equatable {
        public var name: String
        public var role: Role
        public var events: [Code]
        public var expiresAt: WallTime?

        /// - Parameters:
        ///   - name: ``OperatorCredential/isName(_:)``.
        ///   - events: at most ``OperatorKey/mostEvents``; none for all events.
        public init(name: String, role: Role, events: [Code] = [], expiresAt: WallTime? = nil) {
            self.name = name
            self.role = role
            self.events = events
            self.expiresAt = expiresAt
        }
    }

    /// Eight of `a-z0-9`: the key's identifier in lists and in the audit.
    public var id: String
    /// The person or program that it was made for.
    public var name: String
    public var role: Role
    /// The events that the key is bound to; empty for a key that works for all events.
    public var events: [Code]
    public var madeAt: WallTime
    public var madeBy: Author
    /// From this moment on the key works no longer.
    public var expiresAt: WallTime?
    public var revokedAt: WallTime?
    public var revokedBy: Author?

    public init(id: String, _ draft: Draft, madeAt: WallTime, by author: Author = .command) {
        self.id = id
        name = draft.name
        role = draft.role
        events = draft.events
        self.madeAt = madeAt
        madeBy = author
        expiresAt = draft.expiresAt
    }

    /// Whether the key has this right, for the events that it works for.
    public func may(_ right: Right) -> Bool {
        switch role {
        case .operator: (right != .manageKeys && right != .runService) || !isBound
        case .viewer: right == .readLists || right == .readPurchases || right == .lookAtHolds
        case .shop: right == .lookAtHolds || right == .sell || right == .override || isSeller(right)
        }
    }

    /// Whether the key has this right only for what it sold.
    public func isSeller(_ right: Right) -> Bool {
        role == .shop && (right == .returnPurchases || right == .correct || right == .readPurchases)
    }

    /// The name under which it sells. Keys with one name are one seller: the servers of a shop have a key each, a new
    /// key takes over what an earlier one sold, and a sale that moves keeps its sellers although keys do not move.
    public var seller: Seller {
        // A name of letters with many accents may have more bytes. Such a key is a seller of its own.
        guard let seller = Seller(name) ?? Seller(id) else { preconditionFailure("the identifier of a key is a name") }
        return seller
    }

    /// What completes holds with this key.
    public var completer: Completer { .seller(seller, isShop: role == .shop) }

    /// Whether the key works for some events only.
    public var isBound: Bool { !events.isEmpty }

    /// Whether the key works for this event.
    public func works(for event: Code) -> Bool {
        !isBound || events.contains(event)
    }

    /// Whether the key works at this moment.
    public func isValid(at now: WallTime) -> Bool {
        revokedAt == nil && (expiresAt.map { now < $0 } ?? true)
    }

    /// Whether somebody can make and revoke keys with this one.
    public func managesKeys(at now: WallTime) -> Bool {
        isValid(at: now) && may(.manageKeys)
    }
}

/// The keys of operators, shops and viewers.
public protocol OperatorKeyring: Sendable {
    /// The key of a credential; `nil` if it is unknown, malformed or revoked. The caller checks whether it has expired.
    ///
    /// - Throws: ``StoreFailure`` if keys cannot be looked up now.
    func key(of credential: String) async throws -> OperatorKey?

    /// All keys, revoked ones included, in the order in which they were made.
    ///
    /// - Throws: ``StoreFailure`` like the other calls.
    func keys() async throws -> [OperatorKey]

    /// Makes a key.
    ///
    /// - Returns: the key and, only this once, its credential; `nil` if there are ``OperatorKey/most`` keys.
    func make(
        _ draft: OperatorKey.Draft, by author: OperatorKey.Author, at now: WallTime
    ) async throws -> (key: OperatorKey, credential: String)?

    /// Revokes a key from now on.
    ///
    /// - Parameter keepsManager: whether to refuse if nobody could manage keys afterwards.
    func revoke(
        _ id: String, by author: OperatorKey.Author, at now: WallTime, keepsManager: Bool
    ) async throws -> KeyRevocation
}

/// The result of revoking a key.
public enum KeyRevocation: Sendable, Equatable {
    /// It is revoked, now or since before.
    case revoked
    case unknown
    /// It is the last one that can manage keys.
    case lastManager

    /// Decides whether `id` among `keys` is revoked, and whether the store has to write something.
    public static func decide(
        _ id: String, among keys: [OperatorKey], at now: WallTime, keepsManager: Bool
    ) -> (KeyRevocation, changes: Bool) {
        guard let key = keys.first(where: { $0.id == id }) else { return (.unknown, false) }
        if key.revokedAt != nil { return (.revoked, false) }
        let isLast = key.managesKeys(at: now) && !keys.contains { $0.id != id && $0.managesKeys(at: now) }
        return keepsManager && isLast ? (.lastManager, false) : (.revoked, true)
    }
}
