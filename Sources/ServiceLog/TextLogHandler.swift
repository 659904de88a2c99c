public import Logging
internal import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes each event as one line for people: `05:44:59.123 info  Sentence  key=value other="two words"`.
///
/// The time is UTC, as in the JSON form. Levels have five letters at most, so that the sentences begin in one column.
/// Control characters are escaped, so that no text ends a line early or steers the terminal.
public struct TextLogHandler: LogHandler {
    /// The least severe events that are written.
    public var logLevel: Logger.Level = .info

    /// Metadata of every line of this logger.
    public var metadata: Logger.Metadata = [:]

    /// Adds metadata that follow from the context, such as the current task.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let colour: Bool
    private let writer: LogWriter

    /// A handler that writes its lines through the writer.
    ///
    /// Lines do not show the label: a terminal shows one program, and the sentence says what it is about.
    public init(label: String, colour: Bool = false, writer: LogWriter = .standardError) {
        self.label = label
        self.colour = colour
        self.writer = writer
    }

    /// One entry of the logger's own metadata.
    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Hands the event to the writer, and never waits.
    public func log(event: LogEvent) {
        writer.write(
            event, label: label, line: { line(for: event, at: LogLine.now()) },
            notice: { [colour] level, label, message, metadata in
                TextLogHandler(label: label, colour: colour)
                    .line(for: .own(level, message, metadata), at: LogLine.now())
            })
    }

    /// The line for an event, with its end.
    func line(for event: LogEvent, at time: timespec) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        let (word, code) = style(of: event.level)
        append(code: TextLogHandler.dim, to: &line)
        line.append(timeOfDayOf: time)
        append(code: TextLogHandler.plain, to: &line)
        line.append(UInt8(ascii: " "))
        append(code: code, to: &line)
        line.append(contentsOf: word.utf8)
        append(code: TextLogHandler.plain, to: &line)
        line.append(UInt8(ascii: " "))
        JSONText.appendEscaped(event.message.description, to: &line, limit: LogLine.textLimit)
        var separator = "  "
        for (key, value) in LogLine.metadata(of: event, own: metadata, provider: metadataProvider) {
            line.append(contentsOf: separator.utf8)
            append(code: TextLogHandler.dim, to: &line)
            append(key, to: &line)
            line.append(UInt8(ascii: "="))
            append(code: TextLogHandler.plain, to: &line)
            append(value, depth: 1, to: &line)
            separator = " "
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private static let plain = "0"
    private static let dim = "2"

    private func style(of level: Logger.Level) -> (word: String, code: String) {
        switch level {
        case .trace: ("trace", TextLogHandler.dim)
        case .debug: ("debug", TextLogHandler.dim)
        case .info: ("info ", "32")
        case .notice: ("note ", "36")
        case .warning: ("warn ", "33")
        case .error: ("error", "31")
        case .critical: ("crit ", "1;31")
        }
    }

    private func append(code: String, to line: inout [UInt8]) {
        guard colour else { return }
        line.append(contentsOf: "\u{1b}[\(code)m".utf8)
    }

    /// A word bare, anything else in quotes.
    private func append(_ text: String, to line: inout [UInt8]) {
        let isWord =
            !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
        if isWord {
            JSONText.appendEscaped(text, to: &line, limit: LogLine.textLimit)
        } else {
            JSONText.append(text, to: &line, limit: LogLine.textLimit)
        }
    }

    private func append(_ value: Logger.MetadataValue, depth: Int, to line: inout [UInt8]) {
        switch value {
        case .string(let text): append(text, to: &line)
        case .stringConvertible(let thing): append(thing.description, to: &line)
        case .array, .dictionary:
            guard depth < LogLine.depthLimit else {
                line.append(contentsOf: "…".utf8)
                return
            }
            appendNested(value, depth: depth, to: &line)
        }
    }

    private func appendNested(_ value: Logger.MetadataValue, depth: Int, to line: inout [UInt8]) {
        var separator = ""
        if case .array(let values) = value {
            line.append(UInt8(ascii: "["))
            for value in values {
                line.append(contentsOf: separator.utf8)
                append(value, depth: depth + 1, to: &line)
                separator = " "
            }
            line.append(UInt8(ascii: "]"))
        } else if case .dictionary(let members) = value {
            line.append(UInt8(ascii: "{"))
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                line.append(contentsOf: separator.utf8)
                append(key, to: &line)
                line.append(UInt8(ascii: "="))
                append(value, depth: depth + 1, to: &line)
                separator = " "
            }
            line.append(UInt8(ascii: "}"))
        }
    }
}
