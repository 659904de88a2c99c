internal import BoxOffice
internal import GRDB
internal import TicketStore

/// Reads operators' lists from the ledger, beside the writer.
///
/// Each page is one short transaction of a separate connection. So neither a slow client nor a long list keeps the
/// write-ahead log from being folded in. One thread with low priority reads all of them, so the sale comes first.
struct LedgerQueries: Sendable {
    let connection: ReadConnection
    private let thread = QuietThread()

    init(path: String) throws(LedgerError) {
        connection = try ReadConnection(path: path, label: "ledger queries")
    }

    func close() {
        connection.close()
    }

    /// Reads in one transaction.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            thread.run { [connection] in
                continuation.resume(with: Result { try connection.queue.read(body) })
            }
        }
    }

    func purchases(
        of event: Code, soldBy seller: Seller?, after hold: HoldID?, limit: Int
    ) async throws -> [PurchaseRecord] {
        try await read { db in
            let moments = try Moments(db)
            // The sales of one seller are found by their index.
            let all = """
                \(Self.selectPurchase) JOIN events e ON e.event = h.event
                WHERE :seller IS NULL AND e.code = :code AND p.hold > :after ORDER BY p.hold LIMIT :limit
                """
            let own = """
                \(Self.selectPurchase(from: "sold_by s CROSS JOIN purchases p ON p.hold = s.hold"))
                WHERE s.seller = :seller AND s.event = (SELECT event FROM events WHERE code = :code) AND s.hold > :after
                ORDER BY s.hold LIMIT :limit
                """
            let statement = try db.cachedStatement(sql: seller == nil ? all : own)
            let rows = try Row.fetchAll(
                statement,
                arguments: [
                    "seller": seller?.text, "code": event.text, "after": Int64(clamping: hold?.number ?? 0),
                    "limit": limit,
                ])
            var lines = LineReader(db)
            return try rows.map { try Self.purchase($0, &lines, moments) }
        }
    }

    /// The purchases of these holds, by hold.
    static func purchases(of holds: [Int64], _ lines: inout LineReader, _ moments: Moments, _ db: Database) throws
        -> [Int64: PurchaseRecord]
    {
        let list = holds.map(String.init).joined(separator: ", ")
        let rows = try Row.fetchAll(db, sql: "\(selectPurchase) WHERE p.hold IN (\(list))")
        var found: [Int64: PurchaseRecord] = [:]
        for row in rows { found[row["hold"]] = try purchase(row, &lines, moments) }
        return found
    }

    private static let selectPurchase = selectPurchase(from: "purchases p")

    private static func selectPurchase(from purchases: String) -> String {
        """
        SELECT p.hold, p.at, p.late, p.payment, n.buyer, n.note, h.event, h.seq AS held, r.at AS returned,
          (SELECT max(at) FROM part_returns WHERE hold = p.hold) AS part_returned,
          (SELECT max(at) FROM erasures WHERE hold = p.hold) AS erased,
          (SELECT seller FROM sold_by WHERE hold = p.hold) AS seller,
          (SELECT checks FROM overrides WHERE hold = p.hold) AS checks, c.batch, c.number
        FROM \(purchases) CROSS JOIN holds h ON h.id = p.hold CROSS JOIN named_holds n ON n.hold = p.hold
          LEFT JOIN returns r ON r.hold = p.hold LEFT JOIN hold_codes c ON c.hold = p.hold
        """
    }

    private static func purchase(_ row: Row, _ lines: inout LineReader, _ moments: Moments) throws -> PurchaseRecord {
        let hold: Int64 = row["hold"]
        let event: Int64 = row["event"]
        let (returned, part): (Int64?, Int64?) = (row["returned"], row["part_returned"])
        let sold = try lines.lines(of: hold, isReturned: returned != nil, hasReturns: part != nil)
        let isGone = part != nil && sold.allSatisfy { $0.returned == $0.quantity }
        var purchase = PurchaseRecord(
            hold: HoldID(UInt64(clamping: hold)), event: try lines.code(of: event),
            currency: try lines.currency(of: event, at: row["held"]), lines: sold, buyer: row["buyer"],
            payment: (row["payment"] as String?).flatMap { PaymentReference($0)?.text }, isLate: row["late"],
            purchasedAt: moments.wall(row["at"]), returnedAt: (returned ?? (isGone ? part : nil)).map(moments.wall),
            erasedAt: (row["erased"] as Int64?).map(moments.wall), note: row["note"],
            soldBy: (row["seller"] as String?).flatMap(Seller.init))
        if let batch = row["batch"] as Int? { purchase.code = try lines.code(batch, row["number"], of: event) }
        purchase.override = Override(rawValue: row["checks"] ?? 0)
        return purchase
    }

    /// - Parameter since: unconfirmed debts after this moment have not expired.
    func refundsOwed(
        of event: Code?, confirmed: Bool, since: Timestamp, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord] {
        try await read { db in
            let moments = try Moments(db)
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT d.seq, d.at, d.hold, d.payment, d.reason, d.event, n.buyer, h.seq AS held
                        FROM debts d CROSS JOIN holds h ON h.id = d.hold CROSS JOIN named_holds n ON n.hold = d.hold
                        WHERE d.ended IS NULL AND d.confirmed = :confirmed AND d.seq > :after
                          AND (d.confirmed = 1 OR d.at > :since)
                          AND (:code IS NULL OR d.event = (SELECT event FROM events WHERE code = :code))
                        ORDER BY d.seq LIMIT :limit
                        """),
                arguments: [
                    "confirmed": confirmed ? 1 : 0, "after": Int64(clamping: sequence ?? 0),
                    "since": since.milliseconds, "code": event?.text, "limit": limit,
                ])
            var lines = LineReader(db)
            return try rows.map { row in
                let hold: Int64 = row["hold"]
                let event: Int64 = row["event"]
                return RefundRecord(
                    sequence: UInt64(clamping: row["seq"] as Int64), hold: HoldID(UInt64(clamping: hold)),
                    event: try lines.code(of: event), reason: DebtReason(rawValue: row["reason"]) ?? .placesGone,
                    isConfirmed: confirmed, currency: try lines.currency(of: event, at: row["held"]),
                    lines: try lines.lines(of: hold), buyer: row["buyer"], payment: row["payment"],
                    askedAt: moments.wall(row["at"]))
            }
        }
    }

    func audit(of events: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        try await read { db in try Self.audit(db, of: events, after: sequence, limit: limit) }
    }

    func newestAudit(of events: [Code]?, before sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        try await read { db in
            try Self.audit(
                db, "seq < :seq", of: events, Int64(clamping: sequence ?? .max), order: "seq DESC", limit: limit)
        }
    }

    static func audit(
        _ db: Database, of events: [Code]? = nil, after sequence: UInt64?, limit: Int
    ) throws -> [AuditRecord] {
        try audit(db, "seq > :seq", of: events, Int64(clamping: sequence ?? 0), order: "seq", limit: limit)
    }

    private static func audit(
        _ db: Database, _ range: String, of events: [Code]?, _ sequence: Int64, order: String, limit: Int
    ) throws -> [AuditRecord] {
        let moments = try Moments(db)
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT * FROM audit WHERE \(range) AND (:codes IS NULL OR event IN (
                      SELECT event FROM definitions WHERE json_extract(document, '$.id') IN (
                        SELECT value FROM json_each(:codes))))
                    ORDER BY \(order) LIMIT :limit
                    """),
            arguments: [
                "seq": sequence, "limit": limit,
                // Codes need no escapes.
                "codes": events.map { "[" + $0.map { "\"\($0.text)\"" }.joined(separator: ",") + "]" },
            ])
        var lines = LineReader(db)
        return try rows.map { row in
            AuditRecord(
                sequence: UInt64(clamping: row["seq"] as Int64), at: moments.wall(row["at"]),
                event: try (row["event"] as Int64?).map { try lines.code(of: $0) },
                note: AuditNote(
                    key: row["key"], name: row["name"], action: row["action"], subject: row["subject"],
                    reason: row["reason"], differencesText: row["differences"], leftOut: row["left_out"]))
        }
    }
}

