internal import Logging
internal import TicketStore

/// How much of the room for idempotency keys is used, as far as operators are told.
package struct KeyRoom: Sendable {
    package enum Change: Sendable, Equatable {
        case nearlyFull(keys: Int, room: Int)
        case eased(keys: Int, room: Int)
    }

    /// Operators are told from four fifths on, and no sooner again than after it fell to seven tenths.
    static let alarm = 80
    private static let ease = 70

    let room: Int
    private(set) var isNearlyFull = false

    package init(_ room: Int) {
        self.room = room
    }

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

    func isAlarming(_ keys: Int) -> Bool {
        keys >= room / 100 * Self.alarm + room % 100 * Self.alarm / 100
    }

    func concern(of keys: Int) -> StoreConcern {
        StoreConcern(
            .keyRoomNearlyFull,
            "\(keys) idempotency keys are remembered, and limits.keys is \(room): those of ended holds are forgotten sooner."
        )
    }
}

extension EmbeddedStore {
    func log(_ change: KeyRoom.Change) {
        switch change {
        case .nearlyFull(let keys, let room):
            logger.warning(
                "The room for idempotency keys is nearly used up; those of ended holds are forgotten sooner",
                metadata: ["keys": "\(keys)", "room": "\(room)", "setting": "limits.keys"])
        case .eased(let keys, let room):
            logger.notice(
                "There is room for idempotency keys again", metadata: ["keys": "\(keys)", "room": "\(room)"])
        }
    }
}
