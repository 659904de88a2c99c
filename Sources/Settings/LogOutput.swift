public import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where the log goes and in what form, decided once at the start.
///
///     let output = LogOutput(settings.log, environment: environment)
///     LoggingSystem.bootstrap({ output.handler(label: $0, metadataProvider: $1) }, metadataProvider: nil)
public struct LogOutput: Sendable {
    /// The form of the lines.
    public enum Form: Sendable, Equatable {
        /// For people, with or without colour.
        case text(colour: Bool)
        /// For programs.
        case json
    }

    /// The file descriptor of standard error, by a name that can stand in a public signature.
    public static let standardError: Int32 = STDERR_FILENO

    /// The file descriptor of standard output.
    public static let standardOutput: Int32 = STDOUT_FILENO

    /// The form of the lines.
    public let form: Form

    /// The least serious lines that are written.
    public let level: Logger.Level

    /// Writes to the file descriptor, so that nobody who logs waits for it.
    public let writer: LogWriter

    /// The output that the settings ask for: `auto` is text if the descriptor is a terminal and JSON otherwise.
    ///
    /// Text has colour only on a terminal that can show it (`TERM` is not `dumb`), and only if `NO_COLOR` is not
    /// set or empty (https://no-color.org).
    public init(_ log: Settings.Log, environment: [String: String], descriptor: Int32 = LogOutput.standardError) {
        let isTerminal = isatty(descriptor) == 1
        self.init(log, environment: environment, descriptor: descriptor, isTerminal: isTerminal)
    }

    /// The same with the answer to whether the descriptor is a terminal.
    init(_ log: Settings.Log, environment: [String: String], descriptor: Int32, isTerminal: Bool) {
        let colour = isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        self.form =
            switch log.format {
            case .text: .text(colour: colour)
            case .json: .json
            case .auto: isTerminal ? .text(colour: colour) : .json
            }
        self.level = log.level
        writer = descriptor == LogOutput.standardError ? .standardError : LogWriter(descriptor: descriptor)
    }

    /// A handler for the logger with this label.
    public func handler(label: String, metadataProvider: Logger.MetadataProvider? = nil) -> any LogHandler {
        switch form {
        case .text(let colour):
            var handler = TextLogHandler(label: label, colour: colour, writer: writer)
            handler.logLevel = level
            handler.metadataProvider = metadataProvider
            return handler
        case .json:
            var handler = JSONLogHandler(label: label, writer: writer)
            handler.logLevel = level
            handler.metadataProvider = metadataProvider
            return handler
        }
    }
}

/// What both forms do alike.
enum LogLine {
    /// How many bytes of one text a line holds: a client's megabyte of path shall not become one of log.
    static let textLimit = 4096

    /// How deep metadata may be nested; what is deeper is written as `…`.
    static let depthLimit = 8

    /// The wall clock's time, from the system call itself: a `Date` and its formatter cost more than the line.
    static func now() -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }

    /// The event's metadata over the provider's over the logger's own, and the error under the names that
    /// swift-log's own handlers give it; in the order of names, so that equal lines look equal.
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

    /// Writes the line with one `write(2)`, so that lines of several processes do not mix; waits while the descriptor
    /// takes nothing.
    ///
    /// What cannot be written (full disk, closed pipe) is lost. Only what the kernel took in part is continued.
    static func write(_ line: [UInt8], to descriptor: Int32) {
        line.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = writeSome(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count < 0 {
                    if errno == EINTR { continue }
                    // Somebody who shares the descriptor made it one that does not wait.
                    guard errno == EAGAIN, waitForRoom(descriptor) else { return }
                    continue
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    private static func waitForRoom(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, -1) >= 0 || errno == EINTR
    }

    private static func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }
}

extension LogEvent {
    /// What the log says about itself.
    static func own(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> LogEvent {
        LogEvent(
            level: level, message: "\(message)", error: nil, metadata: metadata, source: "Settings", file: #fileID,
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

    private static func parts(of time: timespec) -> tm {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return parts
    }
}
