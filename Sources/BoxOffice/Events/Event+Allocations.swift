// What a definition keeps back of its pools (R45 Allocations).

extension Event {
    /// Places of a pool that only keys can draw. What was taken of them is counted by a pool of its own, settled like any
    /// other; the pool that they belong to counts them, too.
    struct Allocation: Sendable, Equatable {
        let code: Code
        /// The indexes of the pool that it belongs to, and of the pool that counts it.
        let pool: Int
        let counter: Int
        let places: Int
        let releasedAt: WallTime?

        func isReleased(at wall: WallTime) -> Bool {
            releasedAt.map { wall >= $0 } ?? false
        }
    }

    func allocations(of next: EventDefinition) -> [Allocation] {
        next.pools.flatMap { pool in
            pool.allocations.compactMap { allocation in
                let name = Code(pool.code, allocation: allocation.code)
                guard let whole = pools.firstIndex(where: { $0.code == pool.code }),
                    let counter = pools.firstIndex(where: { $0.code == name })
                else { return nil }
                return Allocation(
                    code: allocation.code, pool: whole, counter: counter, places: allocation.places,
                    releasedAt: allocation.releasedAt)
            }
        }
    }

    /// Places of an allocation that were not taken.
    func left(of allocation: Allocation) -> Int {
        max(0, allocation.places - pools[allocation.counter].promised)
    }

    /// Places of the pool at `index` that anybody can hold: what is free less what is kept back.
    func open(pool index: Int, at wall: WallTime) -> Int {
        guard !allocations.isEmpty else { return pools[index].free }
        let keptBack = allocations.reduce(0) { sum, allocation in
            allocation.pool == index && !allocation.isReleased(at: wall) ? sum + left(of: allocation) : sum
        }
        return max(0, pools[index].free - keptBack)
    }

    /// Held places of the pool at `index` that come back for anybody if their holds end. Others go back to their
    /// allocation.
    func openHeld(pool index: Int, at wall: WallTime) -> Int {
        guard !allocations.isEmpty else { return pools[index].held }
        return allocations.reduce(pools[index].held) { held, allocation in
            allocation.pool == index && !allocation.isReleased(at: wall) ? held - pools[allocation.counter].held : held
        }
    }

    /// The capacity of the pool at `index`, or the places of the allocation that it counts; 0 if the definition in force
    /// does not name it.
    func places(ofPool index: Int) -> Int {
        guard pools[index].isOfAllocation else { return pools[index].capacity }
        return allocations.first { $0.counter == index }?.places ?? 0
    }

    /// The allocation that the type at `index` is sold through, if it is sold through one and the definition or time
    /// released that everywhere.
    func releasedAllocation(ofType index: Int, at wall: WallTime) -> Code? {
        guard let name = types[index].code.allocation else { return nil }
        let isKept = allocations.contains { allocation in
            offers[index].pools.contains(allocation.counter) && !allocation.isReleased(at: wall)
        }
        return isKept ? nil : name
    }
}

/// What is left of an event's pools for each kind of line, while lines are taken off one by one.
struct PlacesLeft {
    private let allocations: [Event.Allocation]
    private let offers: [Event.Offer]
    /// By pool: places that are free, for whom they may be.
    private var free: [Int]
    /// By pool: places that are free for anybody.
    private var open: [Int]
    /// By the pool that counts an allocation: places of it that are left.
    private var kept: [Int: Int] = [:]

    init(_ event: Event, at wall: WallTime) {
        allocations = event.allocations.filter { !$0.isReleased(at: wall) }
        offers = event.offers
        free = event.pools.map(\.free)
        open = event.pools.indices.map { event.open(pool: $0, at: wall) }
        for allocation in allocations { kept[allocation.counter] = event.left(of: allocation) }
    }

    /// Tickets of the type at `index` that could be taken.
    func most(ofType index: Int) -> Int {
        var most = Int.max
        for pool in offers[index].pools {
            most = min(most, free[pool], kept[pool] ?? .max)
            if !isThroughAllocation(pool, of: index) { most = min(most, open[pool]) }
        }
        return most
    }

    mutating func take(_ quantity: Int, ofType index: Int) {
        for pool in offers[index].pools {
            free[pool] -= quantity
            if !isThroughAllocation(pool, of: index) { open[pool] -= quantity }
            if let left = kept[pool] { kept[pool] = left - quantity }
        }
    }

    /// Whether the type at `index` draws the places of `pool` from an allocation.
    private func isThroughAllocation(_ pool: Int, of index: Int) -> Bool {
        !allocations.isEmpty
            && allocations.contains { $0.pool == pool && offers[index].pools.contains($0.counter) }
    }
}
