internal import BoxOffice
internal import Pages
internal import StrictJSON
internal import TicketStore

/// A field of a form about an event: one value of the event's document.
struct EventField: Sendable {
    enum Kind: Sendable {
        case text
        case whole
        /// An amount of a currency, as people write it: `12.50`.
        case amount(currency: String)
        /// A day and a time in UTC, as browsers write it.
        case moment
        /// One of the words of the API.
        case choice([String])
    }

    /// In the form.
    let name: String
    let kind: Kind
    /// The key of its label, and what the label shows.
    let label: (key: String, values: PageObject)
    /// Where its value stands in the document. The empty path is for what is in no document.
    let path: [String]
    /// What the event has now, or what a new one gets.
    let value: JSONValue
    /// Whether it may be empty.
    let isOptional: Bool
    /// Whether the form asks for it, and not only if others beside it are filled in.
    var isAsked = true
    /// What is demanded of it: the key of a text behind `wrong.`, and what the text shows.
    let demand: (key: String, values: PageObject)
    /// What a change of it does to holds that are there: the key of a text behind `effect.`.
    let effect: String?

    init(
        _ name: String, _ kind: Kind, label: String? = nil, _ labelled: PageObject = [:], at path: [String],
        _ value: JSONValue = .null, isOptional: Bool = false, demand: String, _ demanded: PageObject = [:],
        effect: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.label = (label ?? name, labelled)
        self.path = path
        self.value = value
        self.isOptional = isOptional
        self.demand = (demand, demanded)
        self.effect = effect
    }

    /// A whole number within bounds.
    static func count(
        _ name: String, label: String? = nil, _ labelled: PageObject = [:], at path: [String], _ value: Int?,
        _ range: ClosedRange<Int>, demand: String = "count", effect: String? = nil
    ) -> EventField {
        EventField(
            name, .whole, label: label, labelled, at: path, JSONValue(value), demand: demand,
            ["least": .number(range.lowerBound), "most": .number(range.upperBound)], effect: effect)
    }

    /// A whole number that may be missing.
    static func bound(
        _ name: String, label: String? = nil, at path: [String], _ value: Int?, demand: String = "bound"
    ) -> EventField {
        EventField(name, .whole, label: label, at: path, JSONValue(value), isOptional: true, demand: demand)
    }

    /// A moment that may be missing.
    static func moment(
        _ name: String, label: String? = nil, at path: [String], _ value: WallTime?, demand: String = "moment"
    ) -> EventField {
        EventField(
            name, .moment, label: label, at: path, value.map { .string($0.rfc3339) } ?? .null, isOptional: true,
            demand: demand)
    }

    static func amount(_ name: String, at path: [String], _ value: Int64?, currency: String) -> EventField {
        EventField(
            name, .amount(currency: currency), label: "price", ["currency": .text(currency)], at: path,
            value.map { .integer($0) } ?? .null, demand: "amount",
            ["decimals": .number(Language.minorDigits(of: currency))], effect: "terms")
    }

    static func name(_ name: String, at path: [String], _ value: String, isOptional: Bool = false) -> EventField {
        EventField(
            name, .text, label: "name", at: path, .string(value), isOptional: isOptional, demand: "name",
            ["most": .number(Limits.nameLength)])
    }

    /// Where a mistake about it stands.
    var pointer: String { path.map { "/" + $0 }.joined() }

    // MARK: Texts

    /// The value as it stands in the field.
    func text(in language: Language) -> String {
        text(of: value, in: language)
    }

    /// Another value as it would stand there.
    func text(of value: JSONValue, in language: Language) -> String {
        switch (kind, value) {
        case (_, .null): ""
        case (.amount(let currency), .integer(let amount)): language.plainText(of: amount, in: currency)
        case (.moment, .string(let text)): WallTime(rfc3339: text).map(Self.text) ?? text
        case (_, .integer(let number)): String(number)
        case (_, .string(let text)): text
        default: ""
        }
    }

    /// As browsers write a moment in a form, in UTC and to the second.
    private static func text(_ moment: WallTime) -> String {
        let text = moment.rfc3339
        return String(text.dropFirst(17).prefix(2) == "00" ? text.prefix(16) : text.prefix(19))
    }

