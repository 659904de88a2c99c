internal import GRDB

/// One row of one of the tables of facts.
struct AuditFact {
    enum Kind: Int64 {
        case definition = 1
        case hold, lengthening, release, purchase, givingBack, refund, recovery, removal, repayment, partialReturn
        case erasure = 20
        case cancellation = 21
        case correction = 22
        case queue = 23
    }

    var sequence: Int64
    var kind: Kind
    var at: Int64
    /// The number of the hold; for definitions, recoveries, removals and queues that of the event.
    var subject: Int64
    /// By kind: deadline, `until`, `late` or `paused`; of a correction 1 if its hold was erased since, of an
    /// erasure 1 if a queue still has its buyer. For a refund it is twice the reason, plus 1 if it is confirmed.
    var value: Int64
    /// By kind: document, buyer or payment. For a partial return pairs of line and quantity, as `0:2 1:1`.
    var text: String?
    /// Only for holds.
    var event: Int64
    /// Only for holds: whether the buyer was erased since (R41 Erasure).
    var isErased = false
    /// Only for holds: the checks that did not count for it, as the ledger has them (R43 Override).
    var override: Int64 = 0
    /// Only for holds: the entry of the queue (Q6 Pass).
    var entry: Int64?

    fileprivate init?(_ row: Cursor) {
        guard let kind = Kind(rawValue: row.int(1)) else { return nil }
        self.kind = kind
        sequence = row.int(0)
        at = row.int(2)
        subject = row.int(3)
        value = row.int(4)
        text = row.text(5)
        event = row.int(6)
    }
}

/// The lines of a hold.
struct AuditLines {
    var first: AuditLine
    var more: [AuditLine]
    /// The access code that the hold was made with.
    var code: AuditCodes.Used?
}

struct AuditLine {
    var type: Int64
    var quantity: Int
    var price: Int64
}

/// Reads the facts of a ledger in the order of their decisions, one page in each transaction.
struct AuditPages {
    /// Rows of a page. Reading one takes some milliseconds, during which the log cannot be restarted.
    static let rows = 10_000

    let queue: DatabaseQueue
    private let isCancelled: () -> Bool
    /// The transaction to read everything in; `nil` for one transaction for each page.
    private let transaction: Database?

    init(queue: DatabaseQueue, isCancelled: @escaping () -> Bool) {
        self.queue = queue
        self.isCancelled = isCancelled
        transaction = nil
    }

    /// Reads everything in the present transaction of `pages`.
    private init(_ pages: AuditPages, within db: Database) {
        queue = pages.queue
        isCancelled = pages.isCancelled
        transaction = db
    }

    /// Calls `body`, which sees one moment of the ledger.
    func inOneTransaction(_ body: (AuditPages, Database) throws -> Void) throws {
        try queue.read { db in try body(AuditPages(self, within: db), db) }
    }

    func page<Value>(_ body: (Database) throws -> Value) throws -> Value {
        if isCancelled() { throw CancellationError() }
        if let transaction { return try body(transaction) }
        return try queue.read(body)
    }

    func lastFact() throws -> Int64 {
        try page { Int64(try LedgerReader($0).end().next) - 1 }
    }

    func tables() throws -> [String] {
        try page { try String.fetchAll($0, sql: "SELECT name FROM sqlite_master WHERE type = 'table'") }
    }

    /// Runs SQLite's own check.
    ///
    /// - Parameter what: `1` for the whole file, or a table's name in quotes.
    func checkFile(_ what: String) throws {
        let found = try page { try String.fetchOne($0, sql: "PRAGMA integrity_check(\(what))") } ?? "no answer"
        guard found == "ok" else { throw BrokenRule("the file is damaged: \(found)") }
    }

    /// Enters the facts that the account does not have yet, up to number `last`.
    ///
    /// The table of holds is in the order of facts. The other tables are in the order of holds, so they are read first
    /// and sorted.
    func enter(into account: inout AuditAccount, through last: Int64) throws {
        try page { try account.readNames($0) }
        var others = try facts(after: account.lastFact, through: last)[...]
        while true {
            let holds = try holds(after: account.lastHold, through: last)
            for (fact, lines) in holds {
                while let other = others.first, other.sequence < fact.sequence {
                    try account.enter(others.removeFirst())
                }
                try account.enter(fact, lines: lines)
            }
            if holds.count < Self.rows { break }
        }
        for other in others { try account.enter(other) }
        account.leaveOut(before: last + 1)
        guard account.lastFact == last else { throw BrokenRule("fact \(account.lastFact + 1) is missing") }
    }

