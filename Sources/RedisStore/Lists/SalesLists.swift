internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

/// Lists for operators and their accountants, read from Redis.
///
/// Holds are numbered in few stretches without gaps (`Lua/numbers.lua`), so a page needs no index; each page is read in
/// one call.
struct SalesLists: Sendable {
    /// Numbers of holds that one call reads.
    private static let stretch: UInt64 = 1_000
    /// Calls for one page of purchases or of a search; then the page is short.
    static let callsForAPage = 20
    /// Holds that one call of a recount counts: the server does nothing else for some milliseconds.
    private static let tallied: UInt64 = 5_000
    /// How often a recount of an event may begin again.
    private static let recounts = 3
    /// Entries of the list of debts that one call reads.
    static let debtPage = 500
    /// How long a recount waits for another one of the same event, and between two attempts.
    private static let patience = TimeAmount.seconds(15)
    private static let pause = TimeAmount.milliseconds(50)

    let caller: FunctionCaller
    let keyspace: Keyspace
    let limits: Limits
    let state: SharedState
    let claims: PaymentClaims

    func purchases(
        of event: Code, soldBy seller: Seller?, after hold: HoldID?, limit: Int
    ) async throws -> PurchasePage {
        let known = state.withLock { state in
            state.directory.number(of: event).flatMap { number in
                state.directory.entries[number].map { (number: number, entry: $0) }
            }
        }
        guard let (number, entry) = known, number >= hold?.event ?? 0 else {
            return PurchasePage(records: [], next: nil)
        }
        var from = number == hold?.event ? (hold?.numberWithinEvent ?? 0) + 1 : 1
        var found: [PurchaseRecord] = []
        for _ in 0..<Self.callsForAPage {
            let page = try await page(of: number, from: from, onlySold: true)
            for (hold, record) in page.records where seller == nil || seller == record.seller {
                guard found.count < limit else { return PurchasePage(records: found, next: found.last?.hold) }
                found.append(record.purchase(HoldID(event: number, hold: hold), of: entry))
            }
            guard page.next > 0 else { return PurchasePage(records: found, next: nil) }
            from = page.next
        }
        return PurchasePage(records: found, next: HoldID(event: number, hold: from - 1))
    }

