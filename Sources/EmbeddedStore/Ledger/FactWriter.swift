internal import BoxOffice
internal import GRDB
internal import GRDBSQLite
internal import TicketStore

/// Writes facts as rows. It binds and steps statements without GRDB, because it runs for every hold.
struct FactWriter {
    private let db: Database

    init(_ db: Database) {
        self.db = db
    }

    func write(_ batch: Ledger.Batch) throws {
        let holds = RowStatement(try db.cachedStatement(sql: Self.insertHold))
        let purchases = RowStatement(try db.cachedStatement(sql: Self.insertPurchase))
        let keys = RowStatement(try db.cachedStatement(sql: Self.insertKey))
        for index in batch.entries.indices {
            let sequence = Int64(batch.entries[index].recorded.sequence)
            let at = batch.entries[index].recorded.at.milliseconds
            switch batch.entries[index].recorded.fact {
            case .held(let id, let fact):
                try holds.run { row in
                    row.add(id.number)
                    row.add(sequence)
                    row.add(at)
                    row.add(fact.event)
                    row.add(fact.deadline.milliseconds)
                    row.add(fact.lines.first.type)
                    row.add(fact.lines.first.quantity)
                    row.add(fact.lines.first.price)
                    row.add(fact.lines.rest.count)
                    row.add(fact.buyer?.text)
                }
                if !fact.lines.rest.isEmpty { try write(fact.lines.rest, of: id) }
                if let key = fact.key { try write(key, sequence, at, id, with: keys) }
                if !fact.override.isEmpty {
                    try insert("overrides", "hold, checks").run(Int64(id.number), Int64(fact.override.rawValue))
                }
                if !fact.code.isNone {
                    try insert("hold_codes", "hold, batch, number")
                        .run(Int64(id.number), Int64(fact.code.batch), Int64(fact.code.number))
                }
                if let entry = fact.entry.number {
                    try insert("hold_entries", "hold, entry").run(Int64(id.number), Int64(entry.value))
                }
            case .purchased(let id, let payment, let late, let settles, let seller):
                try purchases.run { row in
                    row.add(id.number)
                    row.add(sequence)
                    row.add(at)
                    row.add(late ? 1 : 0)
                    row.add(payment?.text)
                }
                if settles, let payment { try endDebt(payment, "purchased") }
                if let seller { try write(seller, of: id) }
            default:
                try writeRare(batch.entries[index], keys)
            }
        }
        for (fact, note) in batch.notes { try write(note, about: fact) }
        if batch.erases { try eraseFromAudit(batch) }
        if let wallClock = batch.wallClock {
            try insert("wall_clock", "at, ahead", orReplace: true).run(wallClock.at.milliseconds, wallClock.ahead)
        }
    }

    private func writeRare(_ entry: Ledger.Batch.Entry, _ keys: RowStatement) throws {
        let sequence = Int64(entry.recorded.sequence)
        let at = entry.recorded.at.milliseconds
        switch entry.recorded.fact {
        case .held, .purchased: preconditionFailure("frequent facts are written in write(_:)")
        case .released(let id):
            try RowStatement(db.cachedStatement(sql: Self.insertRelease)).run(Int64(id.number), sequence, at)
        case .returned(let id):
            try insert("returns", "hold, seq, at").run(Int64(id.number), sequence, at)
        case .returnedPart(let id, let part): try write(part, of: id, sequence, at)
        case .extended(let id, let deadline, let key):
            let number = try nextExtension(of: id)
            try insert("extensions", "hold, number, seq, at, deadline")
                .run(Int64(id.number), number, sequence, at, deadline.milliseconds)
            if let key { try write(key, sequence, at, id, with: keys) }
        case .refundOwed(let id, let payment, let reason, let isConfirmed):
            try insert("refunds", "seq, at, hold, reason, confirmed, payment")
                .run(
                    sequence, at, Int64(id.number), Int64(reason.rawValue), isConfirmed ? 1 : 0, texts: [payment.text])
            // It replaces a debt that a token alone reported.
            try RowStatement(db.cachedStatement(sql: Self.insertDebt))
                .run(sequence, at, Int64(reason.rawValue), isConfirmed ? 1 : 0, Int64(id.number), texts: [payment.text])
        case .paidBack(let id, let payment):
            try insert("repayments", "seq, at, hold, payment").run(
                sequence, at, Int64(id.number), texts: [payment.text])
            try endDebt(payment, "paid back")
        case .corrected(let id, let state):
            try insert("corrections", "seq, at, hold, buyer, note")
                .run(sequence, at, Int64(id.number), texts: [state.buyer?.text, state.note?.text])
        case .erased(let id, _): try LedgerEraser(db).erase(id, sequence, at)
        case .recovered(let event, let until):
            try insert("recoveries", "seq, at, event, until").run(sequence, at, Int64(event), until.milliseconds)
        case .cancelled(let event):
            try insert("cancellations", "seq, at, event, undone").run(sequence, at, Int64(event), 0)
        case .reinstated(let event):
            try insert("cancellations", "seq, at, event, undone").run(sequence, at, Int64(event), 1)
        case .removed(let event):
            try insert("removals", "seq, at, event").run(sequence, at, Int64(event))
            try RowStatement(db.cachedStatement(sql: "DELETE FROM events WHERE event = ?")).run(Int64(event))
        case .queue(let event, let fact): try write(fact, of: event, sequence, at)
        case .clockReached:
            try insert("clock_mark", "one, at", orReplace: true).run(1, at)
        case .defined(let definition, let paused):
            guard let catalogue = entry.catalogue else { preconditionFailure("a definition comes with its catalogue") }
            let document = String(decoding: EventDocument.write(definition), as: UTF8.self)
            try insert("definitions", "seq, at, event, paused, document")
                .run(sequence, at, Int64(catalogue.event), paused ? 1 : 0, texts: [document])
            try write(catalogue)
        }
    }

