extension EventDefinition {
    /// Everything that is wrong with the definition by itself; empty if it can be sold.
    public func mistakes(limits: Limits = Limits()) -> [Mistake] {
        let alone = Self.members(limits: limits).compactMap { $0.mistake(in: self, at: "") }
        return alone + mistakesOfTimes(limits, besides: alone)
            + presentation.mistakes(at: "/" + Self.presentationGroup) + mistakesOfPools(limits)
            + mistakesOfTypes(limits) + mistakesOfCodes(limits) + mistakesOfCheckout() + mistakesOfQueue()
    }

    private func mistakesOfTimes(_ limits: Limits, besides alone: [Mistake]) -> [Mistake] {
        var found: [Mistake] = []
        // Each extension adds one life at most, so this caps the whole life of a hold (R13 Extension). Only numbers
        // that are in range are multiplied: others may be too large.
        let factors: Set = ["/hold_seconds", "/grace_seconds", "/max_extensions"]
        if !alone.contains(where: { factors.contains($0.pointer) }), life * (maximumExtensions + 1) > limits.holdLife {
            let seconds = limits.holdLife.components.seconds
            found.append(.lifeOfHold(seconds: seconds))
        }
        if let opensAt, let closesAt, opensAt >= closesAt {
            found.append(.closesBeforeItOpens(at: "/sale/closes_at"))
        }
        return found
    }

    private func mistakesOfPools(_ limits: Limits) -> [Mistake] {
        var found: [Mistake] = []
        if !(1...limits.poolsPerEvent).contains(pools.count) {
            found.append(.count(1...limits.poolsPerEvent, of: "pools", at: "/pools"))
        }
        let range = 0...limits.capacityPerPool
        var known = Set<Code>()
        for pool in pools {
            let pointer = "/pools/\(pool.code)"
            if !known.insert(pool.code).inserted { found.append(.namedTwice(at: pointer)) }
            if !range.contains(pool.capacity) { found.append(.outside(range, at: pointer)) }
            found += mistakesOfAllocations(of: pool, limits)
        }
        return found
    }

    private func mistakesOfTypes(_ limits: Limits) -> [Mistake] {
        var found: [Mistake] = []
        if !(1...limits.typesPerEvent).contains(types.count) {
            found.append(.count(1...limits.typesPerEvent, of: "ticket types", at: "/types"))
        }
        let known = Set(pools.map(\.code))
        var codes = Set<Code>()
        for (index, type) in types.enumerated() {
            let pointer = "/types/\(index)"
            if !codes.insert(type.code).inserted {
                found.append(.typeTaken(at: pointer + "/code"))
            }
            found += TicketType.members.compactMap { $0.mistake(in: type, at: pointer) }
            found += type.mistakesOfTerms(at: pointer, ticketsPerHold: ticketsPerHold)
            var drawn = Set<Code>()
            for (position, pool) in type.pools.enumerated() {
                let pointer = "\(pointer)/pools/\(position)"
                if !known.contains(pool) { found.append(.unknownPool(at: pointer)) }
                if !drawn.insert(pool).inserted { found.append(.namedTwice(at: pointer)) }
            }
        }
        return found
    }
}
