import BoxOffice
import StrictJSON

/// A definition as far as it could be read from its document.
///
/// Where something was wrong, it has what makes no mistake of its own. So it can be checked as a whole, and an operator
/// learns of a wrong price and a wrong pool from one answer.
struct EventDraft: Sendable {
    var definition: EventDefinition
    /// The pointer of a pool whose name is not a code, by the pointer of the code that stands in for it.
    var renamed: [String: String] = [:]

    private struct Pool: Sendable {
        var name: String
        var code: Code?
        var capacity: Int?
    }

    private struct Allocations: Sendable {
        var pool: String
        var list: [EventDefinition.Allocation]
        /// Those whose places were written as a plain number.
        var plain: Set<Code>
    }

    /// What is wrong with the definition beyond what was `noted` when it was read, and does not follow from that.
    func mistakes(limits: Limits, besides noted: [JSONMistake]) -> [Mistake] {
        let wrong = Set(noted.map(\.pointer))
        return definition.mistakes(limits: limits)
            .filter { !Self.isCovered($0.pointer, by: wrong) }
            .map { Mistake(renamed[$0.pointer] ?? $0.pointer, $0.what) }
    }

    /// Whether a mistake was noted at `pointer` or around it.
    private static func isCovered(_ pointer: String, by wrong: Set<String>) -> Bool {
        var location = pointer[...]
        while !wrong.contains(String(location)) {
            guard let slash = location.lastIndex(of: "/") else { return false }
            location = location[..<slash]
        }
        return true
    }

    // MARK: - Reading

    /// The document's own shape; `nil` only for what is not an object.
    static let shape = JSONShape<EventDraft>.object { event in
        if event.has(EventDocument.formerMember) {
            event.note(EventDocument.formerMember, "must be left out: one server decides all of an event")
        }
        let id = event.required("id", as: .code) ?? .standIn(at: event.pointer.appending("id"))
        var draft = EventDraft(definition: EventDefinition(id: id, pools: [], types: []))
        event.read(EventDefinition.members(), into: &draft.definition)
        let pools = event.required("pools", as: poolsShape)
        let allocations = event.optional("allocations", as: allocationsShape) ?? []
        let types = event.required("types", as: .list(of: typeShape.attempted)) ?? []
        let location = event.pointer.appending("types")
        draft.definition.types = types.enumerated().map { index, type in
            type ?? EventDefinition.TicketType(code: .standIn(at: location.appending(index)), pools: [])
        }
        draft.definition.codes = event.optional("codes", as: codesShape) ?? []
        draft.set(pools)
        for allocations in allocations {
            guard let index = draft.definition.pools.firstIndex(where: { $0.code.text == allocations.pool }) else {
                let location = event.pointer.appending("allocations").appending(allocations.pool)
                if pools != nil { event.note(at: location, Mistake.unknownPoolForm) }
                continue
            }
            draft.definition.pools[index].allocations = allocations.list
            for code in allocations.plain {
                let location = "/allocations/\(allocations.pool)/\(code)"
                draft.renamed[location + "/places"] = location
            }
        }
        return draft
    }

    /// `{"floor": {"guests": 20, "press": {"places": 10, "released_at": "…"}}}`
    private static let allocationsShape = JSONShape<[Allocations]> { value, pointer, mistakes in
        guard case .object(let members) = value else {
            mistakes.note(pointer, "must be an object of pools, each with its allocations")
            return nil
        }
        return members.map { member in
            let location = pointer.appending(member.name)
            var read = Allocations(pool: member.name, list: [], plain: [])
            guard case .object(let named) = member.value else {
                mistakes.note(location, "must be an object of codes and numbers of places")
                return read
            }
            for member in named {
                let location = location.appending(member.name)
                let code = Code(member.name)
                if code == nil { mistakes.note(location, "must be named by \(Code.form)") }
                let isPlain = if case .object = member.value { false } else { true }
                let allocation =
                    isPlain
                    ? JSONShape<Int>.integer.take(member.value, at: location, noting: &mistakes).map { ($0, nil) }
                    : allocationShape.take(member.value, at: location, noting: &mistakes)
                guard let code, let (places, releasedAt) = allocation else { continue }
                read.list.append(EventDefinition.Allocation(code: code, places: places, releasedAt: releasedAt))
                if isPlain { read.plain.insert(code) }
            }
            return read
        }
    }

    private static let allocationShape = JSONShape<(Int, WallTime?)>.object { allocation in
        let places = allocation.required("places", as: JSONShape<Int>.integer)
        let releasedAt = allocation.nullable("released_at", as: JSONShape<WallTime>.moment)
        return places.map { ($0, releasedAt) }
    }

    private static let poolsShape = JSONShape<[Pool]> { value, pointer, mistakes in
        guard case .object(let members) = value else {
            mistakes.note(pointer, "must be an object of codes and numbers")
            return nil
        }
        return members.map { member in
            let location = pointer.appending(member.name)
            let code = Code(member.name)
            if code == nil {
                mistakes.note(location, "must be named by \(Code.form)")
            }
            let capacity = JSONShape<Int>.integer.take(member.value, at: location, noting: &mistakes)
            return Pool(name: member.name, code: code, capacity: capacity)
        }
    }

    private static let typeShape = JSONShape<EventDefinition.TicketType>.object { type in
        let code = type.required("code", as: .code) ?? .standIn(at: type.pointer.appending("code"))
        var read = EventDefinition.TicketType(code: code, pools: [])
        type.read(EventDefinition.TicketType.members, into: &read)
        return read
    }

    /// The pools that were read; if there are none to read, those that the types draw from stand in for them.
    private mutating func set(_ pools: [Pool]?) {
        guard let pools else {
            let drawn = Set(definition.types.flatMap(\.pools))
            definition.pools = drawn.map { EventDefinition.Pool(code: $0, capacity: 0) }
            return
        }
        let location = JSONPointer.root.appending("pools")
        definition.pools = pools.enumerated().map { index, pool in
            let code = pool.code ?? .standIn(at: location.appending(index))
            if pool.code == nil { renamed["/pools/\(code)"] = location.appending(pool.name).text }
            return EventDefinition.Pool(code: code, capacity: pool.capacity ?? 0)
        }
    }
}
