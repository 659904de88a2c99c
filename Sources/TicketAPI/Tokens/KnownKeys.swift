internal import BoxOffice
internal import NIOCore
internal import Synchronization
internal import TicketStore

/// Keys that were looked up a moment ago, so that not each call of a shop waits for a file or a server.
///
/// Keeps valid keys only, so that made-up ones cannot fill the table, and each for less than a second, so that a revoked
/// key works no longer than that (R24 Who completes).
struct KeyMemory: Sendable {
    /// Counted from before the look-up, since the key may be revoked right after the store read it.
    static let kept = TimeAmount.milliseconds(900)
    /// A shop has at most one key for each of its servers.
    static let most = 1_024

    private struct Known {
        var key: OperatorKey
        var until: NIODeadline
    }

    private var known: [String: Known] = [:]

    func key(of credential: String, at now: NIODeadline) -> OperatorKey? {
        guard let known = known[credential], now < known.until else { return nil }
        return known.key
    }

    mutating func take(_ key: OperatorKey, of credential: String, askedAt: NIODeadline) {
        if known.count >= Self.most { known = known.filter { askedAt < $0.value.until } }
        guard known.count < Self.most || known[credential] != nil else { return }
        known[credential] = Known(key: key, until: askedAt + Self.kept)
    }
}

/// The keys that all event loops and the router know.
final class KnownKeys: Sendable {
    private let keyring: any OperatorKeyring
    private let memory = Mutex(KeyMemory())

    init(_ keyring: any OperatorKeyring) {
        self.keyring = keyring
    }

    /// A key that was looked up a moment ago; `nil` says nothing about the credential.
    func known(_ credential: String) -> OperatorKey? {
        memory.withLock { $0.key(of: credential, at: .now()) }
    }

    func key(of credential: String) async throws -> OperatorKey? {
        if let known = known(credential) { return known }
        let askedAt = NIODeadline.now()
        guard let key = try await keyring.key(of: credential) else { return nil }
        // Operators' and viewers' keys end at once (R29 Operators and audit), and do not ask often.
        if key.role == .shop { memory.withLock { $0.take(key, of: credential, askedAt: askedAt) } }
        return key
    }
}
