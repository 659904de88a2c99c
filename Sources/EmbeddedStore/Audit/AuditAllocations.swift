internal import BoxOffice

/// What the recount knows of allocations (R45 Allocations), with code of its own.
enum AuditAllocations {
    static func areThere(in definition: EventDefinition) -> Bool {
        definition.pools.contains { !$0.allocations.isEmpty }
    }

    /// The type that is named `GA` or `GA/guests`, and the names of everything that it draws on.
    static func draws(
        of name: String, in definition: EventDefinition
    ) -> (type: EventDefinition.TicketType, pools: Set<String>)? {
        if let type = definition.types.first(where: { $0.code.text == name }) {
            return (type, Set(type.pools.map(\.text)))
        }
        let parts = name.split(separator: "/").map(String.init)
        guard parts.count == 2, let type = definition.types.first(where: { $0.code.text == parts[0] }) else {
            return nil
        }
        var pools = Set(type.pools.map(\.text))
        let allocated = definition.pools.filter { pool in
            type.pools.contains(pool.code) && pool.allocations.contains { $0.code.text == parts[1] }
        }
        guard !allocated.isEmpty else { return nil }
        for pool in allocated { pools.insert("\(pool.code)/\(parts[1])") }
        return (type, pools)
    }

    /// The most places of the pool or allocation `name` that may be promised when a hold draws on it; `nil` if there is
    /// no bound, or none that is certain.
    ///
    /// - Parameters:
    ///   - drawn: the names of everything that the line draws on.
    ///   - timeOfDay: what it was at that moment, as far as the ledger says it. Near a release both is possible.
    ///   - promised: the places that are promised of a pool or an allocation.
    static func most(
        of name: String, drawnWith drawn: [String], _ definition: EventDefinition, at moment: Int64,
        _ timeOfDay: AuditTimeOfDay, _ promised: (String) -> Int
    ) -> Int? {
        let parts = name.split(separator: "/").map(String.init)
        guard let pool = definition.pools.first(where: { $0.code.text == parts.first }) else {
            // It was dropped: it has no places, and what counts an allocation no bound.
            return parts.count == 1 ? 0 : nil
        }
        func isCertainlyKept(_ allocation: EventDefinition.Allocation) -> Bool {
            allocation.releasedAt.map { !timeOfDay.couldBeWithin($0, nil, at: moment) } ?? true
        }
        func isPerhapsKept(_ allocation: EventDefinition.Allocation) -> Bool {
            allocation.releasedAt.map { timeOfDay.couldBeWithin(nil, $0, at: moment) } ?? true
        }
        let kept = pool.allocations.filter(isCertainlyKept)
        if parts.count == 2 { return kept.first { $0.code.text == parts[1] }?.places }
        let isThrough = pool.allocations.contains { isPerhapsKept($0) && drawn.contains("\(name)/\($0.code)") }
        if isThrough { return pool.capacity }
        return pool.capacity - kept.reduce(0) { $0 + max(0, $1.places - promised("\(name)/\($1.code)")) }
    }
}
