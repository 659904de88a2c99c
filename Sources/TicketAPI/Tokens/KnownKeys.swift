internal import BoxOffice
internal import NIOCore
internal import Synchronization
internal import TicketStore

/// Keys that were looked up a moment ago, so that a shop's calls need not wait for a file or a server each.
///
/// Only keys that are good are kept, so nobody fills the table with made-up ones; and each for less than a second, so
/// that a key which is revoked works no longer than that (R24 Who completes).
struct KeyMemory: Sendable {
    /// Counted from before the look-up: it may have read what was revoked right after.
    static let kept = TimeAmount.milliseconds(900)
    /// A shop has a key for each of its servers at the most.
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

/// The same for all event loops and the router.
final class KnownKeys: Sendable {
    private let keyring: any OperatorKeyring
    private let memory = Mutex(KeyMemory())

    init(_ keyring: any OperatorKeyring) {
        self.keyring = keyring
    }

    /// A key that was looked up a moment ago; `nil` says nothing about any other.
    func known(_ credential: String) -> OperatorKey? {
        memory.withLock { $0.key(of: credential, at: .now()) }
    }

    func key(of credential: String) async throws -> OperatorKey? {
        if let known = known(credential) { return known }
        let askedAt = NIODeadline.now()
        guard let key = try await keyring.key(of: credential) else { return nil }
        memory.withLock { $0.take(key, of: credential, askedAt: askedAt) }
        return key
    }
}
