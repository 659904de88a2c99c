public import BoxOffice
internal import NIOCore
internal import RedisWire
internal import Synchronization
public import TicketStore

// Lists for operators and their accountants. Holds are numbered in few stretches without gaps (`Lua/numbers.lua`), so a page
// needs no index; each page is read in one call.

extension RedisStore: SalesLedger {
    /// Numbers that one call looks through.
    private static let stretch: UInt64 = 1_000
    /// Holds that a recount looks through in one call: some milliseconds in which the server does nothing else.
    private static let tallied: UInt64 = 5_000
    /// How often a recount of an event is begun, and how long each waits for somebody else's.
    private static let recounts = 3
    /// Entries of the list of debts that are read at once.
    private static let debtPage = 500
    private static let patience = TimeAmount.seconds(15)
    private static let pause = TimeAmount.milliseconds(50)

    public func purchases(of event: Code, after hold: HoldID?, limit: Int) async throws -> [PurchaseRecord] {
        let known = pending.withLock { pending in
            pending.directory.number(of: event).flatMap { number in
                pending.directory.entries[number].map { (number, $0) }
            }
        }
        let behind = hold.map { HoldNumber.split($0) }
        guard let (number, entry) = known, number >= behind?.event ?? 0 else { return [] }
        var from = number == behind?.event ? (behind?.hold ?? 0) + 1 : 1
        var found: [PurchaseRecord] = []
        while found.count < limit {
            let page = try await page(of: number, from: from, onlySold: true)
            for (hold, record) in page.records where found.count < limit {
                found.append(record.purchase(HoldNumber.join(event: number, hold: hold), of: entry))
            }
            guard page.next > 0 else { break }
            from = page.next
        }
        return found
    }

