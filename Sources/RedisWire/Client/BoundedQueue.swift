internal import DequeModule
package import NIOCore

/// Calls that wait for a connection or for the map of a cluster, in the order in which they came, up to a bound.
package struct BoundedQueue<Call>: ~Copyable {
    private let capacity: Int
    private var waiting: Deque<(call: Call, deadline: NIODeadline)> = []
    /// No call's deadline is earlier; `nil` while no call waits.
    package private(set) var earliest: NIODeadline?

    package init(capacity: Int) {
        self.capacity = capacity
    }

    package var count: Int { waiting.count }

    /// - Returns: whether there was room.
    package mutating func add(_ call: Call, deadline: NIODeadline) -> Bool {
        guard waiting.count < capacity else { return false }
        waiting.append((call, deadline))
        earliest = earliest.map { min($0, deadline) } ?? deadline
        return true
    }

    /// Takes out the calls whose deadline has passed. Costs a look at every call that waits.
    package mutating func expire(at now: NIODeadline) -> [Call] {
        guard let earliest, earliest <= now else { return [] }
        var expired: [Call] = []
        var kept: Deque<(call: Call, deadline: NIODeadline)> = []
        for entry in waiting {
            if entry.deadline <= now { expired.append(entry.call) } else { kept.append(entry) }
        }
        waiting = kept
        self.earliest = kept.lazy.map(\.deadline).min()
        return expired
    }

    package mutating func removeAll() -> [Call] {
        let all = waiting.map(\.call)
        waiting.removeAll()
        earliest = nil
        return all
    }
}
