import BoxOffice

// What lines take, and how many places there are for them (R45 Allocations).

extension Oracle {
    /// What a request needs of one kind of places, with all that is known about them.
    struct Bound {
        /// The pool; with the allocation if its places are meant.
        var name: String
        var need: Int
        /// How many such places there are, taken ones included. What is kept back from them is taken off.
        var places: ClosedRange<Int>
        var promised: ClosedRange<Int>
        /// Held places that come back as such places.
        var held: ClosedRange<Int>
        /// Whether the request certainly needs such places: whether time released an allocation is not known here.
        var isCertain = true
    }

    /// The places that `lines` take, by pool and by allocation of a pool; `nil` if a type is not known.
    func needs(of lines: [Asked.Line], in event: String) -> [String: Int]? {
        var needs: [String: Int] = [:]
        guard let definition = definitions[event] else { return nil }
        for line in lines {
            let parts = line.type.split(separator: "/").map(String.init)
            guard let type = definition.types.first(where: { $0.code.text == parts.first }) else { return nil }
            var isAllocated = false
            for pool in type.pools {
                needs[pool.text, default: 0] += line.bounded
                guard parts.count == 2, definition.places(of: "\(pool)/\(parts[1])") != nil else { continue }
                needs["\(pool)/\(parts[1])", default: 0] += line.bounded
                isAllocated = true
            }
            if parts.count == 2, !isAllocated { return nil }
        }
        return needs
    }

    /// Everything that bounds whether `needs` can be had.
    func bounds(of needs: [String: Int], _ definition: EventDefinition, _ tally: [String: Tally]) -> [Bound] {
        var found: [Bound] = []
        for (name, need) in needs where need > 0 && !name.contains("/") {
            let mine = tally[name] ?? Tally()
            let capacity = definition.places(of: name) ?? 0
            let allocations = definition.pools.first { $0.code.text == name }?.allocations ?? []
            var whole = Bound(
                name: name, need: need, places: capacity...capacity, promised: mine.promisedLeast...mine.promisedMost,
                held: mine.heldLeast...mine.heldMost)
            var open = whole
            for allocation in allocations {
                let ofAllocation = "\(name)/\(allocation.code)"
                let taken = tally[ofAllocation] ?? Tally()
                let mayBeReleased = allocation.releasedAt != nil
                let least = max(0, allocation.places - taken.promisedMost)
                let most = max(0, allocation.places - taken.promisedLeast)
                let (leastKept, leastHeld) = mayBeReleased ? (0, 0) : (least, taken.heldLeast)
                open.places = (open.places.lowerBound - most)...(open.places.upperBound - leastKept)
                open.held = (open.held.lowerBound - taken.heldMost)...(open.held.upperBound - leastHeld)
                guard let drawn = needs[ofAllocation], drawn > 0 else { continue }
                found.append(
                    Bound(
                        name: ofAllocation, need: drawn, places: allocation.places...allocation.places,
                        promised: taken.promisedLeast...taken.promisedMost, held: taken.heldLeast...taken.heldMost,
                        isCertain: !mayBeReleased))
                if mayBeReleased { open.isCertain = false } else { open.need -= drawn }
            }
            if open.need < need || !open.isCertain {
                whole.isCertain = open.isCertain
                found.append(whole)
            }
            if open.need > 0 { found.append(open) }
        }
        return found
    }
}

extension EventDefinition {
    /// The places of a pool, or of an allocation of a pool; `nil` if there is none of this name.
    func places(of name: String) -> Int? {
        let parts = name.split(separator: "/").map(String.init)
        let pool = pools.first { $0.code.text == parts.first }
        return parts.count == 1 ? pool?.capacity : pool?.allocations.first { $0.code.text == parts.last }?.places
    }
}
