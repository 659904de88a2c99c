internal import CNIOBoringSSL

/// SHA-256 (FIPS 180-4), HMAC with it (RFC 2104), and keys derived with it by HKDF (RFC 5869).
///
/// BoringSSL does the work, in the copy that NIOSSL needs for TLS. swift-crypto would compile a second copy. NIOSSL
/// does not promise this module to others, so this target is the only one that imports it, and a test holds each
/// function against published values.
public enum SHA256 {
    /// The bytes of a hash.
    public static let byteCount = 32

    /// The hash as four numbers, each of eight bytes with the highest byte first. Does not allocate.
    public static func words(of bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64, UInt64, UInt64) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { hash in
            _ = CNIOBoringSSL.SHA256(
                bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count,
                hash.assumingMemoryBound(to: UInt8.self).baseAddress)
        }
        return (
            UInt64(bigEndian: words.0), UInt64(bigEndian: words.1), UInt64(bigEndian: words.2),
            UInt64(bigEndian: words.3)
        )
    }

    /// The hash of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        made(byteCount) { hash in CNIOBoringSSL.SHA256(bytes, bytes.count, hash) != nil }
    }

    /// The authentication code of `message` under `key`, 32 bytes.
    public static func authenticationCode(for message: [UInt8], key: [UInt8]) -> [UInt8] {
        made(byteCount) { code in
            HMAC(EVP_sha256(), key, key.count, message, message.count, code, nil) != nil
        }
    }

    /// A key of 32 bytes for one purpose.
    ///
    /// - Parameters:
    ///   - secret: random bytes, no password.
    ///   - salt: differs for each ledger or database, and so do the keys.
    ///   - purpose: differs for each use, and so do the keys (`info` in the RFC).
    public static func derivedKey(from secret: [UInt8], salt: [UInt8], purpose: [UInt8]) -> [UInt8] {
        made(byteCount) { key in
            HKDF(
                key, byteCount, EVP_sha256(), secret, secret.count, salt, salt.count, purpose,
                purpose.count)
                == 1
        }
    }

    private static func made(_ count: Int, _ make: (UnsafeMutablePointer<UInt8>?) -> Bool) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
            precondition(make(bytes.baseAddress), "SHA-256 takes bytes of any number")
            initialized = count
        }
    }
}