    /// What somebody wrote, as the document has it. What cannot be read is a text, which the document's own check refuses at its
    /// place like every other mistake.
    func read(_ sent: String) -> JSONValue {
        let text = sent.trimmed
        if text.isEmpty { return isOptional ? .null : .string("") }
        switch kind {
        case .text, .choice: return .string(text)
        case .whole: return Int64(text.filter { $0 != " " }).map { .integer($0) } ?? .string(text)
        case .amount(let currency): return Self.amount(text, in: currency).map { .integer($0) } ?? .string(text)
        case .moment:
            let whole = text.utf8.count == 16 ? text + ":00Z" : text + "Z"
            return .string(WallTime(rfc3339: whole)?.rfc3339 ?? text)
        }
    }

    /// Whether somebody left the field as it was shown. It shows less than the value where a browser has no field for the rest:
    /// parts of a second, and blanks around a text.
    func isUntouched(_ sent: String) -> Bool {
        switch (kind, value) {
        case (.moment, .string(let value)):
            sent.trimmed == WallTime(rfc3339: value).map(Self.text)
        case (.text, .string(let value)):
            sent.trimmed.utf8.elementsEqual(value.trimmed.utf8)
        default: false
        }
    }

    /// Minor units; `nil` for what is not an amount of the currency. Point and comma both stand before the decimals, so there are no
    /// separators of thousands.
    static func amount(_ text: String, in currency: String) -> Int64? {
        let decimals = Language.minorDigits(of: currency)
        let parts = text.split(separator: text.contains(",") ? "," : ".", omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : ""
        guard let whole = parts.first, !whole.isEmpty, parts.count <= 2, fraction.utf8.count <= decimals,
            parts.count == 1 || !fraction.isEmpty,
            (whole + fraction).utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(whole + fraction + String(repeating: "0", count: decimals - fraction.utf8.count))
    }

    // MARK: What pages show

    /// - Parameters:
    ///   - sent: what somebody wrote, which is shown again.
    ///   - isWrong: whether that is a mistake.
    func shown(for visit: OperatorVisit, sent: String? = nil, isWrong: Bool = false) -> PageObject {
        let text = sent ?? text(in: visit.language)
        var values: PageObject = [
            "name": .text(name), "label": visit.text("field.\(label.key)", label.values), "value": .text(text),
            "before": .text(self.text(in: visit.language)), "optional": .flag(isOptional || !isAsked), "whole": false,
            "amount": false, "moment": false, "plain": false, "is_choice": false,
            "hint": PageValue(Pages.wording(visit.language).texts["operate.hint.\(label.key)"]),
            "wrong": isWrong ? self.wrong(for: visit) : false,
        ]
        switch kind {
        case .text: values["plain"] = true
        case .whole: values["whole"] = true
        case .amount: values["amount"] = true
        case .moment: values["moment"] = true
        case .choice(let words):
            values["is_choice"] = true
            values["choices"] = .list(
                words.map { word in
                    [
                        "code": .text(word), "word": visit.text("choice.\(name).\(word)"),
                        "is_chosen": .flag(word == text),
                    ]
                })
        }
        return values
    }

    func wrong(for visit: OperatorVisit) -> PageValue {
        visit.text("wrong.\(demand.key)", demand.values)
    }
}

extension JSONValue {
    init(_ number: Int?) {
        self = number.map { .integer(Int64($0)) } ?? .null
    }

    /// The value with another one at a path: names of members, and indexes of arrays. Objects on the way are made.
    func setting(_ path: ArraySlice<String>, to new: JSONValue) -> JSONValue {
        guard let name = path.first else { return new }
        let rest = path.dropFirst()
        if case .array(var elements) = self, let index = Int(name), elements.indices.contains(index) {
            elements[index] = elements[index].setting(rest, to: new)
            return .array(elements)
        }
        guard case .object(var members) = self else { return JSONValue.object([]).setting(path, to: new) }
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].value = members[index].value.setting(rest, to: new)
        } else {
            members.append(Member(name, JSONValue.null.setting(rest, to: new)))
        }
        return .object(members)
    }
}
