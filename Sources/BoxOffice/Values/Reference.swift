/// The purpose of a ``Reference``, with its longest length.
public protocol ReferenceKind: Sendable {
    /// In UTF-8 bytes.
    static var maximumLength: Int { get }
}

/// A text that a caller chose. The box office only compares it and returns it. It has at least one UTF-8 byte, a bounded
/// number of them, and no control character.
public struct Reference<Kind: ReferenceKind>: Hashable, Sendable {
    public let text: String

    /// `nil` if `text` is empty, too long, or contains a control character.
    public init?(_ text: String) {
        guard (1...Kind.maximumLength).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
        else { return nil }
        self.text = text
    }

    fileprivate init(unchecked text: String) {
        self.text = text
    }

    /// By bytes, as a ledger and Redis compare it (S1 One order). As a `String`, "é" written in two ways would be one text.
    public static func == (left: Self, right: Self) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

public enum BuyerKind: ReferenceKind {
    /// The longest mail address has 254 bytes (RFC 5321 allows a path of 256 with its brackets).
    public static let maximumLength = 255
}

public enum PaymentKind: ReferenceKind {
    /// The usual bound of a text at payment providers and in databases.
    public static let maximumLength = 255
}

public enum ReasonKind: ReferenceKind {
    /// A sentence or two; the audit keeps no more.
    public static let maximumLength = 500
}

public enum NoteKind: ReferenceKind {
    /// As much as a reason: a sentence or two.
    public static let maximumLength = 500
}

public enum SellerKind: ReferenceKind {
    /// A hundred characters, as the name of a key has at most, in the longest form of UTF-8.
    public static let maximumLength = 400
}

/// The buyer whose tickets an event's limits count, as the shop names them.
public typealias Buyer = Reference<BuyerKind>
/// The name of a payment at the payment provider or the shop. It buys one hold (R10 One payment, one hold).
public typealias PaymentReference = Reference<PaymentKind>
/// Who sold: the name of the key that completed the hold. Keys with one name are one seller (R48 Operator keys).
public typealias Seller = Reference<SellerKind>
/// Why an operator changes something, in the operator's words.
public typealias ReasonText = Reference<ReasonKind>
/// What an operator notes about a hold or a purchase, for colleagues. Buyers do not see it (R40 Corrections).
public typealias SaleNote = Reference<NoteKind>

extension Reference where Kind == PaymentKind {
    /// The first byte of an erased payment's name. No caller can send it, so no such name is a payment of its own.
    private static var mark: Unicode.Scalar { "\u{1}" }

    /// Whether it is the name that an erasure left of a payment (R41 Erasure).
    public var isErased: Bool { text.unicodeScalars.first == Self.mark }

    /// A payment as a store kept it: as a caller sent it, or erased.
    public init?(kept text: String) {
        guard text.unicodeScalars.first == Self.mark else {
            self.init(text)
            return
        }
        self.init(unchecked: text)
    }

    init(erasedAs digest: some StringProtocol) {
        self.init(unchecked: String(Self.mark) + digest)
    }
}
