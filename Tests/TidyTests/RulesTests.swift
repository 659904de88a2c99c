import Foundation
import Testing

/// `docs/rules.md`, everything that cites it, and the links of all documents, held by reading them.
@Suite("Rules are written once, and cited by number and name")
struct RulesTests {
    /// A text file of the repository, by its path from the root.
    private struct Page {
        var path: String
        var text: String
    }

    private struct Rule {
        var number: String
        var name: String
        var text: String
    }

    private static var root: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    private static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The texts that people write: no build products, no plots, nothing hidden.
    private static func pages() -> [Page] {
        let kinds: Set = ["swift", "lua", "py", "md", "txt", "json", "toml", "js", "html", "css", ""]
        let found = FileManager.default.enumerator(
            at: root, includingPropertiesForKeys: [.isRegularFileKey], options: .skipsHiddenFiles)
        return (found?.allObjects ?? []).compactMap { $0 as? URL }.compactMap { url in
            guard kinds.contains(url.pathExtension),
                (try? url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true
            else { return nil }
            let path = String(url.standardizedFileURL.path.dropFirst(root.standardizedFileURL.path.count + 1))
            return text(path).map { Page(path: path, text: $0) }
        }
    }

    private static func rules() -> [Rule] {
        var rules: [Rule] = []
        for line in (text("docs/rules.md") ?? "").components(separatedBy: "\n") {
            if let heading = matches(#"^### ([RSQ][0-9]+) (.+)$"#, in: line).first {
                rules.append(Rule(number: heading[1], name: heading[2], text: ""))
            } else if line.hasPrefix("## ") {
                rules.append(Rule(number: "", name: "", text: ""))
            } else if !rules.isEmpty {
                rules[rules.count - 1].text += line + "\n"
            }
        }
        return rules.filter { !$0.number.isEmpty }
    }

    /// Each match with its groups; a group that took no part is empty.
    private static func matches(_ pattern: String, in text: String) -> [[String]] {
        guard let expression = try? NSRegularExpression(pattern: pattern, options: .anchorsMatchLines) else {
            Issue.record("\(pattern) is not a pattern")
            return []
        }
        let whole = NSRange(text.startIndex..., in: text)
        return expression.matches(in: text, range: whole).map { match in
            (0..<match.numberOfRanges).map { Range(match.range(at: $0), in: text).map { String(text[$0]) } ?? "" }
        }
    }

    @Test("Each rule says where it is decided, what tests it, and which planted mistake that test catches")
    func parts() {
        let rules = Self.rules()
        #expect(rules.count >= 44)
        #expect(Set(rules.map(\.number)).count == rules.count, "a number is there twice")
        for rule in rules {
            for part in ["Code", "Lua", "Test", "Mistake"] {
                let lines = Self.matches(#"^- \*\*\#(part):\*\* (\[.+\]\(.+\)|none)$"#, in: rule.text)
                #expect(lines.count == 1, "\(rule.number) \(rule.name): \(part)")
                if part == "Code" || part == "Test" { #expect(lines.first?[1] != "none", "\(rule.number): \(part)") }
            }
        }
    }

    @Test("Each name in the code that a document links to is in the file that it links to")
    func links() {
        let pattern = #"\[(?:`([^`/]+)`|"([^"]+)")\]\(([^)\s]+\.(?:swift|lua|py|txt))\)"#
        var count = 0
        for page in Self.pages() where page.path.hasSuffix(".md") {
            for link in Self.matches(pattern, in: page.text) {
                let (name, title) = (link[1], link[2])
                let path = Self.target(of: link[3], from: page)
                // Whether the file is there is another test's.
                guard let file = Self.text(path) else { continue }
                count += 1
                let isThere =
                    title.isEmpty
                    ? Self.defines(name, file, path) : file.contains("== " + title) || file.contains("\"" + title)
                #expect(isThere, "\(page.path): \(path) has no \(name)\(title)")
            }
        }
        #expect(count > 150)
    }

    /// The path of what a link leads to.
    private static func target(of link: String, from page: Page) -> String {
        let folder = URL(fileURLWithPath: "/" + page.path).deletingLastPathComponent()
        return link.isEmpty
            ? page.path : String(folder.appendingPathComponent(link).standardizedFileURL.path.dropFirst())
    }

    /// Whether `file` defines the last word of `name`, and has the words before it.
    private static func defines(_ name: String, _ file: String, _ path: String) -> Bool {
        let words = name.split(separator: ".").map(String.init)
        guard let last = words.last else { return false }
        let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        let owners = words.dropLast().allSatisfy { $0 == stem || !matches(#"\b\#($0)\b"#, in: file).isEmpty }
        let definition =
            #"\b(func|struct|class|enum|protocol|actor|var|let|case|def|function|function \w+\.) ?\#(last)\b"#
        return owners && !matches(definition, in: file).isEmpty
    }

    @Test("A rule is cited by its number and its name, and by no number alone")
    func citations() {
        let names = Dictionary(uniqueKeysWithValues: Self.rules().map { ($0.number, $0.name) })
        for page in Self.pages() {
            // A citation may go on behind a line's end, and behind what begins a comment there.
            let flat = page.text.replacingOccurrences(
                of: #"\n[ \t]*(///?|--|#|>)?[ \t]*"#, with: " ", options: .regularExpression)
            for citation in Self.matches(#"(?<![\w/.-])([RSQ][0-9]{1,2})\b(.{0,40})"#, in: flat) {
                guard let name = names[citation[1]] else {
                    Issue.record("\(page.path): there is no rule \(citation[1])")
                    continue
                }
                #expect(citation[2].hasPrefix(" " + name), "\(page.path): \(citation[0]): write \(citation[1]) \(name)")
            }
            for citation in Self.matches(#"\b[Rr]ules? [0-9]+.{0,20}"#, in: flat) {
                Issue.record("\(page.path): \(citation[0]): a number without its rule's name")
            }
        }
    }

    /// Links that begin with a slash are paths of the running service.
    @Test("Each link of a document leads to a file that is there, and to a heading of it")
    func documents() {
        for page in Self.pages() where page.path.hasSuffix(".md") {
            for link in Self.matches(#"\]\(([^)\s]+)\)"#, in: page.text)
            where !link[1].contains("://") && !link[1].hasPrefix("/") {
                let parts = link[1].split(separator: "#", omittingEmptySubsequences: false).map(String.init)
                let target = Self.target(of: parts[0], from: page)
                let url = Self.root.appendingPathComponent(target)
                #expect(FileManager.default.fileExists(atPath: url.path), "\(page.path): there is no \(link[1])")
                guard parts.count > 1, target.hasSuffix(".md") else { continue }
                let headings = Self.matches(#"^#+ (.+)$"#, in: Self.text(target) ?? "").map { Self.anchor(of: $0[1]) }
                #expect(headings.contains(parts[1]), "\(page.path): \(target) has no heading for #\(parts[1])")
            }
        }
    }

    /// A heading as links name it.
    private static func anchor(of heading: String) -> String {
        String(
            heading.lowercased().compactMap {
                $0 == " " ? "-" : $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : nil
            })
    }
}
