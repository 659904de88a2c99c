import ArgumentParser
import Testing

@testable import Settings

@Suite("A wrong value stops the start with one line: key, value, source, and what is allowed")
struct WrongValueTests {
    /// The bounds as the documentation promises them, not as the table has them.
    static let bounds: [(Setting, ClosedRange<Int>)] = [
        ("port", 0...65535), ("limits.connections", 1...1_000_000), ("limits.header_bytes", 1024...1_048_576),
        ("limits.body_bytes", 0...16_777_216), ("limits.listeners", 0...1_000_000), ("timeouts.idle_seconds", 1...3600),
        ("timeouts.request_seconds", 1...3600), ("timeouts.write_seconds", 1...3600),
        ("timeouts.lame_duck_seconds", 0...600),
        ("limits.connections_per_caller", 0...1_000_000), ("limits.keys", 1000...1_000_000_000),
        ("limits.live_holds", 1...100_000_000),
        ("timeouts.drain_seconds", 0...600), ("recovery_grace_seconds", 0...86400), ("threads", 0...256),
    ]

    static let wrongTexts: [(Setting, wrong: [String], allowed: String)] = [
        ("host", ["", "a b", "a\nb", String(repeating: "h", count: 254)], "a host name or address of 1 to 253"),
        (
            "metrics.listen",
            [
                "", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:65536",
                "::1:9464",
                "[::1]", "a b:1", "http://127.0.0.1:9464",
            ], "HOST:PORT"
        ),
        (
            "traces.endpoint",
            [
                "", "collector:4318", "ftp://a/b", "http://", "http:///v1", "http://u:p@a/b", "http://a/b?c",
                "http://a/b#c", "http://a/ b",
            ],
            "http:// or https://, a host"
        ),
        (
            "public_url",
            [
                "", "tickets.example", "ftp://a", "https://", "https://a/", "https://a/b", "https://a?b", "https://a#b",
                "https://a:0", "https://a:65536", "https://a:", "https://u:p@a", "https://a b", "https://a_b",
                "https://:80", "https://::1", "https://" + String(repeating: "h", count: 254),
            ], "http:// or https://, a host"
        ),
        ("data", ["", "a\u{0}b", String(repeating: "p", count: 4097)], "a path of 1 to 4096 bytes"),
        ("event", [""], "a list of at most 1000 paths"),
        ("pages.theme.name", ["", "a\nb", String(repeating: "n", count: 101)], "1 to 100 bytes"),
        ("pages.theme.accent", ["", "blue", "#fff", "#0b5caz", "#0b5cad0", "0b5cadd"], "a colour as in #0b5cad"),
        (
            "pages.theme.imprint_url",
            ["", "https://", "javascript:alert(1)", "https://a b", "https://a\"b", "https://ä", "example.org"],
            "an address as in https://example.org/imprint"
        ),
        ("pages.embed_origins", ["*", "https://a/", "a.example", ""], "a list of at most 100 of http://"),
        ("classic.event", ["", "a/b", "ä", String(repeating: "c", count: 33)], "1 to 32 of A-Z a-z 0-9 _ -"),
        ("classic.status", ["", "404", "Exact"], "exact or 403"),
        ("durability", ["", "fast", "FULL"], "full or relaxed"),
        ("log.level", ["", "loud", "INFO"], "trace, debug, info, notice, warning, error or critical"),
        ("log.format", ["", "xml"], "auto, text or json"),
    ]

    @Test(
        "A number is allowed at its bounds, and not beyond them, nor if it is none", arguments: WrongValueTests.bounds)
    func numbers(_ setting: Setting, _ range: ClosedRange<Int>) throws {
        let allowed = "allowed: a whole number from \(range.lowerBound) to \(range.upperBound)"
        for number in [range.lowerBound, range.upperBound] {
            let value = SettingValue.number(number)
            // Whatever else has to be so many.
            let others: [Setting: [String]] = setting == "limits.listeners" ? ["limits.connections": ["1000000"]] : [:]
            let flags = others.merging([setting: ["\(number)"]]) { $1 }
            #expect(try load(flags).reading(setting)?.value == value)
            let environment = [setting.variable: "\(number)"]
            #expect(try load(others, environment: environment).reading(setting)?.value == value)
            #expect(try load(others, file: file(setting, "\(number)")).reading(setting)?.value == value)
        }
        for text in [
            "\(range.lowerBound - 1)", "\(range.upperBound + 1)", "", "x", "1.5", " 1", "1s", "1e3", "0x10",
            "99999999999999999999",
        ] {
            let shown = Int(text).map(String.init) ?? "\"\(text)\""
            let options = try SettingsOptions.parse(["--\(setting.flag)", text])
            let byFlag = try refusal(options.flags)
            #expect(byFlag?.description == "\(setting.name): \(shown) from flag --\(setting.flag) is wrong; \(allowed)")
            #expect(byFlag?.exitCode == 64)
            let byVariable = try refusal(environment: [setting.variable: text])
            #expect(
                byVariable?.description
                    == "\(setting.name): \"\(text)\" from environment \(setting.variable) is wrong; \(allowed)")
            #expect(byVariable?.exitCode == 64)
        }
        for json in ["\(range.lowerBound - 1)", "\(range.upperBound + 1)", "\"5\"", "true", "null", "1.5", "1e+20"] {
            try expectLine(setting, json, shown: json, allowed)
        }
        try expectLine(setting, "{}", shown: "{}", allowed)
        try expectLine(setting, #"{"a": 1}"#, shown: "{…}", allowed)
        try expectLine(setting, "[1, 2, 3, 4]", shown: "[1, 2, 3, …]", allowed)
    }

