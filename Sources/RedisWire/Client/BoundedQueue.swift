internal import DequeModule
package import NIOCore

/// Calls that wait for a connection or for a cluster's order, in the order in which they came, with a bound.
package struct BoundedQueue<Call>: ~Copyable {
    private let places: Int
    private var waiting: Deque<(call: Call, deadline: NIODeadline)> = []
    /// No deadline lies before it; `nil` while nobody waits.
    package private(set) var earliest: NIODeadline?

    package init(places: Int) {
        self.places = places
    }

    package var count: Int { waiting.count }

    /// - Returns: whether there was a place.
    package mutating func enter(_ call: Call, deadline: NIODeadline) -> Bool {
        guard waiting.count < places else { return false }
        waiting.append((call, deadline))
        earliest = earliest.map { min($0, deadline) } ?? deadline
        return true
    }

    /// Those whose deadline has come leave. Looks at all who wait.
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

    /// All leave.
    package mutating func leave() -> [Call] {
        let all = waiting.map(\.call)
        waiting.removeAll()
        earliest = nil
        return all
    }
}
