internal import CNIOBoringSSL

/// Signatures by Ed25519 (RFC 8032), for what anybody must be able to check without our secrets.
public struct Ed25519: Sendable {
    /// The bytes of a seed and of a public key.
    public static let keyBytes = 32
    public static let signatureBytes = 64

    /// What checks the signatures, 32 bytes.
    public let publicKey: [UInt8]
    private let privateKey: [UInt8]

    /// - Parameter seed: 32 random bytes, from which both keys follow.
    /// - Precondition: `seed` has ``keyBytes``.
    public init(seed: [UInt8]) {
        precondition(seed.count == Self.keyBytes, "a seed of Ed25519 has 32 bytes")
        var (open, secret) = ([UInt8](repeating: 0, count: Self.keyBytes), [UInt8](repeating: 0, count: 64))
        ED25519_keypair_from_seed(&open, &secret, seed)
        (publicKey, privateKey) = (open, secret)
    }

    /// The signature of `message`, 64 bytes; the same each time. About 20 µs.
    public func signature(of message: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.signatureBytes) { signature, initialized in
            let made = ED25519_sign(signature.baseAddress, message, message.count, privateKey)
            precondition(made == 1, "every message can be signed")
            initialized = Self.signatureBytes
        }
    }

    /// Whether `signature` is one of `message` by the owner of `publicKey`. Bytes of any number are taken.
    public static func isValid(_ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8]) -> Bool {
        guard signature.count == signatureBytes, publicKey.count == keyBytes else { return false }
        return ED25519_verify(message, message.count, signature, publicKey) == 1
    }
}
