internal import BoxOffice

/// What the recount knows of allocations (R45 Allocations), with code of its own.
struct AuditAllocations {
    /// The time of day less the store's clock, from a moment on.
    private var ahead: [(at: Int64, ahead: Int64)] = []
    /// The ledger notes the time of day when it has moved; until then it may differ by so many milliseconds.
    private static let slack: Int64 = 10_000

    mutating func readClock(_ rows: Cursor) throws {
        ahead = []
        while try rows.next() { ahead.append((rows.int(0), rows.int(1))) }
    }

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

    /// The most places of the pool or allocation `name` that may be promised when a hold draws on it; `nil` if there is no
    /// bound, or none that is certain.
    ///
    /// - Parameters:
    ///   - drawn: the names of everything that the line draws on.
    ///   - promised: the places that are promised of a pool or an allocation.
    func most(
        of name: String, drawnWith drawn: [String], _ definition: EventDefinition, at moment: Int64,
        _ promised: (String) -> Int
    ) -> Int? {
        let parts = name.split(separator: "/").map(String.init)
        guard let pool = definition.pools.first(where: { $0.code.text == parts.first }) else {
            // It was dropped: it has no places, and what counts an allocation no bound.
            return parts.count == 1 ? 0 : nil
        }
        let kept = pool.allocations.filter { isKept($0, at: moment) }
        if parts.count == 2 { return kept.first { $0.code.text == parts[1] }?.places }
        if kept.contains(where: { drawn.contains("\(name)/\($0.code)") }) { return pool.capacity }
        return pool.capacity - kept.reduce(0) { $0 + max(0, $1.places - promised("\(name)/\($1.code)")) }
    }

    /// Whether the allocation was certainly not released by a moment of the store's clock.
    private func isKept(_ allocation: EventDefinition.Allocation, at moment: Int64) -> Bool {
        guard let releasedAt = allocation.releasedAt else { return true }
        let ahead = ahead.last { $0.at <= moment }?.ahead ?? ahead.first?.ahead ?? 0
        return moment + ahead + Self.slack < releasedAt.milliseconds
    }
}