    private func holds(after first: Int64, through last: Int64) throws -> [(AuditFact, AuditLines?)] {
        try page { db in
            var more: [Int64: [AuditLine]] = [:]
            let lines = try Cursor(
                db,
                """
                SELECT hold, type, quantity, price FROM hold_lines
                WHERE hold > \(first) AND hold <= \(first + Int64(Self.rows)) ORDER BY hold, line
                """)
            while try lines.next() { more[lines.int(0), default: []].append(Self.line(lines, at: 1)) }
            let rows = try Cursor(
                db,
                """
                SELECT seq, 2, at, id, deadline, buyer, event, type, quantity, price, more_lines,
                  EXISTS (SELECT 1 FROM erasures WHERE hold = id),
                  (SELECT checks FROM overrides WHERE hold = id), c.batch, c.number,
                  (SELECT entry + 1 FROM hold_entries WHERE hold = id)
                FROM holds LEFT JOIN hold_codes c ON c.hold = id
                WHERE id > \(first) AND seq <= \(last) ORDER BY id LIMIT \(Self.rows)
                """)
            var found: [(AuditFact, AuditLines?)] = []
            while try rows.next() {
                guard var fact = AuditFact(rows) else { continue }
                fact.isErased = rows.int(11) != 0
                fact.override = rows.int(12)
                if rows.int(15) != 0 { fact.entry = rows.int(15) - 1 }
                let others = more[fact.subject] ?? []
                let isWhole = others.count == Int(rows.int(10))
                var lines = AuditLines(first: Self.line(rows, at: 7), more: others)
                // Codes are numbered from 1.
                if rows.int(14) != 0 {
                    lines.code = .init(event: fact.event, batch: rows.int(13), number: rows.int(14))
                }
                found.append((fact, isWhole ? lines : nil))
            }
            return found
        }
    }

    private static func line(_ rows: Cursor, at column: CInt) -> AuditLine {
        AuditLine(type: rows.int(column), quantity: Int(rows.int(column + 1)), price: rows.int(column + 2))
    }

    /// All facts except holds, in their order.
    private func facts(after first: Int64, through last: Int64) throws -> [AuditFact] {
        var facts: [AuditFact] = []
        for table in Self.tables {
            var behind: String?
            var count = Self.rows
            while count == Self.rows {
                count = 0
                try page { db in
                    let rows = try Cursor(
                        db,
                        """
                        SELECT seq, \(table.columns), 0, \(table.key) FROM \(table.name)
                        WHERE seq > \(first) AND seq <= \(last)\(behind.map { " AND (\(table.key)) > (\($0))" } ?? "")
                        ORDER BY \(table.key) LIMIT \(Self.rows)
                        """)
                    while try rows.next() {
                        count += 1
                        if let fact = AuditFact(rows) { facts.append(fact) }
                        behind = table.keyColumns == 1 ? "\(rows.int(7))" : "\(rows.int(7)), \(rows.int(8))"
                    }
                }
            }
        }
        facts.sort { $0.sequence < $1.sequence }
        return facts
    }

    /// The tables of facts except that of holds, with their kinds.
    private static let tables: [(name: String, columns: String, key: String, keyColumns: Int)] = [
        ("definitions", "1, at, event, paused, document", "seq", 1),
        ("extensions", "3, at, hold, deadline, NULL", "hold, number", 2),
        ("releases", "4, at, hold, 0, NULL", "hold", 1),
        ("purchases", "5, at, hold, late, payment", "hold", 1),
        ("returns", "6, at, hold, 0, NULL", "hold", 1),
        ("refunds", "7, at, hold, reason * 2 + confirmed, payment", "seq", 1),
        ("recoveries", "8, at, event, until, NULL", "seq", 1),
        ("removals", "9, at, event, 0, NULL", "seq", 1),
        ("cancellations", "21, at, event, undone, NULL", "seq", 1),
        ("repayments", "10, at, hold, 0, payment", "seq", 1),
        (
            "part_returns",
            """
            11, at, hold, 0, (SELECT group_concat(line || ':' || quantity, ' ') FROM part_return_lines l
              WHERE l.seq = part_returns.seq)
            """, "seq", 1
        ),
        (
            "erasures",
            """
            20, at, hold, EXISTS (SELECT 1 FROM hold_entries JOIN holds ON id = hold_entries.hold
              JOIN queue_facts q ON q.kind = 3 AND q.event = holds.event AND q.number = entry
              WHERE hold_entries.hold = erasures.hold AND (q.position != 0 OR q.moment != q.number)), NULL
            """, "seq", 1
        ),
        (
            "corrections", "22, at, hold, EXISTS (SELECT 1 FROM erasures e WHERE e.hold = corrections.hold), buyer",
            "seq", 1
        ),
        (
            "queue_facts",
            "23, at, event, kind, number || ' ' || position || ' ' || moment || ' ' || coalesce(text, '')", "seq", 1
        ),
    ]
}
