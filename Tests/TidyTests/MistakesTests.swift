import Foundation
import Testing

/// The lists of `Tests/Mutation`, which are applied in minutes: what is wrong in them shows here in a second.
@Suite("Planted mistakes fit the code")
struct MistakesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    @Test(
        "The text that a mistake replaces is in its file exactly once, and each mistake has a name of its own",
        arguments: ["mistakes", "redis", "edge", "ledger"])
    func texts(list: String) throws {
        let blocks = try Self.text("Tests/Mutation/\(list).txt").components(separatedBy: "\n== ").dropFirst()
        #expect(!blocks.isEmpty)
        #expect(Set(blocks.map { $0.prefix { $0 != "\n" } }).count == blocks.count)
        for block in blocks {
            var lines = block.components(separatedBy: "\n")
            let name = lines.removeFirst()
            let file = try #require(
                lines.first?.hasPrefix("file: ") == true ? lines.removeFirst().dropFirst(6) : nil, "\(name)")
            if lines.first?.hasPrefix("tests: ") == true { lines.removeFirst() }
            let end = try #require(lines.firstIndex(of: "-->"), "\(name)")
            let right = lines[..<end].joined(separator: "\n").trimmingCharacters(in: .newlines)
            let count = try Self.text(String(file)).components(separatedBy: right).count - 1
            #expect(count == 1, "\(name): \(count) times in \(file)")
        }
    }
}
