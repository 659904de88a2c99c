internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// A node's copy of all events, for what need not be decided: which number a code has, what a hold's numbers mean, and
/// about how much is left.
///
/// Nothing is decided by it: the functions decide by the definition beside the event. It may be behind, and says by its
/// revisions when.
struct EventDirectory: Sendable {
    struct Entry: Sendable {
        var reading: EventReading
        /// When that definition was made, by the server's clock.
        var since: Int
        var catalogue: EventCatalogue
        var isRemoved: Bool
        var numbers: Numbers
    }

    /// What an event had when a call for it was last answered.
    struct Numbers: Sendable {
        var version: UInt64
        /// In the order of the catalogue's.
        var pools: [CallReply.Pool]
        /// The server's clocks then.
        var moment: Moment
        /// This machine's clock then.
        var at: NIODeadline

        var hasHeld: Bool { pools.contains { $0.held > 0 } }

        /// Whether a hold has ended since, as far as can be told here.
        func changedByThemselves(at now: NIODeadline) -> Bool {
            let office = moment(at: now).office.milliseconds
            return pools.contains { $0.earliest > 0 && $0.earliest <= office }
        }
    }

    private(set) var entries: [UInt64: Entry] = [:]
    private var numbers: [Code: UInt64] = [:]
    /// Of events that Redis has no more, for replies that were under way when that was seen.
    private var forgotten: [UInt64: EventCatalogue] = [:]
    /// Numbers of events that were not removed, in the order in which they were defined.
    private(set) var order: [UInt64] = []
    /// Of the list of events in Redis, as last read; -1 before.
    var version = -1

    func number(of code: Code) -> UInt64? {
        numbers[code]
    }

    func entry(_ code: Code) -> Entry? {
        numbers[code].flatMap { entries[$0] }
    }

    /// Whether a reply comes from a definition that is not known here. Which of two is newer is told by the versions, which
    /// follow the time: revisions come again where some were lost.
    func isNews(_ reply: CallReply, at number: UInt64) -> Bool {
        guard let known = entries[number] else { return true }
        return reply.version >= known.numbers.version
            && (reply.revision != known.reading.revision || reply.since != known.since)
    }

    /// Takes what was read of an event, unless something newer is known.
    mutating func take(_ entry: Entry, at number: UInt64) {
        let known = entries[number]
        if let known, known.numbers.version > entry.numbers.version { return }
        entries[number] = entry
        forgotten[number] = nil
        let code = entry.catalogue.code
        // Another event may have had the number, and was lost.
        if let before = known?.catalogue.code, before != code, numbers[before] == number { numbers[before] = nil }
        if entry.isRemoved {
            hide(number)
        } else {
            if numbers[code].map({ $0 < number }) ?? true { numbers[code] = number }
            let place = order.firstIndex { $0 >= number } ?? order.count
            if place == order.count || order[place] != number { order.insert(number, at: place) }
        }
    }

    /// Events that are known here and not in the list.
    func unlisted(besides listed: Set<UInt64>) -> [UInt64] {
        entries.keys.filter { !listed.contains($0) }.sorted()
    }

    /// Lets no code lead to an event any more; its holds are known still.
    mutating func hide(_ number: UInt64) {
        order.removeAll { $0 == number }
        if let code = entries[number]?.catalogue.code, numbers[code] == number { numbers[code] = nil }
    }

    /// Forgets an event that Redis has no more: somebody emptied it, or it was lost.
    mutating func forget(_ number: UInt64) {
        hide(number)
        if let entry = entries.removeValue(forKey: number) { forgotten[number] = entry.catalogue }
    }

    /// What the numbers of holds of this event mean, if it was ever known.
    func catalogue(of number: UInt64) -> EventCatalogue? {
        entries[number]?.catalogue ?? forgotten[number]
    }