    @Test("A text is refused from each source", arguments: WrongValueTests.wrongTexts)
    func texts(_ setting: Setting, wrong: [String], allowed: String) throws {
        for text in wrong {
            let value = SettingValue.text(text).shown
            let flag = try #require(try refusal([setting: [text]]))
            #expect(flag.description.hasPrefix("\(setting.name): "))
            #expect(flag.description.contains("\(value)"))
            #expect(flag.description.contains("from flag --\(setting.flag) is wrong; allowed: \(allowed)"))
            let variable = try #require(try refusal(environment: [setting.variable: text]))
            let place = "from environment \(setting.variable)"
            #expect(variable.description.hasPrefix("\(setting.name): \(value) \(place) is wrong; allowed: \(allowed)"))
            let json = JSONText.quoted(text, limit: 10000)
            let inFile = try #require(
                try refusal(file: file(setting, setting == "event" ? "[\(json)]" : json)))
            #expect(inFile.description.hasPrefix("\(setting.name): "))
            #expect(inFile.description.contains("from file config.json is wrong; allowed: \(allowed)"))
            for error in [flag, variable, inFile] {
                #expect(error.exitCode == 64)
                #expect(!error.description.contains { $0.isNewline || $0 == "\u{0}" })
                #expect(error.description.utf8.count < 500)
            }
        }
        for json in ["null", "true", "7", "1.5", "{}", "[1]"] {
            try expectLine(setting, json, shown: json, "allowed: \(allowed)")
        }
    }

    @Test("The wrong flag is found through the command line too, also if it looks like another flag")
    func commandLine() throws {
        let negative = try refusal(try SettingsOptions.parse(["--port", "-1"]).flags)
        #expect(negative?.description == "port: -1 from flag --port is wrong; allowed: a whole number from 0 to 65535")
        let last = try load(try SettingsOptions.parse(["--port", "1", "--port", "2"]).flags)
        #expect(last.port == 2)
        #expect(throws: (any Error).self) { try SettingsOptions.parse(["--prot", "1"]) }
    }

    @Test("A list of too many paths, or of other things, is refused")
    func lists() throws {
        let many = Array(repeating: "p", count: 1001)
        #expect(try refusal(["event": many])?.exitCode == 64)
        #expect(try load(["event": Array(many.dropLast())]).events.count == 1000)
        #expect(
            try refusal(file: #"{"event": ["a", 3]}"#)?.description.hasPrefix(#"event: ["a", 3] from file"#) == true)
        #expect(try refusal(file: #"{"event": "a"}"#)?.description.hasPrefix(#"event: "a" from file"#) == true)
        #expect(try refusal(environment: ["HOLDFAST_EVENT": "a,,b"])?.exitCode == 64)
    }

    @Test("The service links of Kubernetes are called by their name")
    func serviceLinks() throws {
        let port = try refusal(environment: ["HOLDFAST_PORT": "tcp://10.0.0.1:8000"])
        #expect(port?.description.hasSuffix("set enableServiceLinks: false)") == true)
        for name in ["HOLDFAST_SERVICE_HOST", "HOLDFAST_SERVICE_PORT_HTTP", "HOLDFAST_PORT_8000_TCP_ADDR"] {
            let error = try refusal(environment: [name: "x"])
            #expect(error?.description.hasSuffix("set enableServiceLinks: false)") == true, "\(name)")
        }
    }

    private func expectLine(_ setting: Setting, _ json: String, shown: String, _ allowed: String) throws {
        // A word may be written as a number, and is then shown as the number that stands there.
        let error = try refusal(file: file(setting, json))
        let line = "\(setting.name): \(shown) from file config.json is wrong; \(allowed)"
        #expect(error?.description.hasPrefix(line) == true, "\(error?.description ?? "no error"), expected \(line)")
        #expect(error?.exitCode == 64)
    }
}
