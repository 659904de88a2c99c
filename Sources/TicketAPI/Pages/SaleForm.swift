internal import BoxOffice
internal import Pages
internal import TicketStore

/// What a buyer wrote into the form of a sale. Everything stays as it was written, to be shown again.
struct SaleForm {
    /// What is wrong with a form before anybody is asked.
    enum Mistake: Equatable {
        case nothingChosen
        /// The page was an older one: something that it offered is no longer there.
        case gone
        case noNumber
        case tooMany(Int)
        case tooManyTypes(Int)
        case tooFew(Int, of: String)
        case tooManyOfType(Int, of: String)
        case noBuyer
        case unfitBuyer
    }

    /// The prefix of the fields with quantities, before a type's code.
    static let prefix = "q."
    /// The longest text of a field that is shown again.
    static let mostShown = 300

    /// By type, as they were written.
    var quantities: [Code: String] = [:]
    var buyer = ""
    /// The key to send with the form once more.
    var key: String?
    /// The buyer takes fewer tickets than asked for (R22 Minimum quantity).
    private(set) var takesFewer = false
    private(set) var mistake: Mistake?
    /// What the form asks for, if it asks for something.
    private(set) var request: (lines: OneOrMore<Line>, buyer: Buyer?)?

    /// An empty form.
    init() {}

    init(_ form: PageForm, _ definition: EventDefinition) {
        for (name, text) in form.fields(behind: Self.prefix) {
            if let code = Code(name) { quantities[code] = String(text.prefix(Self.mostShown)) }
        }
        buyer = String((form["buyer"] ?? "").prefix(Self.mostShown))
        takesFewer = form["fewer"] == "1"
        do throws(Rejected) {
            request = try read(definition)
        } catch {
            mistake = error.mistake
        }
    }

    private struct Rejected: Error {
        let mistake: Mistake
    }

    private func read(_ definition: EventDefinition) throws(Rejected) -> (OneOrMore<Line>, Buyer?) {
        var lines: [Line] = []
        for type in definition.types {
            guard let text = quantities[type.code]?.filter({ $0 != " " }), !text.isEmpty, text != "0" else { continue }
            guard let quantity = Int(text), quantity > 0 else { throw Rejected(mistake: .noNumber) }
            if let least = type.leastPerHold, quantity < least {
                throw Rejected(mistake: .tooFew(least, of: type.name))
            }
            if let most = type.mostPerHold, quantity > most {
                throw Rejected(mistake: .tooManyOfType(most, of: type.name))
            }
            let minimum = takesFewer ? type.leastPerHold ?? 1 : quantity
            lines.append(Line(type: type.code, quantity: min(quantity, 1_000_000), minimum: min(minimum, quantity)))
        }
        // What is left of the choice is not held silently.
        let known = Set(definition.types.map(\.code))
        let isGone = quantities.contains { code, text in
            !known.contains(code) && !["", "0"].contains(text.trimmed)
        }
        if isGone { throw Rejected(mistake: .gone) }
        guard let all = OneOrMore(lines) else { throw Rejected(mistake: .nothingChosen) }
        guard all.reduce(0, { $0 + $1.quantity }) <= definition.ticketsPerHold else {
            throw Rejected(mistake: .tooMany(definition.ticketsPerHold))
        }
        guard all.count <= BuyerRequests.mostLines else {
            throw Rejected(mistake: .tooManyTypes(BuyerRequests.mostLines))
        }
        let name = buyer.trimmed
        guard !name.isEmpty else {
            let chosen = Set(all.map(\.type))
            let isNeeded =
                definition.needsBuyer
                || definition.types.contains { $0.ticketsPerBuyer != nil && chosen.contains($0.code) }
            if isNeeded { throw Rejected(mistake: .noBuyer) }
            return (all, nil)
        }
        guard let named = Buyer(name) else { throw Rejected(mistake: .unfitBuyer) }
        return (all, named)
    }

    /// Whether the form asks who buys.
    func needsBuyer(_ definition: EventDefinition) -> Bool {
        definition.needsBuyer || definition.types.contains { $0.ticketsPerBuyer != nil }
    }
}

extension String {
    /// Without blanks at both ends.
    var trimmed: String {
        let rest = drop { $0 == " " || $0 == "\t" }
        return String(rest.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
