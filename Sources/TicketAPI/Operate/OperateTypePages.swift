internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// The operators' page about one ticket type of an event: its price and its terms (R44 Terms of a type).
struct OperateTypePages: Sendable {
    let pages: OperatePages

    var routes: [Route] {
        [pages.page("/operate/types/:event", query: ["type"], type, change)]
    }

    private static func path(_ event: Code, _ type: Code) -> String { "/operate/types/\(event)?type=\(type)" }

    @Sendable private func type(_ visit: OperatorVisit) async throws -> Response {
        try show(visit, type: visit.page.query["type"])
    }

    /// The event and the type, by its index in the definition.
    private func find(_ visit: OperatorVisit, _ type: String?) throws -> (EventReading, Int) {
        let event = try pages.reader.event(visit.page.segment)
        guard visit.key.works(for: event.definition.id) else { throw Refused(.forbidden) }
        guard let index = event.definition.types.firstIndex(where: { $0.code.text == type }) else {
            throw Refused(.notFound, "The event has no such ticket type.")
        }
        return (event, index)
    }

    private func show(
        _ visit: OperatorVisit, type: String?, problem: PageObject? = nil, again form: PageForm? = nil,
        wrong: Set<String> = [], status: HTTPResponse.Status = .ok
    ) throws -> Response {
        let (event, index) = try find(visit, type)
        let definition = event.definition
        let type = definition.types[index]
        let fields = EventForm(of: type, at: index, currency: definition.currency)
        var values: PageObject = [
            "event": .text(definition.id.text), "event_name": .text(definition.name), "type": .text(type.code.text),
            "type_name": .text(type.name), "pools": .text(type.pools.map(\.text).joined(separator: ", ")),
            "etag": .text(event.tag), "fields": fields.shown(for: visit, again: form, wrong: wrong),
            "change_reason": PageValue(form?["reason"]),
        ]
        if let problem { values["problem"] = .object(problem) }
        return pages.show("operate-type", values, for: visit, status: status)
    }

    @Sendable private func change(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        let code = form["type"] ?? visit.page.query["type"]
        let (event, index) = try find(visit, code)
        let type = event.definition.types[index]
        let change = EventChange(
            pages: pages, visit: visit, event: event,
            fields: EventForm(of: type, at: index, currency: event.definition.currency),
            path: Self.path(event.definition.id, type.code), form: form)
        let again: EventChange.Again = { problem, wrong, status in
            try show(visit, type: code, problem: problem, again: form, wrong: wrong, status: status)
        }
        switch form["action"] {
        case "check": return try await change.check(again)
        case "apply": return try await change.apply(done: "changed", again)
        default: throw Refused(.malformedRequest)
        }
    }
}

/// The ticket types of an event in a table, with prices and terms.
struct TypeList {
    /// Types that the table has; with more, it says how many are left out.
    private static let most = 100

    private let definition: EventDefinition
    private let visit: OperatorVisit

    init(_ definition: EventDefinition, _ visit: OperatorVisit) {
        self.definition = definition
        self.visit = visit
    }

    var values: PageObject {
        [
            "types": .list(
                definition.types.prefix(Self.most).map { type in
                    [
                        "type": .text(type.code.text), "type_name": .text(type.name),
                        "price": .money(type.price, definition.currency), "terms": .text(terms(of: type)),
                    ]
                }),
            "types_left_out": definition.types.count > Self.most ? .number(definition.types.count - Self.most) : false,
        ]
    }

    /// In words, as far as it has terms of its own.
    private func terms(of type: EventDefinition.TicketType) -> String {
        var parts: [String] = []
        func add(_ key: String, _ value: PageValue?) {
            if let value { parts.append(Pages.text("operate.terms.\(key)", ["value": value], in: visit.language)) }
        }
        add("opens", type.opensAt.map { .moment($0.milliseconds) })
        add("closes", type.closesAt.map { .moment($0.milliseconds) })
        add("least", type.leastPerHold.map { .number($0) })
        add("most", type.mostPerHold.map { .number($0) })
        add("per_buyer", type.ticketsPerBuyer.map { .number($0) })
        return parts.joined(separator: " · ")
    }
}
