import Foundation
import StrictJSON
import TicketAPI

extension GeneratedFile {
    /// The codes of problems, and what examples say of them; the members of an event's definition; the layout.
    static let openAPI = GeneratedFile(path: "Sources/APIDocs/Web/openapi.json") { text in
        let limits = JSONLimits(bytes: 1 << 20, depth: 64)
        var document = try JSONValue.read(text.utf8, limits: limits).withFactsOfProblems
        document["components"]["schemas"]["ProblemCode"]["enum"] = .array(Problem.allCases.map { .string($0.code) })
        for (name, schema) in EventSchemas.all { document["components"]["schemas"][name] = schema }
        return document.laidOut() + "\n"
    }
}

extension JSONValue {
    /// The value with every problem and every classic refusal in it as the table of problems has them.
    var withFactsOfProblems: JSONValue {
        switch self {
        case .array(let elements): return .array(elements.map(\.withFactsOfProblems))
        case .object(let members):
            var value = JSONValue.object(members.map { Member($0.name, $0.value.withFactsOfProblems) })
            guard case .string(let code) = value["code"],
                let problem = Problem.allCases.first(where: { $0.code == code })
            else { return value }
            if value["success"] == .boolean(false) {
                value["errorMessage"] = .string(problem.title)
            } else if case .string(let title) = value["title"] {
                // A detail that adds nothing to the title follows it.
                if value["detail"] == .string(title + ".") { value["detail"] = .string(problem.title + ".") }
                value["type"] = .string("/problems/\(code)")
                value["title"] = .string(problem.title)
                value["status"] = .integer(Int64(problem.status))
                value["retryable"] = .boolean(problem.isRetryable)
            }
            return value
        default: return self
        }
    }

    /// The member `name`; `null` is what is missing. Setting a member that is missing adds it as the last one.
    subscript(name: String) -> JSONValue {
        get {
            guard case .object(let members) = self else { return .null }
            return members.first { $0.name == name }?.value ?? .null
        }
        set {
            guard case .object(var members) = self else { return }
            if let index = members.firstIndex(where: { $0.name == name }) {
                members[index].value = newValue
            } else {
                members.append(Member(name, newValue))
            }
            self = .object(members)
        }
    }

    /// The text, indented by one space a level; what fits a line of 120 stands in one.
    ///
    /// - Parameters:
    ///   - indent: the spaces before the line.
    ///   - used: the characters of the name in front, and of what must follow on the line.
    func laidOut(indent: Int = 0, used: Int = 1) -> String {
        let flat = flat
        if indent + used + flat.count <= 120 { return flat }
        let space = String(repeating: " ", count: indent + 1)
        func lines(_ parts: [String]) -> String {
            "\n" + parts.map { space + $0 }.joined(separator: ",\n") + "\n" + String(repeating: " ", count: indent)
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            return "[" + lines(elements.map { $0.laidOut(indent: indent + 1) }) + "]"
        case .object(let members) where !members.isEmpty:
            return "{"
                + lines(
                    members.map { member in
                        let name = JSONValue.string(member.name).flat + ": "
                        return name + member.value.laidOut(indent: indent + 1, used: name.count + 1)
                    }) + "}"
        default: return flat
        }
    }

    /// The text in one line, with a space behind each comma and colon.
    private var flat: String {
        switch self {
        case .array(let elements): return "[" + elements.map(\.flat).joined(separator: ", ") + "]"
        case .object(let members):
            let parts = members.map { JSONValue.string($0.name).flat + ": " + $0.value.flat }
            return "{" + parts.joined(separator: ", ") + "}"
        default:
            var writer = JSONWriter()
            writer.value(self)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }
}
