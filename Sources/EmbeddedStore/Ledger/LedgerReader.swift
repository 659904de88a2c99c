internal import BoxOffice
internal import GRDB
internal import TicketStore

/// Reads a ledger back: all of it into a box office, or some holds.
struct LedgerReader {
    let db: Database
    private let recoveries: [UInt32: [Recovery]]

    private struct Recovery {
        var sequence: Int64
        var at: Int64
        var until: Int64
    }

    init(_ db: Database) throws {
        self.db = db
        var recoveries: [UInt32: [Recovery]] = [:]
        let rows = try Cursor(db, "SELECT event, seq, at, until FROM recoveries ORDER BY seq")
        while try rows.next() {
            recoveries[UInt32(clamping: rows.int(0)), default: []]
                .append(Recovery(sequence: rows.int(1), at: rows.int(2), until: rows.int(3)))
        }
        self.recoveries = recoveries
    }

    /// The box office that the ledger's facts make, at the moment of the last of them.
    func boxOffice(limits: Limits) throws -> BoxOffice {
        var office = BoxOffice(limits: limits, digester: try LedgerEraser.digester(db))
        let (last, next) = try end()
        office.beginRestoring(at: last, nextSequence: next, lost: try LostTime.total(db))
        try readEvents(into: &office)
        try readQueues(into: &office)
        try readPaidBack(into: &office)
        try readHolds { hold, _ in
            guard office.canRestore(hold) else {
                throw LedgerError.damaged("hold \(hold.id) does not follow the one before it, or has an unknown type")
            }
            office.restore(hold)
        }
        let owedSince = try Cursor(
            db,
            """
            SELECT DISTINCT r.hold FROM refunds r
            WHERE r.seq > (SELECT max(e.seq) FROM erasures e WHERE e.hold = r.hold)
            """)
        while try owedSince.next() { office.restoreOwedSinceErasure(HoldID(UInt64(clamping: owedSince.int(0)))) }
        try readDebts(into: &office, since: last.advanced(by: .zero - limits.unconfirmedDebtsKept))
        // Rows of expired keys are deleted, except those of the last minute.
        let keys = try Cursor(
            db,
            """
            SELECT at, hold, fingerprint, high, low FROM keys
            WHERE at >= \(office.oldestKeyAt.milliseconds) ORDER BY seq
            """)
        while try keys.next() {
            let key = IdempotencyKey(high: UInt64(bitPattern: keys.int(3)), low: UInt64(bitPattern: keys.int(4)))
            let restored = RestoredKey(
                key: KeyFact(key: key, fingerprint: UInt64(bitPattern: keys.int(2))),
                at: Timestamp(milliseconds: keys.int(0)), hold: HoldID(UInt64(clamping: keys.int(1))))
            guard office.canRestore(restored) else {
                throw LedgerError.damaged("a key was used for hold \(restored.hold), which was not given")
            }
            office.restore(restored)
        }
        office.endRestoringQueues()
        office.tidy()
        return office
    }

    /// These holds in their latest state. A hold that is missing in the ledger is missing in the result.
    func holds(_ ids: [HoldID]) throws -> [HoldID: RestoredHold] {
        let list = Set(ids).map { "\(Int64(clamping: $0.number))" }.joined(separator: ", ")
        var found: [HoldID: RestoredHold] = [:]
        try readHolds("IN (\(list))") { hold, _ in found[hold.id] = hold }
        return found
    }

    /// How far the time of day was ahead of the store's clock when it was last noted, in milliseconds.
    func lastWallClock() throws -> Int64? {
        try Int64.fetchOne(db, sql: "SELECT ahead FROM wall_clock ORDER BY at DESC LIMIT 1")
    }

    /// The moment of the last fact, and the number of the next.
    func end() throws -> (last: Timestamp, next: UInt64) {
        let row = try Cursor(
            db,
            """
            SELECT max(at), max(seq) FROM (
              SELECT at, 0 AS seq FROM clock_mark
              UNION ALL SELECT at, through FROM moves
              UNION ALL SELECT 0, max(through) FROM losses
              UNION ALL SELECT * FROM (SELECT at, seq FROM definitions ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM holds ORDER BY id DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM refunds ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM repayments ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM corrections ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM erasures ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM recoveries ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM removals ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM part_returns ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM cancellations ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT * FROM (SELECT at, seq FROM queue_facts ORDER BY seq DESC LIMIT 1)
              UNION ALL SELECT max(at), max(seq) FROM purchases
              UNION ALL SELECT max(at), max(seq) FROM releases
              UNION ALL SELECT max(at), max(seq) FROM returns
              UNION ALL SELECT max(at), max(seq) FROM extensions)
            """)
        _ = try row.next()
        return (Timestamp(milliseconds: row.int(0)), UInt64(clamping: row.int(1)) + 1)
    }