/// Translates moments of the store's clock into the time of day, with the differences that the ledger noted.
struct Moments {
    let notes: [(at: Int64, ahead: Int64)]

    init(_ db: Database) throws {
        notes = try Row.fetchAll(db, sql: "SELECT at, ahead FROM wall_clock ORDER BY at")
            .map { ($0["at"], $0["ahead"]) }
    }

    func wall(_ at: Int64) -> WallTime {
        var (low, high) = (0, notes.count)
        while low < high {
            let middle = (low + high) / 2
            if notes[middle].at <= at { low = middle + 1 } else { high = middle }
        }
        return WallTime(milliseconds: at + (low > 0 ? notes[low - 1].ahead : notes.first?.ahead ?? 0))
    }
}

/// Reads the lines of holds, and the definitions of their events, each event once.
struct LineReader {
    private struct Definitions {
        var code = ""
        /// The currencies and the client's graces in milliseconds, each pair with the fact from which on it applied.
        var terms: [(sequence: Int64, currency: String, grace: Int64)] = []
    }

    private let db: Database
    private var known: [Int64: Definitions] = [:]
    /// By event: the names of all batches of access codes, by their indexes.
    private var batches: [Int64: [String]] = [:]

    init(_ db: Database) {
        self.db = db
    }

    /// - Parameters:
    ///   - isReturned: all that was left of the purchase was returned.
    ///   - hasReturns: a part of it was returned (R39 Partial return).
    func lines(of hold: Int64, isReturned: Bool = false, hasReturns: Bool = false) throws -> [SoldLine] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT t.code, t.allocation, l.quantity, l.price FROM (
                      SELECT event, 0 AS line, type, quantity, price FROM holds WHERE id = :hold
                      UNION ALL SELECT h.event, l.line, l.type, l.quantity, l.price
                      FROM hold_lines l JOIN holds h ON h.id = l.hold WHERE l.hold = :hold
                    ) l JOIN ticket_types t ON t.event = l.event AND t.type = l.type ORDER BY l.line
                    """),
            arguments: ["hold": hold])
        var lines = rows.map {
            SoldLine(type: $0["code"], allocation: $0["allocation"], quantity: $0["quantity"], price: $0["price"])
        }
        for index in lines.indices where isReturned { lines[index].returned = lines[index].quantity }
        guard hasReturns, !isReturned else { return lines }
        let statement = try db.cachedStatement(sql: "SELECT line, quantity FROM returned_lines WHERE hold = ?")
        for row in try Row.fetchAll(statement, arguments: [hold]) {
            let line: Int = row["line"]
            if lines.indices.contains(line) { lines[line].returned = row["quantity"] }
        }
        return lines
    }

    /// The currency of a hold's prices: that of the definition in force when it was made (R11 Terms of a hold).
    ///
    /// - Parameter held: the number of the fact that made the hold.
    mutating func currency(of event: Int64, at held: Int64) throws -> String {
        try terms(of: event, at: held).currency
    }

    /// How much earlier than its deadline a hold ends for its client, in milliseconds (R6 Deadline).
    mutating func grace(of event: Int64, at held: Int64) throws -> Int64 {
        try terms(of: event, at: held).grace
    }

    private mutating func terms(of event: Int64, at held: Int64) throws -> (currency: String, grace: Int64) {
        let all = try definitions(of: event).terms
        let found = all.last { $0.sequence < held } ?? all.first
        return (found?.currency ?? "", found?.grace ?? 0)
    }

    /// An access code by the index of its batch among all that the event's definitions ever named; `nil` if there is
    /// none.
    mutating func code(_ batch: Int, _ number: Int, of event: Int64) throws -> SaleCode? {
        let names = try batches[event] ?? readBatches(of: event)
        batches[event] = names
        return names.indices.contains(batch) ? SaleCode(batch: names[batch], number: number) : nil
    }

    private func readBatches(of event: Int64) throws -> [String] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT b.key FROM definitions d, json_each(d.document, '$.codes') b WHERE d.event = ? ORDER BY d.seq, b.id
                """)
        return try String.fetchAll(statement, arguments: [event]).reduce(into: []) { names, name in
            if !names.contains(name) { names.append(name) }
        }
    }

    /// The code of an event, even if it was removed.
    mutating func code(of event: Int64) throws -> String {
        try definitions(of: event).code
    }

    private mutating func definitions(of event: Int64) throws -> Definitions {
        if let found = known[event] { return found }
        var found = Definitions()
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT seq, json_extract(document, '$.id') AS code, json_extract(document, '$.currency') AS currency,
                      coalesce(json_extract(document, '$.grace_seconds'), 0) * 1000 AS grace
                    FROM definitions WHERE event = ? ORDER BY seq
                    """),
            arguments: [event])
        while let row = try rows.next() {
            found.code = row["code"]
            let (currency, grace): (String, Int64) = (row["currency"], row["grace"])
            let last = found.terms.last
            if last?.currency != currency || last?.grace != grace { found.terms.append((row["seq"], currency, grace)) }
        }
        known[event] = found
        return found
    }
}
