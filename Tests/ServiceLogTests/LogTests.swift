import Foundation
import Logging
import Testing

@testable import ServiceLog
@testable import Settings

/// 2026-11-24T05:44:59.123Z.
private let moment = timespec(tv_sec: 1_795_499_099, tv_nsec: 123_999_999)

private func event(
    _ message: Logger.Message, _ metadata: Logger.Metadata? = nil, level: Logger.Level = .info,
    error: (any Error)? = nil
) -> LogEvent {
    LogEvent(
        level: level, message: message, error: error, metadata: metadata, source: "s", file: "f", function: "g", line: 1
    )
}

@Suite("A log line for programs is one JSON object")
struct JSONLogLineTests {
    private func line(_ event: LogEvent, _ handler: LineLogHandler = LineLogHandler(label: "holdfast", form: .json))
        -> String
    {
        String(decoding: handler.line(for: event, at: moment), as: UTF8.self)
    }

    private func object(_ line: String) throws -> [String: Any] {
        #expect(line.hasSuffix("}\n") && line.utf8.count { $0 == UInt8(ascii: "\n") } == 1)
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("Time, level, logger and message come first, and the metadata in the order of their names")
    func plain() {
        let written = line(event("Sentence", ["port": "8000", "host": .stringConvertible(1)]))
        #expect(
            written
                == #"{"time":"2026-11-24T05:44:59.123Z","level":"info","logger":"holdfast","message":"Sentence","host":"1","port":"8000"}"#
                + "\n")
    }

    @Test("Every level has its word", arguments: Logger.Level.allCases)
    func levels(_ level: Logger.Level) throws {
        #expect(try object(line(event("m", level: level)))["level"] as? String == level.rawValue)
    }

    @Test("Any text in a line can be read back unchanged")
    func hostile() throws {
        let texts =
            [
                "", "\"", "\\", "\n", "\r\n", "\t", "\u{0}", "\u{1b}[31m", "\u{7f}", "\u{85}", "\u{2028}",
                "\u{202e}abc", "</script>",
                "é", "🎫", "e\u{301}", "\u{feff}", "\u{fffd}", "\u{10ffff}", #"","level":"critical","x":""#,
                "}\n{\"level\":\"fatal\"}",
            ] + (0..<0xa0).compactMap { Unicode.Scalar(UInt32($0)).map(String.init) }
        for text in texts {
            var handler = LineLogHandler(label: text, form: .json)
            handler[metadataKey: "own"] = "\(text)"
            let written = try object(
                line(event("\(text)", ["k" + text: "\(text)", "n": ["a": ["\(text)"]], "m": [text: "x"]]), handler))
            #expect(written["logger"] as? String == text)
            #expect(written["message"] as? String == text)
            #expect(written["k" + text] as? String == text)
            #expect(written["own"] as? String == text)
            #expect((written["n"] as? [String: [String]])?["a"] == [text])
            #expect((written["m"] as? [String: String])?[text] == "x")
            #expect(written["level"] as? String == "info")
        }
    }

    @Test("Metadata with the name of one of ours do not replace it")
    func names() throws {
        let written = line(event("m", ["level": "loud", "time": "now", "level_": "x", "message": "n", "logger": "l"]))
        let parsed = try object(written)
        #expect(parsed["level"] as? String == "info")
        #expect(parsed["level__"] as? String == "loud")
        #expect(parsed["level_"] as? String == "x")
        #expect(parsed["time_"] as? String == "now")
        #expect(written.split(separator: "\"level\":").count == 2)
    }

    @Test("The event's metadata win over the provider's, and those over the logger's")
    func merging() throws {
        var handler = LineLogHandler(label: "l", form: .json)
        handler.metadata = ["a": "own", "b": "own", "c": "own"]
        handler.metadataProvider = Logger.MetadataProvider { ["b": "provided", "c": "provided"] }
        let written = try object(line(event("m", ["c": "event"]), handler))
        #expect(written["a"] as? String == "own")
        #expect(written["b"] as? String == "provided")
        #expect(written["c"] as? String == "event")
    }

    @Test("An error is written with its type")
    func error() throws {
        let problem = SettingsError.unusable(file: "x\n", because: "is\nnot there")
        let written = try object(line(event("m", error: problem)))
        #expect(written["error.message"] as? String == problem.description)
        #expect((written["error.type"] as? String)?.hasSuffix("SettingsError") == true)
    }

    @Test("What is long is cut at a character, and what is deep at a level")
    func bounds() throws {
        let long = try object(line(event("\(String(repeating: "é", count: 1_000_000))")))
        #expect(long["message"] as? String == String(repeating: "é", count: 2048) + "…")
        var deep: Logger.MetadataValue = "x"
        for _ in 0..<10000 { deep = .array([deep]) }
        #expect(line(event("m", ["d": deep])).contains(#"[[[[[[["…"]]]]]]]"#))
    }
}

