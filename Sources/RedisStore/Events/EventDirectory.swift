internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// A node's copy of all events, for reading only: the number of a code, what the numbers in a hold mean, and about how
/// many places are left.
///
/// It decides nothing: the functions decide by the definition that stands beside the event. The copy may be behind,
/// which shows in its revisions.
struct EventDirectory: Sendable {
    struct Entry: Sendable {
        let keys: Keyspace.EventKeys
        var reading: EventReading
        /// When the definition was made, by the server's clock.
        var since: Int
        var catalogue: EventCatalogue
        /// The names of all batches of access codes that definitions ever named, by their indexes (R46 Access codes).
        var batches: [String] = []
        var isRemoved: Bool
        var numbers: Numbers
    }

    /// The numbers of an event when a call for it was last answered.
    struct Numbers: Sendable {
        var version: UInt64
        /// In the order of the catalogue's pools.
        var pools: [CallReply.Pool]
        /// What the server's clocks showed then.
        var moment: Moment
        /// What this machine's clock showed then.
        var at: NIODeadline

        var hasHeld: Bool { pools.contains { $0.held > 0 } }

        /// Whether a hold has ended since, as far as this node can tell.
        func changedByThemselves(at now: NIODeadline) -> Bool {
            let office = moment(at: now).office.milliseconds
            return pools.contains { $0.earliest > 0 && $0.earliest <= office }
        }
    }

    private(set) var entries: [EventNumber: Entry] = [:]
    private var numbers: [Code: EventNumber] = [:]
    /// The catalogues of events that Redis lost, for replies that were under way when this node noticed.
    private var forgotten: [EventNumber: EventCatalogue] = [:]
    /// Events that were not removed, in the order in which they were defined.
    private(set) var order: [EventNumber] = []
    /// The version of the list of events when it was last read; -1 before.
    var version = -1

    func number(of code: Code) -> EventNumber? {
        numbers[code]
    }

    func entry(_ code: Code) -> Entry? {
        numbers[code].flatMap { entries[$0] }
    }

    /// Whether a reply comes from a definition that is not known here. The versions, which follow the time, show which
    /// of two definitions is newer: a revision may come again if one was lost.
    func isNews(_ reply: CallReply, at number: EventNumber) -> Bool {
        guard let known = entries[number] else { return true }
        return reply.version >= known.numbers.version
            && (reply.revision != known.reading.revision || reply.since != known.since)
    }

    /// Whether the list says something about an event that is not known here.
    func isNews(_ item: EventList.Item) -> Bool {
        guard let known = entries[item.number] else { return true }
        return known.reading.revision != item.revision || known.isRemoved != item.isRemoved
            || known.catalogue.code.text != item.code
    }

    /// The event that a command is about; `nil` if it is not known here.
    func event(of command: Command) -> EventNumber? {
        switch command {
        case .hold(let request): numbers[request.event]
        case .queue(let event, _): numbers[event]
        default:
            if let event = command.hold?.event {
                entries[event] == nil ? nil : event
            } else {
                command.changedEvent.flatMap { numbers[$0] }
            }
        }
    }

    /// The event of a command's hold, if it is not known here.
    func unknownEvent(of command: Command) -> EventNumber? {
        command.hold.flatMap { entries[$0.event] == nil ? $0.event : nil }
    }

    /// Takes an event that was read, unless something newer is known.
    mutating func take(_ entry: Entry, at number: EventNumber) {
        let known = entries[number]
        if let known, known.numbers.version > entry.numbers.version { return }
        entries[number] = entry
        forgotten[number] = nil
        let code = entry.catalogue.code
        // Another event may have had the number before it was lost.
        if let before = known?.catalogue.code, before != code, numbers[before] == number { numbers[before] = nil }
        if entry.isRemoved {
            hide(number)
        } else {
            if numbers[code].map({ $0 < number }) ?? true { numbers[code] = number }
            let index = order.firstIndex { $0 >= number } ?? order.count
            if index == order.count || order[index] != number { order.insert(number, at: index) }
        }
    }

    /// Events that are known here and that the list does not have.
    func unlisted(besides listed: Set<EventNumber>) -> [EventNumber] {
        entries.keys.filter { !listed.contains($0) }.sorted()
    }

    /// Lets no code lead to an event any more. Its holds are still known.
    mutating func hide(_ number: EventNumber) {
        order.removeAll { $0 == number }
        if let code = entries[number]?.catalogue.code, numbers[code] == number { numbers[code] = nil }
    }

    /// Forgets an event that Redis does not have any more.
    mutating func forget(_ number: EventNumber) {
        hide(number)
        if let entry = entries.removeValue(forKey: number) { forgotten[number] = entry.catalogue }
    }

    /// What the numbers in holds of the event mean; `nil` if it was never known.
    func catalogue(of number: EventNumber) -> EventCatalogue? {
        entries[number]?.catalogue ?? forgotten[number]
    }

    /// Takes the numbers in a reply.
    mutating func take(_ reply: CallReply, at number: EventNumber, received now: NIODeadline) {
        guard var known = entries[number]?.numbers, reply.version >= known.version else { return }
        if reply.version > known.version {
            guard !reply.pools.isEmpty else { return }
            known.pools = reply.pools
        }
        known.version = reply.version
        known.moment = reply.moment
        known.at = now
        entries[number]?.numbers = known
    }
}

extension EventDirectory.Entry {
    /// Pools that R4 Broken rule closed, as last read.
    var closedPools: [StoreConcern] {
        zip(catalogue.pools, numbers.pools).filter(\.1.isClosed).map { pool, _ in
            StoreConcern(
                .poolClosed,
                "Pool \(pool.name) of event \(catalogue.code) sells nothing more: its numbers contradicted each other.")
        }
    }

    /// The numbers of every pool, as last read.
    var counts: [PoolCount] {
        zip(catalogue.pools, numbers.pools).map { known, pool in
            PoolCount(
                event: catalogue.code, pool: known.name, capacity: known.capacity, held: pool.held, sold: pool.sold,
                isClosed: pool.isClosed)
        }
    }
}

extension EventDirectory.Numbers {
    /// What the server's clocks show now, as far as this node can tell.
    func moment(at now: NIODeadline) -> Moment {
        let passed = max(0, (now - at).nanoseconds / 1_000_000)
        return Moment(
            office: Timestamp(milliseconds: moment.office.milliseconds + passed),
            wall: WallTime(milliseconds: moment.wall.milliseconds + passed))
    }
}
