internal import BoxOffice
internal import GRDB

/// Reads from the ledger what the search index says about holds. Each call is one short transaction, so it never keeps
/// the ledger's log from being folded in for long.
struct SearchSource: Sendable {
    let connection: ReadConnection
    let digester: SearchDigester

    /// These holds as the ledger has them now, and those that it does not have.
    func holds(_ numbers: [Int64], at now: Timestamp) throws -> (found: [IndexedHold], gone: [Int64]) {
        try connection.queue.read { db in
            let restored = try LedgerReader(db).holds(numbers.map { HoldID(UInt64(clamping: $0)) })
            let owed = try payments(of: numbers, db)
            var lines = LineReader(db)
            var (found, gone): ([IndexedHold], [Int64]) = ([], [])
            for number in numbers {
                guard let hold = restored[HoldID(UInt64(clamping: number))] else {
                    gone.append(number)
                    continue
                }
                let texts = [hold.payment?.text].compactMap(\.self) + (owed[number] ?? [])
                found.append(
                    IndexedHold(
                        hold: number, event: Int64(hold.event), state: IndexedState(hold, at: now),
                        deadline: hold.deadline.milliseconds, buyer: hold.buyer.map { digester.digest($0.text) },
                        payments: Set(texts.map(digester.digest)).sorted(),
                        lines: hold.lines.map {
                            IndexedHold.Line(
                                type: Int64($0.type), quantity: Int64($0.quantity), price: $0.price,
                                returned: hold.state == .purchased ? Int64($0.returned) : 0)
                        },
                        currency: try lines.currency(of: Int64(hold.event), at: Int64(clamping: hold.sequence))))
            }
            return (found, gone)
        }
    }

    /// The number of the last hold; 0 if there is none.
    func lastHold() throws -> Int64 {
        try connection.queue.read { try Int64.fetchOne($0, sql: "SELECT max(id) FROM holds") ?? 0 }
    }

    /// Payments for these holds that bought nothing when they came.
    private func payments(of numbers: [Int64], _ db: Database) throws -> [Int64: [String]] {
        let list = numbers.map(String.init).joined(separator: ", ")
        let rows = try Row.fetchCursor(db, sql: "SELECT hold, payment FROM refunds WHERE hold IN (\(list))")
        var found: [Int64: [String]] = [:]
        while let row = try rows.next() { found[row["hold"], default: []].append(row["payment"]) }
        return found
    }
}
