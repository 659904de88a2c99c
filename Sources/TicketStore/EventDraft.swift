import BoxOffice
import StrictJSON

/// What could be read of an event's document, with holes where something was wrong.
///
/// The holes are filled with what makes no mistake of its own, so that the definition can be checked as a whole, and
/// an operator hears of a wrong price and a wrong pool in one answer.
struct EventDraft: Sendable {
    struct Pool: Sendable {
        var name: String
        var code: Code?
        var capacity: Int?
    }

    struct TicketType: Sendable {
        var code: Code?
        var name: String?
        var price: Int64?
        var pools: [Code?]?
    }

    struct Sale: Sendable {
        var opensAt: WallTime?
        var closesAt: WallTime?
    }

    struct Bounds: Sendable {
        var ticketsPerHold: Int?
        var ticketsPerBuyer: Int?
        var holdsPerBuyer: Int?
    }

    var id: Code?
    var name: String?
    var currency: String?
    var holdSeconds: Int64?
    var graceSeconds: Int64?
    var maximumExtensions: Int?
    var latePayment: EventDefinition.LatePayment?
    var completion: EventDefinition.Completion?
    var sale: Sale?
    var bounds: Bounds?
    var disclosure: EventDefinition.Disclosure?
    var pools: [Pool]?
    var types: [TicketType?]?
}

// MARK: - Reading

extension EventDraft {
    /// The document's own shape; `nil` only for what is no object.
    static let shape = JSONShape<EventDraft>.object { event in
        if event.has(EventDocument.formerMember) {
            event.note(EventDocument.formerMember, "must be left out: one server decides all of an event")
        }
        return EventDraft(
            id: event.required("id", as: .code),
            name: event.optional("name", as: .string),
            currency: event.optional("currency", as: .string),
            holdSeconds: event.optional("hold_seconds", as: .integer),
            graceSeconds: event.optional("grace_seconds", as: .integer),
            maximumExtensions: event.optional("max_extensions", as: .integer),
            latePayment: event.optional("late_payment", as: .word(EventDefinition.LatePayment.self)),
            completion: event.optional("completion", as: .word(EventDefinition.Completion.self)),
            sale: event.optional("sale", as: saleShape),
            bounds: event.optional("limits", as: boundsShape),
            disclosure: event.optional("disclose", as: .word(EventDefinition.Disclosure.self)),
            pools: event.required("pools", as: poolsShape),
            types: event.required("types", as: .list(of: typeShape.attempted)))
    }

    private static let saleShape = JSONShape<Sale>.object { sale in
        Sale(
            opensAt: sale.nullable("opens_at", as: .moment),
            closesAt: sale.nullable("closes_at", as: .moment))
    }

    private static let boundsShape = JSONShape<Bounds>.object { bounds in
        Bounds(
            ticketsPerHold: bounds.optional("tickets_per_hold", as: .integer),
            ticketsPerBuyer: bounds.nullable("tickets_per_buyer", as: .integer),
            holdsPerBuyer: bounds.nullable("holds_per_buyer", as: .integer))
    }

    private static let poolsShape = JSONShape<[Pool]> { value, pointer, mistakes in
        guard case .object(let members) = value else {
            mistakes.note(pointer, "must be an object of codes and numbers")
            return nil
        }
        return members.map { member in
            let place = pointer.appending(member.name)
            let code = Code(member.name)
            if code == nil {
                mistakes.note(place, "must be named by 1 to 32 of A-Z a-z 0-9 _ -")
            }
            let capacity = JSONShape<Int>.integer.take(member.value, at: place, noting: &mistakes)
            return Pool(name: member.name, code: code, capacity: capacity)
        }
    }

    private static let typeShape = JSONShape<TicketType>.object { type in
        TicketType(
            code: type.required("code", as: .code),
            name: type.optional("name", as: .string),
            price: type.optional("price", as: .integer),
            pools: type.required("pools", as: .list(of: JSONShape<Code>.code.attempted)))
    }
}

