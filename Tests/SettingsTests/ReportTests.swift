import ArgumentParser
import Foundation
import Testing

@testable import Settings

@Suite("What is in force, and where it came from, can be seen")
struct ReportTests {
    @Test("For people: a line a key, in columns")
    func columns() throws {
        let report = try load(
            ["port": ["9"]], environment: ["HOLDFAST_DATA": "/a b\n"], file: #"{"event": ["x", "y"]}"#
        ).report()
        let lines = report.split(separator: "\n")
        #expect(lines.count == Setting.all.count)
        let width = (Setting.all.map(\.name.count).max() ?? 0) + 2
        func line(_ name: String, _ rest: String) -> String {
            name + String(repeating: " ", count: width - name.count) + rest
        }
        #expect(lines[0] == line("config", "config.json      default"))
        #expect(lines[1] == line("host", "127.0.0.1        default"))
        #expect(lines[2] == line("port", "9                flag --port"))
        #expect(lines[3].hasPrefix("listen "))
        #expect(lines[4] == line("socket_mode", "0660             default"))
        #expect(lines[5] == line("public_url", "-                default"))
        #expect(lines[6] == line("data", "/a b\\n           environment HOLDFAST_DATA"))
        #expect(lines[7] == line("event", "x, y             file config.json"))
        #expect(lines[8] == line("classic.event", "-                default"))
    }

    @Test("For programs: the same as JSON")
    func json() throws {
        let hostile = "a\"b\\c\u{1}d\u{2028}"
        let settings = try load(["port": ["9"], "event": [hostile]], environment: ["HOLDFAST_HOST": "h"])
        let parsed = try JSONSerialization.jsonObject(with: Data(settings.reportJSON().utf8))
        let rows = try #require((parsed as? [String: Any])?["settings"] as? [[String: Any]])
        #expect(rows.compactMap { $0["key"] as? String } == Setting.all.map(\.name))
        func row(_ key: String) -> [String: Any]? { rows.first { $0["key"] as? String == key } }
        #expect(row("port")?["value"] as? Int == 9)
        #expect(row("port")?["source"] as? String == "flag")
        #expect(row("port")?["name"] as? String == "--port")
        #expect(row("event")?["value"] as? [String] == [hostile])
        #expect(row("host")?["name"] as? String == "HOLDFAST_HOST")
        #expect(row("classic.event")?["value"] is NSNull)
        #expect(row("threads")?["source"] as? String == "default")
        #expect(row("threads")?["name"] == nil)
    }

    @Test("A password in an address is shown nowhere")
    func password() throws {
        let settings = try load(["store": ["redis://anna:p%40ss@one:6379"]])
        #expect(settings.store == .redis(address: "redis://anna:p%40ss@one:6379"))
        for shown in [settings.report(), settings.reportJSON()] {
            #expect(shown.contains("redis://******@one:6379"))
            #expect(!shown.contains("p%40ss"))
        }
        let error = #expect(throws: SettingsError.self) { try load(["store": ["reddis://anna:p@ss@one"]]) }
        #expect(error?.description.contains("******") == true)
        #expect(error?.description.contains("p@ss") == false)
    }

    @Test("A path of the longest length is reported whole")
    func longest() throws {
        let path = String(repeating: "é", count: 2048)
        #expect(try load(["data": [path]]).report().contains(path))
    }

    @Test("The reference and the help have every key, with its default and what is allowed")
    func reference() {
        let table = Setting.reference().split(separator: "\n")
        #expect(table.count == Setting.all.count + 2)
        let help = words(SettingsOptions.helpMessage(columns: 1000))
        for (setting, row) in zip(Setting.all, table.dropFirst(2)) {
            #expect(row.contains("`--\(setting.flag)`"))
            #expect(row.contains("`\(setting.variable)`"))
            #expect(row.contains(setting.allowed.description))
            #expect(row.filter { $0 == "|" }.count == 7)
            #expect(help.contains("--\(setting.flag) <"))
            #expect(help.contains(words(setting.meaning)))
            let end = "allowed: \(setting.allowed.description); default: \(setting.shownDefault ?? "none"))"
            #expect(help.contains(end), "\(setting.name)")
        }
    }

    private func words(_ text: String) -> String {
        text.split { $0.isWhitespace }.joined(separator: " ")
    }
}
