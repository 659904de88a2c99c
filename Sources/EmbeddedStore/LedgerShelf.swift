internal import BoxOffice
internal import GRDB
internal import Synchronization
internal import TicketStore

/// Reads lists from the ledger beside the writer, a page a transaction.
///
/// Each page is read in one short transaction of a connection of its own, so neither a slow reader nor a long list
/// keeps the write-ahead log from being folded in.
struct LedgerShelf: Sendable {
    let connection: ReadConnection

    init(path: String) throws(LedgerError) {
        connection = try ReadConnection(path: path, label: "ledger shelf")
    }

    /// A connection that only reads, beside the one that writes.
    ///
    /// - Parameter name: the path for people, where SQLite is given another form of it.
    static func openToRead(_ path: String, as name: String? = nil, label: String) throws(LedgerError) -> DatabaseQueue {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.label = label
            configuration.busyMode = .timeout(5)
            return try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw Ledger.translate(error, opening: name ?? path)
        }
    }

    func close() {
        connection.close()
    }

    func purchases(of event: Code, after hold: HoldID?, limit: Int) async throws -> [PurchaseRecord] {
        try await connection.queue.read { db in
            let moments = try Moments(db)
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT p.hold, p.at, p.late, p.payment, h.buyer, h.event, r.at AS returned, e.code
                        FROM purchases p CROSS JOIN holds h ON h.id = p.hold LEFT JOIN returns r ON r.hold = p.hold
                          JOIN events e ON e.event = h.event
                        WHERE e.code = ? AND p.hold > ? ORDER BY p.hold LIMIT ?
                        """),
                arguments: [event.text, Int64(clamping: hold?.number ?? 0), limit])
            var lines = LineReader(db)
            return try rows.map { row in
                let hold: Int64 = row["hold"]
                let event: Int64 = row["event"]
                return PurchaseRecord(
                    hold: HoldID(UInt64(clamping: hold)), event: row["code"], currency: try lines.currency(of: event),
                    lines: try lines.lines(of: hold), buyer: row["buyer"], payment: row["payment"],
                    isLate: row["late"], purchasedAt: moments.wall(row["at"]),
                    returnedAt: (row["returned"] as Int64?).map(moments.wall))
            }
        }
    }

    func refundsOwed(of event: Code, after sequence: UInt64?, limit: Int) async throws -> [RefundRecord] {
        try await connection.queue.read { db in
            let moments = try Moments(db)
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT r.seq, r.at, r.hold, r.payment, h.buyer, h.event
                        FROM refunds r CROSS JOIN holds h ON h.id = r.hold
                        WHERE h.event = (SELECT event FROM events WHERE code = ?) AND r.seq > ?
                        ORDER BY r.seq LIMIT ?
                        """),
                arguments: [event.text, Int64(clamping: sequence ?? 0), limit])
            var lines = LineReader(db)
            return try rows.map { row in
                let hold: Int64 = row["hold"]
                return RefundRecord(
                    sequence: UInt64(clamping: row["seq"] as Int64), hold: HoldID(UInt64(clamping: hold)),
                    currency: try lines.currency(of: row["event"]), lines: try lines.lines(of: hold),
                    buyer: row["buyer"], payment: row["payment"], askedAt: moments.wall(row["at"]))
            }
        }
    }

    func audit(after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        try await connection.queue.read { db in
            let moments = try Moments(db)
            let rows = try Row.fetchAll(
                db.cachedStatement(sql: "SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"),
                arguments: [Int64(clamping: sequence ?? 0), limit])
            return rows.map { row in
                AuditRecord(
                    sequence: UInt64(clamping: row["seq"] as Int64), at: moments.wall(row["at"]),
                    note: AuditNote(
                        key: row["key"], name: row["name"], action: row["action"], subject: row["subject"]))
            }
        }
    }
}

/// A connection that only reads, and that can be closed and opened again.
final class ReadConnection: Sendable {
    private let path: String
    private let label: String
    private let opened: Mutex<DatabaseQueue>

    init(path: String, label: String) throws(LedgerError) {
        self.path = path
        self.label = label
        opened = Mutex(try LedgerShelf.openToRead(path, label: label))
    }

    /// Fails whoever reads with it while it is closed.
    var queue: DatabaseQueue { opened.withLock { $0 } }

    func close() {
        try? queue.close()
    }

    func reopen() throws(LedgerError) {
        let new = try LedgerShelf.openToRead(path, label: label)
        opened.withLock { $0 = new }
    }
}

/// Translates moments of the office's clock into the time of day, as noted when they were.
private struct Moments {
    private let notes: [(at: Int64, ahead: Int64)]

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

/// Reads the lines of holds, and what an event's money is counted in, each event once.
private struct LineReader {
    private let db: Database
    private var currencies: [Int64: String] = [:]

    init(_ db: Database) {
        self.db = db
    }

    func lines(of hold: Int64) throws -> [SoldLine] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT t.code, l.quantity, l.price FROM (
                      SELECT event, 0 AS line, type, quantity, price FROM holds WHERE id = :hold
                      UNION ALL SELECT h.event, l.line, l.type, l.quantity, l.price
                      FROM hold_lines l JOIN holds h ON h.id = l.hold WHERE l.hold = :hold
                    ) l JOIN ticket_types t ON t.event = l.event AND t.type = l.type ORDER BY l.line
                    """),
            arguments: ["hold": hold])
        return rows.map { SoldLine(type: $0["code"], quantity: $0["quantity"], price: $0["price"]) }
    }

    /// As the latest definition says.
    mutating func currency(of event: Int64) throws -> String {
        if let known = currencies[event] { return known }
        let found = try String.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT json_extract(document, '$.currency') FROM definitions WHERE event = ?
                    ORDER BY seq DESC LIMIT 1
                    """),
            arguments: [event])
        currencies[event] = found ?? ""
        return found ?? ""
    }
}