    /// The lists of events one after the other, in the order of their numbers; entries that count no more are passed over.
    public func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord] {
        let behind = HoldNumber.split(HoldID(sequence ?? 0))
        let kept = configuration.limits.unconfirmedDebtsKept.inMilliseconds
        let since = WallTime(milliseconds: now.wall.milliseconds - kept)
        var found: [RefundRecord] = []
        // Of an event that was made again under the same code, the first one's are owed all the same.
        for (number, entry) in allKnown(event) where number >= behind.event {
            var from = number == behind.event ? behind.hold : 0
            while found.count < limit {
                let (entries, uses) = try await debts(of: number, from: from)
                for (index, refund) in entries.enumerated() where found.count < limit && refund.isConfirmed == confirmed
                {
                    guard try refund.counts(by: uses[index], event: number, since: since),
                        try await !isSettledElsewhere(refund.payment, of: number)
                    else { continue }
                    let record = try await record(of: refund.hold, at: number)
                    found.append(
                        RefundRecord(
                            sequence: HoldNumber.join(event: number, hold: from + UInt64(index) + 1).number,
                            hold: HoldNumber.join(event: number, hold: refund.hold),
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

    /// A stretch of the list of an event's debts, and what became of each payment.
    private func debts(of event: UInt64, from: UInt64) async throws -> (entries: [PackedRefund], uses: [ByteBuffer?]) {
        let keys = keyspace.keys(of: event)
        let last = from + UInt64(Self.debtPage) - 1
        let range = RedisCommand("LRANGE", keys[7], "\(from)", "\(last)", isRepeatable: true)
        let entries = try await ask(range, at: event).array().map { try PackedRefund($0.bytes()) }
        guard !entries.isEmpty else { return ([], []) }
        var get = RedisCommand("HMGET", isRepeatable: true)
        get.append(keys[5])
        for entry in entries { get.append(entry.payment) }
        let uses = try await ask(get, at: event).array().map { $0.isNull ? nil : try $0.bytes() }
        guard uses.count == entries.count else { throw PackedMistake() }
        return (entries, uses)
    }

    /// Whether the payment went over to another event of the cluster and bought something there, or is owed for a hold of
    /// that: the first event is not told.
    private func isSettledElsewhere(_ payment: String, of event: UInt64) async throws -> Bool {
        guard keyspace.isCluster else { return false }
        let name = "p" + payment
        let part = keyspace.part(of: name)
        let get = RedisCommand("HGET", keyspace.claims(part), name, isRepeatable: true)
        let claim: RedisReply
        do {
            claim = try await client.call(get, for: RedisKey(Keyspace.tag(ofClaims: part)))
        } catch {
            let told = StoreFailure(error)
            // Only a look was lost.
            throw told == .outcomeUnknown ? .suspended(.unreachable) : told
        }
        guard !claim.isNull else { return false }
        var reader = PackedReader(try claim.bytes())
        let other = try reader.count()
        guard other != event else { return false }
        let use = RedisCommand("HGET", keyspace.keys(of: other)[5], payment, isRepeatable: true)
        return try await !ask(use, at: other).isNull
    }

    /// Entries are numbered by the server's time, and within a millisecond by event: in a cluster one of another shard
    /// may come to stand before one that was read.
    public func audit(after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        let behind = sequence.map { AuditNumber($0) }
        var found: [AuditRecord] = []
        for number in pending.withLock({ $0.directory.entries.keys.sorted() }) {
            var from = "-inf"
            if let behind { from = (number <= behind.event ? "(" : "") + "\(behind.score)" }
            let range = RedisCommand(
                "ZRANGEBYSCORE", keyspace.keys(of: number)[8], from, "+inf", "LIMIT", "0", "\(limit)",
                isRepeatable: true)
            for item in try await ask(range, at: number).array() {
                found.append(try AuditRecord(packed: item.bytes(), event: number))
            }
        }
        return Array(found.sorted { $0.sequence < $1.sequence }.prefix(limit))
    }

    /// Counts every hold of every event afresh, as each was when it was begun with, while selling goes on. One recount of
    /// an event is under way at a time; another one waits for it, and is refused as overload if that takes long.
    public func recount() async throws -> Recount {
        var recount = Recount(facts: 0, pools: [], broken: nil)
        for number in pending.withLock({ $0.directory.order }) {
            guard let entry = pending.withLock({ $0.directory.entries[number] }) else { continue }
            let tally = try await tally(of: number)
            recount.facts += tally.facts
            recount.pools += tally.counts(of: entry)
            recount.broken = recount.broken ?? tally.brokenRule(of: entry)
        }
        return recount
    }

    // MARK: Reading

    /// Events with that code, removed ones too; all of them for `nil`.
    private func allKnown(_ event: Code?) -> [(UInt64, EventDirectory.Entry)] {
        pending.withLock { pending in
            pending.directory.entries.filter { event == nil || $0.value.catalogue.code == event }.sorted {
                $0.key < $1.key
            }
            .map { ($0.key, $0.value) }
        }
    }

    private func page(
        of event: UInt64, from: UInt64, onlySold: Bool
    ) async throws -> (next: UInt64, records: [(UInt64, PackedRecord)]) {
        var command = library.call(.pageOfHolds, calling, keys: keyspace.keys(of: event))
        command.append(Int(from))
        command.append(Int(Self.stretch))
        command.append(onlySold ? 1 : 0)
        let items = try await ask(command, at: event).array()
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

    private func record(of hold: UInt64, at event: UInt64) async throws -> PackedRecord {
        let get = RedisCommand("HGET", keyspace.keys(of: event)[1], "\(hold)", isRepeatable: true)
        var reader = PackedReader(try await ask(get, at: event).bytes())
        return try PackedRecord(&reader)
    }

    /// A walk over the holds of an event, some at a time (`Lua/walk.lua`).
    ///
    /// - Parameter rest: how long to wait between two steps, so that the server does something else.
    func tally(of event: UInt64, rest: TimeAmount? = nil) async throws -> Tally {
        let walk = UInt64.random(in: 1..<1 << 50)
        let end = NIODeadline.now() + Self.patience
        var interruptions = 0
        var whole: Tally?
        while interruptions < Self.recounts {
            switch try await step(of: event, walk, from: whole?.next ?? 0) {
            case .counted(let tally):
                if whole == nil { whole = tally } else { whole?.add(tally) }
                if let whole, whole.next == 0 { return whole }
                if let rest { try await pause(rest) }
            case .unsettled: break
            case .busy where NIODeadline.now() < end:
                try await pause(Self.pause)
            case .busy: throw StoreFailure.overloaded
            case .interrupted:
                whole = nil
                interruptions += 1
            }
        }
        throw StoreFailure.overloaded
    }

    private func step(of event: UInt64, _ walk: UInt64, from: UInt64) async throws -> TallyStep {
        var command = library.call(.tally, calling, keys: keyspace.keys(of: event))
        command.append(Int(event))
        command.append(configuration.limits.recoveryGrace.inMilliseconds)
        for number in [walk, from, Self.tallied] { command.append(Int(number)) }
        return try TallyStep(await ask(command, at: event).bytes())
    }
}

/// The number of an entry of the audit: the server's time, finer within a millisecond, and the event.
struct AuditNumber {
    private static let bitsOfEvent: UInt64 = 14
    let score: UInt64
    let event: UInt64

    init(_ sequence: UInt64) {
        score = sequence >> Self.bitsOfEvent
        event = sequence & (1 << Self.bitsOfEvent - 1)
    }

    init(score: UInt64, event: UInt64) {
        self.score = score
        self.event = event
    }

    var sequence: UInt64 { score << Self.bitsOfEvent | event }
}
