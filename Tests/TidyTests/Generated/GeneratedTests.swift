import Foundation
import Testing
import TicketAPI

/// Each fact has one source. What other files say of it is generated from there, and this suite compares.
///
/// `make generate` runs the suite with `HOLDFAST_GENERATE` in the environment: then it writes the files instead. That
/// is cheaper than a program of its own, because the tests link everything already.
@Suite("What is generated from tables is up to date")
struct GeneratedTests {
    private static let isWriting = ProcessInfo.processInfo.environment["HOLDFAST_GENERATE"] != nil

    private static var root: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
    }

    @Test("Each file is as its table says", arguments: GeneratedFile.all)
    func isCurrent(_ file: GeneratedFile) throws {
        let url = Self.root.appendingPathComponent(file.path)
        let committed = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
        let generated = try file.text(committed)
        guard generated != committed else { return }
        if Self.isWriting {
            try generated.write(to: url, atomically: true, encoding: .utf8)
        } else {
            Issue.record("\(file.path) is not what its table says; run `make generate` and commit what it writes")
        }
    }

    @Test("Each problem has a page with prose, and each page a problem")
    func pages() throws {
        let folder = Self.root.appendingPathComponent("docs/problems")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names) == Set(Problem.allCases.map { "\($0.code).md" }))
        for name in names {
            let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            let sections = text.components(separatedBy: "\n## ").dropFirst().map { $0.components(separatedBy: "\n\n") }
            #expect(sections.map(\.[0]) == ["What happened", "What to do", "Example"], "\(name)")
            for section in sections {
                #expect(section.dropFirst().contains { !$0.isEmpty }, "\(name): write \"\(section[0])\"")
            }
        }
    }

    @Test("No code is used twice")
    func codes() {
        #expect(Set(Problem.allCases.map(\.code)).count == Problem.allCases.count)
    }
}

/// A file with parts that a table generates.
struct GeneratedFile: Sendable, CustomTestStringConvertible {
    /// From the root of the repository.
    let path: String
    /// What the file must say. Takes what it says, and keeps the parts that people wrote.
    let text: @Sendable (String) throws -> String

    var testDescription: String { path }

    static let all = [configuration, flags, problemTable, problemTexts, openAPI, beyondSchema] + problemPages

    /// `text` with `content` between the two comments that mark the part `name`.
    static func replacing(_ name: String, in text: String, with content: String) throws -> String {
        let begin = "<!-- generated: \(name) -->\n"
        guard let start = text.range(of: begin), let end = text[start.upperBound...].range(of: "<!-- end -->") else {
            throw Missing(what: "\(begin)<!-- end -->")
        }
        return String(text[..<start.upperBound]) + content + String(text[end.lowerBound...])
    }

    struct Missing: Error {
        let what: String
    }
}
