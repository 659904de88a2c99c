/// The part of Markdown that the pages of problems use: headings, paragraphs, fenced code, and within a line `code` and
/// [links](address). Everything else appears as it is written.
struct MarkdownText {
    /// The first heading.
    private(set) var title = ""
    private(set) var html = ""

    init(_ text: String) {
        var paragraph: [Substring] = []
        var code: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = code {
                if line == "```" {
                    html += "<pre tabindex=\"0\"><code>\(Self.escaped(lines.joined(separator: "\n")))</code></pre>\n"
                    code = nil
                } else {
                    code = lines + [line]
                }
                continue
            }
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix("```") { end(&paragraph) }
            if line.hasPrefix("# ") {
                title = String(line.dropFirst(2))
                html += "<h1>\(Self.inline(title))</h1>\n"
            } else if line.hasPrefix("## ") {
                html += "<h2>\(Self.inline(String(line.dropFirst(3))))</h2>\n"
            } else if line.hasPrefix("```") {
                code = []
            } else if !line.isEmpty {
                paragraph.append(line)
            }
        }
        end(&paragraph)
    }

    private mutating func end(_ paragraph: inout [Substring]) {
        guard !paragraph.isEmpty else { return }
        html += "<p>\(Self.inline(paragraph.joined(separator: "\n")))</p>\n"
        paragraph = []
    }

    /// Text with code and links.
    private static func inline(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, part in
            index % 2 == 1 ? "<code>\(escaped(String(part)))</code>" : links(String(part))
        }.joined()
    }

    private static func links(_ text: String) -> String {
        var html = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "["), let close = rest[open...].firstIndex(of: "]"),
            rest[close...].hasPrefix("]("), let end = rest[close...].firstIndex(of: ")")
        {
            let words = rest[rest.index(after: open)..<close]
            let address = rest[rest.index(close, offsetBy: 2)..<end]
            html += escaped(String(rest[..<open]))
            html += "<a href=\"\(escaped(String(address)))\">\(escaped(String(words)))</a>"
            rest = rest[rest.index(after: end)...]
        }
        return html + escaped(String(rest))
    }

    static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: String(character)
            }
        }.joined()
    }
}
