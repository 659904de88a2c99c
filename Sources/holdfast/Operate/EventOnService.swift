internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// An event as a service answers with it.
struct EventOnService {
    let definition: EventDefinition
    /// `not_started`, `open`, `paused`, `ended` or `cancelled`.
    let state: String
    let isPaused: Bool
    /// Whether the service disclosed the pools' capacities.
    let showsCapacities: Bool
    /// The service's warnings about the definition, a line each.
    let warnings: [String]
    /// The event's tag, for `If-Match`.
    let tag: String
    /// The text of the answer.
    let text: String

    init(_ answer: ServiceAnswer) throws {
        let document = try answer.document()
        guard let written = document.member("definition"), let state = document.member("state")?.text,
            case .boolean(let isPaused)? = document.member("paused"), let tag = answer.tag
        else { throw answer.refusal(of: "") }
        let hidden = Self.withoutCapacities(written)
        showsCapacities = hidden == nil
        warnings = Self.warnings(in: document)
        do {
            definition = try EventDocument.read(hidden ?? written)
        } catch {
            throw Failure(
                "the service's definition of the event cannot be read by holdfast \(Holdfast.version):\n\(error)",
                status: Failure.atWork)
        }
        self.state = state
        self.isPaused = isPaused
        self.tag = tag
        text = answer.text
    }

    /// The definition with 0 for capacities that the service does not disclose; `nil` if it discloses them.
    private static func withoutCapacities(_ written: JSONValue) -> JSONValue? {
        guard case .object(let members) = written, case .object(let pools)? = written.member("pools"),
            pools.contains(where: { $0.value == .null })
        else { return nil }
        let read = JSONValue.object(
            pools.map { JSONValue.Member($0.name, $0.value == .null ? .integer(0) : $0.value) })
        return .object(members.map { $0.name == "pools" ? JSONValue.Member("pools", read) : $0 })
    }

    private static func warnings(in document: JSONValue) -> [String] {
        guard case .array(let list)? = document.member("warnings") else { return [] }
        return list.map { warning in
            "\(warning.member("pointer")?.text ?? "") \(warning.member("detail")?.text ?? "")".printable
        }
    }

    /// What differs in `after`, a line for each member; empty if nothing does.
    static func changes(from before: EventDefinition, to after: EventDefinition) -> [String] {
        guard before != after else { return [] }
        let old = values(of: before)
        let new = values(of: after)
        let was = Dictionary(old) { first, _ in first }
        let will = Dictionary(new) { first, _ in first }
        let changed = new.compactMap { path, value -> [String]? in
            // A type that is new or gone says only what it has.
            guard let earlier = was[path] else { return value == "null" ? nil : [path, "new:", value] }
            return earlier == value ? nil : [path, earlier, "->", value]
        }
        let gone = old.filter { will[$0.path] == nil && $0.value != "null" }
            .map { [$0.path, "removed, was", $0.value] }
        let lines = changed + gone
        if lines.isEmpty { return ["the order of its pools or types"] }
        let width = lines.map { $0[0].count }.max() ?? 0
        return lines.map { $0[0].padded(to: width) + "  " + $0.dropFirst().joined(separator: " ") }
    }

    private static func values(of event: EventDefinition) -> [(path: String, value: String)] {
        EventDocument.values(of: event).map { ($0.path, text($0.value)) }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .integer(let number): grouped(number)
        case .string(let text): text.printable
        case .array(let values): values.map(text).joined(separator: " ")
        default: "null"
        }
    }
}

extension ServiceClient {
    /// The event in its present state; `nil` if the service does not know it.
    func event(_ id: Code) async throws -> EventOnService? {
        let answer = try await ask(.get, "/v1/events/\(id)")
        switch answer.status {
        case 200: return try EventOnService(answer)
        case 404 where answer.problemCode == "unknown-event": return nil
        default: throw answer.refusal(of: id.text)
        }
    }

    /// The event in its present state. Throws ``Failure`` if the service does not know it.
    func knownEvent(_ id: Code) async throws -> EventOnService {
        guard let event = try await event(id) else {
            throw Failure(
                "the service has no event \(id); `holdfast event list` shows its events", status: Failure.atWork)
        }
        return event
    }

    /// Merges `patch` into the event if its tag is still `tag`. Returns no event if the service refuses.
    func patch(
        _ id: Code, ifMatch tag: String, _ patch: JSONValue, _ why: ReasonOption
    ) async throws -> (EventOnService?, ServiceAnswer) {
        var writer = JSONWriter()
        writer.value(patch)
        let answer = try await ask(
            .patch, "/v1/events/\(id)\(why.query)",
            headers: [("If-Match", tag), ("Content-Type", "application/merge-patch+json")], body: writer.bytes)
        return (answer.status == 200 ? try EventOnService(answer) : nil, answer)
    }
}
