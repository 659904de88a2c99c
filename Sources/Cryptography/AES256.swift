internal import CNIOBoringSSL

/// AES with a key of 256 bits (FIPS 197), one block at a time.
///
/// The bare permutation, for messages of exactly one block: longer ones need a mode.
public final class AES256: Sendable {
    /// The bytes of a key.
    public static let keyBytes = 32

    private let schedule: AES_KEY

    /// - Precondition: `key` has ``keyBytes``.
    public init(key: [UInt8]) {
        precondition(key.count == Self.keyBytes, "a key of AES-256 has 32 bytes")
        var schedule = AES_KEY()
        precondition(AES_set_encrypt_key(key, 256, &schedule) == 0, "every 32 bytes are a key")
        self.schedule = schedule
    }

    /// `block` enciphered; both in the order of their bytes in memory. Does not allocate.
    public func enciphered(_ block: (UInt64, UInt64)) -> (UInt64, UInt64) {
        var block = block
        withUnsafePointer(to: schedule) { schedule in
            withUnsafeMutableBytes(of: &block) { bytes in
                let bytes = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
                AES_encrypt(bytes, bytes, schedule)
            }
        }
        return block
    }
}
