package import BoxOffice

/// Which events have names in the metrics (R57 Metrics). The others are summed up as ``rest``.
///
/// A series must not jump, because a monitor reads a counter that falls as a restart. So an event's place is decided once,
/// when it is seen first: it has a name, or what it counts is summed up, also after it was removed and made again. The
/// room of a removed event goes to the next new one.
package struct EventLabels: Sendable {
    /// The name of all other events together. An event with this code is among them.
    package static let rest = "other"

    private let most: Int
    /// Events with names, in the order in which they were seen.
    package private(set) var labelled: [Code] = []
    private var summed: Set<Code> = []
    /// Had names and were removed: their series end, and what they counted must not be added to the rest. If there is room when
    /// they are made again, they get their names again.
    private var gone: Set<Code> = []

    package init(most: Int) {
        self.most = most
    }

    /// - Parameters:
    ///   - existing: all events that there are, in the order in which they were defined first.
    ///   - counted: all of which something was counted, removed ones, too. No others are remembered.
    package mutating func update(_ existing: [Code], counted: Set<Code>) {
        let all = Set(existing)
        gone.formUnion(labelled.filter { !all.contains($0) })
        labelled.removeAll { !all.contains($0) }
        gone.formIntersection(counted)
        summed.formIntersection(counted.union(all))
        let named = Set(labelled)
        for event in existing where !named.contains(event) && !summed.contains(event) {
            if labelled.count < most, event.text != Self.rest {
                labelled.append(event)
                gone.remove(event)
            } else if !gone.contains(event) {
                summed.insert(event)
            }
        }
        summed.formUnion(counted.subtracting(labelled).subtracting(gone))
    }

    /// Those of `events` whose counts are summed up.
    package func summed(of events: [Code]) -> [Code] { events.filter(summed.contains) }

    /// Those of `events` that have no names now.
    package func unnamed(of events: [Code]) -> [Code] {
        let named = Set(labelled)
        return events.filter { !named.contains($0) }
    }
}
