/// A template in a small part of Mustache, with texts of the language beside it:
///
/// - `{{name}}` shows a value, escaped;
/// - `{{#name}}…{{/name}}` is shown for a value that is there, once for each item of a list, which then is looked into
///   first; `{{^name}}…{{/name}}` is shown if it is not there;
/// - `{{>name}}` shows another template;
/// - `{{@key}}` shows a text of the language (``Wording``).
///
/// There is no way to show text unescaped. A line that contains nothing but a tag of a section leaves nothing behind.
package struct PageTemplate: Sendable {
    enum Node: Sendable {
        case literal([UInt8])
        case value(String)
        case wording(String)
        case partial(String)
        case section(String, isInverted: Bool, [Node])
    }

    /// What is wrong with a template, in a sentence.
    package struct Mistake: Error, Equatable {
        package let what: String
    }

    let nodes: [Node]

    package init(_ text: String) throws(Mistake) {
        var parser = Parser(rest: text[...])
        nodes = try parser.nodes(until: nil)
    }

    /// The keys of all texts that it shows.
    package var wordingKeys: Set<String> {
        Self.keys(in: nodes) { if case .wording(let key) = $0 { key } else { nil } }
    }
    /// The names of all templates that it shows.
    package var partials: Set<String> { Self.keys(in: nodes) { if case .partial(let name) = $0 { name } else { nil } } }

    private static func keys(in nodes: [Node], _ key: (Node) -> String?) -> Set<String> {
        nodes.reduce(into: []) { found, node in
            if let key = key(node) { found.insert(key) }
            if case .section(_, _, let inner) = node { found.formUnion(keys(in: inner, key)) }
        }
    }

    private struct Parser {
        var rest: Substring

        /// - Parameter name: of the section that has begun.
        mutating func nodes(until name: String?) throws(Mistake) -> [Node] {
            var nodes: [Node] = []
            while let (text, tag) = try nextTag() {
                if !text.isEmpty { nodes.append(.literal(Array(text.utf8))) }
                let rest = String(tag.dropFirst())
                switch tag.first {
                case "#": nodes.append(.section(rest, isInverted: false, try self.nodes(until: rest)))
                case "^": nodes.append(.section(rest, isInverted: true, try self.nodes(until: rest)))
                case "/":
                    guard rest == name else { throw Mistake(what: "{{/\(rest)}} ends \(name ?? "nothing")") }
                    return nodes
                case ">": nodes.append(.partial(rest))
                case "@": nodes.append(.wording(rest))
                default: nodes.append(.value(tag))
                }
            }
            if let name { throw Mistake(what: "{{#\(name)}} has no end") }
            if !rest.isEmpty { nodes.append(.literal(Array(rest.utf8))) }
            return nodes
        }

        /// The text up to the next tag, and what is in the tag; `nil` if there is none.
        private mutating func nextTag() throws(Mistake) -> (Substring, String)? {
            guard let open = rest.firstRange(of: "{{") else { return nil }
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                throw Mistake(what: "a tag has no end: \(rest[open.lowerBound...].prefix(20))")
            }
            let tag = String(rest[open.upperBound..<close.lowerBound])
            let name = tag.drop { "#^/>@".contains($0) }
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isOfName) else {
                throw Mistake(what: "{{\(tag)}} is not a tag")
            }
            var text = rest[..<open.lowerBound]
            rest = rest[close.upperBound...]
            if let first = tag.first, "#^/".contains(first), rest.first == "\n" || rest.isEmpty {
                let indent = text.reversed().prefix { $0 == " " }.count
                let line = text.dropLast(indent)
                if line.isEmpty || line.last == "\n" {
                    text = line
                    rest = rest.dropFirst()
                }
            }
            return (text, tag)
        }

        private static func isOfName(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

/// Writes templates in one language.
struct PageRenderer {
    let templates: [String: PageTemplate]
    let wording: Wording
    private(set) var html: [UInt8] = []
    /// The innermost object is the last one.
    private var scopes: [PageObject]

    init(_ templates: [String: PageTemplate], _ wording: Wording, _ values: PageObject) {
        self.templates = templates
        self.wording = wording
        scopes = [values]
    }

    mutating func write(_ name: String) {
        guard let template = templates[name] else { preconditionFailure("there is no template \(name)") }
        write(template.nodes)
    }

    private mutating func write(_ nodes: [PageTemplate.Node]) {
        for node in nodes {
            switch node {
            case .literal(let bytes): html += bytes
            case .value(let name):
                guard let value = value(name) else { continue }
                switch value {
                case .markup(let markup): html += markup.utf8
                case .json(let data): html += data.scriptData
                default: HTMLText.write(value.text(in: wording.language), to: &html)
                }
            case .wording(let key): HTMLText.write(wording.text(key, value), to: &html)
            case .partial(let name): write(name)
            case .section(let name, let isInverted, let inner): write(inner, of: value(name), isInverted)
            }
        }
    }

    private mutating func write(_ nodes: [PageTemplate.Node], of value: PageValue?, _ isInverted: Bool) {
        let isShown = value?.isShown ?? false
        guard isShown != isInverted else { return }
        switch isInverted ? nil : value {
        case .list(let items):
            for item in items { write(nodes, in: item) }
        case .object(let object): write(nodes, in: object)
        default: write(nodes)
        }
    }

    private mutating func write(_ nodes: [PageTemplate.Node], in scope: PageObject) {
        scopes.append(scope)
        write(nodes)
        scopes.removeLast()
    }

    private func value(_ name: String) -> PageValue? {
        scopes.lazy.reversed().compactMap { $0[name] }.first
    }
}
