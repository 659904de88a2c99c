import Pages
import Testing

@Suite("A description becomes paragraphs and links")
struct PlainTextTests {
    /// Paragraphs as lines; a link in brackets.
    private func shown(_ text: String) -> [String] {
        PlainText.paragraphs(text).map { $0.map { $0.isLink ? "[\($0.text)]" : $0.text }.joined() }
    }

    @Test("Empty lines part paragraphs; single lines stay")
    func paragraphs() {
        #expect(shown("one\ntwo\n\n  \n\nthree\n") == ["one\ntwo", "three"])
        #expect(shown("") == [])
        #expect(shown("\n\n") == [])
    }

    @Test(
        "Addresses become links, and nothing else does",
        arguments: [
            ("See https://a.example/x?y=1#z.", "See [https://a.example/x?y=1#z]."),
            ("(http://a.example)", "([http://a.example])"), ("https://a.example/w_(x)", "[https://a.example/w_(x)]"),
            ("https://a.example/, https://b.example!", "[https://a.example/], [https://b.example]!"),
            (
                "javascript:alert(1) //a.example ftp://a www.a.example",
                "javascript:alert(1) //a.example ftp://a www.a.example"
            ),
            ("xhttps://a.example", "xhttps://a.example"), ("https:// and http://.", "https:// and http://."),
            ("https://a.example/\"onclick=x", "[https://a.example/]\"onclick=x"),
            ("<https://a.example/>", "<[https://a.example/]>"), ("https://a.exämple", "[https://a.ex]ämple"),
            ("https://a.example\u{202e}x", "[https://a.example]\u{202e}x"),
        ])
    func links(text: String, parts: String) {
        #expect(shown(text) == [parts])
    }

    @Test("A long row of marks behind an address takes the time of its length, not of its square")
    func marks() {
        let marks = String(repeating: ")", count: 100_000)
        let took = ContinuousClock().measure { #expect(shown("http://a" + marks) == ["[http://a]" + marks]) }
        #expect(took < .seconds(10))
    }
}
