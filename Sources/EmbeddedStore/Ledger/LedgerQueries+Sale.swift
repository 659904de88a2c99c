internal import BoxOffice
internal import GRDB
internal import TicketStore

extension LedgerQueries {
    /// A page of an event's holds (R50 Reports), in one short transaction.
    ///
    /// - Parameter now: holds with this deadline or an earlier one have ended.
    func sale(of event: Code, from first: HoldID?, stretch: Int, at now: Timestamp) async throws -> SalePage {
        try await read { db in
            try LedgerSale(db, at: now).page(of: event, from: first, stretch: stretch)
        }
    }
}

/// Reads the holds of one event from a ledger, a page at a time.
struct LedgerSale {
    private let db: Database
    private let now: Timestamp

    init(_ db: Database, at now: Timestamp) {
        self.db = db
        self.now = now
    }

    func page(of event: Code, from first: HoldID?, stretch: Int = SalePage.stretch) throws -> SalePage {
        let moments = try Moments(db)
        let first = first?.number ?? 1
        let through = first + UInt64(stretch) - 1
        let last = UInt64(clamping: try Int64.fetchOne(db, sql: "SELECT max(id) FROM holds") ?? 0)
        var page = SalePage(
            entries: [], next: last > through ? HoldID(through + 1) : nil, last: HoldID(last),
            readAt: moments.wall(now.milliseconds))
        guard
            let index = try Int64.fetchOne(db, sql: "SELECT event FROM events WHERE code = ?", arguments: [event.text])
        else { return page }
        var lines = LineReader(db)
        let types = try Row.fetchAll(
            db, sql: "SELECT code, allocation FROM ticket_types WHERE event = ? ORDER BY type", arguments: [index])
        try LedgerReader(db).readHolds("BETWEEN \(Int64(clamping: first)) AND \(Int64(clamping: through))") {
            hold, times in
            guard Int64(hold.event) == index else { return }
            let sold = hold.lines.map { line in
                let type = types.indices.contains(Int(line.type)) ? types[Int(line.type)] : nil
                return SoldLine(
                    type: type?["code"] ?? "", allocation: type?["allocation"], quantity: Int(line.quantity),
                    price: line.price, returned: Int(line.returned))
            }
            let parts = times.parts.map { at, part in
                var quantities = [Int](repeating: 0, count: sold.count)
                for share in part.lines { quantities[Int(share.line)] = Int(share.quantity) }
                return (at: moments.wall(at), quantities: quantities)
            }
            page.entries.append(
                SaleEntry(
                    id: hold.id, state: state(of: hold),
                    currency: try lines.currency(of: index, at: Int64(clamping: hold.sequence)), lines: Array(sold),
                    heldAt: moments.wall(times.held), purchasedAt: times.purchased.map(moments.wall),
                    returned: SaleEntry.returned(
                        of: Array(sold), parts: parts, rest: times.returned.map(moments.wall))))
        }
        return page
    }

    private func state(of hold: RestoredHold) -> HoldView.State {
        switch hold.state {
        case .held: now < hold.deadline ? .held : .expired
        case .purchased: .purchased
        case .released: .released
        case .returned: .returned
        }
    }
}
