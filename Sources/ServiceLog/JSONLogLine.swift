internal import CLibrary
internal import Logging
internal import Settings

/// An event as one JSON object on one line, for programs:
/// `{"time":"2026-11-24T05:44:59.123Z","level":"info","logger":"holdfast","message":"Sentence","key":"value"}`.
///
/// Metadata are members of the object under their own names. A name of the first four members gets a `_` at its end,
/// because readers differ about duplicate names (RFC 8259, 4).
enum JSONLogLine {
    /// Appends the object, without the end of the line.
    static func append(
        _ event: LogEvent, label: String, metadata: [(key: String, value: Logger.MetadataValue)], at time: timespec,
        to line: inout [UInt8]
    ) {
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
        for (key, value) in metadata {
            line.append(UInt8(ascii: ","))
            JSONText.append(name(of: key, among: metadata), to: &line, limit: LogLine.textLimit)
            line.append(UInt8(ascii: ":"))
            append(value, depth: 1, to: &line)
        }
        line.append(UInt8(ascii: "}"))
    }

    private static let ours: Set<String> = ["time", "level", "logger", "message"]

    /// The name of the member for a metadata key: not one of ours, nor one that another key has.
    private static func name(of key: String, among metadata: [(key: String, value: Logger.MetadataValue)]) -> String {
        guard ours.contains(key) else { return key }
        var name = key + "_"
        while metadata.contains(where: { $0.key == name }) { name += "_" }
        return name
    }

    private static func append(_ value: Logger.MetadataValue, depth: Int, to line: inout [UInt8]) {
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
            LogLine.appendNested(
                value, to: &line, (separator: UInt8(ascii: ","), assignment: UInt8(ascii: ":")),
                key: { JSONText.append($0, to: &$1, limit: LogLine.textLimit) },
                value: { append($0, depth: depth + 1, to: &$1) })
        }
    }
}
