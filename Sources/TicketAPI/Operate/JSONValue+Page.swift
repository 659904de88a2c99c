internal import BoxOffice
internal import Pages
internal import StrictJSON
internal import TicketStore

extension JSONValue {
    /// A member of an object; `nil` if this is none, or has no such member.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }
    var boolean: Bool? { if case .boolean(let boolean) = self { boolean } else { nil } }
    var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }

    static func object(_ members: (String, JSONValue)...) -> JSONValue {
        .object(members.map { Member($0.0, $0.1) })
    }
}

extension PageObject {
    /// An object of the API as templates show it: amounts with their currency, moments as people read them.
    ///
    /// - Parameter currency: of the object around it.
    init(_ document: JSONValue, currency: String? = nil) {
        self.init()
        guard case .object(let members) = document else { return }
        let currency = document["currency"]?.text ?? currency
        for member in members {
            let name = member.name
            switch member.value {
            case .null: self[name] = false
            case .boolean(let isSet): self[name] = .flag(isSet)
            case .integer(let number):
                self[name] = Self.amounts.contains(name) ? .money(number, currency ?? "") : .number(Int(number))
            case .number(let text): self[name] = .text(text)
            case .string(let text):
                if name == "at" || name.hasSuffix("_at"), let moment = WallTime(rfc3339: text) {
                    set(name, moment)
                } else {
                    self[name] = .text(text)
                }
            case .array(let elements):
                self[name] = .list(
                    elements.map { $0.text.map { ["value": .text($0)] } ?? PageObject($0, currency: currency) })
            case .object: self[name] = .object(PageObject(member.value, currency: currency))
            }
        }
    }

    /// Members that are amounts.
    private static let amounts: Set<String> = ["total", "returned_total", "kept_total", "price", "amount"]
}
