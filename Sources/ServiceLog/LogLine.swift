public import CLibrary
internal import Logging

/// What the text form and the JSON form have in common.
public enum LogLine {
    /// Bytes of one text in a line, so that a client's path of a megabyte is not a megabyte of log.
    static let textLimit = 4096

    /// Levels of nested metadata; deeper values become `…`.
    static let depthLimit = 8

    /// The time of day, from the system call: a `Date` and its formatter cost more than the line.
    public static func now() -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }

    /// The event's metadata, which override the provider's, which override the logger's own; and the error under the
    /// names that swift-log's handlers use. Sorted by name, so that equal events make equal lines.
    static func metadata(
        of event: LogEvent, own: Logger.Metadata, provider: Logger.MetadataProvider?
    ) -> [(key: String, value: Logger.MetadataValue)] {
        var metadata = own
        if let provider {
            metadata.merge(provider.get()) { _, new in new }
        }
        if let given = event.metadata {
            metadata.merge(given) { _, new in new }
        }
        if let error = event.error {
            metadata["error.message"] = "\(error)"
            metadata["error.type"] = "\(String(reflecting: type(of: error)))"
        }
        return metadata.sorted { $0.key < $1.key }
    }

    /// Appends an array in brackets, or a dictionary in braces and sorted by its keys, so that equal values make equal lines.
    ///
    /// - Parameters:
    ///   - signs: what stands between two elements, and what between a key and its value.
    ///   - key, value: append a key, and an element or value.
    static func appendNested(
        _ nested: Logger.MetadataValue, to line: inout [UInt8], _ signs: (separator: UInt8, assignment: UInt8),
        key: (String, inout [UInt8]) -> Void, value: (Logger.MetadataValue, inout [UInt8]) -> Void
    ) {
        switch nested {
        case .array(let elements):
            line.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { line.append(signs.separator) }
                value(element, &line)
            }
            line.append(UInt8(ascii: "]"))
        case .dictionary(let members):
            line.append(UInt8(ascii: "{"))
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { line.append(signs.separator) }
                key(member.key, &line)
                line.append(signs.assignment)
                value(member.value, &line)
            }
            line.append(UInt8(ascii: "}"))
        case .string, .stringConvertible: value(nested, &line)
        }
    }

    /// Writes the line with one `write(2)`, so that lines of several processes do not mix. Waits while the descriptor
    /// is not ready.
    ///
    /// A line that cannot be written (full disk, closed pipe) is lost. If the kernel took a part of it, the rest
    /// follows.
    ///
    /// - Returns: whether all of it was written.
    static func write(_ line: [UInt8], to descriptor: Int32) -> Bool {
        line.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = CLibrary.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    // Another process with the same descriptor made it non-blocking.
                    guard errno == EAGAIN, waitForRoom(descriptor) else { return false }
                    continue
                }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    private static func waitForRoom(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, -1) >= 0 || errno == EINTR
    }
}

extension LogEvent {
    /// An event about the log itself.
    static func own(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> LogEvent {
        LogEvent(
            level: level, message: "\(message)", error: nil, metadata: metadata, source: "ServiceLog", file: #fileID,
            function: #function, line: #line)
    }
}

extension [UInt8] {
    /// Appends a number with leading zeros.
    private mutating func append(_ number: Int, digits: Int) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends the date in UTC: `2026-11-24`.
    mutating func append(dateOf time: timespec) {
        let parts = [UInt8].parts(of: time)
        append(Int(parts.tm_year) + 1900, digits: 4)
        append(UInt8(ascii: "-"))
        append(Int(parts.tm_mon) + 1, digits: 2)
        append(UInt8(ascii: "-"))
        append(Int(parts.tm_mday), digits: 2)
    }

    /// Appends the time of day in UTC, with milliseconds: `05:44:59.123`.
    mutating func append(timeOfDayOf time: timespec) {
        let parts = [UInt8].parts(of: time)
        append(Int(parts.tm_hour), digits: 2)
        append(UInt8(ascii: ":"))
        append(Int(parts.tm_min), digits: 2)
        append(UInt8(ascii: ":"))
        append(Int(parts.tm_sec), digits: 2)
        append(UInt8(ascii: "."))
        append(time.tv_nsec / 1_000_000, digits: 3)
    }

    /// Appends date and time in UTC as the Common Log Format has them: `24/Nov/2026:05:44:59`.
    mutating func append(commonDateOf time: timespec) {
        let parts = [UInt8].parts(of: time)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        append(Int(parts.tm_mday), digits: 2)
        append(contentsOf: "/\(months[Int(parts.tm_mon)])/".utf8)
        append(Int(parts.tm_year) + 1900, digits: 4)
        for part in [parts.tm_hour, parts.tm_min, parts.tm_sec] {
            append(UInt8(ascii: ":"))
            append(Int(part), digits: 2)
        }
    }

    private static func parts(of time: timespec) -> tm {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return parts
    }
}
