internal import GRDB

/// The tables of the search index. Everything in them follows from the ledger, so another ``version`` is built anew.
///
/// Rows of one event, type and state stand together in the order of the holds. So a page is a walk from its end,
/// whatever the number of holds.
enum SearchSchema {
    static let version: Int64 = 1

    static let tables = """
        -- What the index was made from, and the numbers of changed holds that were not taken in, eight bytes each. `closed` is 1
        -- while no process has it open.
        CREATE TABLE head (
          one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, ledger BLOB NOT NULL, mark INTEGER NOT NULL,
          sequence INTEGER NOT NULL, waiting BLOB NOT NULL, closed INTEGER NOT NULL
        ) STRICT;
        -- Each hold as the other tables know it, so that a change takes out what it put in.
        CREATE TABLE known (
          hold INTEGER PRIMARY KEY, event INTEGER NOT NULL, state INTEGER NOT NULL, deadline INTEGER NOT NULL,
          buyer INTEGER, payments TEXT NOT NULL, lines TEXT NOT NULL, currency TEXT NOT NULL
        ) STRICT;
        -- A row for each type of a hold, one for any type (-1), and one for any type of any event (-1, -1).
        CREATE TABLE entries (
          event INTEGER NOT NULL, type INTEGER NOT NULL, state INTEGER NOT NULL, hold INTEGER NOT NULL,
          PRIMARY KEY (event, type, state, hold)
        ) STRICT, WITHOUT ROWID;
        -- By digests under the ledger's secret: the file has no buyer and no payment.
        CREATE TABLE buyers (digest INTEGER NOT NULL, hold INTEGER NOT NULL, PRIMARY KEY (digest, hold))
          STRICT, WITHOUT ROWID;
        CREATE TABLE payments (digest INTEGER NOT NULL, hold INTEGER NOT NULL, PRIMARY KEY (digest, hold))
          STRICT, WITHOUT ROWID;
        -- Holds that are live, by deadline.
        CREATE TABLE due (deadline INTEGER NOT NULL, hold INTEGER NOT NULL, PRIMARY KEY (deadline, hold))
          STRICT, WITHOUT ROWID;
        CREATE TABLE counts (
          event INTEGER NOT NULL, type INTEGER NOT NULL, state INTEGER NOT NULL, currency TEXT NOT NULL,
          holds INTEGER NOT NULL, tickets INTEGER NOT NULL, amount INTEGER NOT NULL,
          PRIMARY KEY (event, type, state, currency)
        ) STRICT, WITHOUT ROWID;
        """
}