    /// Debts, and payments that were paid back. What a payment bought is read with the holds.
    ///
    /// - Parameter since: unconfirmed debts after this moment have not expired.
    private func readDebts(into office: inout BoxOffice, since: Timestamp) throws {
        let rows = try Cursor(
            db,
            """
            SELECT hold, event, at, confirmed, ended, payment FROM debts
            WHERE ended = 'paid back' OR ended IS NULL AND (confirmed = 1 OR at > \(since.milliseconds))
            ORDER BY seq
            """)
        while try rows.next() {
            let hold = HoldID(UInt64(clamping: rows.int(0)))
            guard let payment = rows.text(5).flatMap(PaymentReference.init(kept:)) else {
                throw LedgerError.damaged("a debt of hold \(hold) has no payment")
            }
            if rows.text(4) != nil {
                office.restorePaidBack(payment, hold)
            } else {
                let debt = Debt(
                    hold: hold, event: UInt32(clamping: rows.int(1)), at: Timestamp(milliseconds: rows.int(2)),
                    isConfirmed: rows.int(3) != 0)
                guard office.canRestore(debt) else {
                    throw LedgerError.damaged("there is a debt of hold \(hold), which does not exist")
                }
                office.restore(debt, of: payment)
            }
        }
    }

    /// Holds in the order of their numbers, each in its final state.
    ///
    /// All tables are in the order of the hold. So one pass through all of them side by side reads everything once, in
    /// the order of the file.
    ///
    /// - Parameter which: a condition on a hold's number, as SQL.
    func readHolds(_ which: String = "> 0", _ body: (RestoredHold, HoldMoments) throws -> Void) throws {
        let holds = try Cursor(
            db,
            """
            SELECT id, seq, event, deadline, type, quantity, price, more_lines, buyer, at FROM holds
            WHERE id \(which) ORDER BY id
            """)
        func side(_ table: String, _ columns: String, order: String = "") throws -> SideCursor {
            try SideCursor(
                Cursor(db, "SELECT hold, \(columns) FROM \(table) WHERE hold \(which) ORDER BY hold\(order)"))
        }
        let purchases = try side("purchases", "seq, late, payment, at")
        let releases = try side("releases", "seq")
        let returns = try side("returns", "seq, at")
        let parts = try side("part_returns", "seq, fingerprint, high, low, reason, at", order: ", seq")
        let corrections = try side("corrections", "buyer, note", order: ", seq")
        let (erasures, codes) = (try side("erasures", "seq"), try side("hold_codes", "batch, number"))
        let (sellers, entries) = (try side("sold_by", "seller"), try side("hold_entries", "entry"))
        let lines = try side("hold_lines", "type, quantity, price", order: ", line")
        let extensions = try side("extensions", "seq, deadline", order: ", number")

        while try holds.next() {
            let id = holds.int(0)
            guard let number = UInt64(exactly: id), let event = UInt32(exactly: holds.int(2)) else {
                throw LedgerError.damaged("hold \(id) is of event \(holds.int(2))")
            }
            var hold = RestoredHold(
                id: HoldID(number), event: event, lines: OneOrMore(try line(of: holds, at: 4, hold: id)),
                deadline: Timestamp(milliseconds: holds.int(3)), buyer: holds.text(8).flatMap(Buyer.init),
                sequence: UInt64(clamping: holds.int(1)))
            var moments = HoldMoments(held: holds.int(9))
            // The fact that set its deadline and the one that ended it. Recoveries in between moved the deadline.
            var (set, ended) = (holds.int(1), Int64.max)
            try lines.visit(id) { hold.lines.rest.append(try line(of: $0, at: 1, hold: id)) }
            try extensions.visit(id) {
                hold.extensions = UInt8(clamping: Int(hold.extensions) + 1)
                set = $0.int(1)
                hold.deadline = Timestamp(milliseconds: $0.int(2))
            }
            try purchases.visit(id) {
                (hold.state, ended) = (.purchased, $0.int(1))
                hold.late = $0.int(2) != 0
                hold.payment = $0.text(3).flatMap(PaymentReference.init(kept:))
                moments.purchased = $0.int(4)
            }
            try releases.visit(id) { (hold.state, ended) = (.released, $0.int(1)) }
            try parts.visit(id) { try takeBack(partReturn($0), of: &hold, &moments, $0) }
            try returns.visit(id) {
                hold.takeBack()
                moments.returned = $0.int(2)
            }
            try corrections.visit(id) { correct(&hold, $0) }
            try erasures.visit(id) { _ in hold.isErased = true }
            try codes.visit(id) { hold.code = try code(of: $0, hold: id) }
            try entries.visit(id) { hold.entry = HeldEntry(EntryNumber(UInt32(clamping: $0.int(1)))) }
            try sellers.visit(id) { hold.seller = $0.text(1).flatMap(Seller.init) }
            hold.deadline = deadline(hold, from: set, to: ended)
            try body(hold, moments)
        }
    }

