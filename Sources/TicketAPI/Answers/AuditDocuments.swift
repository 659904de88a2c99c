internal import StrictJSON
internal import TicketStore

extension JSONWriter {
    mutating func entry(_ entry: AuditRecord) {
        object { writer in
            writer.member("sequence", entry.sequence == 0 ? nil : entry.sequence)
            writer.member("at", entry.at)
            writer.member("key", entry.note.key)
            writer.member("name", entry.note.name)
            writer.member("action", entry.note.action)
            writer.member("subject", entry.note.subject)
            writer.member("event", entry.event)
            writer.member("reason", entry.note.reason)
            writer.member("differences") { writer in
                writer.array { writer in
                    for difference in entry.note.differences { difference.write(to: &writer) }
                }
            }
            writer.member("differences_left_out", entry.note.leftOut)
        }
    }
}

// The audit as an export: in CSV one row for each difference, and one for an entry without any.
extension ExportForm {
    var auditHead: [UInt8] {
        switch self {
        case .csv:
            Array("sequence,at,key,name,action,subject,event,reason,member,from,to,differences_left_out\r\n".utf8)
        case .ndjson: []
        }
    }

    func write(_ entry: AuditRecord, to text: inout [UInt8]) {
        switch self {
        case .ndjson:
            var writer = JSONWriter(reserving: 512)
            writer.entry(entry)
            text += writer.bytes
            text.append(UInt8(ascii: "\n"))
        case .csv(let keepsFormulas):
            let head = [
                entry.sequence == 0 ? "" : "\(entry.sequence)", entry.at.rfc3339, entry.note.key, entry.note.name,
                entry.note.action,
                entry.note.subject, entry.event ?? "", entry.note.reason ?? "",
            ]
            let rows = entry.note.differences.map { [$0.member, Self.text($0.from), Self.text($0.to)] }
            for row in rows.isEmpty ? [["", "", ""]] : rows {
                Self.write(head + row + ["\(entry.note.leftOut)"], keepsFormulas: keepsFormulas, to: &text)
            }
        }
    }

    /// A value in a cell: a text as it is, nothing for `null`, and everything else as JSON.
    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: return ""
        case .string(let text): return text
        default:
            var writer = JSONWriter()
            writer.value(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }
}
