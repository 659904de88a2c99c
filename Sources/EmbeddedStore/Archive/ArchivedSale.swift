public import BoxOffice
internal import Foundation
internal import GRDB
public import TicketStore

/// A sale from an archive, for a store of another kind (R51 Moving a sale).
///
/// It reads a checked copy of the archive in a temporary directory, which is removed at the end.
public final class ArchivedSale: MovedSale {
    public let identity: [UInt8]
    public let keySecret: [UInt8]
    public let series: [HoldSeries]
    public let tokenKeys: [UInt8: [UInt8]]
    public let exportedAt: WallTime
    /// What the recount of the archive found.
    public let recount: AuditReport

    /// Holds, debts, keys or notes that one transaction reads.
    private static let page = 500

    private let queue: DatabaseQueue
    private let directory: String
    /// The numbers that buyers know, where they are not the ledger's.
    private let numbering: HoldNumbering
    /// The events of the sale, without holds.
    private let events: BoxOffice
    private let clock: Timestamp
    private let limits = Limits()

    /// Checks the archive at `path`: its seal, then every fact in it.
    public init(_ path: String) throws(ArchiveError) {
        let opened: (DatabaseQueue, String, AuditReport)
        do {
            let directory = try LedgerSource.makeDirectory()
            do {
                let copy = directory + "/" + EmbeddedStore.ledgerName
                let report = try SaleArchive.checkedCopy(of: path, at: copy)
                let queue = try DatabaseQueue(path: copy)
                try LedgerSchema.migrator.migrate(queue)
                if let what = try queue.read(KnownFacts.unknown) { throw ArchiveError.notMovable(what) }
                opened = (queue, directory, report)
            } catch {
                LedgerSource.remove(directory)
                throw error
            }
        } catch {
            throw SaleArchive.translate(error, path)
        }
        (queue, directory, recount) = opened
        do {
            (events, clock) = try queue.read { db in
                var office = BoxOffice(limits: Limits())
                let reader = try LedgerReader(db)
                let (last, next) = try reader.end()
                office.beginRestoring(at: last, nextSequence: next)
                try reader.readEvents(into: &office)
                return (office, last)
            }
            (identity, keySecret, series, tokenKeys) = try queue.read(Self.bindings)
            (numbering, exportedAt) = try queue.read { [clock] db in
                (try MovedNumbers.read(db), try Moments(db).wall(clock.milliseconds))
            }
        } catch {
            LedgerSource.remove(opened.1)
            throw SaleArchive.translate(error, path)
        }
    }

    deinit {
        try? queue.close()
        LedgerSource.remove(directory)
    }

    private static func bindings(
        _ db: Database
    ) throws -> (identity: [UInt8], secret: [UInt8], series: [HoldSeries], tokenKeys: [UInt8: [UInt8]]) {
        guard let row = try Row.fetchOne(db, sql: "SELECT id, key_secret FROM ledger"), let secret = row[1] as Data?
        else { throw LedgerError.damaged("it has no identity") }
        let series = try MovedNumbers.series(db)
        let keys = try Row.fetchAll(db, sql: "SELECT number, fingerprint FROM token_keys")
            .map { (UInt8(clamping: $0[0] as Int64), [UInt8]($0[1] as Data)) }
        return ([UInt8](row[0] as Data), [UInt8](secret), series, Dictionary(keys) { first, _ in first })
    }

    public var pools: [PoolCount] { recount.pools }