// MARK: - Completing

extension EventDraft {
    /// The definition with its holes filled, and what is wrong with it beyond the mistakes `told` already.
    func completed(limits: Limits, besides told: [JSONMistake]) -> (definition: EventDefinition, mistakes: [Mistake]) {
        var spare = SpareCodes(besides: codes)
        var definition = EventDefinition(id: id ?? spare.next(), pools: [], types: [])
        set(\.name, to: name, in: &definition)
        set(\.currency, to: currency, in: &definition)
        // Held to just beyond the limits, which is as wrong, so that no product of the two can overflow.
        let longest = limits.holdTime.components.seconds + 1
        set(\.holdTime, to: holdSeconds.map { .seconds(min(max($0, 0), longest)) }, in: &definition)
        set(\.clientGrace, to: graceSeconds.map { .seconds($0) }, in: &definition)
        let extensions = maximumExtensions.map { min(max($0, -1), limits.extensions + 1) }
        set(\.maximumExtensions, to: extensions, in: &definition)
        set(\.latePayment, to: latePayment, in: &definition)
        set(\.completion, to: completion, in: &definition)
        definition.opensAt = sale?.opensAt
        definition.closesAt = sale?.closesAt
        set(\.ticketsPerHold, to: bounds?.ticketsPerHold, in: &definition)
        definition.ticketsPerBuyer = bounds?.ticketsPerBuyer
        definition.holdsPerBuyer = bounds?.holdsPerBuyer
        set(\.disclosure, to: disclosure, in: &definition)

        // Where the pools can't be read at all, those that the types name stand in for them.
        let pools = self.pools ?? drawnPools.map { Pool(name: $0.text, code: $0, capacity: 0) }
        // The pointer of a pool whose name is no code, by the pointer of the code that stands in for it.
        var renamed = [String: String]()
        definition.pools = pools.map { pool in
            let code = pool.code ?? spare.next()
            if pool.code == nil {
                renamed["/pools/\(code)"] = JSONPointer.root.appending("pools").appending(pool.name).text
            }
            return EventDefinition.Pool(code: code, capacity: pool.capacity ?? 0)
        }
        definition.types = (types ?? []).map { type in
            EventDefinition.TicketType(
                code: type?.code ?? spare.next(), name: type?.name, price: type?.price ?? 0,
                pools: (type?.pools ?? []).map { $0 ?? spare.next() })
        }

        let wrong = Set(told.map(\.pointer))
        let mistakes = definition.mistakes(limits: limits)
            .filter { !EventDraft.isCovered($0.pointer, by: wrong) }
            .map { Mistake(renamed[$0.pointer] ?? $0.pointer, $0.what) }
        return (definition, mistakes)
    }

    private func set<Value>(
        _ part: WritableKeyPath<EventDefinition, Value>, to value: Value?, in definition: inout EventDefinition
    ) {
        if let value {
            definition[keyPath: part] = value
        }
    }

    private var drawnPools: Set<Code> {
        Set((types ?? []).flatMap { ($0?.pools ?? []).compactMap(\.self) })
    }

    private var codes: Set<Code> {
        drawnPools.union((pools ?? []).compactMap(\.code)).union((types ?? []).compactMap { $0?.code })
    }

    /// Whether a mistake is told already at `pointer` or around it.
    private static func isCovered(_ pointer: String, by wrong: Set<String>) -> Bool {
        var place = pointer[...]
        while !wrong.contains(String(place)) {
            guard let slash = place.lastIndex(of: "/") else { return false }
            place = place[..<slash]
        }
        return true
    }
}

/// Codes that stand where none could be read, each given out once.
private struct SpareCodes {
    private var taken: Set<Code>
    private var count = 0

    init(besides taken: Set<Code>) {
        self.taken = taken
    }

    mutating func next() -> Code {
        while true {
            count += 1
            guard let code = Code("unreadable-\(count)") else { preconditionFailure("a number has no 20 digits") }
            if taken.insert(code).inserted { return code }
        }
    }
}
