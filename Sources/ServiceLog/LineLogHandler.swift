internal import CLibrary
public import Logging

/// Writes each event as one line, for people or for programs.
public struct LineLogHandler: LogHandler {
    /// The least severe events that are written: those of the log, unless this logger has a level of its own.
    public var logLevel: Logger.Level {
        get { own ?? log.level }
        set { own = newValue }
    }

    /// Metadata of every line of this logger.
    public var metadata: Logger.Metadata = [:]

    /// Adds metadata that follow from the context, such as the current task.
    public var metadataProvider: Logger.MetadataProvider?

    private var own: Logger.Level?
    private let log: LogLevel
    private let label: String
    private let form: LogOutput.Form
    private let writer: LogWriter

    /// A handler that writes its lines through the writer.
    public init(
        label: String, form: LogOutput.Form, level: LogLevel = LogLevel(.info), writer: LogWriter = .standardError
    ) {
        log = level
        self.label = label
        self.form = form
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
            notice: { [form] level, label, message, metadata in
                LineLogHandler(label: label, form: form).line(for: .own(level, message, metadata), at: LogLine.now())
            })
    }

    /// The line for an event, with its end.
    func line(for event: LogEvent, at time: timespec) -> [UInt8] {
        let metadata = LogLine.metadata(of: event, own: metadata, provider: metadataProvider)
        var line: [UInt8] = []
        line.reserveCapacity(256)
        switch form {
        case .json: JSONLogLine.append(event, label: label, metadata: metadata, at: time, to: &line)
        case .text(let colour): TextLogLine(colour: colour).append(event, metadata: metadata, at: time, to: &line)
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }
}
