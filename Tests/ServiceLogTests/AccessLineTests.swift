import Foundation
import Logging
import Testing

@testable import ServiceLog
@testable import Settings

/// R58 Access log: the lines, and where they go.
@Suite("The access log")
struct AccessLineTests {
    /// 2026-11-24T05:44:59.123Z.
    private static let moment = timespec(tv_sec: 1_795_499_099, tv_nsec: 123_999_999)

    private static func line(_ form: AccessLine.Form, _ change: (inout AccessLine) -> Void = { _ in }) -> String {
        var line = AccessLine(
            method: "POST", route: "/v1/events/:event/holds", status: 201, nanoseconds: 1_234_567, bytes: 412,
            caller: "192.0.2.1", trace: "4bf92f3577b34da6a3ce929d0e0e4736")
        change(&line)
        return String(decoding: line.written(as: form, at: moment), as: UTF8.self)
    }

    @Test("A line for programs is one JSON object, and what is not known is null")
    func json() {
        #expect(
            Self.line(.json)
                == #"{"time":"2026-11-24T05:44:59.123Z","logger":"access","method":"POST","route":"/v1/events/:event/holds","status":201,"duration_us":1234,"bytes":412,"caller":"192.0.2.1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#
                + "\n")
        let unknown = Self.line(.json) { line in
            (line.method, line.route, line.caller, line.trace) = (nil, nil, nil, nil)
            (line.status, line.nanoseconds, line.bytes) = (400, -1, 0)
        }
        #expect(
            unknown
                == #"{"time":"2026-11-24T05:44:59.123Z","logger":"access","method":null,"route":null,"status":400,"duration_us":0,"bytes":0,"caller":null}"#
                + "\n")
    }

    @Test("A line of the Common Log Format has its eight fields")
    func common() {
        #expect(
            Self.line(.common)
                == #"192.0.2.1 - - [24/Nov/2026:05:44:59 +0000] "POST /v1/events/:event/holds HTTP/1.1" 201 412"# + "\n"
        )
        let unknown = Self.line(.common) { ($0.method, $0.route, $0.caller) = (nil, nil, nil) }
        #expect(unknown == #"- - - [24/Nov/2026:05:44:59 +0000] "- - HTTP/1.1" 201 412"# + "\n")
    }

    @Test("A file that was moved away is opened anew, and no line is lost between")
    func rotation() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (path, old) = (folder.appendingPathComponent("access"), folder.appendingPathComponent("access.1"))
        let file = try LogFile(path: path.path)
        func write(_ numbers: Range<Int>) {
            for number in numbers { file.writer.write(Array("\(number)\n".utf8)) }
            #expect(file.writer.flush(within: .seconds(60)))
        }
        write(0..<100)
        try FileManager.default.moveItem(at: path, to: old)
        write(100..<200)
        try file.reopen()
        write(200..<300)
        func lines(_ url: URL) throws -> [Int] {
            try String(contentsOf: url, encoding: .utf8).split(separator: "\n").compactMap { Int($0) }
        }
        #expect(try lines(old) == Array(0..<200))
        #expect(try lines(path) == Array(200..<300))
        let mode = try FileManager.default.attributesOfItem(atPath: path.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        // A file that cannot be opened leaves the old one in use.
        try FileManager.default.moveItem(at: path, to: folder.appendingPathComponent("access.2"))
        try FileManager.default.createDirectory(at: path, withIntermediateDirectories: false)
        #expect(throws: LogFile.Failure.self) { try file.reopen() }
        write(300..<301)
        #expect(try lines(folder.appendingPathComponent("access.2")) == Array(200..<301))
    }
}

@Suite("The level of the log")
struct LogLevelTests {
    @Test("A change reaches every logger that was made before, but not one with a level of its own")
    func change() throws {
        for form in ["text", "json"] {
            let log = try Settings([.named("log.level"): "warning", .named("log.format"): .text(form)]).log
            let output = LogOutput(log, environment: [:], descriptor: -1)
            let logger = Logger(label: "l") { output.handler(label: $0) }
            var own = logger
            own.logLevel = .error
            #expect(logger.logLevel == .warning)
            for level in Logger.Level.allCases {
                output.level.level = level
                #expect(logger.logLevel == level)
                #expect(own.logLevel == .error)
            }
        }
    }
}

/// R59 Traces: what the collector gets.
@Suite("Spans")
struct SpanTests {
    private static func span(_ id: Int, status: Int = 201, parent: String? = nil) -> Span {
        Span(
            trace: "4bf92f3577b34da6a3ce929d0e0e4736", id: "00f067aa0ba902b\(id)", parent: parent, method: "POST",
            route: "/v1/events/:event/holds", status: status, start: 1_795_499_099_123_456_789,
            end: 1_795_499_099_124_456_789)
    }

    @Test("A message has the resource, the scope and the spans in the words of OTLP")
    func document() throws {
        let bytes = SpanDocument.write(
            [Self.span(1, parent: "b7ad6b7169203331"), Self.span(2, status: 503)], version: "1.2", instance: "i")
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            text
                == #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"holdfast"}},{"key":"service.version","value":{"stringValue":"1.2"}},{"key":"service.instance.id","value":{"stringValue":"i"}}]},"scopeSpans":[{"scope":{"name":"holdfast"},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b1","parentSpanId":"b7ad6b7169203331","name":"POST /v1/events/:event/holds","kind":2,"startTimeUnixNano":"1795499099123456789","endTimeUnixNano":"1795499099124456789","attributes":[{"key":"http.request.method","value":{"stringValue":"POST"}},{"key":"http.route","value":{"stringValue":"/v1/events/:event/holds"}},{"key":"http.response.status_code","value":{"intValue":"201"}}]},{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b2","name":"POST /v1/events/:event/holds","kind":2,"startTimeUnixNano":"1795499099123456789","endTimeUnixNano":"1795499099124456789","attributes":[{"key":"http.request.method","value":{"stringValue":"POST"}},{"key":"http.route","value":{"stringValue":"/v1/events/:event/holds"}},{"key":"http.response.status_code","value":{"intValue":"503"}}],"status":{"code":2}}]}]}]}"#
        )
    }

    @Test("What does not fit is dropped and counted once; the oldest leave first")
    func queue() {
        let queue = SpanQueue(most: 3)
        for number in 0..<5 { queue.add(Self.span(number)) }
        let first = queue.take(2)
        #expect(first.spans == [Self.span(0), Self.span(1)])
        #expect(first.dropped == 2)
        queue.add(Self.span(7))
        let rest = queue.take(9)
        #expect(rest.spans == [Self.span(2), Self.span(7)])
        #expect(rest.dropped == 0)
        #expect(queue.take(9).spans.isEmpty)
    }
}