    /// Takes the numbers that came with a reply.
    mutating func take(_ reply: CallReply, at number: UInt64, received now: NIODeadline) {
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
    /// What is left, as last heard.
    var availability: Availability {
        let pools = numbers.pools
        return Availability(
            version: numbers.version,
            free: pools.reduce(0) { $0 + ($1.isClosed ? 0 : $1.free) },
            types: reading.definition.types.compactMap { type in
                catalogue.types.lastIndex { $0.code == type.code && !$0.isRetired }.map { left(of: $0) }
            },
            validUntil: pools.filter { $0.earliest > 0 }.map(\.earliest).min()
                .map { Timestamp(milliseconds: Int64($0)) })
    }

    private func left(of index: Int) -> Availability.TicketType {
        let type = catalogue.types[index]
        let pools = numbers.pools
        let drawn = type.pools.compactMap { pools.indices.contains($0) ? pools[$0] : nil }
        let short = drawn.filter { $0.free == 0 }
        return .init(
            code: type.code, free: drawn.map { $0.isClosed ? 0 : $0.free }.min() ?? 0,
            capacity: drawn.map(\.capacity).min() ?? 0,
            mayComeBack: !short.isEmpty && short.allSatisfy { $0.held > 0 && !$0.isClosed })
    }

    /// Pools that a broken rule closed (R4 Broken rule), as last heard.
    var closedPools: [StoreConcern] {
        zip(catalogue.pools, numbers.pools).filter(\.1.isClosed).map { pool, _ in
            StoreConcern(
                .poolClosed,
                "Pool \(pool.code) of event \(catalogue.code) sells nothing more: its numbers contradicted each other.")
        }
    }

    /// Every pool, as last heard.
    var counts: [PoolCount] {
        zip(catalogue.pools, numbers.pools).map { known, pool in
            PoolCount(
                event: catalogue.code, pool: known.code, capacity: pool.capacity, free: pool.free, held: pool.held,
                sold: pool.sold, oversubscribed: max(0, pool.held + pool.sold - pool.capacity),
                isClosed: pool.isClosed)
        }
    }
}

extension EventDirectory.Entry {
    /// Reads what `details` answers of the event with this number.
    init(_ bytes: ByteBuffer, number: UInt64, limits: Limits, received now: NIODeadline) throws {
        var reply = try CallReply(bytes)
        guard reply.status == .decided else { throw PackedMistake() }
        let isPaused = try reply.reader.byte() == 1
        isRemoved = try reply.reader.byte() == 1
        _ = try reply.reader.count()
        _ = try reply.reader.count()
        guard let code = Code(try reply.reader.text()) else { throw PackedMistake() }
        let pools = try Self.pools(&reply)
        let types = try Self.types(&reply, poolCount: pools.count)
        var currencies: [String] = []
        for _ in 0..<(try reply.reader.short()) { currencies.append(try reply.reader.text()) }
        let definition = try EventDocument.read(Array(reply.reader.rest().readableBytesView), limits: limits)
        reading = EventReading(definition, isPaused: isPaused, revision: reply.revision)
        since = reply.since
        catalogue = EventCatalogue(
            event: UInt32(truncatingIfNeeded: number - 1), code: code, revision: reply.revision,
            // A release before this one kept the currency in the document alone.
            currencies: currencies.map { $0.isEmpty ? definition.currency : $0 }, pools: pools, types: types)
        numbers = .init(
            version: reply.version, pools: reply.pools, moment: reply.moment, at: now)
    }

    private static func pools(_ reply: inout CallReply) throws -> [EventCatalogue.Pool] {
        let count = Int(try reply.reader.short())
        guard count == reply.pools.count else { throw PackedMistake() }
        var pools: [EventCatalogue.Pool] = []
        for index in 0..<count {
            guard let code = Code(try reply.reader.text()) else { throw PackedMistake() }
            pools.append(.init(code: code, capacity: reply.pools[index].capacity))
        }
        return pools
    }

    private static func types(_ reply: inout CallReply, poolCount: Int) throws -> [EventCatalogue.TicketType] {
        var types: [EventCatalogue.TicketType] = []
        for _ in 0..<(try reply.reader.short()) {
            guard let code = Code(try reply.reader.text()) else { throw PackedMistake() }
            let name = try reply.reader.text()
            let price = Int64(try reply.reader.number())
            let isRetired = try reply.reader.byte() == 1
            var drawn: [Int] = []
            for _ in 0..<(try reply.reader.byte()) {
                let pool = Int(try reply.reader.short())
                guard pool < poolCount else { throw PackedMistake() }
                drawn.append(pool)
            }
            types.append(.init(code: code, name: name, price: price, isRetired: isRetired, pools: drawn))
        }
        return types
    }
}
