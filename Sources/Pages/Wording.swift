internal import StrictJSON

/// All texts of the pages in one language, by their keys.
///
/// A text may contain `{name}`, which is replaced by the value of that name, and `{name|one|several}`, which is replaced
/// by the first form if the value is the number 1, and by the second one otherwise. A `{name}` without a value stays, for
/// scripts that fill it.
package struct Wording: Sendable {
    package let language: Language
    package let texts: [String: String]

    /// - Parameter json: objects of texts, as `Web/texts.CODE.json` and `Web/operate.CODE.json` have them.
    package init(_ language: Language, json: [[UInt8]]) throws {
        self.language = language
        var texts: [String: String] = [:]
        for json in json {
            guard case .object(let members) = try JSONValue.document(json, limits: JSONLimits(bytes: 1 << 20)) else {
                throw PageTemplate.Mistake(what: "the texts are no object")
            }
            for member in members {
                guard case .string(let text) = member.value, texts.updateValue(text, forKey: member.name) == nil else {
                    throw PageTemplate.Mistake(what: "\(member.name) is not a text, or is there twice")
                }
            }
        }
        self.texts = texts
    }

    /// The text of `key`, filled and not yet escaped.
    func text(_ key: String, _ value: (String) -> PageValue?) -> String {
        guard let text = texts[key] else { preconditionFailure("there is no text \(key)") }
        var filled = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            filled += rest[..<open]
            let parts = rest[rest.index(after: open)..<close].split(separator: "|", omittingEmptySubsequences: false)
            let found = value(String(parts[0]))
            if parts.count == 3 {
                let isOne = if case .number(1) = found { true } else { false }
                filled += parts[isOne ? 1 : 2]
            } else {
                filled += found?.text(in: language) ?? "{\(parts[0])}"
            }
            rest = rest[rest.index(after: close)...]
        }
        return filled + rest
    }

    /// The names that the text of `key` shows.
    package func names(in key: String) -> Set<String> {
        guard let text = texts[key] else { return [] }
        return Set(
            text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().compactMap {
                $0.split(separator: "}").first
            }
            .compactMap { $0.split(separator: "|").first.map(String.init) })
    }
}