@Suite("A log line for people is one line")
struct TextLogLineTests {
    private func line(_ event: LogEvent, colour: Bool = false) -> String {
        String(
            decoding: LineLogHandler(label: "l", form: .text(colour: colour)).line(for: event, at: moment),
            as: UTF8.self)
    }

    @Test("Time, level, sentence, and what there is to say")
    func plain() {
        #expect(line(event("Sentence", ["key": "value"])) == "05:44:59.123 info  Sentence  key=value\n")
        #expect(line(event("Say \"x\"")) == "05:44:59.123 info  Say \"x\"\n")
        #expect(
            line(
                event(
                    "S", ["b": "two words", "a": "", "c": ["x", "y z"], "d": ["k": "v"], "e": "a=b"], level: .warning))
                == "05:44:59.123 warn  S  a=\"\" b=\"two words\" c=[x \"y z\"] d={k=v} e=\"a=b\"\n")
    }

    @Test("The sentences of all levels begin in one column", arguments: Logger.Level.allCases)
    func column(_ level: Logger.Level) {
        #expect(line(event("Sentence", level: level)).dropFirst(19) == "Sentence\n")
    }

    @Test("Nothing in a line ends it or commands the terminal")
    func hostile() {
        let text = "a\n05:45:00.000 crit  Fake\r\u{1b}[2J\u{9b}31m\u{7}\u{2028}"
        for colour in [false, true] {
            let written = line(event("\(text)", [text: "\(text)", "n": [text: [.string(text)]]]), colour: colour)
            let controls = written.unicodeScalars.filter { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }
            #expect(controls.count { $0 == "\n" } == 1 && controls.last == "\n")
            #expect(controls.allSatisfy { $0 == "\n" || (colour && $0 == "\u{1b}") })
            #expect(!written.contains("\u{1b}[2J"))
        }
    }

    @Test("Colour is there if asked for, and always ended")
    func colour() {
        #expect(!line(event("S", ["a": "b"])).contains("\u{1b}"))
        let coloured = line(event("S", ["a": "b"]), colour: true)
        #expect(coloured.hasPrefix("\u{1b}[2m05:44:59.123\u{1b}[0m \u{1b}[32minfo \u{1b}[0m S  "))
    }
}

@Suite("The form of the log follows the settings, the terminal and NO_COLOR")
struct LogOutputTests {
    @Test("Text with colour, text, or JSON")
    func form() throws {
        func form(_ format: SettingValue, _ environment: [String: String], isTerminal: Bool) throws -> LogOutput.Form {
            let log = try Settings([.named("log.format"): format]).log
            return LogOutput(log, environment: environment, descriptor: 2, isTerminal: isTerminal).form
        }
        #expect(try form("auto", [:], isTerminal: true) == .text(colour: true))
        #expect(try form("auto", [:], isTerminal: false) == .json)
        #expect(try form("text", [:], isTerminal: false) == .text(colour: false))
        #expect(try form("json", [:], isTerminal: true) == .json)
        #expect(try form("auto", ["NO_COLOR": "1"], isTerminal: true) == .text(colour: false))
        #expect(try form("auto", ["NO_COLOR": ""], isTerminal: true) == .text(colour: true))
        #expect(try form("text", ["TERM": "dumb"], isTerminal: true) == .text(colour: false))
    }

    @Test("A logger writes whole lines of its level and above to the descriptor")
    func writing() async throws {
        let pipe = Pipe()
        let log = try Settings([.named("log.level"): "warning", .named("log.format"): "auto"]).log
        let output = LogOutput(log, environment: [:], descriptor: pipe.fileHandleForWriting.fileDescriptor)
        #expect(output.form == .json)
        let logger = Logger(label: "l") { output.handler(label: $0) }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for line in 0..<50 {
                        logger.info("Not written")
                        logger.warning("Written \(line)", metadata: ["task": "\(task)"])
                    }
                }
            }
        }
        #expect(output.writer.flush(within: .seconds(60)))
        try pipe.fileHandleForWriting.close()
        let lines = try #require(try pipe.fileHandleForReading.readToEnd()).split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 400)
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: line) as? [String: Any]
            #expect((object?["message"] as? String)?.hasPrefix("Written ") == true)
        }
    }

    @Test("What cannot be written is lost, and nothing else happens")
    func closed() throws {
        for form in ["text", "json"] {
            let log = try Settings([.named("log.format"): .text(form)]).log
            let output = LogOutput(log, environment: [:], descriptor: -1)
            Logger(label: "l") { output.handler(label: $0) }.error("Lost")
        }
    }
}

