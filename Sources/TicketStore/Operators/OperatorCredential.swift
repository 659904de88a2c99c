/// The credential of an operator's key: `hfk_`, the key's eight characters, `_`, and 32 random bytes in base64url.
///
/// Stores keep only a digest of the secret. The secret is random, so a slow hash would add no protection.
public struct OperatorCredential: Sendable {
    /// Bytes of the secret.
    public static let secretBytes = 32
    /// Characters in a key's name.
    public static let nameLength = 1...100
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The key's identifier in lists.
    public let id: String
    /// ``secretBytes`` random bytes.
    public let secret: [UInt8]

    /// Makes a new credential.
    public init(using random: inout some RandomNumberGenerator) {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        id = String((0..<8).map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] })
        secret = (0..<Self.secretBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// The credential in `text`; `nil` if it is malformed.
    public init?(_ text: String) {
        let parts = text.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "hfk", parts[1].utf8.count == 8,
            let secret = Self.decoded(Array(parts[2].utf8))
        else { return nil }
        id = String(parts[1])
        self.secret = secret
    }

    /// The credential as its owner gets it and sends it.
    public var text: String {
        var text: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for byte in secret {
            (bits, count) = (bits << 8 | UInt32(byte), count + 8)
            while count >= 6 {
                count -= 6
                text.append(Self.alphabet[Int(bits >> UInt32(count)) & 0x3f])
            }
        }
        if count > 0 { text.append(Self.alphabet[Int(bits << UInt32(6 - count)) & 0x3f]) }
        return "hfk_\(id)_" + String(decoding: text, as: UTF8.self)
    }

    /// Whether a key can have this name: 1 to 100 characters, none of them a control character.
    public static func isName(_ name: String) -> Bool {
        nameLength.contains(name.count)
            && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
    }

    /// Compares in constant time.
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func decoded(_ text: [UInt8]) -> [UInt8]? {
        // 43 characters are 258 bits: the last two of them belong to no byte.
        guard text.count == (secretBytes * 8 + 5) / 6 else { return nil }
        var bytes: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for character in text {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            (bits, count) = (bits << 6 | UInt32(value), count + 6)
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
