public import CLibrary
public import Settings

/// A line of the access log: one request that was answered (R58 Access log).
///
/// It has the route and not the path, so of what a caller sent it has only the address and the hexadecimal digits of
/// the trace.
public struct AccessLine: Sendable {
    /// The form of the lines.
    public typealias Form = Settings.AccessFormat

    /// `nil` where the request could not be read so far.
    public var method: String?
    /// `/v1/holds/:hold/purchase`; `nil` where the path leads nowhere.
    public var route: String?
    public var status: Int
    /// From the request to its answer, as far as it was spent waiting, in nanoseconds.
    public var nanoseconds: Int64
    /// Bytes of the answer's body.
    public var bytes: Int
    /// An address; `nil` where there is none.
    public var caller: String?
    /// 32 hexadecimal digits; `nil` where the caller named no trace.
    public var trace: String?

    public init(
        method: String?, route: String?, status: Int, nanoseconds: Int64, bytes: Int, caller: String?, trace: String?
    ) {
        self.method = method
        self.route = route
        self.status = status
        self.nanoseconds = nanoseconds
        self.bytes = bytes
        self.caller = caller
        self.trace = trace
    }

    /// The line at this time of day, with its end.
    public func written(as form: Form, at time: timespec = LogLine.now()) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(224)
        switch form {
        case .json: appendJSON(at: time, to: &line)
        case .common: appendCommon(at: time, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private func appendJSON(at time: timespec, to line: inout [UInt8]) {
        line.append(contentsOf: #"{"time":""#.utf8)
        line.append(dateOf: time)
        line.append(UInt8(ascii: "T"))
        line.append(timeOfDayOf: time)
        line.append(contentsOf: #"Z","logger":"access","method":"#.utf8)
        append(method, to: &line)
        line.append(contentsOf: #","route":"#.utf8)
        append(route, to: &line)
        let microseconds = max(0, nanoseconds) / 1_000
        line.append(
            contentsOf: ",\"status\":\(status),\"duration_us\":\(microseconds),\"bytes\":\(bytes),\"caller\":".utf8)
        append(caller, to: &line)
        if let trace {
            line.append(contentsOf: #","trace_id":"#.utf8)
            append(trace, to: &line)
        }
        line.append(UInt8(ascii: "}"))
    }

    private func append(_ text: String?, to line: inout [UInt8]) {
        guard let text else { return line.append(contentsOf: "null".utf8) }
        JSONText.append(text, to: &line, limit: LogLine.textLimit)
    }

    /// The Common Log Format of NCSA, which has no place for duration and trace:
    /// `192.0.2.1 - - [24/Nov/2026:05:44:59 +0000] "POST /v1/events/:event/holds HTTP/1.1" 201 412`.
    private func appendCommon(at time: timespec, to line: inout [UInt8]) {
        line.append(contentsOf: "\(caller ?? "-") - - [".utf8)
        line.append(commonDateOf: time)
        line.append(contentsOf: " +0000] \"\(method ?? "-") \(route ?? "-") HTTP/1.1\" \(status) \(bytes)".utf8)
    }
}
