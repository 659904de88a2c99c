internal import APIDocsTexts

/// The documents that the service serves about itself: its OpenAPI document, the page that shows it, and a page for
/// each problem.
public enum APIDocs {
    /// The HTTP API as OpenAPI 3.1 writes it.
    public static let openAPI = StaticPage(file("openapi.json"), "application/json")
    /// Shows ``openAPI`` to people.
    public static let docs = StaticPage(file("docs.html"), html)
    /// Draws ``docs`` in the browser, from ``openAPI``.
    public static let script = StaticPage(file("docs.js"), "text/javascript; charset=utf-8")
    /// The style of all pages.
    public static let style = StaticPage(file("docs.css"), "text/css; charset=utf-8")
    /// Lists the problems.
    public static let problems = StaticPage(list, html)

    /// The page of a problem; `nil` if there is none with this code.
    public static func problem(_ code: String) -> StaticPage? {
        pages[code]
    }

    private static let html = "text/html; charset=utf-8"
    /// Made at the first request for one, in some milliseconds.
    private static let pages = Dictionary(
        uniqueKeysWithValues: texts(api_docs_problems).map { code, text in
            let text = MarkdownText(text)
            let more = #"<p><a href="/problems">All problems</a> · <a href="/docs">All calls</a></p>"#
            return (code, StaticPage(page(text.title, text.html + more), html))
        })

    private static var list: [UInt8] {
        let rows = texts(api_docs_problems).map { code, text in
            let text = MarkdownText(text)
            return
                #"<li><a href="/problems/\#(code)"><code>\#(code)</code></a> \#(MarkdownText.escaped(text.title))</li>"#
        }
        let intro = """
            <h1>Problems</h1>
            <p>Every refusal outside the classic calls is a problem document (RFC 9457). Its <code>code</code> says which \
            of these it is; its <code>type</code> leads to the page.</p>
            """
        return page(
            "Problems",
            intro + #"<ul class="problems">"# + rows.joined() + #"</ul><p><a href="/docs">All calls</a></p>"#)
    }

    private static func file(_ name: String) -> [UInt8] {
        guard let file = texts(api_docs_files).first(where: { $0.name == name }) else {
            preconditionFailure("\(name) is not compiled in")
        }
        return Array(file.text.utf8)
    }

    private static func texts(_ first: UnsafePointer<APIDocsText>) -> [(name: String, text: String)] {
        sequence(first: first) { $0 + 1 }.prefix { $0.pointee.name != nil }
            .map { (String(cString: $0.pointee.name), String(cString: $0.pointee.text)) }
    }

    private static func page(_ title: String, _ content: String) -> [UInt8] {
        Array(
            """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(MarkdownText.escaped(title)) · Holdfast</title>
            <link rel="stylesheet" href="/docs/docs.css">
            </head>
            <body class="page">
            <main>
            \(content)
            </main>
            </body>
            </html>

            """.utf8)
    }
}
