internal import BoxOffice
internal import GRDB
internal import GRDBSQLite

/// Deletes rows of expired idempotency keys (R15 Idempotency keys).
///
/// A round walks through the rows in the order of their use, up to the first one that must still count. Rows of
/// purchases stay until they are a day old, and each round passes them.
struct KeyPruner: Sendable {
    /// Rows that a commit looks at. With a large batch it is twice the batch's facts, or rows would pile up.
    static let fewestRows = 256
    /// Rows that are judged under one lock.
    private static let rowsAtOnce = 1_024
    /// The time between two rounds. Rows stay that much longer than their keys count.
    static let roundsApart = Duration.seconds(60)

    /// How the box office judges keys.
    struct Judge {
        let now: Timestamp
        /// Keys that were used at this moment or later all count.
        let oldestOfEndedHoldAt: Timestamp
        /// Which of these keys, each given by its hold and its use, have expired.
        let expired: ([(hold: HoldID, at: Timestamp)]) -> [Bool]
    }

    private var last: Int64 = 0
    private var nextRoundAt = Timestamp.zero

    func isDue(at now: Timestamp) -> Bool {
        nextRoundAt <= now
    }

    /// Deletes some rows within the transaction of a commit.
    ///
    /// - Parameter facts: how many facts the commit writes.
    mutating func prune(_ db: Database, with facts: Int, _ judge: Judge) throws {
        var left = max(Self.fewestRows, facts * 2)
        while left > 0, isDue(at: judge.now) {
            let wanted = min(left, Self.rowsAtOnce)
            let rows = try rows(db, limit: wanted)
            let old = rows.prefix { $0.use.at < judge.oldestOfEndedHoldAt }
            try delete(zip(old, judge.expired(old.map(\.use))), db)
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

    /// Deletes the expired rows, each run of them in one statement.
    private func delete(_ rows: some Sequence<(KeyRow, Bool)>, _ db: Database) throws {
        let statement = RowStatement(
            try db.cachedStatement(sql: "DELETE FROM keys WHERE seq BETWEEN ? AND ?"))
        var run: (first: Int64, last: Int64)?
        for (row, isExpired) in rows {
            if isExpired {
                run = (run?.first ?? row.sequence, row.sequence)
            } else if let whole = run {
                try statement.run(whole.first, whole.last)
                run = nil
            }
        }
        if let run { try statement.run(run.first, run.last) }
    }
}