    /// Behind the notes, which may be about the same holds.
    private func eraseFromAudit(_ batch: Ledger.Batch) throws {
        for entry in batch.entries {
            if case .erased(let id, _) = entry.recorded.fact { try LedgerEraser(db).eraseFromAudit(Int64(id.number)) }
        }
    }

    private func write(_ note: AuditNote, about recorded: RecordedFact) throws {
        let event: String
        let number: Int64
        switch recorded.fact {
        case .defined: (event, number) = ("(SELECT event FROM definitions WHERE seq = ?)", Int64(recorded.sequence))
        case .removed(let index), .recovered(let index, _), .cancelled(let index), .reinstated(let index),
            .queue(let index, _):
            (event, number) = ("?", Int64(index))
        case .held(let id, _), .extended(let id, _, _), .released(let id), .purchased(let id, _, _, _, _),
            .returned(let id), .returnedPart(let id, _), .refundOwed(let id, _, _, _), .paidBack(let id, _),
            .corrected(let id, _), .erased(let id, _):
            (event, number) = ("(SELECT event FROM holds WHERE id = ?)", Int64(id.number))
        case .clockReached: return
        }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO audit (seq, at, left_out, event, key, name, action, subject, reason, differences)
                VALUES (?, ?, ?, \(event), ?, ?, ?, ?, ?, ?)
                """)
        try RowStatement(statement).run { row in
            row.add(recorded.sequence)
            row.add(recorded.at.milliseconds)
            row.add(note.leftOut)
            row.add(number)
            row.add(note.key)
            row.add(note.name)
            row.add(note.action)
            row.add(subject(of: note, about: recorded.fact))
            row.add(note.reason)
            row.add(note.differencesText)
        }
    }

    /// A new hold has its number from the decision, so its note does not say it.
    private func subject(of note: AuditNote, about fact: Fact) -> String {
        if note.subject.isEmpty, case .held(let id, _) = fact { return "H\(id.number)" }
        return note.subject
    }

    private func endDebt(_ payment: PaymentReference, _ how: String) throws {
        try RowStatement(db.cachedStatement(sql: "UPDATE debts SET ended = ? WHERE payment = ?"))
            .run(texts: [how, payment.text])
    }

    private func write(_ seller: Seller, of id: HoldID) throws {
        try RowStatement(db.cachedStatement(sql: Self.insertSeller)).run(Int64(id.number), texts: [seller.text])
    }

    private func write(_ lines: [HeldLine], of id: HoldID) throws {
        let statement = try insert("hold_lines", "hold, line, type, quantity, price")
        for (index, line) in lines.enumerated() {
            try statement.run(
                Int64(id.number), Int64(index + 1), Int64(line.type), Int64(line.quantity), line.price)
        }
    }

    private func write(
        _ key: KeyFact, _ sequence: Int64, _ at: Int64, _ id: HoldID, with statement: RowStatement
    ) throws {
        try statement.run { row in
            row.add(sequence)
            row.add(at)
            row.add(id.number)
            row.add(Int64(bitPattern: key.fingerprint))
            row.add(Int64(bitPattern: key.key.high))
            row.add(Int64(bitPattern: key.key.low))
        }
    }

    private func write(_ part: PartReturnFact, of id: HoldID, _ sequence: Int64, _ at: Int64) throws {
        let columns = "seq, at, hold, fingerprint, high, low, reason"
        try insert("part_returns", columns).run { row in
            row.add(sequence)
            row.add(at)
            row.add(id.number)
            row.add(Int64(bitPattern: part.key.fingerprint))
            row.add(Int64(bitPattern: part.key.key.high))
            row.add(Int64(bitPattern: part.key.key.low))
            row.add(part.reason?.text)
        }
        let lines = try insert("part_return_lines", "seq, line, quantity")
        for share in part.lines { try lines.run(sequence, Int64(share.line), Int64(share.quantity)) }
    }

    private func write(_ fact: QueueFact, of event: UInt32, _ sequence: Int64, _ at: Int64) throws {
        let row = LedgerQueueRow(fact)
        try insert("queue_facts", "seq, at, event, kind, number, position, moment, text").run(
            sequence, at, Int64(event), row.kind.rawValue, row.number, row.position, row.moment, texts: [row.text])
    }

    private func nextExtension(of id: HoldID) throws -> Int64 {
        let statement = try db.cachedStatement(
            sql: "SELECT 1 + coalesce(max(number), 0) FROM extensions WHERE hold = ?")
        return try Int64.fetchOne(statement, arguments: [Int64(id.number)]) ?? 1
    }

    private func write(_ catalogue: EventCatalogue) throws {
        let event = Int64(catalogue.event)
        try insert("events", "event, code", orReplace: true).run(event, texts: [catalogue.code.text])
        let pools = try insert("event_pools", "event, pool, capacity, code, allocation", orReplace: true)
        for (index, pool) in catalogue.pools.enumerated() {
            try pools.run(
                event, Int64(index), Int64(pool.capacity), texts: [pool.code.text, pool.allocation?.text])
        }
        let types = try insert("ticket_types", "event, type, retired, code, name, allocation", orReplace: true)
        let draws = try insert("draws", "event, type, pool", orReplace: true)
        for (index, type) in catalogue.types.enumerated() {
            try types.run(
                event, Int64(index), type.isRetired ? 1 : 0,
                texts: [type.code.text, type.name, type.allocation?.text])
            for pool in type.pools { try draws.run(event, Int64(index), Int64(pool)) }
        }
    }

    private static let insertHold = insertion(
        into: "holds", "id, seq, at, event, deadline, type, quantity, price, more_lines, buyer")
    private static let insertPurchase = insertion(into: "purchases", "hold, seq, at, late, payment")
    private static let insertDebt = """
        INSERT OR REPLACE INTO debts (seq, at, reason, confirmed, hold, event, payment)
        SELECT ?1, ?2, ?3, ?4, id, event, ?6 FROM holds WHERE id = ?5
        """
    private static let insertSeller = """
        INSERT INTO sold_by (hold, event, seller) SELECT id, event, ?2 FROM holds WHERE id = ?1
        """
    private static let insertRelease = insertion(into: "releases", "hold, seq, at")
    private static let insertKey = insertion(into: "keys", "seq, at, hold, fingerprint, high, low")

    private func insert(_ table: String, _ columns: String, orReplace: Bool = false) throws -> RowStatement {
        RowStatement(try db.cachedStatement(sql: Self.insertion(into: table, columns, orReplace: orReplace)))
    }

    private static func insertion(into table: String, _ columns: String, orReplace: Bool = false) -> String {
        let marks = columns.split(separator: ",").map { _ in "?" }.joined(separator: ", ")
        return "\(orReplace ? "INSERT OR REPLACE" : "INSERT") INTO \(table) (\(columns)) VALUES (\(marks))"
    }
}

/// A prepared statement whose parameters are integers and then texts.
struct RowStatement {
    private let statement: Statement

    init(_ statement: Statement) {
        self.statement = statement
    }

    /// Runs it with the parameters that `fill` adds, in their order.
    @inline(__always)
    func run(_ fill: (inout Columns) -> Void) throws {
        var columns = Columns(handle: statement.sqliteStatement)
        fill(&columns)
        try step()
    }

    /// Runs it with these parameters. For rare rows, since it allocates a list.
    func run(_ numbers: Int64..., texts: [String?] = []) throws {
        try run { columns in
            for number in numbers { columns.add(number) }
            for text in texts { columns.add(text) }
        }
    }

    /// The parameters, from the first on.
    struct Columns {
        fileprivate let handle: SQLiteStatement
        private var position: CInt = 0

        fileprivate init(handle: SQLiteStatement) {
            self.handle = handle
        }

        @inline(__always)
        mutating func add(_ number: some BinaryInteger) {
            position += 1
            sqlite3_bind_int64(handle, position, Int64(number))
        }

        mutating func add(_ text: String?) {
            position += 1
            guard var text else {
                sqlite3_bind_null(handle, position)
                return
            }
            // SQLITE_TRANSIENT: SQLite copies the bytes, which need not outlive the call.
            let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    _ = sqlite3_bind_text(handle, position, characters.baseAddress, CInt(characters.count), copied)
                }
            }
        }
    }

    private func step() throws {
        let handle = statement.sqliteStatement
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else {
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code),
                message: String(cString: sqlite3_errmsg(sqlite3_db_handle(handle))))
        }
    }
}
