internal import CLibrary
internal import Logging
internal import Settings

/// An event as one line for people: `05:44:59.123 info  Sentence  key=value other="two words"`.
///
/// The time is UTC, as in the JSON form. Levels have five letters at most, so that the sentences begin in one column.
/// Control characters are escaped, so that no text ends a line early or steers the terminal. The label is not shown: a
/// terminal shows one program, and the sentence says what it is about.
struct TextLogLine {
    let colour: Bool

    /// Appends the line, without its end.
    func append(
        _ event: LogEvent, metadata: [(key: String, value: Logger.MetadataValue)], at time: timespec,
        to line: inout [UInt8]
    ) {
        let (word, code) = style(of: event.level)
        append(code: TextLogLine.dim, to: &line)
        line.append(timeOfDayOf: time)
        append(code: TextLogLine.plain, to: &line)
        line.append(UInt8(ascii: " "))
        append(code: code, to: &line)
        line.append(contentsOf: word.utf8)
        append(code: TextLogLine.plain, to: &line)
        line.append(UInt8(ascii: " "))
        JSONText.appendEscaped(event.message.description, to: &line, limit: LogLine.textLimit)
        var separator = "  "
        for (key, value) in metadata {
            line.append(contentsOf: separator.utf8)
            append(code: TextLogLine.dim, to: &line)
            append(key, to: &line)
            line.append(UInt8(ascii: "="))
            append(code: TextLogLine.plain, to: &line)
            append(value, depth: 1, to: &line)
            separator = " "
        }
    }

    private static let plain = "0"
    private static let dim = "2"

    private func style(of level: Logger.Level) -> (word: String, code: String) {
        switch level {
        case .trace: ("trace", TextLogLine.dim)
        case .debug: ("debug", TextLogLine.dim)
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
            LogLine.appendNested(
                value, to: &line, (separator: UInt8(ascii: " "), assignment: UInt8(ascii: "=")),
                key: { append($0, to: &$1) }, value: { append($0, depth: depth + 1, to: &$1) })
        }
    }
}
