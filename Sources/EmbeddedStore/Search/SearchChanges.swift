internal import BoxOffice
internal import GRDB

/// The rows that change when holds change, within one transaction of the index.
struct SearchChanges {
    private struct CountKey: Hashable {
        var event: Int64
        var type: Int64
        var state: IndexedState
        var currency: String
    }

    private let db: Database
    private var counts: [CountKey: (holds: Int64, tickets: Int64, amount: Int64)] = [:]

    init(_ db: Database) {
        self.db = db
    }

    /// Takes out the rows of `old` and puts in those of `new`, as far as they differ.
    mutating func replace(_ old: IndexedHold?, with new: IndexedHold?, number: Int64) throws {
        guard old != new else { return }
        try move(Self.entries(old), Self.entries(new), "entries", "event, type, state, hold")
        try move(
            Self.rows(old?.buyer.map { [$0] }, number), Self.rows(new?.buyer.map { [$0] }, number), "buyers",
            "digest, hold")
        try move(Self.rows(old?.payments, number), Self.rows(new?.payments, number), "payments", "digest, hold")
        try move(Self.due(old), Self.due(new), "due", "deadline, hold")
        count(old, -1)
        count(new, 1)
        guard let new else {
            return try RowStatement(db.cachedStatement(sql: "DELETE FROM known WHERE hold = ?")).run(number)
        }
        let statement = RowStatement(
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?, ?, ?, ?)"))
        try statement.run { row in
            for value in [new.hold, new.event, new.state.rawValue, new.deadline] { row.add(value) }
            if let buyer = new.buyer { row.add(buyer) } else { row.add(nil as String?) }
            row.add(new.packedPayments)
            row.add(new.packedLines)
            row.add(new.currency)
        }
    }

    private func move(_ old: [[Int64]], _ new: [[Int64]], _ table: String, _ columns: String) throws {
        guard old != new else { return }
        let names = columns.split(separator: ",")
        if !old.isEmpty {
            let which = names.map { "\($0) = ?" }.joined(separator: " AND ")
            let delete = RowStatement(try db.cachedStatement(sql: "DELETE FROM \(table) WHERE \(which)"))
            for row in old where !new.contains(row) { try delete.run { for value in row { $0.add(value) } } }
        }
        if !new.isEmpty {
            let marks = names.map { _ in "?" }.joined(separator: ", ")
            let insert = RowStatement(
                try db.cachedStatement(sql: "INSERT OR IGNORE INTO \(table) (\(columns)) VALUES (\(marks))"))
            for row in new where !old.contains(row) { try insert.run { for value in row { $0.add(value) } } }
        }
    }

    private static func entries(_ hold: IndexedHold?) -> [[Int64]] {
        guard let hold else { return [] }
        let (state, number) = (hold.state.rawValue, hold.hold)
        return [[-1, -1, state, number], [hold.event, -1, state, number]]
            + hold.types.sorted().map { [hold.event, $0, state, number] }
    }

    private static func rows(_ digests: [Int64]?, _ number: Int64) -> [[Int64]] {
        (digests ?? []).map { [$0, number] }
    }

    private static func due(_ hold: IndexedHold?) -> [[Int64]] {
        guard let hold, hold.state == .held else { return [] }
        return [[hold.deadline, hold.hold]]
    }

    /// Of a purchase of which a part was returned, each part counts in its state.
    private mutating func count(_ hold: IndexedHold?, _ sign: Int64) {
        guard let hold else { return }
        for type in hold.types {
            let lines = hold.lines.filter { $0.type == type }
            add(lines.map { ($0.quantity - $0.returned, $0.price) }, type, hold.state, of: hold, sign)
            add(lines.map { ($0.returned, $0.price) }, type, .returned, of: hold, sign)
        }
    }

    private mutating func add(
        _ lines: [(tickets: Int64, price: Int64)], _ type: Int64, _ state: IndexedState, of hold: IndexedHold,
        _ sign: Int64
    ) {
        let tickets = lines.reduce(0) { $0 + $1.tickets }
        guard tickets > 0 else { return }
        let key = CountKey(event: hold.event, type: type, state: state, currency: hold.currency)
        var sum = counts[key] ?? (0, 0, 0)
        sum.holds += sign
        sum.tickets += sign * tickets
        sum.amount += sign * lines.reduce(0) { $0 + $1.tickets * $1.price }
        counts[key] = sum
    }

    /// Adds what the changes counted to the kept counts. Called once, at the end.
    func writeCounts() throws {
        let add = RowStatement(
            try db.cachedStatement(
                sql: """
                    INSERT INTO counts (event, type, state, holds, tickets, amount, currency) VALUES (?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (event, type, state, currency) DO UPDATE SET
                      holds = holds + excluded.holds, tickets = tickets + excluded.tickets,
                      amount = amount + excluded.amount
                    """))
        for (key, sum) in counts where sum != (0, 0, 0) {
            try add.run(
                key.event, key.type, key.state.rawValue, sum.holds, sum.tickets, sum.amount, texts: [key.currency])
        }
    }
}