    /// Reads the lists of the events one after the other, in the order of their numbers. Skips entries that do not
    /// count any more.
    func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int, at now: WallTime
    ) async throws -> [RefundRecord] {
        let behind = HoldID(sequence ?? 0)
        let kept = limits.unconfirmedDebtsKept.inMilliseconds
        let since = WallTime(milliseconds: now.milliseconds - kept)
        var found: [RefundRecord] = []
        // Debts of an earlier event with the same code are still owed.
        for (number, entry) in allKnown(event) where number >= behind.event {
            var from = number == behind.event ? behind.numberWithinEvent : 0
            while found.count < limit {
                let (entries, uses) = try await debts(of: number, from: from)
                for (index, refund) in entries.enumerated() where found.count < limit && refund.isConfirmed == confirmed
                {
                    guard try refund.counts(by: uses[index], event: number, since: since),
                        try await !isSettledElsewhere(refund, of: number, since: since)
                    else { continue }
                    let record = try await record(of: refund.hold, at: number)
                    found.append(
                        RefundRecord(
                            sequence: HoldID(event: number, hold: from + UInt64(index) + 1).number,
                            hold: HoldID(event: number, hold: refund.hold),
                            event: entry.catalogue.code.text, reason: refund.reason, isConfirmed: confirmed,
                            currency: entry.catalogue.currency(ofTerms: record.terms),
                            lines: record.soldLines(of: entry), buyer: record.buyer, payment: refund.payment,
                            askedAt: refund.askedAt))
                }
                guard entries.count == Self.debtPage else { break }
                from += UInt64(entries.count)
            }
        }
        return found
    }

    /// A page of the list of an event's debts, and what became of each payment.
    func debts(of event: EventNumber, from: UInt64) async throws -> (
        entries: [PackedRefund], uses: [ByteBuffer?]
    ) {
        let keys = keyspace.keys(of: event)
        let last = from + UInt64(Self.debtPage) - 1
        let range = RedisCommand("LRANGE", keys.debts, "\(from)", "\(last)", isRepeatable: true)
        let entries = try await caller.ask(range, to: keys.route).array().map { try PackedRefund($0.bytes()) }
        guard !entries.isEmpty else { return ([], []) }
        var get = RedisCommand("HMGET", isRepeatable: true)
        get.append(keys.payments)
        for entry in entries { get.append(entry.payment) }
        let uses = try await caller.ask(get, to: keys.route).array().map { $0.isNull ? nil : try $0.bytes() }
        guard uses.count == entries.count else { throw PackedMistake() }
        return (entries, uses)
    }

    /// Whether the payment went over to another event of the cluster and bought something there, or is owed for a hold
    /// of that event: the first event does not learn of it. A debt that only a token reported there settles no
    /// confirmed one.
    private func isSettledElsewhere(
        _ refund: PackedRefund, of event: EventNumber, since: WallTime
    ) async throws -> Bool {
        guard keyspace.isCluster, let payment = PaymentReference(refund.payment),
            let owner = try await claims.owner(of: payment), owner != event
        else { return false }
        let keys = keyspace.keys(of: owner)
        let use = RedisCommand("HGET", keys.payments, payment.text, isRepeatable: true)
        let reply = try await caller.ask(use, to: keys.route)
        if reply.isNull { return false }
        guard let debt = try PackedDebt(reply.bytes()) else { return true }
        return debt.isConfirmed || !refund.isConfirmed && debt.wall > since
    }

    /// Entries are numbered by the server's time, and within a millisecond by event. In a cluster an entry of another
    /// shard may appear before one that was already read.
    func audit(of codes: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        let behind = sequence.map { AuditNumber($0) }
        let found = try await audit(of: codes, limit: limit) { number in
            var from = "-inf"
            if let behind { from = (number <= behind.event ? "(" : "") + "\(behind.score)" }
            return ("ZRANGEBYSCORE", from, "+inf")
        }
        return Array(found.sorted { $0.sequence < $1.sequence }.prefix(limit))
    }

    /// The same from the other end.
    func newestAudit(of codes: [Code]?, before sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        let before = sequence.map { AuditNumber($0) }
        let found = try await audit(of: codes, limit: limit) { number in
            var from = "+inf"
            if let before { from = (number >= before.event ? "(" : "") + "\(before.score)" }
            return ("ZREVRANGEBYSCORE", from, "-inf")
        }
        return Array(found.sorted { $0.sequence > $1.sequence }.prefix(limit))
    }

    /// The first entries of each event in a range.
    private func audit(
        of codes: [Code]?, limit: Int, in range: (EventNumber) -> (name: String, from: String, to: String)
    ) async throws -> [AuditRecord] {
        var found: [AuditRecord] = []
        let events = state.withLock { $0.directory.entries.mapValues(\.catalogue.code) }
            .filter { codes?.contains($0.value) ?? true }
        for (number, code) in events.sorted(by: { $0.key < $1.key }) {
            let (name, from, to) = range(number)
            let keys = keyspace.keys(of: number)
            let command = RedisCommand(
                name, keys.audit, from, to, "LIMIT", "0", "\(limit)", isRepeatable: true)
            for item in try await caller.ask(command, to: keys.route).array() {
                found.append(try AuditRecord(packed: item.bytes(), event: number, code: code.text))
            }
        }
        return found
    }

    func recount() async throws -> Recount {
        var recount = Recount(facts: 0, pools: [], broken: nil)
        for number in state.withLock({ $0.directory.order }) {
            guard let entry = state.withLock({ $0.directory.entries[number] }) else { continue }
            let tally = try await tally(of: number)
            recount.facts += tally.facts
            recount.pools += tally.counts(of: entry)
            recount.broken = recount.broken ?? tally.brokenRule(of: entry)
        }
        return recount
    }

    // MARK: Reading

    /// All events with the code, removed ones included; all events for `nil`.
    func allKnown(_ event: Code?) -> [(EventNumber, EventDirectory.Entry)] {
        state.withLock { state in
            state.directory.entries.filter { event == nil || $0.value.catalogue.code == event }.sorted {
                $0.key < $1.key
            }
            .map { ($0.key, $0.value) }
        }
    }

    func page(
        of event: EventNumber, from: UInt64, onlySold: Bool
    ) async throws -> (next: UInt64, records: [(UInt64, PackedRecord)]) {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.pageOfHolds, keys: keys.all)
        command.append(Int(from))
        command.append(Int(Self.stretch))
        command.append(onlySold ? 1 : 0)
        let items = try await caller.ask(command, to: keys.route).array()
        guard let head = items.first else { return (0, []) }
        var reader = PackedReader(try head.bytes())
        let next = try reader.count()
        return (
            next,
            try items.dropFirst().map { item in
                var reader = PackedReader(try item.bytes())
                return (try reader.count(), try PackedRecord(&reader))
            }
        )
    }

    private func record(of hold: UInt64, at event: EventNumber) async throws -> PackedRecord {
        let keys = keyspace.keys(of: event)
        let get = RedisCommand("HGET", keys.holds, "\(hold)", isRepeatable: true)
        var reader = PackedReader(try await caller.ask(get, to: keys.route).bytes())
        return try PackedRecord(&reader)
    }

    /// Counts the holds of an event, some at a time (`Lua/walk.lua`).
    ///
    /// - Parameter rest: how long to wait between two steps, so that the server does something else.
    func tally(of event: EventNumber, rest: TimeAmount? = nil) async throws -> Tally {
        let walk = UInt64.random(in: 1..<1 << 50)
        let end = NIODeadline.now() + Self.patience
        var interruptions = 0
        var whole: Tally?
        while interruptions < Self.recounts {
            switch try await step(of: event, walk, from: whole?.next ?? 0) {
            case .counted(let tally):
                if whole == nil { whole = tally } else { whole?.add(tally) }
                if let whole, whole.next == 0 { return whole }
                if let rest { try await caller.pause(rest) }
            case .unsettled: break
            case .busy where NIODeadline.now() < end:
                try await caller.pause(Self.pause)
            case .busy: throw StoreFailure.overloaded
            case .interrupted:
                whole = nil
                interruptions += 1
            }
        }
        throw StoreFailure.overloaded
    }

    private func step(of event: EventNumber, _ walk: UInt64, from: UInt64) async throws -> TallyStep {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.tally, keys: keys.all)
        command.append(Int(event.value))
        command.append(limits.recoveryGrace.inMilliseconds)
        for number in [walk, from, Self.tallied] { command.append(Int(number)) }
        return try TallyStep(await caller.ask(command, to: keys.route).bytes())
    }
}

/// The number of an audit entry: the server's time, in fractions of a millisecond, and the event.
struct AuditNumber {
    private static let bitsOfEvent: UInt64 = 14
    let score: UInt64
    let event: EventNumber

    init(_ sequence: UInt64) {
        score = sequence >> Self.bitsOfEvent
        event = EventNumber(sequence & (1 << Self.bitsOfEvent - 1))
    }

    init(score: UInt64, event: EventNumber) {
        self.score = score
        self.event = event
    }

    var sequence: UInt64 { score << Self.bitsOfEvent | event.value }
}
