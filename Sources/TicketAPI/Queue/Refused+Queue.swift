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

/// Why a `Queue-Pass` is none of the event's queue (Q6 Pass).
enum WrongPass: Error {
    case malformed
    /// This service has not asked the store about the queue yet.
    case notKnownYet
    /// The signature fits neither this queue nor what the pass says. Which of both is wrong nobody can know.
    case foreign

    var detail: String {
        switch self {
        case .malformed: "The Queue-Pass that came is none: it is cut off, damaged, or something else, such as a token."
        case .notKnownYet: "The queue of the event is not open, so the Queue-Pass that came cannot be one of it."
        case .foreign:
            "The Queue-Pass that came was not made by this box office for this queue, or was changed since."
        }
    }
}

extension Refused {
    /// The same, and what is wrong with the pass that came, where it counts as none.
    func naming(_ mistake: @autoclosure () -> WrongPass?) -> Refused {
        guard problem == .queuePassRequired, let mistake = mistake() else { return self }
        var refused = self
        refused.detail = mistake.detail
        return refused
    }

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
