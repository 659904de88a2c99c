internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// The form with which operators begin to sell an event. What it does not ask for has the defaults of the API, and can be changed
/// later.
struct OperateNewEventPages: Sendable {
    private static let path = "/operate/new-event"

    let pages: OperatePages

    var routes: [Route] { [pages.page(Self.path, form, make)] }

    @Sendable private func form(_ visit: OperatorVisit) async throws -> Response {
        guard visit.key.may(.changeEvents) else { throw Refused(.forbidden) }
        return show(visit, NewEvent(PageForm(), opensAt: opening, visit.language))
    }

    /// When a new event opens unless somebody says otherwise: not at once, so that nothing is sold by mistake.
    private var opening: WallTime {
        let day: Int64 = 86_400_000
        let tomorrow = (pages.store.now.wall.milliseconds / day + 1) * day
        return WallTime(milliseconds: tomorrow + 10 * 3_600_000)
    }

    private func show(
        _ visit: OperatorVisit, _ event: NewEvent, problem: PageObject? = nil, again form: PageForm? = nil,
        wrong: Set<String> = [], status: HTTPResponse.Status = .ok
    ) -> Response {
        func shown(_ fields: [EventField]) -> PageValue {
            EventForm(fields: fields).shown(for: visit, again: form, wrong: wrong)
        }
        var values: PageObject = [
            "about": shown(event.about), "window": shown(event.window), "limits": shown(event.limits),
            "rows": .list(
                event.rows.enumerated().map { index, row in
                    [
                        "number": .number(index + 1), "fields": shown(row.fields),
                    ]
                }),
            "rows_shown": .text(String(event.rows.count)), "most": .text(String(NewEvent.mostTypes)),
            "may_grow": .flag(event.rows.count < NewEvent.mostTypes),
        ]
        if let problem { values["problem"] = .object(problem) }
        return pages.show("operate-new", values, for: visit, status: status)
    }

    @Sendable private func make(_ visit: OperatorVisit, _ form: PageForm) async throws -> Response {
        guard visit.key.may(.changeEvents) else { throw Refused(.forbidden) }
        let event = NewEvent(form, opensAt: opening, visit.language)
        if form[NewEvent.growField] != nil { return show(visit, event, again: form) }
        let fields = EventForm(fields: event.fields)
        let document = event.document(form)
        func again(_ mistakes: [JSONMistake], _ status: HTTPResponse.Status) -> Response {
            show(
                visit, event, problem: fields.problem(mistakes, for: visit), again: form,
                wrong: fields.wrong(mistakes.map(\.pointer)), status: status)
        }
        // The path has the code, so a wrong code is found here, and with it everything else that is wrong.
        do throws(DocumentError) {
            _ = try EventDocument.read(document)
        } catch {
            guard case .mistakes(let mistakes) = error else { throw Refused(.malformedRequest) }
            return again(mistakes, .unprocessableContent)
        }
        let code = document["id"]?.text ?? ""
        let answer = try await pages.calls.call(
            .put, "/v1/events/\(code.percentEncoded)", document, fields: [.ifNoneMatch: "*"],
            with: visit.session.credential)
        if answer.status == HTTPResponse.Status.preconditionFailed.code {
            return again([JSONMistake("/id", "is taken")], .conflict)
        }
        guard answer.isGood else {
            return show(
                visit, event, problem: pages.problem(answer, for: visit), again: form,
                status: .init(code: answer.status))
        }
        return pages.done("made", at: "/operate/events/\(code)")
    }
}

/// An event that somebody writes into a form.
struct NewEvent {
    /// As many as a definition may have.
    static let mostTypes = Limits().typesPerEvent
    /// Rows for ticket types that the form has at first, and by which it grows.
    private static let fewTypes = 5
    /// The field that says how many rows the form has.
    private static let rowsField = "rows"
    /// The button that adds rows. The page's script adds one at a time without it.
    static let growField = "more"

    /// A ticket type. An empty row is none; one without places shares those of the row above.
    struct Row {
        let code, name, price, places: EventField
        let isUsed: Bool
        /// An event has one type at least.
        let isAsked: Bool

        var fields: [EventField] {
            [code, name, price, places].map { field in
                var field = field
                field.isAsked = isAsked
                return field
            }
        }
    }

    let about: [EventField]
    let rows: [Row]
    let window: [EventField]
    let limits: [EventField]
    private let code: String

    var fields: [EventField] { about + rows.filter(\.isUsed).flatMap(\.fields) + window + limits }

