internal import BoxOffice
internal import TicketStore

// What is left, from the numbers of the last call, as `BoxOffice.availability(of:at:)` counts it.

extension EventDirectory.Entry {
    /// What is left, as last read, at a time of day.
    func availability(at wall: WallTime) -> Availability {
        let kept = allocations(at: wall)
        var found = Availability(
            version: numbers.version,
            free: numbers.pools.indices.reduce(0) { sum, pool in
                let isCounted = !numbers.pools[pool].isClosed && !isOfAllocation(pool)
                return isCounted ? sum + open(pool, kept) : sum
            },
            types: reading.definition.types.compactMap { type in
                catalogue.types.lastIndex { $0.code == type.code && $0.allocation == nil && !$0.isRetired }
                    .map { left(ofType: $0, kept) }
            },
            allocations: kept,
            validUntil: numbers.pools.filter { $0.earliest > 0 }.map(\.earliest).min()
                .map { Timestamp(milliseconds: Int64($0)) })
        if reading.isCancelled { found.cancel() }
        return found
    }

    /// What is kept back (R45 Allocations), in the order of the definition.
    private func allocations(at wall: WallTime) -> [Availability.Allocation] {
        guard !isRemoved else { return [] }
        return reading.definition.pools.flatMap { pool in
            pool.allocations.map { allocation in
                let counter = catalogue.pools.firstIndex { $0.code == pool.code && $0.allocation == allocation.code }
                let taken = counter.flatMap { numbers.pools.indices.contains($0) ? numbers.pools[$0] : nil }
                return .init(
                    pool: pool.code, code: allocation.code, places: allocation.places, held: taken?.held ?? 0,
                    sold: taken?.sold ?? 0, releasedAt: allocation.releasedAt,
                    isReleased: allocation.isReleased(at: wall))
            }
        }
    }

    private func isOfAllocation(_ pool: Int) -> Bool {
        catalogue.pools.indices.contains(pool) && catalogue.pools[pool].allocation != nil
    }

    /// What the pool at an index keeps back.
    private func ofPool(_ index: Int, _ kept: [Availability.Allocation]) -> [Availability.Allocation] {
        guard !kept.isEmpty, catalogue.pools.indices.contains(index) else { return [] }
        return kept.filter { $0.pool == catalogue.pools[index].code && !$0.isReleased }
    }

    /// Places of the pool at an index that anybody can hold.
    private func open(_ index: Int, _ kept: [Availability.Allocation]) -> Int {
        max(0, numbers.pools[index].free - ofPool(index, kept).reduce(0) { $0 + $1.left })
    }

    private func left(ofType index: Int, _ kept: [Availability.Allocation]) -> Availability.TicketType {
        let type = catalogue.types[index]
        let pools = numbers.pools
        let drawn = type.pools.filter { pools.indices.contains($0) }
        let short = drawn.filter { open($0, kept) == 0 }
        return .init(
            code: type.code, free: drawn.map { pools[$0].isClosed ? 0 : open($0, kept) }.min() ?? 0,
            capacity: drawn.map { pools[$0].capacity }.min() ?? 0,
            mayComeBack: !short.isEmpty
                && short.allSatisfy { pool in
                    let held = ofPool(pool, kept).reduce(pools[pool].held) { $0 - $1.held }
                    return held > 0 && !pools[pool].isClosed
                })
    }
}
