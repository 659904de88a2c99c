internal import BoxOffice
internal import HTTPTypes
internal import Pages
internal import StrictJSON

/// Who changed what, as the operators' pages show it (R49 Audit differences): the newest change first.
struct AuditList: Sendable {
    /// Differences of an entry that are shown; the export has all of them.
    private static let mostDifferences = 20

    let pages: OperatePages
    let visit: OperatorVisit

    /// - Parameter query: members of the call; empty ones are left out.
    func ask(_ query: [String: String], limit: Int) async throws -> APICalls.Answer {
        let query = query.merging(["limit": "\(limit)", "order": "newest"]) { $1 }
        return try await pages.calls.call(.get, "/v1/audit", query: query, with: visit.session.credential)
    }

    func entries(of body: JSONValue) -> [PageObject] {
        (body["entries"]?.elements ?? []).map { entry in
            var values = PageObject(entry)
            values["what"] = visit.word("action", entry["action"]?.text ?? "")
            let differences = entry["differences"]?.elements ?? []
            values["differences"] = .list(
                differences.prefix(Self.mostDifferences).map {
                    [
                        "member": PageValue($0["member"]?.text), "from": .text(Self.text($0["from"] ?? .null)),
                        "to": .text(Self.text($0["to"] ?? .null)),
                    ]
                })
            let leftOut =
                max(0, differences.count - Self.mostDifferences) + Int(entry["differences_left_out"]?.integer ?? 0)
            values["more_differences"] = leftOut > 0 ? .number(leftOut) : false
            return values
        }
    }

    /// A value as people read it.
    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: return "–"
        case .string(let text): return text
        default:
            var writer = JSONWriter()
            writer.value(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }
}
