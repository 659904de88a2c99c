internal import CNIOBoringSSL

/// SHA-1 (RFC 3174), only for the names of erased payments (R41 Erasure).
public enum SHA1 {
    /// The 20 bytes of the hash of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 20) { hash, initialized in
            let made = CNIOBoringSSL.SHA1(bytes, bytes.count, hash.baseAddress) != nil
            precondition(made, "SHA-1 takes bytes of any number")
            initialized = 20
        }
    }
}
