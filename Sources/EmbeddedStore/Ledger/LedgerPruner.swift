internal import BoxOffice
internal import GRDB

/// Deletes rows that no longer count, some with each commit, so that this needs no sync of its own.
struct LedgerPruner: Sendable {
    private let unconfirmedDebtsKept: Duration
    private var keys = KeyPruner()
    private var debts = DebtPruner()

    init(_ limits: Limits) {
        unconfirmedDebtsKept = limits.unconfirmedDebtsKept
    }

    /// A commit failed, so its deletions did not happen.
    mutating func startAgain() {
        (keys, debts) = (KeyPruner(), DebtPruner())
    }

    /// Deletes some rows within the transaction that commits `facts`.
    mutating func prune(_ db: Database, with facts: Ledger.Batch, _ judge: KeyPruner.Judge) throws {
        try keys.prune(db, with: facts.entries.count, judge)
        // By the last fact and not by the clock: a ledger's own last moment decides what has expired in it.
        guard let now = facts.entries.last?.recorded.at else { return }
        try debts.prune(db, at: now, kept: unconfirmedDebtsKept)
    }
}

/// Deletes rows of expired unconfirmed debts (R23 Debts). The facts that made them stay.
struct DebtPruner: Sendable {
    /// Rows that a round looks at, in the order of their facts.
    private static let rowsInARound = 1_000
    private static let roundsApart = Duration.seconds(60)

    private var nextRoundAt = Timestamp.zero

    mutating func prune(_ db: Database, at now: Timestamp, kept: Duration) throws {
        guard nextRoundAt <= now else { return }
        let expired = now.advanced(by: .zero - kept).milliseconds
        try RowStatement(
            db.cachedStatement(
                sql: """
                    DELETE FROM debts WHERE payment IN (
                      SELECT payment FROM (
                        SELECT payment, at FROM debts WHERE ended IS NULL AND confirmed = 0 ORDER BY seq LIMIT ?)
                      WHERE at <= ?)
                    """)
        ).run(Int64(Self.rowsInARound), expired)
        // With more to delete the next commit goes on.
        if db.changesCount < Self.rowsInARound { nextRoundAt = now.advanced(by: Self.roundsApart) }
    }
}