    private func correct(_ hold: inout RestoredHold, _ row: Cursor) {
        hold.buyer = row.text(1).flatMap(Buyer.init)
        hold.note = row.text(2).flatMap(SaleNote.init)
    }

    private func takeBack(
        _ part: PartReturnFact, of hold: inout RestoredHold, _ moments: inout HoldMoments, _ row: Cursor
    ) throws {
        guard hold.takeBack(part) else {
            throw LedgerError.damaged("fact \(row.int(1)) returns more of hold \(hold.id) than was purchased")
        }
        moments.parts.append((row.int(6), part))
    }

    /// The partial return of a row: sequence, fingerprint, key and reason, from the second column on.
    private func partReturn(_ row: Cursor) throws -> PartReturnFact {
        let rows = try Cursor(
            db, "SELECT line, quantity FROM part_return_lines WHERE seq = \(row.int(1)) ORDER BY line")
        var shares: [PartReturnFact.Share] = []
        while try rows.next() {
            shares.append(.init(line: UInt8(clamping: rows.int(0)), quantity: Int32(clamping: rows.int(1))))
        }
        guard let lines = OneOrMore<PartReturnFact.Share>(shares) else {
            throw LedgerError.damaged("fact \(row.int(1)) returns nothing")
        }
        let key = IdempotencyKey(high: UInt64(bitPattern: row.int(3)), low: UInt64(bitPattern: row.int(4)))
        return PartReturnFact(
            lines: lines, key: KeyFact(key: key, fingerprint: UInt64(bitPattern: row.int(2))),
            reason: row.text(5).flatMap(ReasonText.init))
    }

    private func code(of row: Cursor, hold: Int64) throws -> HeldCode {
        guard let batch = UInt16(exactly: row.int(1)), (1...Int64(Limits.codesPerBatch)).contains(row.int(2)) else {
            throw LedgerError.damaged("hold \(hold) has code \(row.int(2)) of batch \(row.int(1))")
        }
        return HeldCode(batch: Int(batch), number: Int(row.int(2)))
    }

    /// The type, quantity and price in the columns from `column` on.
    private func line(of rows: Cursor, at column: CInt, hold: Int64) throws -> HeldLine {
        guard let type = UInt16(exactly: rows.int(column)), let quantity = Int32(exactly: rows.int(column + 1)) else {
            throw LedgerError.damaged("hold \(hold) has a line of type \(rows.int(column)) × \(rows.int(column + 1))")
        }
        return HeldLine(type: type, quantity: quantity, price: rows.int(column + 2))
    }

    /// A hold's deadline after the recoveries that it was live for, between the facts that set it and ended it.
    private func deadline(_ hold: RestoredHold, from set: Int64, to ended: Int64) -> Timestamp {
        guard let all = recoveries[hold.event], let last = all.last, last.sequence > set else { return hold.deadline }
        var deadline = hold.deadline.milliseconds
        var low = 0
        var high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].sequence <= set { low = middle + 1 } else { high = middle }
        }
        for recovery in all[low...] {
            guard recovery.at < deadline, recovery.sequence < ended else { break }
            deadline = max(deadline, recovery.until)
        }
        return Timestamp(milliseconds: deadline)
    }
}

/// When the facts of a hold were decided, by the store's clock in milliseconds.
struct HoldMoments {
    var held: Int64
    var purchased: Int64?
    /// When all that was left of the purchase was returned.
    var returned: Int64?
    /// The partial returns before (R39 Partial return).
    var parts: [(at: Int64, PartReturnFact)] = []

    init(held: Int64) {
        self.held = held
    }
}

/// A cursor whose first column is a hold, in the order of the holds.
private final class SideCursor {
    private let rows: Cursor
    private var current: Int64?

    init(_ rows: Cursor) throws {
        self.rows = rows
        try advance()
    }

    /// Calls `body` for each row of `hold`. It skips rows of earlier holds.
    func visit(_ hold: Int64, _ body: (Cursor) throws -> Void) throws {
        while let row = current, row <= hold {
            if row == hold { try body(rows) }
            try advance()
        }
    }

    private func advance() throws {
        current = try rows.next() ? rows.int(0) : nil
    }
}
