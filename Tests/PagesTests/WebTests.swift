import Foundation
import Pages
import Testing

@Suite("What is compiled in fits together")
struct WebTests {
    private static let web = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/Pages/Web")

    @Test("Every template and file of the folder is compiled in")
    func whole() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.web.path)
        #expect(!names.isEmpty)
        for name in names where name.hasSuffix(".html") {
            #expect(Pages.templates[String(name.dropLast(5))] != nil, "\(name)")
        }
        for name in names where !name.hasSuffix(".html") && !name.hasSuffix(".json") {
            let bytes = Array(try Data(contentsOf: Self.web.appendingPathComponent(name)))
            #expect(Pages.files.values.contains { $0.bytes == bytes }, "\(name)")
        }
    }

    @Test("Templates name texts and templates that are there; each text has the same values in every language")
    func keys() {
        for (name, template) in Pages.templates {
            for partial in template.partials { #expect(Pages.templates[partial] != nil, "\(name): \(partial)") }
            for language in Language.allCases {
                for key in template.wordingKeys {
                    #expect(Pages.wording(language).texts[key] != nil, "\(name): \(key) in \(language)")
                }
            }
        }
        let english = Pages.wording(.english)
        for language in Language.allCases {
            let wording = Pages.wording(language)
            #expect(Set(wording.texts.keys) == Set(english.texts.keys), "\(language)")
            for key in english.texts.keys {
                #expect(wording.names(in: key) == english.names(in: key), "\(key) in \(language)")
                #expect(wording.texts[key]?.isEmpty == false, "\(key) in \(language)")
            }
        }
    }

    @Test("No page has code in it, and none loads from elsewhere")
    func strict() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.web.path) where name.hasSuffix(".html") {
            let text = try String(contentsOf: Self.web.appendingPathComponent(name), encoding: .utf8)
            for banned in ["<script>", "<style", " style=", "javascript:", " onclick", "http://", "https://"] {
                #expect(!text.contains(banned), "\(name): \(banned)")
            }
        }
    }
}