    init(_ form: PageForm, opensAt: WallTime, _ language: Language) {
        let defaults = Self.defaults
        let name = (form["name"] ?? "").trimmed
        let typed = (form["code"] ?? "").trimmed
        code = typed.isEmpty ? Self.code(of: name) : typed
        let currency = (form["currency"] ?? defaults.currency).trimmed
        about = [
            .name("name", at: ["name"], ""),
            EventField("code", .text, at: ["id"], .string(""), isOptional: true, demand: "code"),
            EventField(
                "currency", .text, at: ["currency"], .string(defaults.currency), demand: "currency"),
        ]
        var rows: [Row] = []
        var used = 0
        var pools: Set<String> = []
        for number in 1...Self.rowCount(form) {
            let isUsed =
                number == 1
                || ["code", "name", "price", "places"].contains {
                    !(form["type-\(number)-\($0)"] ?? "").trimmed.isEmpty
                }
            let typed = (form["type-\(number)-code"] ?? "").trimmed
            // A code that is none, or is there already, is a mistake at the type and not at its pool.
            let pool = Code(typed) != nil && !pools.contains(typed) ? typed : "places-\(number)"
            pools.insert(pool)
            rows.append(Self.row(number, at: used, pool: pool, isUsed: isUsed, currency, language))
            if isUsed { used += 1 }
        }
        self.rows = rows
        window = [
            .moment("opens_at", at: ["sale", "opens_at"], opensAt),
            .moment("closes_at", at: ["sale", "closes_at"], nil, demand: "end"),
        ]
        limits =
            EventForm.limits(of: defaults) + [
                EventField(
                    "completion", .choice(["shop", "token"]), at: ["completion"], .string("shop"), demand: "choice"),
                EventField(
                    "late_payment", .choice(EventDefinition.LatePayment.allCases.map(\.rawValue)), at: ["late_payment"],
                    .string(defaults.latePayment.rawValue), demand: "choice"),
                EventField(
                    "disclose", .choice(EventDefinition.Disclosure.allCases.map(\.rawValue)), at: ["disclose"],
                    .string(defaults.disclosure.rawValue), demand: "choice"),
            ]
    }

    /// No row that was filled in is lost, whatever the form says of their number.
    private static func rowCount(_ form: PageForm) -> Int {
        let said = form[rowsField].flatMap { Int($0) } ?? fewTypes
        let filled = form.fields(behind: "type-").compactMap { name, text in
            text.trimmed.isEmpty ? nil : name.split(separator: "-").first.flatMap { Int($0) }
        }
        let rows = max(min(max(said, fewTypes), mostTypes), filled.filter { $0 <= mostTypes }.max() ?? 0)
        return form[growField] == nil ? rows : min(rows + fewTypes, mostTypes)
    }

    private static func row(
        _ number: Int, at index: Int, pool: String, isUsed: Bool, _ currency: String, _ language: Language
    ) -> Row {
        let path = ["types", String(index)]
        let isFirst = number == 1
        return Row(
            code: EventField(
                "type-\(number)-code", .text, label: "type_code", at: path + ["code"], .string(isFirst ? "GA" : ""),
                demand: "code"),
            name: .name(
                "type-\(number)-name", at: path + ["name"],
                isFirst ? Pages.text("operate.new.general_admission", in: language) : "", isOptional: true),
            price: .amount("type-\(number)-price", at: path + ["price"], nil, currency: currency),
            places: .count(
                "type-\(number)-places", label: "places", at: ["pools", pool], isFirst ? 100 : nil,
                0...Limits().capacityPerPool),
            isUsed: isUsed, isAsked: isFirst)
    }

    /// The document of the event that the form describes; mistakes stay in it, at their places.
    func document(_ form: PageForm) -> JSONValue {
        var document = JSONValue.object([])
        func set(_ field: EventField) {
            let value = field.read(form[field.name] ?? "")
            // What is left out has its default.
            if value != .null { document = document.setting(field.path[...], to: value) }
        }
        for field in about + window + limits { set(field) }
        document = document.setting(["id"], to: .string(code))
        var types: [JSONValue] = []
        var pool = ""
        for row in rows where row.isUsed {
            let places = (form[row.places.name] ?? "").trimmed
            if pool.isEmpty || !places.isEmpty {
                set(row.places)
                pool = row.places.path.last ?? ""
            }
            var type = [
                JSONValue.Member("code", .string((form[row.code.name] ?? "").trimmed)),
                .init("price", row.price.read(form[row.price.name] ?? "")),
                .init("pools", .array([.string(pool)])),
            ]
            if case .string(let name) = row.name.read(form[row.name.name] ?? "") {
                type.append(.init("name", .string(name)))
            }
            types.append(.object(type))
        }
        return document.setting(["types"], to: .array(types))
    }

    /// What an event of this name is called in addresses: its letters and digits, with hyphens between them.
    static func code(of name: String) -> String {
        let written = ["ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"]
        var code = ""
        for scalar in name.lowercased().unicodeScalars {
            let letter = written[String(scalar)] ?? String(scalar)
            if letter.utf8.allSatisfy(\.isLetterOrDigit) {
                code += letter
            } else if !code.isEmpty, code.last != "-" {
                code += "-"
            }
        }
        code = String(code.prefix(32))
        while code.last == "-" { code.removeLast() }
        return code
    }

    /// What the API gives an event that says nothing else.
    private static var defaults: EventDefinition {
        guard let code = Code("new") else { preconditionFailure("it is a code") }
        return EventDefinition(id: code, pools: [], types: [])
    }
}
