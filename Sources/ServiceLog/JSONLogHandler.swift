public import Logging
internal import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes each event as one JSON object on one line, for programs:
/// `{"time":"2026-11-24T05:44:59.123Z","level":"info","logger":"holdfast","message":"Sentence","key":"value"}`.
///
/// Metadata are members of the object under their own names. A name of the first four members gets a `_` at its end,
/// because readers differ about duplicate names (RFC 8259, 4).
public struct JSONLogHandler: LogHandler {
    /// The least severe events that are written.
    public var logLevel: Logger.Level = .info

    /// Metadata of every line of this logger.
    public var metadata: Logger.Metadata = [:]

    /// Adds metadata that follow from the context, such as the current task.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let writer: LogWriter

    /// A handler that writes its lines through the writer.
    public init(label: String, writer: LogWriter = .standardError) {
        self.label = label
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
            notice: { level, label, message, metadata in
                JSONLogHandler(label: label).line(for: .own(level, message, metadata), at: LogLine.now())
            })
    }

    /// The line for an event, with its end.
    func line(for event: LogEvent, at time: timespec) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        line.append(contentsOf: #"{"time":""#.utf8)
        line.append(dateOf: time)
        line.append(UInt8(ascii: "T"))
        line.append(timeOfDayOf: time)
        line.append(contentsOf: #"Z","level":""#.utf8)
        line.append(contentsOf: event.level.rawValue.utf8)
        line.append(contentsOf: #"","logger":"#.utf8)
        JSONText.append(label, to: &line, limit: LogLine.textLimit)
        line.append(contentsOf: #","message":"#.utf8)
        JSONText.append(event.message.description, to: &line, limit: LogLine.textLimit)
        let metadata = LogLine.metadata(of: event, own: metadata, provider: metadataProvider)
        for (key, value) in metadata {
            line.append(UInt8(ascii: ","))
            JSONText.append(name(of: key, among: metadata), to: &line, limit: LogLine.textLimit)
            line.append(UInt8(ascii: ":"))
            append(value, depth: 1, to: &line)
        }
        line.append(contentsOf: "}\n".utf8)
        return line
    }

    private static let ours: Set<String> = ["time", "level", "logger", "message"]

    /// The name of the member for a metadata key: not one of ours, nor one that another key has.
    private func name(of key: String, among metadata: [(key: String, value: Logger.MetadataValue)]) -> String {
        guard JSONLogHandler.ours.contains(key) else { return key }
        var name = key + "_"
        while metadata.contains(where: { $0.key == name }) { name += "_" }
        return name
    }

    private func append(_ value: Logger.MetadataValue, depth: Int, to line: inout [UInt8]) {
        switch value {
        case .string(let text):
            JSONText.append(text, to: &line, limit: LogLine.textLimit)
        case .stringConvertible(let thing):
            JSONText.append(thing.description, to: &line, limit: LogLine.textLimit)
        case .array, .dictionary:
            guard depth < LogLine.depthLimit else {
                JSONText.append("…", to: &line, limit: LogLine.textLimit)
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
                separator = ","
            }
            line.append(UInt8(ascii: "]"))
        } else if case .dictionary(let members) = value {
            line.append(UInt8(ascii: "{"))
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                line.append(contentsOf: separator.utf8)
                JSONText.append(key, to: &line, limit: LogLine.textLimit)
                line.append(UInt8(ascii: ":"))
                append(value, depth: depth + 1, to: &line)
                separator = ","
            }
            line.append(UInt8(ascii: "}"))
        }
    }
}
