/// A code of a batch, as a request to hold names it (R46 Access codes). The edge has checked that the caller knows its text.
///
/// It is a class, so that the many requests without a code carry one empty word more.
public final class AccessCode: Sendable, Hashable {
    public let batch: Code
    /// From 1 within its batch.
    public let number: Int
    /// What the fingerprint of a request has of it (R15 Idempotency keys). It is the text, because a definition may no
    /// longer have the batch when the request is repeated.
    public let text: String

    public init(batch: Code, number: Int, text: String? = nil) {
        self.batch = batch
        self.number = number
        self.text = text ?? "\(batch) \(number)"
    }

    public static func == (left: AccessCode, right: AccessCode) -> Bool {
        left.batch == right.batch && left.number == right.number
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(batch)
        hasher.combine(number)
    }
}

/// The code that a hold was made with, or none, in 4 bytes: the index of its batch within its event, and its number.
public struct HeldCode: Sendable, Hashable {
    public static let none = HeldCode(packed: 0)

    /// 0 for none.
    public let packed: UInt32

    public init(packed: UInt32) {
        self.packed = packed
    }

    /// - Parameter number: from 1 to ``Limits/codesPerBatch``.
    public init(batch: Int, number: Int) {
        precondition((1...Limits.codesPerBatch).contains(number), "codes are numbered from 1")
        packed = UInt32(UInt16(batch)) << 16 | UInt32(number)
    }

    public var isNone: Bool { packed == 0 }
    /// The index never changes its meaning.
    public var batch: Int { Int(packed >> 16) }
    public var number: Int { Int(packed & 0xffff) }
}
