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
