package import BoxOffice
package import NIOCore
internal import Synchronization
package import TicketStore

/// Keys that were looked up a moment ago, so that not each call of a shop waits for a file or a server.
///
/// Keeps valid keys only, so that made-up ones cannot fill the table, and each for less than a second, so that a revoked
/// key works no longer than that (R24 Who completes).
package struct KeyMemory: Sendable {
    /// Counted from before the look-up, since the key may be revoked right after the store read it.
    package static let kept = TimeAmount.milliseconds(900)
    /// A shop has at most one key for each of its servers.
    static let most = 1_024

    private struct Known {
        var key: OperatorKey
        var until: NIODeadline
    }

    private var known: [String: Known] = [:]

    package init() {}

    package func key(of credential: String, at now: NIODeadline) -> OperatorKey? {
        guard let known = known[credential], now < known.until else { return nil }
        return known.key
    }

    /// The key as it was looked up last, for a request that it let in with its head. The rest of a request may come when the
    /// key is remembered no longer.
    package func letIn(_ credential: String) -> OperatorKey? {
        known[credential]?.key
    }

    /// - Parameters:
    ///   - askedAt: when the look-up began.
    ///   - wall: the time of day at the same moment. A key that has an end works no longer here (R48 Operator keys).
    package mutating func take(_ key: OperatorKey, of credential: String, askedAt: NIODeadline, wall: WallTime) {
        if known.count >= Self.most { known = known.filter { askedAt < $0.value.until } }
        guard known.count < Self.most || known[credential] != nil else { return }
        var kept = Self.kept
        if let end = key.expiresAt { kept = min(kept, .milliseconds(end.milliseconds - wall.milliseconds)) }
        known[credential] = Known(key: key, until: askedAt + kept)
    }
}

/// The keys that all event loops and the router know.
final class KnownKeys: Sendable {
    private let keyring: any OperatorKeyring
    private let wall: @Sendable () -> WallTime
    private let memory = Mutex(KeyMemory())

    /// - Parameter wall: the time of day, which ends keys.
    init(_ keyring: any OperatorKeyring, wall: @escaping @Sendable () -> WallTime) {
        self.keyring = keyring
        self.wall = wall
    }

    /// A key that was looked up a moment ago; `nil` says nothing about the credential.
    func known(_ credential: String) -> OperatorKey? {
        memory.withLock { $0.key(of: credential, at: .now()) }
    }

    /// The key of a request that it let in with its head, when ``known(_:)`` had it.
    func letIn(_ credential: String) -> OperatorKey? {
        memory.withLock { $0.letIn(credential) }
    }

    /// The key, if it works now; perhaps looked up a moment ago.
    func key(of credential: String) async throws -> OperatorKey? {
        if let known = known(credential) { return known }
        let (askedAt, wall) = (NIODeadline.now(), wall())
        guard let key = try await lookedUp(credential) else { return nil }
        // Operators' and viewers' keys end at once (R29 Operators and audit), and do not ask often.
        if key.role == .shop { memory.withLock { $0.take(key, of: credential, askedAt: askedAt, wall: wall) } }
        return key
    }

    /// The key as the store has it now, if it works.
    func lookedUp(_ credential: String) async throws -> OperatorKey? {
        guard let key = try await keyring.key(of: credential), key.isValid(at: wall()) else { return nil }
        return key
    }
}
