public import BoxOffice
internal import NIOCore
public import RedisWire
public import TicketStore

/// A whole sale on Redis that goes on elsewhere (R51 Moving a sale).
///
/// It closes the sale first: no node starts on these keys, and nodes that still run sell nothing any more. So what is
/// read page by page afterwards is one moment. ``reopen()`` undoes that.
public final class DepartingSale: MovedSale {
    /// What the layout says of a sale that left.
    static let mark = "moved away"
    /// Fields of a hash that one call reads.
    private static let fields = 1_000

    public let identity: [UInt8]
    public let keySecret: [UInt8]
    public let series: [HoldSeries]
    public let tokenKeys: [UInt8: [UInt8]]
    public let exportedAt: WallTime
    public let pools: [PoolCount]

    let store: RedisStore
    /// In the order of their numbers, removed ones included.
    let events: [DepartingEvent]
    private let allChanges: [MovedChange]
    var caller: FunctionCaller { store.caller }
    var keyspace: Keyspace { store.keyspace }

    /// Closes the sale of `store`, which decides nothing any more, and counts it.
    ///
    /// - Throws: ``MoveError`` or a failure of the store; the sale is open again then.
    public init(closing store: RedisStore) async throws {
        self.store = store
        // Its looks at events would find that they are gone.
        store.stop()
        let entries = store.state.withLock { state in
            state.directory.entries.filter { $1.isRemoved || state.directory.number(of: $1.catalogue.code) == $0 }
        }
        guard !entries.isEmpty else { throw MoveError.nothing(prefix: store.keyspace.prefix) }
        do {
            try await Self.setLayout(Self.mark, store)
            for (number, _) in entries { _ = try await Self.close(number, true, store) }
            for (number, entry) in entries where try await Self.hasQueue(number, store) {
                throw MoveError.queued(event: entry.catalogue.code.text)
            }
            let counted = try await Self.count(entries, store)
            (pools, events, allChanges) = (counted.pools, counted.events, counted.changes)
            tokenKeys = try await Self.tokenKeys(store)
        } catch {
            try? await Self.reopen(Array(entries.keys), store)
            throw error
        }
        (identity, keySecret, series) = (store.ledgerIdentity, store.keySecret, store.series)
        exportedAt = events.map(\.wall).max() ?? WallTime(milliseconds: 0)
    }

    /// Lets the sale go on here.
    public func reopen() async throws {
        try await Self.reopen(events.map(\.number), store)
    }

    /// Lets a sale go on here that left. Nodes that ran meanwhile have to be started again.
    ///
    /// - Parameter open: opens the store.
    /// - Returns: whether the sale had left.
    public static func undo(
        prefix: String, isCluster: Bool, _ client: RedisClient, open: () async throws -> RedisStore
    ) async throws -> Bool {
        let keyspace = Keyspace(isCluster: isCluster, prefix: prefix)
        let layout = try await client.call(RedisCommand("GET", keyspace.layout), for: keyspace.eventsRoute)
        guard !layout.isNull, String(buffer: try layout.bytes()) == mark else { return false }
        _ = try await client.call(
            RedisCommand("SET", keyspace.layout, keyspace.layoutName), for: keyspace.eventsRoute)
        let store = try await open()
        store.stop()
        try await reopen(store.state.withLock { Array($0.directory.entries.keys) }, store)
        return true
    }

    private static func reopen(_ events: [EventNumber], _ store: RedisStore) async throws {
        for event in events { _ = try await close(event, false, store) }
        try await setLayout(store.keyspace.layoutName, store)
    }

    private static func setLayout(_ text: String, _ store: RedisStore) async throws {
        _ = try await store.caller.ask(
            RedisCommand("SET", store.keyspace.layout, text), to: store.keyspace.eventsRoute)
    }

    private static func hasQueue(_ event: EventNumber, _ store: RedisStore) async throws -> Bool {
        let keys = store.keyspace.keys(of: event)
        let exists = RedisCommand("EXISTS", keys[.queue], isRepeatable: true)
        return try await store.caller.ask(exists, to: keys.route).integer() == 1
    }

    private static func close(_ event: EventNumber, _ closes: Bool, _ store: RedisStore) async throws -> ByteBuffer {
        let keys = store.keyspace.keys(of: event)
        var command = store.caller.command(.closeEvent, keys: keys.all)
        command.append(closes ? "1" : "0")
        return try await store.caller.ask(command, to: keys.route, acknowledgedWithin: store.caller.patience).bytes()
    }

