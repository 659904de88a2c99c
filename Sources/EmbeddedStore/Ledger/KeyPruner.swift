internal import BoxOffice
internal import GRDB
internal import GRDBSQLite

/// Deletes rows of idempotency keys that count no more, some with each commit, so that it costs no sync of its own
/// (R15 Idempotency keys).
///
/// A round walks through the rows in the order of their use, as far as there may be one that counts no more; rows of
/// purchases stay, and are passed once a round until they are a day old.
struct KeyPruner: Sendable {
    /// Rows that are looked at with a commit at least; with a large batch twice its facts, or they would pile up.
    static let fewestRows = 256
    /// Rows that are judged under the lock at once.
    private static let rowsAtOnce = 1_024
    /// From one round to the next: so much longer than they count rows stay.
    static let roundsApart = Duration.seconds(60)

    /// What the box office says of keys.
    struct Judge {
        let now: Timestamp
        /// From here on all keys count.
        let oldestOfEndedHoldAt: Timestamp
        let forgotten: ([(hold: HoldID, at: Timestamp)]) -> [Bool]
    }

    private var last: Int64 = 0
    private var nextRoundAt = Timestamp.zero

    func isDue(at now: Timestamp) -> Bool {
        nextRoundAt <= now
    }

    /// - Parameter facts: how many are written with it.
    mutating func prune(_ db: Database, with facts: Int, _ judge: Judge) throws {
        var left = max(Self.fewestRows, facts * 2)
        while left > 0, isDue(at: judge.now) {
            let wanted = min(left, Self.rowsAtOnce)
            let rows = try rows(db, limit: wanted)
            let old = rows.prefix { $0.use.at < judge.oldestOfEndedHoldAt }
            try delete(zip(old, judge.forgotten(old.map(\.use))), db)
            last = old.last?.sequence ?? last
            left -= wanted
            guard old.count < wanted else { continue }
            (last, nextRoundAt) = (0, judge.now.advanced(by: Self.roundsApart))
        }
    }

    private typealias KeyRow = (sequence: Int64, use: (hold: HoldID, at: Timestamp))

    private func rows(_ db: Database, limit: Int) throws -> [KeyRow] {
        let rows = Cursor(
            try db.cachedStatement(sql: "SELECT seq, hold, at FROM keys WHERE seq > ? ORDER BY seq LIMIT ?"))
        rows.bind(last, Int64(limit))
        defer { rows.reset() }
        var found: [KeyRow] = []
        while try rows.next() {
            let use = (HoldID(UInt64(clamping: rows.int(1))), Timestamp(milliseconds: rows.int(2)))
            found.append((rows.int(0), use))
        }
        return found
    }

    /// Rows that follow each other go in one statement.
    private func delete(_ rows: some Sequence<(KeyRow, Bool)>, _ db: Database) throws {
        let statement = RowStatement(
            try db.cachedStatement(sql: "DELETE FROM keys WHERE seq BETWEEN ? AND ?"))
        var run: (first: Int64, last: Int64)?
        for (row, isForgotten) in rows {
            if isForgotten {
                run = (run?.first ?? row.sequence, row.sequence)
            } else if let whole = run {
                try statement.run(whole.first, whole.last)
                run = nil
            }
        }
        if let run { try statement.run(run.first, run.last) }
    }
}