    public func changes() throws -> [MovedChange] {
        try queue.read { db in
            var codes: [Int64: Code] = [:]
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT seq, event, paused, document, 0 AS cancels FROM definitions
                    UNION ALL SELECT seq, event, 0, NULL, 0 FROM removals
                    UNION ALL SELECT seq, event, undone, NULL, 1 FROM cancellations ORDER BY seq
                    """
            ).compactMap { row in
                if row["cancels"] as Bool {
                    return codes[row["event"]].map { row["paused"] ? .reinstated($0) : .cancelled($0) }
                }
                guard let document = row["document"] as String? else {
                    return codes[row["event"]].map { .removed($0) }
                }
                let definition = try EventDocument.readKept(Array(document.utf8))
                codes[row["event"]] = definition.id
                return .defined(definition, paused: row["paused"])
            }
        }
    }

    public func holds(_ take: ([MovedHold]) async throws -> Void) async throws {
        var last = HoldID(0)
        while true {
            let (holds, end) = try page(after: last)
            guard let end else { return }
            try await take(holds)
            last = end
        }
    }

    /// - Returns: some holds, and the ledger's number of the last of them; `nil` if there are none.
    private func page(after hold: HoldID) throws -> (holds: [MovedHold], end: HoldID?) {
        try queue.read { db in
            let moments = try Moments(db)
            let first = Int64(clamping: hold.number) + 1
            let last = first + Int64(Self.page) - 1
            let erasures = try Row.fetchAll(
                db, sql: "SELECT hold, max(at) FROM erasures WHERE hold BETWEEN ? AND ? GROUP BY hold",
                arguments: [first, last])
            let erased = Dictionary(erasures.map { ($0[0] as Int64, $0[1] as Int64) }) { first, _ in first }
            let checks = try Row.fetchAll(
                db, sql: "SELECT hold, checks FROM overrides WHERE hold BETWEEN ? AND ?", arguments: [first, last])
            let overrides = Dictionary(checks.map { ($0[0] as Int64, $0[1] as UInt8) }) { first, _ in first }
            var found: [MovedHold] = []
            var end: HoldID?
            try LedgerReader(db).readHolds("BETWEEN \(first) AND \(last)") { hold, times in
                guard let terms = events.terms(of: hold.event, at: hold.sequence) else {
                    throw LedgerError.damaged("hold \(hold.id) is of an event that was not defined then")
                }
                let parts = times.parts.map { MovedReturn(at: moments.wall($0.at), part: $0.1) }
                let wasReturned = hold.state == .returned ? times.returned ?? times.parts.last?.at : nil
                var moved =
                    MovedHold(
                        id: numbering.known(hold.id), event: hold.event, terms: terms, lines: hold.lines,
                        state: hold.state,
                        isLate: hold.late, extensions: hold.extensions, buyer: hold.buyer, payment: hold.payment,
                        left: hold.deadline.since(clock), heldAt: moments.wall(times.held),
                        purchasedAt: times.purchased.map(moments.wall), returnedAt: wasReturned.map(moments.wall),
                        parts: parts, erasedAt: erased[Int64(hold.id.number)].map(moments.wall), note: hold.note,
                        code: hold.code, seller: hold.seller)
                moved.override = Override(rawValue: overrides[Int64(hold.id.number)] ?? 0)
                found.append(moved)
                end = hold.id
            }
            return (found, end)
        }
    }

    /// The connection's own function waits differently in a task.
    private func reading<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try queue.read(body)
    }

    /// Calls `take` with what `read` finds behind a number, page by page.
    private func pages<Value>(
        _ take: ([Value]) async throws -> Void,
        _ read: (Database, _ sequence: Int64) throws -> [(sequence: Int64, value: Value)]
    ) async throws {
        var last: Int64 = 0
        while true {
            let page = try reading { try read($0, last) }
            guard let end = page.last else { return }
            try await take(page.map(\.value))
            last = end.sequence
        }
    }

    public func debts(_ take: ([MovedDebt]) async throws -> Void) async throws {
        try await pages(take) { db, sequence in
            let moments = try Moments(db)
            let expired = clock.advanced(by: .zero - limits.unconfirmedDebtsKept).milliseconds
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT seq, at, hold, payment, reason, confirmed, ended FROM debts
                    WHERE seq > ? AND (ended = 'paid back' OR ended IS NULL AND (confirmed = 1 OR at > ?))
                    ORDER BY seq LIMIT ?
                    """, arguments: [sequence, expired, Self.page])
            return try rows.map { row in
                guard let payment = PaymentReference(kept: row["payment"]) else {
                    throw LedgerError.damaged("a debt has no payment")
                }
                let debt = MovedDebt(
                    hold: numbering.known(HoldID(UInt64(clamping: row["hold"] as Int64))),
                    payment: payment, reason: DebtReason(rawValue: row["reason"]) ?? .placesGone,
                    isConfirmed: row["confirmed"], isPaidBack: row["ended"] as String? != nil,
                    askedAt: moments.wall(row["at"]), age: clock.since(Timestamp(milliseconds: row["at"])))
                return (row["seq"], debt)
            }
        }
    }

    public func keys(_ take: ([MovedKey]) async throws -> Void) async throws {
        try await pages(take) { db, sequence in
            let oldest = clock.advanced(by: .zero - limits.keyRetention).milliseconds
            let oldestOfEnded = clock.advanced(by: .zero - limits.endedKeyRetention).milliseconds
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT k.seq, k.at, k.hold, k.fingerprint, k.high, k.low, h.seq AS made
                    FROM keys k JOIN holds h ON h.id = k.hold WHERE k.seq > ? ORDER BY k.seq LIMIT ?
                    """, arguments: [sequence, Self.page])
            let holds = try LedgerReader(db).holds(rows.map { HoldID(UInt64(clamping: $0["hold"] as Int64)) })
            return rows.map { row in
                let id = HoldID(UInt64(clamping: row["hold"] as Int64))
                let isLiveOrSold = holds[id].map { hold in
                    hold.state == .held ? clock < hold.deadline : hold.state != .released && !hold.late
                }
                let at: Int64 = row["at"]
                let key = IdempotencyKey(
                    high: UInt64(bitPattern: row["high"] as Int64), low: UInt64(bitPattern: row["low"] as Int64))
                let use = MovedKey(
                    hold: numbering.known(id),
                    key: KeyFact(key: key, fingerprint: UInt64(bitPattern: row["fingerprint"] as Int64)),
                    isExtension: (row["made"] as Int64) != (row["seq"] as Int64),
                    counts: at >= oldestOfEnded || at >= oldest && isLiveOrSold == true,
                    age: clock.since(Timestamp(milliseconds: at)))
                return (row["seq"], use)
            }
        }
    }

    public func notes(_ take: ([AuditRecord]) async throws -> Void) async throws {
        try await pages(take) { db, sequence in
            try LedgerQueries.audit(db, after: UInt64(clamping: sequence), limit: Self.page)
                .map { (Int64(clamping: $0.sequence), $0) }
        }
    }

    public func report(of event: Code) throws -> SalesReport? {
        try LedgerReport.read(queue, event, 0)
    }
}
