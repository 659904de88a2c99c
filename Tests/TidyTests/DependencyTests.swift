import Foundation
import Testing

/// Which target may import which. ARCHITECTURE.md explains the targets.
@Suite("Dependencies point one way")
struct DependencyTests {
    /// What a target may import: of ours, and of others if that is limited.
    private struct Target {
        var ours: Set<String>
        var others: Set<String>?
    }

    private static let targets: [String: Target] = [
        "CLibrary": Target(ours: [], others: cLibraries),
        "BoxOffice": Target(ours: [], others: ["DequeModule"]),
        "StrictJSON": Target(ours: [], others: []),
        "TicketStore": Target(ours: ["BoxOffice", "StrictJSON"], others: ["Synchronization"]),
        "Workload": Target(ours: ["BoxOffice", "TicketStore"], others: []),
        "Cryptography": Target(ours: [], others: ["CNIOBoringSSL"]),
        "EmbeddedStore": Target(
            ours: ["CLibrary", "BoxOffice", "TicketStore", "Cryptography"],
            others: [
                "Dispatch", "Foundation", "GRDB", "GRDBSQLite", "HeapModule", "Logging", "ServiceLifecycle",
                "Synchronization",
            ]),
        "RedisWire": Target(
            ours: ["CLibrary"],
            others: [
                "DequeModule", "Logging", "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS", "ServiceLifecycle",
                "Synchronization",
            ]),
        "RedisStoreTexts": Target(ours: [], others: []),
        "RedisStore": Target(
            ours: ["BoxOffice", "StrictJSON", "TicketStore", "RedisWire", "RedisStoreTexts", "Cryptography"],
            others: [
                "Foundation", "Logging", "NIOCore", "NIOPosix", "ServiceLifecycle", "Synchronization",
            ]),
        "APIDocsTexts": Target(ours: [], others: []),
        "APIDocs": Target(ours: ["APIDocsTexts"], others: []),
        "PagesTexts": Target(ours: [], others: []),
        "Pages": Target(ours: ["PagesTexts", "StrictJSON"], others: ["Foundation"]),
        "TicketAPI": Target(ours: [
            "CLibrary", "BoxOffice", "StrictJSON", "TicketStore", "APIDocs", "Pages", "Cryptography",
        ]),
        "Load": Target(ours: ["BoxOffice", "StrictJSON", "Workload"]),
        "Settings": Target(ours: ["CLibrary", "StrictJSON"]),
        "ServiceLog": Target(ours: ["CLibrary", "StrictJSON", "Settings"]),
        "holdfast": Target(ours: [
            "CLibrary", "BoxOffice", "StrictJSON", "TicketStore", "EmbeddedStore", "RedisStore", "RedisWire", "Pages",
            "TicketAPI",
            "Settings", "ServiceLog", "Load",
        ]),
    ]

    /// What the C library is called on a platform. `CLibrary` has it under one name.
    private static let cLibraries: Set = ["Glibc", "Musl", "Darwin"]

    /// Which of our Python modules the files below a folder may import; the first folder that fits counts.
    private static let folders: [(path: String, modules: Set<String>)] = [
        ("Tests/EndToEnd/support/", ["support"]),
        ("Tests/EndToEnd/benchmarks/", ["support", "measuring"]),
        ("Tests/EndToEnd/openapi/", ["support", "sample"]),
        ("Tests/", ["support"]),
        ("demo/", ["support", "bench"]),
        ("benchmarks/", ["support", "measuring"]),
    ]

    private static var root: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().standardizedFileURL
    }

    /// The files below a folder of the repository, by their paths from the root; nothing hidden.
    private static func files(below folder: String) -> [String] {
        let found = FileManager.default.enumerator(
            at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil, options: .skipsHiddenFiles)
        return (found?.allObjects ?? []).compactMap { ($0 as? URL)?.standardizedFileURL.path }
            .map { String($0.dropFirst(root.path.count + 1)) }
    }

    /// What the pattern's first group matches in each line of a file.
    private static func matches(of pattern: String, in path: String) throws -> [String] {
        guard let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) else { return [] }
        let expression = try NSRegularExpression(pattern: pattern, options: .anchorsMatchLines)
        return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap {
            Range($0.range(at: 1), in: text).map { String(text[$0]) }
        }
    }

    @Test("A target imports only the targets below it, and the core nothing that acts")
    func targets() throws {
        let sources = Self.files(below: "Sources").filter { $0.hasSuffix(".swift") }
        #expect(sources.count > 30)
        for path in sources {
            guard let target = Self.targets[String(path.split(separator: "/")[1])] else {
                Issue.record("\(path) belongs to a target that is not in the table")
                continue
            }
            for module in try Self.matches(of: #"^\s*(?:@\w+ )?(?:\w+ )?import (?:\w+ )?(\w+)"#, in: path) {
                let isOurs = Self.targets[module] != nil
                #expect((isOurs ? target.ours : target.others)?.contains(module) ?? true, "\(path) imports \(module)")
                #expect(
                    !Self.cLibraries.contains(module) || path.hasPrefix("Sources/CLibrary/"),
                    "\(path) imports \(module) and not CLibrary")
            }
        }
    }

    @Test("Tests, demo and benchmarks share one package of Python modules, which knows none of them")
    func modules() throws {
        let ours = Set(Self.folders.flatMap(\.modules))
        var count = 0
        for path in ["Tests/EndToEnd", "demo", "benchmarks"].flatMap(Self.files) {
            guard !path.contains("/micro/"), let folder = Self.folders.first(where: { path.hasPrefix($0.path) }),
                ["py", ""].contains(URL(fileURLWithPath: path).pathExtension)
            else { continue }
            for module in try Self.matches(of: #"^ *(?:from|import) (\w+)"#, in: path) {
                count += 1
                #expect(!ours.contains(module) || folder.modules.contains(module), "\(path) imports \(module)")
                #expect(!module.hasPrefix("test_"), "\(path) imports \(module)")
            }
        }
        #expect(count > 100)
    }
}
