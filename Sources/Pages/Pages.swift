internal import PagesTexts

/// The pages for people: templates, texts and files that are compiled in from `Web`.
///
/// It knows nothing of HTTP and of tickets. A page is a template with values, in one language.
package enum Pages {
    /// The templates by name: the names of the files in `Web` without `.html`.
    package static let templates: [String: PageTemplate] = Dictionary(
        uniqueKeysWithValues: texts.filter { $0.name.hasSuffix(".html") }.map { name, text in
            do throws(PageTemplate.Mistake) {
                return (String(name.dropLast(5)), try PageTemplate(text))
            } catch {
                preconditionFailure("\(name): \(error.what)")
            }
        })

    /// The texts of a language.
    package static func wording(_ language: Language) -> Wording {
        guard let wording = wordings[language] else { preconditionFailure("there are no texts in \(language)") }
        return wording
    }

    private static let wordings: [Language: Wording] = Dictionary(
        uniqueKeysWithValues: Language.allCases.map { language in
            do {
                return (
                    language,
                    try Wording(
                        language,
                        json: ["texts", "operate", "queue"].map { Array(text("\($0).\(language.code).json").utf8) })
                )
            } catch {
                preconditionFailure("the texts in \(language): \(error)")
            }
        })

    /// The files that pages load, by the last segment of their paths.
    package static let files: [String: PageFile] = Dictionary(
        uniqueKeysWithValues: loaded.values.map { ($0.name, $0) })

    /// By the names in `Web`.
    private static let loaded: [String: PageFile] = Dictionary(
        uniqueKeysWithValues: texts.compactMap { name, text in
            guard let type = mediaTypes.first(where: { name.hasSuffix($0.key) })?.value else { return nil }
            return (name, PageFile(name, Array(text.utf8), type))
        })

    private static let mediaTypes = [
        ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ]

    /// The script that embeds a sale into pages of other origins.
    package static var embedScript: [UInt8] { file("embed.js").bytes }

    /// A file in `Web`.
    static func file(_ name: String) -> PageFile {
        guard let file = loaded[name] else { preconditionFailure("there is no file \(name)") }
        return file
    }

    /// The path of a file in `Web`, for templates.
    package static func path(of name: String) -> String { file(name).path }

    /// A text of a language, filled with values.
    package static func text(_ key: String, _ values: PageObject = [:], in language: Language) -> String {
        wording(language).text(key) { values[$0] }
    }

    /// A whole page.
    ///
    /// - Parameters:
    ///   - template: what is in the page's `main`. Its title is the text `title.TEMPLATE`.
    ///   - values: what the template shows.
    ///   - layout: the template around it. It shows `main` and `title`.
    ///   - theme: what the operator gives it.
    package static func page(
        _ template: String, _ values: PageObject, in language: Language, layout: String = "layout",
        theme: PageTheme = .standard
    ) -> [UInt8] {
        let wording = wording(language)
        var frame = values
        frame["main"] = .markup(String(decoding: html(template, values, wording), as: UTF8.self))
        frame["title"] = .text(wording.text("title.\(template)") { values[$0] })
        frame["lang"] = .text(language.code)
        frame["css"] = .text(theme.css.path)
        frame["logo"] = PageValue(theme.logo?.path)
        frame["house_name"] = PageValue(theme.name)
        frame["house"] = .text(theme.name ?? wording.text("home") { _ in nil })
        frame["imprint"] = PageValue(theme.imprint)
        frame["privacy"] = PageValue(theme.privacy)
        frame["js"] = .text(path(of: "pages.js"))
        frame["icon"] = .text(path(of: "icon.svg"))
        return html(layout, frame, wording)
    }

    /// What a template shows.
    ///
    /// - Parameter templates: those that it may show in turn.
    package static func html(
        _ template: String, _ values: PageObject, templates: [String: PageTemplate] = templates, _ wording: Wording
    ) -> [UInt8] {
        var renderer = PageRenderer(templates, wording, values)
        renderer.write(template)
        return renderer.html
    }

    private static let texts: [(name: String, text: String)] = {
        var found: [(name: String, text: String)] = []
        var next: UnsafePointer<PagesText> = pages_texts
        while let name = next.pointee.name, let text = next.pointee.text {
            found.append((String(cString: name), String(cString: text)))
            next += 1
        }
        return found
    }()

    private static func text(_ name: String) -> String {
        guard let found = texts.first(where: { $0.name == name }) else {
            preconditionFailure("\(name) is not compiled in")
        }
        return found.text
    }
}
