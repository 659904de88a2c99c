internal import Logging
internal import TicketStore

extension EmbeddedStore {
    func log(_ change: KeyRoom.Change) {
        switch change {
        case .nearlyFull(let keys, let room):
            logger.warning(
                "The room for idempotency keys is nearly used up; keys of ended holds expire early",
                metadata: ["keys": "\(keys)", "room": "\(room)", "setting": "limits.keys"])
        case .eased(let keys, let room):
            logger.notice(
                "There is room for idempotency keys again", metadata: ["keys": "\(keys)", "room": "\(room)"])
        }
    }
}
