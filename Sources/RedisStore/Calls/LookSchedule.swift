internal import NIOCore
internal import TicketStore

/// When a node reads an event's numbers, or the list of events, though no command needs them. A value that gets the
/// time.
struct LookSchedule: Sendable {
    /// Between two looks at what is due.
    static let round = TimeAmount.milliseconds(50)
    /// While clients read an event's availability: an answer may be so old.
    private static let whileAsked = TimeAmount.milliseconds(100)
    /// While an event has live holds: of a time without calls its clock counts at most a second (R5 The store's clock).
    private static let whileHeld = TimeAmount.milliseconds(400)
    /// So long after the last question an event counts as asked for.
    private static let askedFor = TimeAmount.seconds(2)
    /// Between two readings of the list: a change on another node may stay unseen for so long.
    private static let list = TimeAmount.milliseconds(250)

    private var askedAt: [EventNumber: NIODeadline] = [:]
    /// When an event was looked at last, with or without success.
    private var lookedAt: [EventNumber: NIODeadline] = [:]
    private var listReadAt = NIODeadline.uptimeNanoseconds(0)

    /// The availability of an event is read.
    mutating func noteAsked(_ event: EventNumber, at now: NIODeadline) {
        askedAt[event] = now
    }

    /// Whether the list is to be read now though no command waits for it.
    mutating func isListDue(at now: NIODeadline) -> Bool {
        guard listReadAt + Self.list <= now else { return false }
        listReadAt = now
        return true
    }

    /// The events whose numbers are to be read now: their availability is read, or holds are live and the event's clock
    /// must not stand, or holds have ended by themselves.
    mutating func eventsToLookAt(in directory: EventDirectory, at now: NIODeadline) -> [EventNumber] {
        askedAt = askedAt.filter { $0.value + Self.askedFor > now }
        var found: [EventNumber] = []
        for event in directory.order {
            guard let numbers = directory.entries[event]?.numbers else { continue }
            let isAsked = askedAt[event] != nil
            // While a server is away, looks repeat no faster than otherwise.
            let last = max(numbers.at, lookedAt[event] ?? numbers.at)
            if last + Self.whileAsked <= now && isAsked
                || last + Self.whileHeld <= now && numbers.hasHeld
                || last == numbers.at && isAsked && numbers.changedByThemselves(at: now)
            {
                found.append(event)
                lookedAt[event] = now
            }
        }
        return found
    }
}
