internal import BoxOffice
internal import StrictJSON
internal import TicketStore

/// An event as a service tells it.
struct EventOnService {
    let definition: EventDefinition
    /// `not_started`, `open`, `paused` or `ended`.
    let state: String
    let isPaused: Bool
    /// The service told how many places there are.
    let showsCapacities: Bool
    /// What the service finds unusual about the definition, a line each.
    let warnings: [String]
    /// Which state of the event this is, for `If-Match`.
    let tag: String
    /// The answer's own text.
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

    /// The definition with 0 for places that the service keeps to itself; `nil` if it does not.
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

    /// What is different in `after`, a line a place; empty if nothing is.
    static func changes(from before: EventDefinition, to after: EventDefinition) -> [String] {
        guard before != after else { return [] }
        let old = places(of: before)
        let new = places(of: after)
        let was = Dictionary(old) { first, _ in first }
        let will = Dictionary(new) { first, _ in first }
        let changed = new.compactMap { place, value -> [String]? in
            guard let earlier = was[place] else { return [place, "new:", value] }
            return earlier == value ? nil : [place, earlier, "->", value]
        }
        let gone = old.filter { will[$0.place] == nil }.map { [$0.place, "removed, was", $0.value] }
        let lines = changed + gone
        if lines.isEmpty { return ["the order of its pools or types"] }
        let width = lines.map { $0[0].count }.max() ?? 0
        return lines.map { $0[0].padded(to: width) + "  " + $0.dropFirst().joined(separator: " ") }
    }

    /// Everything that a definition says, with types told by their codes: their places in the list say little.
    private static func places(of event: EventDefinition) -> [(place: String, value: String)] {
        func number(_ value: some BinaryInteger) -> String { grouped(value) }
        var places: [(String, String)] = [
            ("name", event.name.printable), ("currency", event.currency),
            ("hold_seconds", number(event.holdTime.components.seconds)),
            ("grace_seconds", number(event.clientGrace.components.seconds)),
            ("max_extensions", number(event.maximumExtensions)), ("late_payment", event.latePayment.rawValue),
            ("completion", event.completion.rawValue),
            ("sale.opens_at", event.opensAt?.rfc3339 ?? "null"), ("sale.closes_at", event.closesAt?.rfc3339 ?? "null"),
            ("limits.tickets_per_hold", number(event.ticketsPerHold)),
            ("limits.tickets_per_buyer", event.ticketsPerBuyer.map(number) ?? "null"),
            ("limits.holds_per_buyer", event.holdsPerBuyer.map(number) ?? "null"),
            ("disclose", event.disclosure.rawValue),
        ]
        for pool in event.pools { places.append(("pools.\(pool.code)", number(pool.capacity))) }
        for type in event.types {
            places.append(("types.\(type.code).name", type.name.printable))
            places.append(("types.\(type.code).price", number(type.price)))
            places.append(("types.\(type.code).pools", type.pools.map(\.text).joined(separator: " ")))
        }
        return places
    }
}

extension ServiceClient {
    /// The event as it is now; nil if the service has none of that name.
    func event(_ id: Code) async throws -> EventOnService? {
        let answer = try await ask(.get, "/v1/events/\(id)")
        switch answer.status {
        case 200: return try EventOnService(answer)
        case 404 where answer.problemCode == "unknown-event": return nil
        default: throw answer.refusal(of: id.text)
        }
    }

    /// The event as it is now, which has to be there.
    func knownEvent(_ id: Code) async throws -> EventOnService {
        guard let event = try await event(id) else {
            throw Failure("the service has no event \(id); holdfast event list shows them", status: Failure.atWork)
        }
        return event
    }

    /// Merges `patch` into the event if it still is as `tag` says; the answer if the service does not.
    func patch(_ id: Code, ifMatch tag: String, _ patch: JSONValue) async throws -> (EventOnService?, ServiceAnswer) {
        var writer = JSONWriter()
        writer.value(patch)
        let answer = try await ask(
            .patch, "/v1/events/\(id)",
            headers: [("If-Match", tag), ("Content-Type", "application/merge-patch+json")], body: writer.bytes)
        return (answer.status == 200 ? try EventOnService(answer) : nil, answer)
    }
}