    /// Counts every event, and reads what was promised to holds.
    private static func count(
        _ entries: [EventNumber: EventDirectory.Entry], _ store: RedisStore
    ) async throws -> (pools: [PoolCount], events: [DepartingEvent], changes: [MovedChange]) {
        var pools: [PoolCount] = []
        var events: [DepartingEvent] = []
        var changes: [MovedChange] = []
        var office = BoxOffice(limits: Limits())
        var sequence: UInt64 = 1
        for (number, entry) in entries.sorted(by: { $0.key < $1.key }) {
            var moment: Timestamp?
            if !entry.isRemoved {
                let tally = try await store.lists.tally(of: number)
                if let broken = tally.brokenRule(of: entry) { throw MoveError.differs(broken) }
                // A pool of former types may have no name in the new store, and has nothing.
                pools += tally.counts(of: entry).filter { $0.capacity > 0 || $0.held > 0 || $0.sold > 0 }
                moment = tally.reply.moment.office
            }
            // Counting wrote the event, so its clock may have gone on since.
            var event = try DepartingEvent(number, entry, try await close(number, true, store))
            if let moment { event.office = moment }
            let definitions = try event.enter(in: &office, sequence: &sequence)
            changes += definitions.map { .defined($0, paused: entry.reading.isPaused) }
            if entry.isRemoved { changes.append(.removed(entry.catalogue.code)) }
            if event.isCancelled, !entry.isRemoved { changes.append(.cancelled(entry.catalogue.code)) }
            events.append(event)
        }
        return (pools, events, changes)
    }

    private static func tokenKeys(_ store: RedisStore) async throws -> [UInt8: [UInt8]] {
        let get = RedisCommand("HGETALL", store.keyspace.tokenKeys, isRepeatable: true)
        var found: [UInt8: [UInt8]] = [:]
        for (name, value) in try pairs(await store.caller.ask(get, to: store.keyspace.eventsRoute)) {
            if let number = UInt8(String(buffer: name)) { found[number] = Array(value.readableBytesView) }
        }
        return found
    }

    /// The fields and values of a reply: a map with RESP3, and otherwise a list.
    private static func pairs(_ reply: RedisReply) throws -> [(ByteBuffer, ByteBuffer)] {
        if case .map(let pairs) = reply { return try pairs.map { (try $0.key.bytes(), try $0.value.bytes()) } }
        let items = try reply.array()
        return try stride(from: 0, to: items.count - 1, by: 2).map {
            (try items[$0].bytes(), try items[$0 + 1].bytes())
        }
    }

    // MARK: MovedSale

    public func changes() async throws -> [MovedChange] { allChanges }

    public func report(of code: Code) async throws -> SalesReport? {
        guard let event = events.last(where: { $0.code == code && !$0.entry.isRemoved }) else { return nil }
        var account = ReportAccount(event: code, utcOffset: 0, at: event.wall)
        var from: HoldID?
        repeat {
            let page = try await store.lists.sale(of: code, from: from, stretch: SalePage.stretch, at: event.office)
            for entry in page.entries { account.take(entry) }
            from = page.next
        } while from != nil
        return account.report
    }

    public func notes(_ take: ([AuditRecord]) async throws -> Void) async throws {
        var last: UInt64?
        while true {
            let notes = try await store.lists.audit(of: nil, after: last, limit: Self.fields)
            guard let end = notes.last else { return }
            try await take(notes)
            last = end.sequence
        }
    }

    public func keys(_ take: ([MovedKey]) async throws -> Void) async throws {
        let kept = store.configuration.limits.keyRetention
        for event in events {
            let keys = keyspace.keys(of: event.number)
            // A scan may find a field twice.
            var seen: Set<IdempotencyKey> = []
            try await scan(keys[.keys], keys.route) { found in
                let uses = try found.compactMap { name, use -> MovedKey? in
                    var (name, use) = (PackedReader(name), PackedReader(use))
                    let key = IdempotencyKey(high: try name.half(), low: try name.half())
                    guard seen.insert(key).inserted else { return nil }
                    let print = try use.half()
                    let hold = HoldID(event: event.number, hold: try use.count())
                    let age = Duration.milliseconds(event.ticks - (try use.number()))
                    return MovedKey(
                        hold: store.numbering.known(hold), key: KeyFact(key: key, fingerprint: print),
                        isExtension: print == Fingerprint.ofExtending(hold), counts: age <= kept, age: age)
                }
                try await take(uses)
            }
        }
    }

    /// Calls `take` with all fields and values of a hash, some at a time. One may come twice.
    func scan(
        _ key: String, _ route: RedisKey, _ take: ([(ByteBuffer, ByteBuffer)]) async throws -> Void
    ) async throws {
        var cursor = "0"
        repeat {
            let command = RedisCommand("HSCAN", key, cursor, "COUNT", "\(Self.fields)", isRepeatable: true)
            let reply = try await caller.ask(command, to: route).array(of: 2)
            cursor = String(buffer: try reply[0].bytes())
            try await take(Self.pairs(reply[1]))
        } while cursor != "0"
    }
}
