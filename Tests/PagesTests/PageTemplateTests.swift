import Pages
import StrictJSON
import Testing

@Suite("Templates show values escaped, sections and texts")
struct PageTemplateTests {
    private func shown(_ template: String, _ values: PageObject, _ texts: String = "{}") throws -> String {
        let wording = try Wording(.english, json: [Array(texts.utf8)])
        return String(
            decoding: Pages.html("t", values, templates: ["t": try PageTemplate(template)], wording), as: UTF8.self)
    }

    @Test(
        "Whatever a value contains, no markup comes of it",
        arguments: [
            ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
            // Each is one character in Swift, and equals none that is escaped.
            ("\"\u{301}<\u{301}", "&quot;\u{301}&lt;\u{301}"),
            ("&\u{200d}>", "&amp;\u{200d}&gt;"),
        ])
    func escapes(value: String, html: String) throws {
        #expect(Array(try shown("<p>{{name}}</p>", ["name": .text(value)]).utf8) == Array("<p>\(html)</p>".utf8))
        let texts = #"{"hello": "Hello {name}"}"#
        #expect(Array(try shown("{{@hello}}", ["name": .text(value)], texts).utf8) == Array("Hello \(html)".utf8))
    }

    @Test(
        "Sections",
        arguments: [
            ("{{#a}}x{{/a}}{{^a}}y{{/a}}", "y"), ("{{#on}}x{{/on}}{{^on}}y{{/on}}", "x"),
            ("{{#empty}}x{{/empty}}{{^empty}}y{{/empty}}", "y"), ("{{#none}}x{{/none}}{{^none}}y{{/none}}", "y"),
            ("{{#zero}}{{zero}}{{/zero}}", "0"), ("{{#items}}{{n}}{{outer}},{{/items}}", "ao,bo,"),
            ("{{#items}}\n{{n}}\n{{/items}}\nz", "a\nb\nz"), ("{{#object}}{{n}}{{/object}}", "c"),
            ("{{unknown}}", ""),
        ])
    func sections(template: String, html: String) throws {
        let values: PageObject = [
            "on": true, "empty": "", "none": .list([]), "zero": .number(0), "outer": "o", "n": "hidden",
            "items": .list([["n": "a"], ["n": "b"]]), "object": .object(["n": "c"]),
        ]
        #expect(try shown(template, values) == html)
    }

    @Test("Data for machines ends no script, and says the same")
    func data() throws {
        let data = JSONValue.object([.init("name", .string("</script><!-- & \"é"))])
        #expect(
            try shown("{{data}}", ["data": .json(data)])
                == #"{"name":"\u003c/script\u003e\u003c!-- \u0026 \"é"}"#)
    }

    @Test("A text takes values and the form for their number")
    func texts() throws {
        let texts = #"{"left": "{n} {n|ticket|tickets} left"}"#
        #expect(try shown("{{@left}}", ["n": .number(1)], texts) == "1 ticket left")
        #expect(try shown("{{@left}}", ["n": .number(2_000)], texts) == "2,000 tickets left")
    }

    @Test(
        "A wrong template is refused with the reason",
        arguments: [
            ("{{#a}}", "{{#a}} has no end"), ("{{#a}}{{/b}}", "{{/b}} ends a"), ("{{/b}}", "{{/b}} ends nothing"),
            ("{{a", "a tag has no end: {{a"), ("{{}}", "{{}} is not a tag"), ("{{ a }}", "{{ a }} is not a tag"),
            ("{{{a}}}", "{{{a}} is not a tag"),
        ])
    func mistakes(template: String, what: String) {
        #expect {
            try PageTemplate(template)
        } throws: {
            ($0 as? PageTemplate.Mistake)?.what == what
        }
    }
}
