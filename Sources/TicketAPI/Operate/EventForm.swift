internal import BoxOffice
internal import Pages
internal import StrictJSON
internal import TicketStore

/// A form about an event: its fields, what somebody wrote into them, and the document that this makes.
struct EventForm: Sendable {
    struct Change: Sendable {
        let field: EventField
        let value: JSONValue
        /// As it was sent.
        let sent: String
    }

    let fields: [EventField]

    // MARK: What is sent

    /// What a form changes. A field that the form does not have stays.
    func changes(_ form: PageForm) -> [Change] {
        fields.compactMap { field in
            guard let sent = form[field.name], !field.isUntouched(sent) else { return nil }
            let value = field.read(sent)
            return value == field.value ? nil : Change(field: field, value: value, sent: sent.trimmed)
        }
    }

    /// The members of an event's document that changes touch, whole, as a merge patch.
    static func patch(_ changes: [Change], of definition: EventDefinition) throws(DocumentError) -> JSONValue {
        var document = try JSONValue.document(EventDocument.write(definition), limits: EventDocument.jsonLimits)
        for change in changes { document = document.setting(change.field.path[...], to: change.value) }
        guard case .object(let members) = document else { return document }
        let touched = Set(changes.compactMap(\.field.path.first))
        return .object(members.filter { touched.contains($0.name) })
    }

    /// The pointers of all mistakes in the definition as it would be.
    static func mistakes(_ changes: [Change], in definition: EventDefinition) -> [JSONMistake] {
        do throws(DocumentError) {
            let before = try JSONValue.document(
                EventDocument.write(definition), limits: EventDocument.jsonLimits)
            _ = try EventDocument.read(before.merged(with: patch(changes, of: definition)))
            return []
        } catch {
            guard case .mistakes(let mistakes) = error else { return [] }
            return mistakes
        }
    }

    // MARK: What pages show

    /// The fields, with what was sent and what is wrong.
    func shown(for visit: OperatorVisit, again form: PageForm? = nil, wrong: Set<String> = []) -> PageValue {
        .list(
            fields.map { field in
                field.shown(for: visit, sent: form?[field.name], isWrong: wrong.contains(field.name))
            })
    }

    /// The names of the fields that mistakes are about.
    func wrong(_ pointers: [String]) -> Set<String> {
        Set(pointers.compactMap { field(at: $0)?.name })
    }

    /// A notice with all mistakes, each with its field.
    func problem(_ mistakes: [JSONMistake], for visit: OperatorVisit) -> PageObject {
        var seen: Set<String> = []
        let errors: [PageObject] = mistakes.compactMap { mistake in
            guard let field = field(at: mistake.pointer) else {
                return words(mistake, visit)
            }
            guard seen.insert(field.name).inserted else { return nil }
            return [
                "at": visit.text("field.\(field.label.key)", field.label.values), "what": field.wrong(for: visit),
                "field": .text(field.name),
            ]
        }
        return ["title": visit.text("refused.validation-failed"), "detail": false, "errors": .list(errors)]
    }

    /// A mistake at what the form does not ask for: in the words of the API, where these are in the reader's language.
    private func words(_ mistake: JSONMistake, _ visit: OperatorVisit) -> PageObject {
        if mistake.pointer == "/reason" || mistake.what == Mistake.queryReason.what {
            let what = visit.text("wrong.name", ["most": .number(ReasonKind.maximumLength)])
            return ["at": visit.text("reason"), "what": what, "field": false]
        }
        let what: PageValue = visit.language == .english ? .text(mistake.what) : visit.text("wrong.other")
        return ["at": .text(mistake.pointer), "what": what, "field": false]
    }

    /// The field at a place in the document, or around it.
    private func field(at pointer: String) -> EventField? {
        fields.first { !$0.path.isEmpty && (pointer == $0.pointer || pointer.hasPrefix($0.pointer + "/")) }
    }
}

extension EventForm {
    /// What operators change about an event on its page: name, places, window, limits and times.
    init(of definition: EventDefinition) {
        let limits = Limits()
        fields =
            definition.pools.map {
                .count(
                    "pool-\($0.code.text)", label: "pool", ["pool": .text($0.code.text)],
                    at: ["pools", $0.code.text], $0.capacity, 0...limits.capacityPerPool)
            } + [
                .name("name", at: ["name"], definition.name),
                .moment("opens_at", at: ["sale", "opens_at"], definition.opensAt),
                .moment("closes_at", at: ["sale", "closes_at"], definition.closesAt, demand: "end"),
            ] + Self.limits(of: definition)
    }

    /// Limits and times, which a new event has, too.
    static func limits(of definition: EventDefinition) -> [EventField] {
        let limits = Limits()
        func limit(_ name: String, _ value: Int?) -> EventField {
            .bound(name, at: ["limits", name], value)
        }
        return [
            .count(
                "tickets_per_hold", at: ["limits", "tickets_per_hold"], definition.ticketsPerHold,
                1...limits.ticketsPerHold),
            limit("tickets_per_buyer", definition.ticketsPerBuyer), limit("holds_per_buyer", definition.holdsPerBuyer),
            .count(
                "hold_seconds", at: ["hold_seconds"], Int(definition.holdTime.components.seconds),
                1...Int(limits.holdTime.components.seconds), effect: "terms"),
            .count(
                "max_extensions", at: ["max_extensions"], definition.maximumExtensions, 0...limits.extensions,
                demand: "extensions", effect: "terms"),
        ]
    }

    /// What operators change about a ticket type: price and terms (R44 Terms of a type).
    init(of type: EventDefinition.TicketType, at index: Int, currency: String) {
        let path = ["types", String(index)]
        func limit(_ name: String, _ label: String, _ value: Int?, demand: String = "bound") -> EventField {
            .bound(name, label: label, at: path + ["limits", name], value, demand: demand)
        }
        fields = [
            .amount("price", at: path + ["price"], type.price, currency: currency),
            .name("name", at: path + ["name"], type.name),
            .moment("opens_at", at: path + ["sale", "opens_at"], type.opensAt),
            .moment("closes_at", at: path + ["sale", "closes_at"], type.closesAt, demand: "end"),
            limit("min_tickets_per_hold", "type_least", type.leastPerHold, demand: "least"),
            limit("tickets_per_hold", "type_most", type.mostPerHold),
            limit("tickets_per_buyer", "type_per_buyer", type.ticketsPerBuyer),
        ]
    }
}
