extension UInt8 {
    /// Whether it is one of `A-Z a-z 0-9` in ASCII.
    package var isLetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// Whether it can stand in a web address that is in an attribute or a header as it is: no quotation marks, brackets or
    /// blanks.
    var isOfWebAddress: Bool {
        isLetterOrDigit || "!#$%&'()*+,-./:;=?@_~".utf8.contains(self)
    }
}
