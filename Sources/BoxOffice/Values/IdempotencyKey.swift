/// A digest of an idempotency key and its scope, which makes a retry safe (R15 Idempotency keys).
///
/// The edge computes it with a secret that belongs to the ledger, so that no store knows a key's text and nobody can choose
/// keys whose digests collide.
public struct IdempotencyKey: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 32 hexadecimal digits.
    public var description: String {
        [high, low].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
