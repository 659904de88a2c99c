/// The identifier of an event, a pool or a ticket type: 1 to 32 of `A-Z a-z 0-9 _ -`, case-sensitive.
///
/// The alphabet needs no escaping in a path, a header, JSON or SQL. Codes of up to 15 characters need no allocation.
public struct Code: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// What a code may be, for people.
    public static let form = "1 to 32 of A-Z a-z 0-9 _ -"

    public let text: String

    /// `nil` unless `text` is 1 to 32 characters of the alphabet.
    public init?(_ text: String) {
        guard (1...32).contains(text.utf8.count), text.utf8.allSatisfy(Code.isAllowed) else { return nil }
        self.text = text
    }

    /// For texts that are known to fit.
    init(unchecked text: String) {
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
