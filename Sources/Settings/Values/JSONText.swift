/// Writes JSON strings for logs, reports and messages.
package enum JSONText {
    /// Appends a JSON string with its quotes. After `limit` bytes of the text, `…` replaces the rest.
    ///
    /// Escapes what JSON forbids, and also what would steer a terminal or mislead a reader.
    package static func append(_ text: String, to bytes: inout [UInt8], limit: Int) {
        bytes.append(UInt8(ascii: "\""))
        appendEscaped(text, to: &bytes, limit: limit, quotes: true)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends the text, escaped like the inside of a JSON string, on one line and harmless to a terminal. Escapes
    /// quotes only on demand, because only text between quotes needs it.
    package static func appendEscaped(_ text: String, to bytes: inout [UInt8], limit: Int, quotes: Bool = false) {
        var left = limit
        for scalar in text.unicodeScalars {
            let length = UTF8.width(scalar)
            guard length <= left else {
                bytes.append(contentsOf: "…".utf8)
                return
            }
            left -= length
            switch scalar {
            case "\"" where quotes: bytes.append(contentsOf: #"\""#.utf8)
            case "\\": bytes.append(contentsOf: #"\\"#.utf8)
            case "\n": bytes.append(contentsOf: #"\n"#.utf8)
            case "\r": bytes.append(contentsOf: #"\r"#.utf8)
            case "\t": bytes.append(contentsOf: #"\t"#.utf8)
            case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}",
                // Separators that end a line for some readers, and marks that change the direction of text.
                "\u{2028}"..."\u{202e}", "\u{2066}"..."\u{2069}",
                // The byte order mark, which some parsers drop from the beginning of any string.
                "\u{feff}":
                let hex = String(scalar.value, radix: 16)
                bytes.append(contentsOf: (#"\u"# + String(repeating: "0", count: 4 - hex.count) + hex).utf8)
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    /// The text as a JSON string.
    static func quoted(_ text: String, limit: Int) -> String {
        var bytes: [UInt8] = []
        append(text, to: &bytes, limit: limit)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text on one line and harmless to a terminal, without quotes around it.
    static func escaped(_ text: String, limit: Int) -> String {
        var bytes: [UInt8] = []
        appendEscaped(text, to: &bytes, limit: limit)
        return String(decoding: bytes, as: UTF8.self)
    }
}
