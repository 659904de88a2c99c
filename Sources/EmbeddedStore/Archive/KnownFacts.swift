internal import GRDB

/// The tables and columns that ``ArchivedSale`` reads, or that follow from others.
///
/// A feature brings tables and columns of its own, and an archive has them like all others. A move to a store of
/// another kind that did not know them would lose them without a word, so they must be listed here once it moves them.
enum KnownFacts {
    private static let columns: [String: Set<String>] = [
        "ledger": ["one", "id", "made_at", "key_secret"], "wall_clock": ["at", "ahead"], "clock_mark": ["one", "at"],
        "definitions": ["seq", "at", "event", "paused", "document"],
        "holds": [
            "id", "seq", "at", "event", "deadline", "type", "quantity", "price", "more_lines", "buyer",
        ],
        "hold_lines": ["hold", "line", "type", "quantity", "price"],
        "hold_codes": ["hold", "batch", "number"], "sold_by": ["hold", "event", "seller"],
        "purchases": ["hold", "seq", "at", "late", "payment"], "releases": ["hold", "seq", "at"],
        "returns": ["hold", "seq", "at"], "extensions": ["hold", "number", "seq", "at", "deadline"],
        // The reason of a partial return is in the audit, too.
        "part_returns": ["seq", "at", "hold", "fingerprint", "high", "low", "reason"],
        "part_return_lines": ["seq", "line", "quantity"], "erasures": ["seq", "at", "hold"],
        "corrections": ["seq", "at", "hold", "buyer", "note"],
        "refunds": ["seq", "at", "hold", "payment", "reason", "confirmed"],
        "repayments": ["seq", "at", "hold", "payment"], "recoveries": ["seq", "at", "event", "until"],
        "cancellations": ["seq", "at", "event", "undone"],
        "overrides": ["hold", "checks"],
        "removals": ["seq", "at", "event"], "keys": ["seq", "at", "hold", "fingerprint", "high", "low"],
        "audit": [
            "seq", "at", "key", "name", "action", "subject", "event", "reason", "differences", "left_out",
        ],
        "series": ["first", "mark", "began_at"], "token_keys": ["number", "fingerprint"],
        "debts": ["payment", "seq", "at", "hold", "event", "reason", "confirmed", "ended"],
        "events": ["event", "code"], "event_pools": ["event", "pool", "code", "capacity", "allocation"],
        "ticket_types": ["event", "type", "code", "name", "retired", "allocation"], "draws": ["event", "type", "pool"],
        "moves": ["one", "through", "at"], "moved_numbers": ["known", "kept", "count"],
        "moved_series": ["first", "mark"], "departure": ["one", "at"],
        // Of lost time only the numbers count, and the other store gives numbers of its own.
        "losses": ["seq", "through", "milliseconds"],
        "grdb_migrations": ["identifier"],
    ]

    /// A table or a column that is not listed and has something in it; `nil` if there is none.
    static func unknown(in db: Database) throws -> String? {
        let tables = try String.fetchAll(
            db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        for table in tables {
            guard let known = columns[table] else {
                let isFilled = try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM \"\(table)\")") ?? false
                if isFilled { return table }
                continue
            }
            for column in try db.columns(in: table).map(\.name) where !known.contains(column) {
                // 0 is what a new column says of rows that were there before.
                let isFilled = try Bool.fetchOne(
                    db,
                    sql: """
                        SELECT EXISTS (SELECT 1 FROM "\(table)" WHERE "\(column)" IS NOT NULL AND "\(column)" <> 0)
                        """)
                if isFilled ?? false { return "\(table).\(column)" }
            }
        }
        return nil
    }
}
