import CLibrary
public import Logging
public import Settings

/// Where the log goes, and in which form. Decided once at the start.
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

    /// The file descriptor of standard error, under a name that a public signature can use.
    public static let standardError: Int32 = STDERR_FILENO

    /// The file descriptor of standard output.
    public static let standardOutput: Int32 = STDOUT_FILENO

    /// The form of the lines.
    public let form: Form

    /// The least severe lines that are written; may be changed.
    public let level: LogLevel

    /// Writes to the descriptor from a thread of its own.
    public let writer: LogWriter

    /// The output of these settings. `auto` is text if the descriptor is a terminal, and JSON otherwise.
    ///
    /// Text has colour only on a terminal that can show it (`TERM` is not `dumb`), and only if `NO_COLOR` is not
    /// set or empty (https://no-color.org).
    public init(_ log: Settings.Log, environment: [String: String], descriptor: Int32 = LogOutput.standardError) {
        let isTerminal = isatty(descriptor) == 1
        self.init(log, environment: environment, descriptor: descriptor, isTerminal: isTerminal)
    }

    /// The same, given whether the descriptor is a terminal.
    init(_ log: Settings.Log, environment: [String: String], descriptor: Int32, isTerminal: Bool) {
        let colour = isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        self.form =
            switch log.format {
            case .text: .text(colour: colour)
            case .json: .json
            case .auto: isTerminal ? .text(colour: colour) : .json
            }
        level = LogLevel(log.level)
        writer = descriptor == LogOutput.standardError ? .standardError : LogWriter(descriptor: descriptor)
    }

    /// A handler for the logger with this label.
    public func handler(label: String, metadataProvider: Logger.MetadataProvider? = nil) -> any LogHandler {
        var handler = LineLogHandler(label: label, form: form, level: level, writer: writer)
        handler.metadataProvider = metadataProvider
        return handler
    }
}
