/// A location in a JSON text, as RFC 6901 writes it: `/types/0/code`.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    /// The whole text.
    public static let root = JSONPointer(escaped: "")

    /// The pointer with its tokens escaped; empty for the whole text.
    public let text: String

    private init(escaped text: String) {
        self.text = text
    }

    /// Same as ``text``.
    public var description: String { text }

    /// The member `name` of the object at this location.
    public func appending(_ name: String) -> JSONPointer {
        JSONPointer(escaped: text + JSONPointer.token(name))
    }

    /// The element `index` of the array at this location, from 0.
    public func appending(_ index: Int) -> JSONPointer {
        JSONPointer(escaped: "\(text)/\(index)")
    }

    /// This pointer, seen from the object that has its target in the member `name`.
    package func below(_ name: String) -> JSONPointer {
        JSONPointer(escaped: JSONPointer.token(name) + text)
    }

    /// The names and indexes of a pointer's text, from the outside inwards.
    package static func tokens(of text: String) -> [String] {
        text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst().map { token in
            var name = [UInt8]()
            var escaped = false
            for byte in token {
                if escaped {
                    // ~0 stands for ~ and ~1 for /.
                    name.append(byte == UInt8(ascii: "1") ? UInt8(ascii: "/") : UInt8(ascii: "~"))
                    escaped = false
                } else if byte == UInt8(ascii: "~") {
                    escaped = true
                } else {
                    name.append(byte)
                }
            }
            return String(decoding: name, as: UTF8.self)
        }
    }

    private static func token(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
            return "/" + name
        }
        var token = "/"
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": token += "~0"
            case "/": token += "~1"
            default: token.unicodeScalars.append(scalar)
            }
        }
        return token
    }
}

extension String {
    /// The text for a terminal: control characters, line separators and marks of direction, which could steer the
    /// terminal or hide text, are written as `\u{1b}`.
    package var printable: String {
        var shown = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// The text as a quotation in a sentence: ``printable``, and cut to `length` scalars.
    func quoted(length: Int = 40) -> String {
        // Cut by scalars, because a character can have any number of them.
        let head = String(String.UnicodeScalarView(unicodeScalars.prefix(length)))
        return "\"\(head.printable)\(head.utf8.count < utf8.count ? "…" : "")\""
    }
}
