internal import BoxOffice
internal import GRDB
internal import TicketStore

extension LedgerQueries {
    /// How to find the holds of a query; `nil` if there can be none.
    func plan(_ query: SalesQuery, _ digester: SearchDigester) async throws -> (
        way: SearchIndex.Way, range: Range<Int64>
    )? {
        try await read { db in
            var (event, types): (Int64, [Int64]) = (-1, [-1])
            if let code = query.event {
                guard let found = try Self.event(code, db) else { return nil }
                event = found
            }
            if let type = query.type {
                // A type that was defined again with other pools has several indexes.
                types = try Int64.fetchAll(
                    db, sql: "SELECT type FROM ticket_types WHERE event = ? AND code = ?",
                    arguments: [event, type.text])
            }
            let range = try Self.range(of: query, db)
            guard !range.isEmpty, !types.isEmpty else { return nil }
            if let hold = query.hold { return (.hold(Int64(clamping: hold.number)), range) }
            if let payment = query.payment { return (.payment(digest: digester.digest(payment.text)), range) }
            if let buyer = query.buyer { return (.buyer(digest: digester.digest(buyer.text)), range) }
            let states = query.state.map { [IndexedState($0)] } ?? IndexedState.allCases
            return (.entries(event: event, types: types, states: states), range)
        }
    }

    /// The index of the event that has a code now.
    func index(of event: Code) async throws -> Int64? {
        try await read { try Self.event(event, $0) }
    }

    private static func event(_ code: Code, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(db, sql: "SELECT event FROM events WHERE code = ?", arguments: [code.text])
    }

    /// The numbers of the holds within a query's times and before its page.
    private static func range(of query: SalesQuery, _ db: Database) throws -> Range<Int64> {
        let moments = try Moments(db)
        let last = try Int64.fetchOne(db, sql: "SELECT max(id) FROM holds") ?? 0
        let first = try query.from.map { try firstHold(at: moments.earliest(notBefore: $0), last, db) } ?? 1
        var end = try query.to.map { try firstHold(at: moments.end(before: $0), last, db) } ?? last + 1
        if let behind = query.behind { end = min(end, Int64(clamping: behind.number)) }
        return first..<max(first, end)
    }

    /// The first hold that was made at a moment of the store's clock or later. Holds are numbered without gaps, in the
    /// order of that clock.
    private static func firstHold(at moment: Int64, _ last: Int64, _ db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT at FROM holds WHERE id = ?")
        var (low, high): (Int64, Int64) = (1, last + 1)
        while low < high {
            let middle = (low + high) / 2
            let at = try Int64.fetchOne(statement, arguments: [middle]) ?? 0
            if at < moment { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// These holds as they are at `now`, in the order of the list. Leaves out those that the query does not mean.
    func sales(_ holds: [Int64], of query: SalesQuery, at now: Timestamp) async throws -> [SaleRecord] {
        guard !holds.isEmpty else { return [] }
        return try await read { db in
            let restored = try LedgerReader(db).holds(holds.map { HoldID(UInt64(clamping: $0)) })
            let paid = try query.payment.map { try Self.paid(by: $0, among: holds, db) }
            var lines = LineReader(db)
            let moments = try Moments(db)
            let purchases = try Self.purchases(of: holds, &lines, moments, db)
            let statement = try db.cachedStatement(
                sql: "SELECT h.at, o.checks FROM holds h LEFT JOIN overrides o ON o.hold = h.id WHERE h.id = ?")
            return try holds.compactMap { number in
                guard let hold = restored[HoldID(UInt64(clamping: number))], paid?.contains(number) ?? true,
                    let made = try Row.fetchOne(statement, arguments: [number])
                else { return nil }
                let (event, held) = (Int64(hold.event), Int64(clamping: hold.sequence))
                let end = hold.deadline.milliseconds - (try lines.grace(of: event, at: held))
                var record = SaleRecord(
                    hold: hold.id, event: try lines.code(of: event), state: IndexedState(hold, at: now).visible,
                    currency: try lines.currency(of: event, at: held),
                    lines: try lines.lines(
                        of: number, isReturned: hold.state == .returned, hasReturns: !hold.returnKeys.isEmpty),
                    buyer: hold.buyer?.text, note: hold.note?.text, heldAt: moments.wall(made["at"]),
                    expiresAt: moments.wall(end), purchase: purchases[number])
                record.override = Override(rawValue: made["checks"] ?? 0)
                if !hold.code.isNone { record.code = try lines.code(hold.code.batch, hold.code.number, of: event) }
                return record.fits(query) && record.fitsBuyer(of: query) ? record : nil
            }
        }
    }

    /// Those of the holds that this payment bought, or that it was sent for.
    private static func paid(by payment: PaymentReference, among holds: [Int64], _ db: Database) throws -> Set<Int64> {
        let list = holds.map(String.init).joined(separator: ", ")
        return try Int64.fetchSet(
            db,
            sql: """
                SELECT hold FROM purchases WHERE hold IN (\(list)) AND payment = :payment
                UNION SELECT hold FROM refunds WHERE hold IN (\(list)) AND payment = :payment
                """,
            arguments: ["payment": payment.text])
    }

    /// What the index counted, with the codes of the types.
    func named(_ counts: [SearchIndex.Count], of event: Int64) async throws -> [SalesCount] {
        try await read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT type, code FROM ticket_types WHERE event = ? ORDER BY type", arguments: [event])
            let codes = Dictionary(rows.map { ($0["type"] as Int64, $0["code"] as String) }, uniquingKeysWith: { $1 })
            return SalesCount.gathered(
                counts.map { count in
                    SalesCount(
                        type: codes[count.type] ?? "", state: count.state.visible, currency: count.currency,
                        holds: count.holds, tickets: count.tickets, amount: count.amount)
                }, types: rows.map { $0["code"] })
        }
    }
}

extension Moments {
    /// The first moment of the store's clock at which the time of day was `wall` or later. The time of day may have
    /// been set back meanwhile, so later moments need not be later in the day.
    func earliest(notBefore wall: WallTime) -> Int64 {
        for (index, note) in notes.enumerated() {
            let moment = max(index == 0 ? .min : note.at, wall.milliseconds - note.ahead)
            if index == notes.count - 1 || moment < notes[index + 1].at { return moment }
        }
        return wall.milliseconds
    }

    /// The moment of the store's clock from which on the time of day was `wall` or later all the time.
    func end(before wall: WallTime) -> Int64 {
        var next = Int64.max
        for note in notes.reversed() {
            if note.at + note.ahead < wall.milliseconds { return min(next, wall.milliseconds - note.ahead) }
            next = note.at
        }
        return wall.milliseconds - (notes.first?.ahead ?? 0)
    }
}
