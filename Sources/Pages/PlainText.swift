/// Text that people wrote, parted into paragraphs, with the addresses in it as links.
package enum PlainText {
    /// A piece of a paragraph.
    package struct Part: Sendable, Equatable {
        package var text: String
        package var isLink: Bool
    }

    /// The paragraphs of `text`, which empty lines part. Lines within one stay lines.
    package static func paragraphs(_ text: String) -> [[Part]] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .split { $0.allSatisfy(\.isWhitespace) }
            .map { parts(of: $0.joined(separator: "\n")) }
    }

    /// `text` with what begins with `http://` or `https://` as links.
    ///
    /// An address ends at a blank or at a mark that addresses have only escaped. Marks of the sentence around it are no part
    /// of it.
    static func parts(of text: String) -> [Part] {
        var parts: [Part] = []
        var plain = ""
        var rest = text.unicodeScalars[...]
        while let first = rest.first {
            guard let address = address(at: rest, behind: plain.unicodeScalars.last) else {
                plain.unicodeScalars.append(first)
                rest = rest.dropFirst()
                continue
            }
            if !plain.isEmpty { parts.append(Part(text: plain, isLink: false)) }
            plain = ""
            parts.append(Part(text: address, isLink: true))
            rest = rest.dropFirst(address.unicodeScalars.count)
        }
        if !plain.isEmpty { parts.append(Part(text: plain, isLink: false)) }
        return parts
    }

    private static func address(
        at rest: Substring.UnicodeScalarView, behind before: Unicode.Scalar?
    ) -> String? {
        if let before, before.properties.isAlphabetic || ("0"..."9").contains(before) { return nil }
        guard let scheme = ["https://", "http://"].first(where: { rest.starts(with: $0.unicodeScalars) }) else {
            return nil
        }
        let all = rest.prefix { $0.value > 0x20 && $0.value < 0x7f && !"<>\"\\^`{|}".unicodeScalars.contains($0) }
        // A row of marks may be long, so what does not depend on its length is found once, and nothing is cut on the way.
        let marks = (all.contains("(") ? ".,;:!?']" : ".,;:!?')]").unicodeScalars
        var end = all.endIndex
        while end > all.startIndex, marks.contains(all[all.index(before: end)]) { end = all.index(before: end) }
        let address = all[..<end]
        return address.count > scheme.unicodeScalars.count ? String(Substring(address)) : nil
    }
}
