// What a definition with allocations sells, in the form in which stores count it (R45 Allocations).
//
// An allocation is counted by a pool beside the pool that it belongs to, and a type is sold through an allocation under
// an index of its own, which draws on both. So holds, facts and stores know nothing of allocations but two indexes.

extension EventDefinition {
    /// The capacity of what counts an allocation. It has no bound of its own: the box office compares with the places of
    /// the definition in force, which may sink or be released while more is promised.
    package static let uncounted = 1 << 40

    /// The pools, and behind them one for each allocation, under the name of the allocation.
    package var everyPool: [Pool] {
        pools
            + pools.flatMap { pool in
                pool.allocations.map { Pool(code: Code(pool.code, allocation: $0.code), capacity: Self.uncounted) }
            }
    }

    /// The types, and behind them each type once more for each allocation of its pools.
    package var everyType: [TicketType] {
        guard pools.contains(where: { !$0.allocations.isEmpty }) else { return types }
        return types + types.flatMap(allocated)
    }

    /// `type` as it is sold through each of the allocations of its pools.
    private func allocated(_ type: TicketType) -> [TicketType] {
        let drawn = type.pools.compactMap { code in pools.first { $0.code == code } }
        var names: [Code] = []
        for allocation in drawn.flatMap(\.allocations) where !names.contains(allocation.code) {
            names.append(allocation.code)
        }
        return names.map { name in
            let counters = drawn.filter { $0.allocations.contains { $0.code == name } }
            // The type's own terms are for those who buy; a shop or an operator decides about what is kept back.
            var allocated = TicketType(code: type.code, name: type.name, price: type.price, pools: [])
            allocated.code = Code(type.code, allocation: name)
            allocated.pools = type.pools + counters.map { Code($0.code, allocation: name) }
            return allocated
        }
    }

    /// How many allocations are released by `wall`. What is left for anybody changes with it, and with no fact.
    public func releasedAllocations(at wall: WallTime) -> Int {
        pools.reduce(0) { $0 + $1.allocations.count { $0.isReleased(at: wall) } }
    }

    /// Whether time releases an allocation.
    public var hasTimedAllocations: Bool {
        pools.contains { $0.allocations.contains { $0.releasedAt != nil } }
    }

    func mistakesOfAllocations(of pool: Pool, _ limits: Limits) -> [Mistake] {
        var found: [Mistake] = []
        let pointer = "/allocations/\(pool.code)"
        if pool.allocations.count > Limits.allocationsPerPool {
            found.append(.allocations(most: Limits.allocationsPerPool, at: pointer))
        }
        var known = Set<Code>()
        for allocation in pool.allocations {
            let pointer = "\(pointer)/\(allocation.code)"
            if !known.insert(allocation.code).inserted { found.append(.namedTwice(at: pointer)) }
            let range = 0...limits.capacityPerPool
            if !range.contains(allocation.places) { found.append(.outside(range, at: pointer + "/places")) }
        }
        return found
    }
}