@Suite("The log never delays its callers")
struct LogWriterTests {
    /// Every line, when the other end is closed.
    private func read(_ pipe: Pipe) throws -> [[String: Any]] {
        try #require(try pipe.fileHandleForReading.readToEnd()).split(separator: UInt8(ascii: "\n")).map {
            try #require(try JSONSerialization.jsonObject(with: $0) as? [String: Any])
        }
    }

    @Test("While nobody reads, what fits waits, the rest is dropped, and a line says how much when somebody reads")
    func nobodyReads() throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor, capacity: 100_000)
        let logger = Logger(label: "l") { LineLogHandler(label: $0, form: .json, writer: writer) }
        let text = String(repeating: "x", count: 1_000)
        // Twenty times what the pipe, the thread and the queue hold. That this ends is the test.
        for number in 0..<5_000 { logger.info("Line", metadata: ["number": "\(number)", "text": "\(text)"]) }
        #expect(!writer.flush(within: .milliseconds(50)), "nobody read it")
        let output = pipe.fileHandleForWriting
        Thread.detachNewThread {
            writer.flush(within: .seconds(60))
            try? output.close()
        }
        let objects = try read(pipe)
        let written = objects.filter { $0["message"] as? String == "Line" }.compactMap { $0["number"] as? String }
        let dropped = objects.compactMap { ($0["dropped"] as? String).flatMap { Int($0) } }.reduce(0, +)
        #expect(written.count < 400 && written.count > 50)
        #expect(written == (0..<written.count).map(String.init), "whole, in their order")
        #expect(dropped == 5_000 - written.count)
        #expect(writer.lostLines == UInt64(dropped))
    }

    @Test("Lines that cannot be written are lost and counted")
    func cannotBeWritten() throws {
        let pipe = Pipe()
        let reading = LogWriter(descriptor: pipe.fileHandleForReading.fileDescriptor)
        for line in 1...3 { reading.write(Array("\(line)\n".utf8)) }
        #expect(reading.flush(within: .seconds(60)))
        #expect(reading.lostLines == 3)
    }

    @Test("Trouble that meets every request is written ten times in a second, and then counted")
    func sameTrouble() throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let logger = Logger(label: "l") { LineLogHandler(label: $0, form: .json, writer: writer) }
        for number in 0..<5_000 {
            logger.error("The same", metadata: ["number": "\(number)"])
            if number % 100 == 0 { logger.info("No trouble", metadata: ["number": "\(number)"]) }
        }
        logger.warning("Another")
        #expect(writer.flush(within: .seconds(60)))
        try pipe.fileHandleForWriting.close()
        let objects = try read(pipe)
        let same = objects.filter { $0["message"] as? String == "The same" }
        let repeated = same.compactMap { ($0["repeated"] as? String).flatMap { Int($0) } }.reduce(0, +)
        #expect(same.count - same.count { $0["repeated"] != nil } + repeated == 5_000, "none is forgotten")
        #expect(same.count < 200, "ten a second and one about the others")
        #expect(same.last?["level"] as? String == "error")
        #expect(objects.count { $0["message"] as? String == "No trouble" } == 50)
        #expect(objects.count { $0["message"] as? String == "Another" } == 1)
    }

    /// Waits until there is something to read.
    private func isWritten(to pipe: Pipe) -> Bool {
        var entry = pollfd(fd: pipe.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 60_000) == 1
    }

    @Test("A line larger than the queue is dropped and counted, and the next is written", arguments: [true, false])
    func tooLarge(hasNotice: Bool) throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor, capacity: 1_000)
        func put(_ text: String) {
            guard hasNotice else { return writer.write(Array("{\"message\":\"\(text)\"}\n".utf8)) }
            Logger(label: "l") { LineLogHandler(label: $0, form: .json, writer: writer) }.info("\(text)")
        }
        put(String(repeating: "x", count: 1_001))
        if hasNotice {
            try #require(isWritten(to: pipe), "without anybody's help")
        } else {
            // Nothing shows when it was woken.
            writer.flush(within: .seconds(60))
        }
        put("Next")
        #expect(writer.flush(within: .seconds(60)))
        try pipe.fileHandleForWriting.close()
        let rest = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(rest.contains("\"message\":\"Next\"}\n"), "\(rest)")
        #expect(rest.contains("dropped") == hasNotice, "\(rest)")
    }

    @Test("A line beyond 64 KiB is cut, and ends as a line")
    func tooLong() throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        writer.write([UInt8](repeating: UInt8(ascii: "x"), count: 2 << 20))
        writer.write(Array("next\n".utf8))
        try #require(isWritten(to: pipe))
        let read = try #require(try pipe.fileHandleForReading.read(upToCount: 65_541))
        #expect(read == Data(repeating: UInt8(ascii: "x"), count: 65_535) + Data("\nnext\n".utf8))
    }
}
