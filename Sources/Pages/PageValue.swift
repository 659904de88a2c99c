package import StrictJSON

/// What a template can show under a name.
package enum PageValue: Sendable {
    /// Text of any origin. It is escaped where it is shown.
    case text(String)
    /// Shown or left out.
    case flag(Bool)
    /// A whole number, shown with the separators of the language.
    case number(Int)
    /// Minor units of a currency (ISO 4217), shown as the language writes them.
    case money(Int64, String)
    /// Milliseconds since 1970, shown as day and time in UTC.
    case moment(Int64)
    case object(PageObject)
    case list([PageObject])
    /// Data for machines, shown as JSON that can stand in a `script` element: it contains no `<`.
    case json(JSONValue)
    /// HTML that a template made. It is shown as it is.
    case markup(String)
}

package typealias PageObject = [String: PageValue]

extension PageValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) {
        self = .text(value)
    }

    package init(booleanLiteral value: Bool) {
        self = .flag(value)
    }

    /// Text that may be missing: then sections about it are left out.
    package init(_ text: String?) {
        self = text.map { .text($0) } ?? .flag(false)
    }

    /// Whether a section about it is shown.
    var isShown: Bool {
        switch self {
        case .text(let text), .markup(let text): !text.isEmpty
        case .flag(let isSet): isSet
        case .list(let items): !items.isEmpty
        case .number, .money, .moment, .object, .json: true
        }
    }

    /// As text of a language, not yet escaped; empty for what has no text.
    func text(in language: Language) -> String {
        switch self {
        case .text(let text): text
        case .number(let number): language.text(of: number)
        case .money(let amount, let currency): language.text(of: amount, in: currency)
        case .moment(let milliseconds): language.text(ofMoment: milliseconds)
        case .flag, .object, .list, .json, .markup: ""
        }
    }
}

extension JSONValue {
    /// As text that ends no `script` element and begins no comment in it. `<`, `>` and `&` are in strings only, where JSON
    /// has escapes for them.
    var scriptData: [UInt8] {
        var writer = JSONWriter(layout: .compact)
        writer.value(self)
        var data: [UInt8] = []
        for byte in writer.bytes {
            switch byte {
            case UInt8(ascii: "<"): data += "\\u003c".utf8
            case UInt8(ascii: ">"): data += "\\u003e".utf8
            case UInt8(ascii: "&"): data += "\\u0026".utf8
            default: data.append(byte)
            }
        }
        return data
    }
}

/// Writes text into HTML, as content or as the value of a quoted attribute.
enum HTMLText {
    /// Appends `text` with everything escaped that HTML could read as markup.
    ///
    /// It goes by bytes: as a `Character`, a quotation mark with a combining accent behind it equals no quotation mark.
    static func write(_ text: String, to html: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): html += "&amp;".utf8
            case UInt8(ascii: "<"): html += "&lt;".utf8
            case UInt8(ascii: ">"): html += "&gt;".utf8
            case UInt8(ascii: "\""): html += "&quot;".utf8
            case UInt8(ascii: "'"): html += "&#39;".utf8
            default: html.append(byte)
            }
        }
    }
}
