extension EventDefinition {
    /// Everything that is wrong with the definition by itself; empty if it can be sold.
    public func mistakes(limits: Limits = Limits()) -> [Mistake] {
        let alone = Self.members(limits: limits).compactMap { $0.mistake(in: self, at: "") }
        return alone + mistakesOfTimes(limits, besides: alone) + mistakesOfPools(limits) + mistakesOfTypes(limits)
            + mistakesOfCodes(limits)
    }

    private func mistakesOfTimes(_ limits: Limits, besides alone: [Mistake]) -> [Mistake] {
        var found: [Mistake] = []
        // Each extension adds one life at most, so this caps the whole life of a hold (R13 Extension). Only numbers
        // that are in range are multiplied: others may be too large.
        let factors: Set = ["/hold_seconds", "/grace_seconds", "/max_extensions"]
        if !alone.contains(where: { factors.contains($0.pointer) }), life * (maximumExtensions + 1) > limits.holdLife {
            let seconds = limits.holdLife.components.seconds
            found.append(Mistake("/max_extensions", "must let a hold live for \(seconds) seconds in all at the most"))
        }
        if let opensAt, let closesAt, opensAt >= closesAt {
            found.append(Mistake("/sale/closes_at", "must be later than opens_at"))
        }
        return found
    }

    private func mistakesOfPools(_ limits: Limits) -> [Mistake] {
        var found: [Mistake] = []
        if !(1...limits.poolsPerEvent).contains(pools.count) {
            found.append(Mistake("/pools", "must name from 1 to \(limits.poolsPerEvent) pools"))
        }
        let range = 0...limits.capacityPerPool
        var known = Set<Code>()
        for pool in pools {
            let place = "/pools/\(pool.code)"
            if !known.insert(pool.code).inserted { found.append(Mistake(place, "is named twice")) }
            if !range.contains(pool.capacity) { found.append(.outside(range, at: place)) }
            found += mistakesOfAllocations(of: pool, limits)
        }
        return found
    }

    private func mistakesOfTypes(_ limits: Limits) -> [Mistake] {
        var found: [Mistake] = []
        if !(1...limits.typesPerEvent).contains(types.count) {
            found.append(Mistake("/types", "must name from 1 to \(limits.typesPerEvent) ticket types"))
        }
        let known = Set(pools.map(\.code))
        var codes = Set<Code>()
        for (index, type) in types.enumerated() {
            let place = "/types/\(index)"
            if !codes.insert(type.code).inserted {
                found.append(Mistake(place + "/code", "is taken by an earlier type"))
            }
            found += TicketType.members.compactMap { $0.mistake(in: type, at: place) }
            found += type.mistakesOfTerms(at: place, ticketsPerHold: ticketsPerHold)
            var drawn = Set<Code>()
            for (position, pool) in type.pools.enumerated() {
                let place = "\(place)/pools/\(position)"
                if !known.contains(pool) { found.append(Mistake(place, "is not a pool of this event")) }
                if !drawn.insert(pool).inserted { found.append(Mistake(place, "is named twice")) }
            }
        }
        return found
    }
}
