internal import BoxOffice
internal import GRDB
internal import TicketStore

/// The numbers that buyers know, where they are not the ledger's: of a sale that came from a store of another kind (R51 Moving
/// a sale), and of holds after lost time (R63 Backup).
enum MovedNumbers {
    /// The numbers that buyers know of the holds that were moved.
    static func read(_ db: Database) throws -> HoldNumbering {
        var numbering = HoldNumbering()
        let rows = try Cursor(db, "SELECT known, kept, count FROM moved_numbers ORDER BY known")
        while try rows.next() {
            numbering.add(
                HoldID(UInt64(clamping: rows.int(0))), as: HoldID(UInt64(clamping: rows.int(1))),
                count: UInt64(clamping: rows.int(2)))
        }
        numbering.finish()
        return numbering
    }

    static func write(_ numbering: HoldNumbering, _ db: Database) throws {
        let insert = RowStatement(
            try db.cachedStatement(sql: "INSERT INTO moved_numbers (known, kept, count) VALUES (?, ?, ?)"))
        for run in numbering.stretches {
            try insert.run(Int64(run.known.number), Int64(run.kept.number), Int64(run.count))
        }
    }

    /// The number that buyers know of a hold.
    static func known(_ hold: Int64, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db, sql: "SELECT known + (:hold - kept) FROM moved_numbers WHERE kept <= :hold AND :hold < kept + count",
            arguments: ["hold": hold]) ?? hold
    }

    /// All series of holds: the ledger's own, and those of numbers that only the other store gave.
    static func series(_ db: Database) throws -> [HoldSeries] {
        try series(db, only: "series") + series(db, only: "moved_series")
    }

    static func series(_ db: Database, only table: String) throws -> [HoldSeries] {
        try Row.fetchAll(db, sql: "SELECT first, mark FROM \(table) ORDER BY first").map { row in
            HoldSeries(first: HoldID(UInt64(clamping: row[0] as Int64)), mark: UInt64(bitPattern: row[1] as Int64))
        }
    }

    /// The last of the facts that were moved here; 0 if none were.
    static func lastFact(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT through FROM moves") ?? 0
    }
}

extension Ledger {
    /// The series of holds with those of numbers that only another store gave behind them (R51 Moving a sale).
    func series(after own: [HoldSeries]) throws(LedgerError) -> [HoldSeries] {
        try read { own + (try MovedNumbers.series($0, only: "moved_series")) }
    }

    /// Whether the sale was exported to go on elsewhere.
    func hasDeparted() throws(LedgerError) -> Bool {
        try read { try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM departure)") ?? false }
    }
}

extension LedgerSchema {
    /// A sale that came from a store of another kind, or left for another store (R51 Moving a sale).
    static let moves = """
        -- Facts up to `through` came with a sale from a store of another kind. They say what was so when it moved, and not
        -- how that came about: each event has only its last definition and the terms of its holds.
        CREATE TABLE moves (
          one INTEGER PRIMARY KEY CHECK (one = 1), through INTEGER NOT NULL, at INTEGER NOT NULL
        ) STRICT;
        -- `count` holds that buyers know by the numbers from `known` on. In this ledger they have those from `kept` on.
        CREATE TABLE moved_numbers (known INTEGER PRIMARY KEY, kept INTEGER NOT NULL, count INTEGER NOT NULL) STRICT;
        CREATE INDEX moved_numbers_kept ON moved_numbers (kept);
        -- The mark of numbers that only the other store gave, above all numbers of a ledger.
        CREATE TABLE moved_series (first INTEGER PRIMARY KEY, mark INTEGER NOT NULL) STRICT;
        -- The sale was exported to go on elsewhere. No service starts here.
        CREATE TABLE departure (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL) STRICT;
        """
}
