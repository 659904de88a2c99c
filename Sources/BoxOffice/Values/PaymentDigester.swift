/// Turns a payment reference into the name under which it is known after it was erased (R41 Erasure).
///
/// The name is the first half of SHA-1 over a secret, the length of the reference in four bytes (the least first) and the
/// reference, as 32 hexadecimal digits behind a byte that no reference has. Without the secret nobody can
/// tell which reference it was, nor try likely ones. With the length in front and half of the hash left out, a hash with its key in front
/// is a pseudorandom function (Bellare, Canetti and Krawczyk, 1996). It is SHA-1 because the functions on Redis have no
/// other hash; that two texts with one hash can be made is no danger where the hash is keyed.
public struct PaymentDigester: Sendable, Equatable {
    private static let digits = 32
    private let secret: [UInt8]

    /// - Parameter secret: the store's own. Names made with another secret are unknown to it.
    public init(secret: [UInt8]) {
        self.secret = secret
    }

    /// The erased name of a payment; of an erased name itself. It costs a microsecond or two.
    public func erased(_ payment: PaymentReference) -> PaymentReference {
        if payment.isErased { return payment }
        let hex = hash(payment.text).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }
        return PaymentReference(erasedAs: hex.joined().prefix(Self.digits))
    }

    /// A buyer as a queue keeps it, by the same construction. The word in front keeps it from being a payment's name.
    package func digest(_ buyer: Buyer) -> BuyerDigest {
        let bytes = hash("buyer " + buyer.text)
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        return BuyerDigest(high: number(0..<8), low: number(8..<16))
    }

    private func hash(_ text: String) -> [UInt8] {
        let length = UInt32(text.utf8.count)
        return SHA1.hash(secret + (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + text.utf8)
    }
}
