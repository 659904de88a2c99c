import Foundation
import RedisStore
import Testing

/// A misspelled member of a table is nil in Lua, and no error.
@Suite("Numbers that nodes and the functions exchange are written once, in Swift")
struct WireNumbersTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources/RedisStore/Lua")

    /// The functions by file, without comments.
    private static func functions() throws -> [(file: String, text: String)] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).map { file in
            (file.lastPathComponent, try String(contentsOf: file, encoding: .utf8).replacing(/--[^\n]*/, with: ""))
        }
    }

    @Test("Each name that the functions use is one of the enums' cases")
    func known() throws {
        var known: [Substring: Set<Substring>] = [:]
        for table in WireNumbers.prelude.matches(of: /local ([A-Z_]+) = \{ (.*) \}/) {
            known[table.1] = Set(table.2.matches(of: /(\w+) = \d+/).map(\.1))
        }
        #expect(known.count == 20)
        known["KEY"] = Set(EventKey.allCases.map { "\($0)" })
        var count = 0
        for (file, text) in try Self.functions() {
            for use in text.matches(of: /\b([A-Z][A-Z_]+)\.(\w+)/) {
                count += 1
                #expect(known[use.1]?.contains(use.2) == true, "\(file): \(use.0)")
            }
        }
        #expect(count > 100)
    }

    @Test("The functions have no numbers of their own in their place")
    func named() throws {
        let numbers = [
            try Regex(#"local [A-Z][A-Z_, ]* = (\{\s*\w+ = )?\d"#), try Regex(#"(refused|head|change_reply)\(\d"#),
            // The first key of a call about no event is its only one.
            try Regex(#"event[.]keys\[\d"#), try Regex(#"\bkeys\[([2-9]|\d\d)"#),
            // A hold's one line is counted, not named.
            try Regex(#"pack\('<B(?!HHd)[^']*', \d"#), try Regex(#"(state|status|outcome|reason|mode) [=~]= \d"#),
        ]
        for (file, text) in try Self.functions() {
            for number in numbers {
                for match in text.matches(of: number) { Issue.record("\(file): \(text[match.range])") }
            }
        }
    }
}
