import Foundation
import Testing

/// What the source must look like, held by reading it.
@Suite("The house is tidy")
struct TidyTests {
    private struct File {
        var target: String
        var name: String
        var lines: [String]
    }

    /// The files that talk to a terminal.
    private static let printing: Set<String> = [
        "Config.swift", "Correct.swift", "Verify.swift", "Keys.swift", "Events.swift", "EventDefine.swift",
        "EventCapacity.swift", "Find.swift", "Purchases.swift", "Refunds.swift", "Forget.swift", "Report.swift",
        "Audit.swift",
        "ExportSale.swift", "Codes.swift", "Queues.swift", "CheckDraw.swift",
        "Import.swift", "Bench.swift", "Repair.swift", "Backup.swift", "Migrate.swift", "Doctor.swift",
    ]

    private static let bans: [(pattern: String, why: String)] = [
        (#"@unchecked\s+Sendable"#, "nothing vouches for itself"),
        (#"\btry!"#, "an error is handled or passed on"),
        (#"\bas!"#, "a cast that can fail is asked"),
        (#"\bTask(\.detached)?\s*(\([^)]*\))?\s*\{"#, "concurrency is structured"),
        (#"\bTask\.sleep"#, "time arrives from outside"),
        (#"\bDate\(\)"#, "time arrives from outside"),
        (#"\bfatalError\("#, "our own mistakes are preconditions with a sentence"),
        (#"-Ounchecked"#, "preconditions stay in the release"),
        (#"[\w\)\]]!(\.|\)|,|\s*$)"#, "what can be missing is asked"),
    ]

    private static var root: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    private static func sources() throws -> [File] {
        let folder = root.appendingPathComponent("Sources")
        let found = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return try (found?.allObjects ?? []).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
            .map { url in
                let parts = url.pathComponents
                let target = parts[(parts.lastIndex(of: "Sources") ?? 0) + 1]
                return File(
                    target: target, name: url.lastPathComponent,
                    lines: try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n"))
            }
    }

    /// A line without its comment and its texts.
    private func code(_ line: String) -> String {
        let bare = line.replacingOccurrences(of: #""([^"\\]|\\.)*""#, with: "\"\"", options: .regularExpression)
        return bare.components(separatedBy: "//").first ?? ""
    }

    @Test("Nothing that is banned is used")
    func bans() throws {
        for file in try Self.sources() {
            for (number, line) in file.lines.enumerated() {
                let code = code(line)
                for ban in Self.bans where code.range(of: ban.pattern, options: .regularExpression) != nil {
                    Issue.record("\(file.name):\(number + 1): \(ban.why): \(line)")
                }
                if code.range(of: #"(?<!\.)\bprint\("#, options: .regularExpression) != nil,
                    !line.contains("func print("), !(file.target == "holdfast" && Self.printing.contains(file.name))
                {
                    Issue.record("\(file.name):\(number + 1): only the shell prints: \(line)")
                }
            }
        }
    }

    @Test("Files are at most 400 lines, functions at most 60")
    func sizes() throws {
        for file in try Self.sources() {
            #expect(file.lines.count <= 401, "\(file.name) has \(file.lines.count) lines")
            var start: (line: Int, indent: Int)?
            for (number, line) in file.lines.enumerated() {
                let indent = line.prefix { $0 == " " }.count
                if line.range(of: #"^\s*[\w@ ()]*\b(func|init)\b.*"#, options: .regularExpression) != nil,
                    start == nil, !line.hasSuffix("}")
                {
                    start = (number, indent)
                } else if let begun = start, line.hasPrefix(String(repeating: " ", count: begun.indent) + "}") {
                    let length = number - begun.line + 1
                    #expect(length <= 60, "\(file.name):\(begun.line + 1): a function of \(length) lines")
                    start = nil
                } else if let begun = start, line.isEmpty, file.lines[begun.line].contains("{") == false,
                    number > begun.line + 8
                {
                    // A requirement of a protocol has no end.
                    start = nil
                }
            }
        }
    }
}
