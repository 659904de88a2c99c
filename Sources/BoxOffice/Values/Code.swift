/// The name by which programs call an event, a pool or a ticket type: 1 to 32 of `A-Z a-z 0-9 _ -`, case-sensitive.
///
/// The alphabet needs no escaping in a path, a header, JSON or SQL. Codes of up to 15 characters live inside the
/// value, without an allocation.
public struct Code: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String

    /// `nil` unless `text` is 1 to 32 characters of the alphabet.
    public init?(_ text: String) {
        guard (1...32).contains(text.utf8.count), text.utf8.allSatisfy(Code.isAllowed) else { return nil }
        self.text = text
    }

    public var description: String { text }

    public static func < (left: Self, right: Self) -> Bool {
        left.text < right.text
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// What a ``Reference`` is for, and how long it may be.
public protocol ReferenceKind: Sendable {
    static var maximumLength: Int { get }
}

/// A text that a caller chose and that the box office only compares and hands back: 1 to a bounded number of UTF-8
/// bytes, none of them a control character.
public struct Reference<Kind: ReferenceKind>: Hashable, Sendable {
    public let text: String

    /// `nil` if `text` is empty, longer than the kind allows, or holds a control character.
    public init?(_ text: String) {
        guard (1...Kind.maximumLength).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
        else { return nil }
        self.text = text
    }
}

public enum BuyerKind: ReferenceKind {
    /// The longest mail address has 254 (RFC 5321 allows a path of 256 with its brackets).
    public static let maximumLength = 255
}

public enum PaymentKind: ReferenceKind {
    /// What payment providers and databases give a text that has no other bound.
    public static let maximumLength = 255
}

/// Whom the limits of an event count; told by the shop, never looked into.
public typealias Buyer = Reference<BuyerKind>
/// A payment, as the payment provider or the shop calls it. One reference buys one hold.
public typealias PaymentReference = Reference<PaymentKind>

/// What makes asking twice safe: a digest of the caller's scope and key (R15 Idempotency keys).
///
/// The edge makes it with a secret that belongs to the ledger, so that no store knows a key's text, and nobody can
/// choose keys whose digests collide.
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
