package import BoxOffice

/// Decides when to report that the room for idempotency keys (`limits.keys`, R15 Idempotency keys) is nearly full.
package struct KeyRoom: Sendable {
    package enum Change: Sendable, Equatable {
        case nearlyFull(keys: Int, room: Int)
        case eased(keys: Int, room: Int)
    }

    /// Percent of the room from which on it is reported.
    private static let alarm = 80
    /// Percent of the room below which it counts as eased, so that a count around the alarm is not reported again and
    /// again.
    private static let ease = 70

    package let room: Int
    package private(set) var isNearlyFull = false

    package init(_ room: Int) {
        self.room = room
    }

    /// - Returns: what to report, if this count changes it.
    @discardableResult
    package mutating func note(_ keys: Int) -> Change? {
        if !isNearlyFull, isAlarming(keys) {
            isNearlyFull = true
            return .nearlyFull(keys: keys, room: room)
        }
        if isNearlyFull, keys < room / 100 * Self.ease {
            isNearlyFull = false
            return .eased(keys: keys, room: room)
        }
        return nil
    }

    package func isAlarming(_ keys: Int) -> Bool {
        keys >= room / 100 * Self.alarm + room % 100 * Self.alarm / 100
    }

    /// - Parameter keys: the number of keys in the whole store.
    package func concern(of keys: Int) -> StoreConcern {
        StoreConcern(
            .keyRoomNearlyFull,
            "\(keys) idempotency keys are kept, and limits.keys is \(room): keys of ended holds expire early."
        )
    }

    /// The concern about one event, if each event has its own room. It has no count, so that the sentence stays the
    /// same.
    package func concern(of event: Code) -> StoreConcern {
        StoreConcern(
            .keyRoomNearlyFull,
            "Event \(event) uses four fifths of its room for idempotency keys (limits.keys is \(room)): keys of "
                + "ended holds expire early.")
    }
}
