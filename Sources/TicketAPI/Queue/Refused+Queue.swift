internal import BoxOffice
internal import StrictJSON
internal import TicketStore

extension Problem {
    init(_ refusal: QueueRefusal) {
        switch refusal {
        case .none: self = .notFound
        case .notOpen: self = .queueNotOpen
        case .unknownEntry: self = .unknownQueueEntry
        case .full: self = .reducedCapacity
        case .passRequired: self = .queuePassRequired
        case .notYourTurn: self = .notYourTurn
        case .turnOver: self = .turnOver
        case .passUsed: self = .passUsed
        case .otherBuyer: self = .forbidden
        case .noBeacon, .otherBeacon, .beaconEarly, .beaconLate: self = .beaconRefused
        }
    }
}

extension Refused {
    static let noQueue = Refused(.notFound, "The event has no queue.")
    static let unknownEntry = Refused(.unknownQueueEntry)

    /// A refusal by the rules of queues.
    init(_ refusal: QueueRefusal, at moment: Moment) {
        self.init(Problem(refusal))
        switch refusal {
        case .none: self = .noQueue
        case .notOpen(let opensAt): self = .queueNotOpen(at: opensAt, moment)
        case .full: detail = "As many people wait as there is room for."
        case .notYourTurn(let position, let ahead):
            more = { writer in
                writer.member("position", position)
                writer.member("ahead", ahead)
            }
            let entry = QueueEntry(number: EntryNumber(0), position: position, state: .waiting, ahead: ahead)
            retryAfter = EntryDocument.pollAfter(entry, waiting: 0, chance: .random(in: 0..<1))
        case .otherBuyer: detail = "The pass belongs to another buyer."
        case .noBeacon: detail = "No public value was announced for this queue."
        case .otherBeacon: detail = "Another public value was announced for this queue."
        case .beaconEarly: detail = "People still join: the value is accepted when their count was published."
        case .beaconLate: detail = "The draw was made, with another value or without one."
        case .unknownEntry, .passRequired, .turnOver, .passUsed: break
        }
    }

    /// - Parameter opensAt: `nil` if it opens within a moment.
    static func queueNotOpen(at opensAt: WallTime?, _ moment: Moment) -> Refused {
        var refused = Refused(.queueNotOpen)
        let opensAt = opensAt.flatMap { moment.wall < $0 ? $0 : nil }
        if let opensAt { refused.more = { $0.member("opens_at", opensAt) } }
        refused.retryAfter = wait(for: opensAt ?? moment.wall, at: moment.wall, chance: .random(in: 0..<1))
        return refused
    }
}
