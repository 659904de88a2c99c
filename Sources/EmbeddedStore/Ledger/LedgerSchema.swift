internal import GRDB

/// The tables of a ledger, version by version.
///
/// Facts are only added. A hold's row has the hold's number as its key, and so has the row of what ends the hold. So
/// rows are written in the order of a log, nothing can be purchased or released twice, and a hold is found without
/// another index. `seq` numbers the facts of all tables without gaps. `at` is the store's clock in milliseconds, which
/// `wall_clock` translates into the time of day. Everything under "readable" is derived from the facts.
enum LedgerSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 facts") { try $0.execute(sql: facts) }
        migrator.registerMigration("1 readable") { try $0.execute(sql: readable) }
        migrator.registerMigration("2 operators") { try $0.execute(sql: operators) }
        migrator.registerMigration("3 series") { try $0.execute(sql: series) }
        migrator.registerMigration("4 keys") { try $0.execute(sql: keys) }
        migrator.registerMigration("5 token keys") { try $0.execute(sql: tokenKeys) }
        migrator.registerMigration("6 debts") { try $0.execute(sql: debts) }
        migrator.registerMigration("7 audit") { try $0.execute(sql: audit) }
        migrator.registerMigration("7 allocations") { try $0.execute(sql: allocations) }
        migrator.registerMigration("7 returns") { try $0.execute(sql: returns) }
        migrator.registerMigration("7 cancellations") { try $0.execute(sql: cancellations) }
        migrator.registerMigration("7 forget") { try $0.execute(sql: erasures) }
        migrator.registerMigration("7 moves") { try $0.execute(sql: moves) }
        migrator.registerMigration("7 corrections") { try $0.execute(sql: corrections) }
        migrator.registerMigration("7 overrides") { try $0.execute(sql: overrides) }
        migrator.registerMigration("8 codes") { try $0.execute(sql: codes) }
        migrator.registerMigration("9 sellers") { try $0.execute(sql: sellers) }
        migrator.registerMigration("10 copies") { try makeCopies($0) }
        migrator.registerMigration("11 queues") { try $0.execute(sql: queues) }
        return migrator
    }

    /// Refuses a database of a later release, and one that is not a ledger. An empty file becomes a ledger.
    static func checkFormat(of db: Database, at path: String) throws {
        guard try db.tableExists("grdb_migrations") else {
            let isEmpty = try Bool.fetchOne(db, sql: "SELECT count(*) = 0 FROM sqlite_master") ?? false
            if isEmpty { return }
            throw LedgerError.notALedger(path: path)
        }
        let names = try String.fetchSet(db, sql: "SELECT identifier FROM grdb_migrations")
        guard names.isSubset(of: migrator.migrations) else {
            throw names.contains("1 facts") ? LedgerError.tooNew(path: path) : LedgerError.notALedger(path: path)
        }
    }

    /// Earlier releases kept keys as callers sent them, beside all that is needed to use them. They are deleted and
    /// overwritten. So a retry after the upgrade, with a key of the last day, makes another hold.
    private static let keys = """
        ALTER TABLE ledger ADD COLUMN key_secret BLOB;
        PRAGMA secure_delete = ON;
        DROP TABLE keys;
        PRAGMA secure_delete = OFF;
        -- Idempotency keys by the number of their fact, each a digest under key_secret. Expired ones are deleted.
        CREATE TABLE keys (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hold INTEGER NOT NULL, fingerprint INTEGER NOT NULL,
          high INTEGER NOT NULL, low INTEGER NOT NULL
        ) STRICT;
        """

    private static let tokenKeys = """
        -- The fingerprints of the keys that sign tokens, by number. A fingerprint cannot sign anything.
        CREATE TABLE token_keys (number INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL) STRICT;
        """

    private static let audit = """
        -- The event that the change is about, the operator's reason, and what the change made of what: a JSON array of
        -- objects with member, from and to. `left_out` counts the differences for which there was no room.
        ALTER TABLE audit ADD COLUMN event INTEGER;
        ALTER TABLE audit ADD COLUMN reason TEXT;
        ALTER TABLE audit ADD COLUMN differences TEXT;
        ALTER TABLE audit ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
        UPDATE audit SET event = CASE
          WHEN action LIKE 'event.%' THEN (
            SELECT d.event FROM definitions d
            WHERE json_extract(d.document, '$.id') = audit.subject AND d.seq <= audit.seq ORDER BY d.seq DESC LIMIT 1)
          -- The subject begins with a hold or a purchase, such as P7.
          ELSE (SELECT h.event FROM holds h WHERE h.id = CAST(substr(audit.subject, 2) AS INTEGER))
        END;
        """

    private static let debts = """
        -- Why a payment bought nothing (0 the places were gone, 1 too late, 2 already purchased, 3 released, 4 returned,
        -- 5 the event was removed), and whether a key reported it and not a token alone. Earlier rows: places gone.
        ALTER TABLE refunds ADD COLUMN reason INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE refunds ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1;
        CREATE TABLE repayments (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hold INTEGER NOT NULL, payment TEXT NOT NULL
        ) STRICT;

        -- Readable: every debt. `ended`: 'purchased' or 'paid back'; NULL while it is open.
        CREATE TABLE debts (
          payment TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, hold INTEGER NOT NULL,
          event INTEGER NOT NULL, reason INTEGER NOT NULL, confirmed INTEGER NOT NULL, ended TEXT
        ) STRICT;
        CREATE INDEX open_debts ON debts (confirmed, seq) WHERE ended IS NULL;
        INSERT OR REPLACE INTO debts
          SELECT r.payment, r.seq, r.at, r.hold, h.event, 0, 1, NULL FROM refunds r JOIN holds h ON h.id = r.hold
          ORDER BY r.seq;

        -- With the currency of the moment of holding.
        DROP VIEW sales;
        CREATE VIEW sales AS
          SELECT 'P' || p.hold AS purchase, e.code AS event, t.code AS type, l.quantity, l.price,
            l.quantity * l.price AS amount,
            (SELECT json_extract(d.document, '$.currency') FROM definitions d
              WHERE d.event = h.event AND d.seq < h.seq ORDER BY d.seq DESC LIMIT 1) AS currency,
            h.buyer, p.payment, p.late,
            strftime('%Y-%m-%dT%H:%M:%fZ', (p.at + (SELECT ahead FROM wall_clock WHERE at <= p.at
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS sold_at,
            strftime('%Y-%m-%dT%H:%M:%fZ', (r.at + (SELECT ahead FROM wall_clock WHERE at <= r.at
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS returned_at
          FROM purchases p JOIN holds h ON h.id = p.hold JOIN lines l ON l.hold = p.hold
            JOIN events e ON e.event = h.event JOIN ticket_types t ON t.event = h.event AND t.type = l.type
            LEFT JOIN returns r ON r.hold = p.hold;
        """

    private static let allocations = """
        -- The allocation whose places a pool counts, and through which a type is sold; NULL for all others.
        ALTER TABLE event_pools ADD COLUMN allocation TEXT;
        ALTER TABLE ticket_types ADD COLUMN allocation TEXT;
        """

    private static let erasures = """
        -- Holds whose buyer and payments were erased (R41 Erasure). An erased payment is a byte 1 and a digest under key_secret.
        CREATE TABLE erasures (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hold INTEGER NOT NULL) STRICT;
        CREATE INDEX erasures_of_hold ON erasures (hold);
        CREATE INDEX refunds_of_payment ON refunds (payment);
        CREATE INDEX audit_of_subject ON audit (subject);
        """

    private static let series = """
        -- The holds that were made between one opening and the next. Tokens are bound to the mark; before the first it is 0.
        CREATE TABLE series (first INTEGER PRIMARY KEY, mark INTEGER NOT NULL, began_at INTEGER NOT NULL) STRICT;
        """

    private static let cancellations = """
        -- Events that were cancelled, and cancellations that were undone.
        CREATE TABLE cancellations (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event INTEGER NOT NULL, undone INTEGER NOT NULL
        ) STRICT;
        """

    private static let overrides = """
        -- Holds that were taken past checks of the sale (R43 Override): the sum of 1 the sale windows, 2 a pause, 4 the limits
        -- per buyer, 8 a queue. A row is part of the fact of its hold.
        CREATE TABLE overrides (hold INTEGER PRIMARY KEY, checks INTEGER NOT NULL) STRICT;
        """

    private static let operators = """
        CREATE TABLE removals (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event INTEGER NOT NULL) STRICT;

        -- Who made which fact. It is written in the same transaction, so neither exists without the other.
        CREATE TABLE audit (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL,
          subject TEXT NOT NULL
        ) STRICT;
        """

    private static let facts = """
        CREATE TABLE ledger (
          one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, made_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE wall_clock (at INTEGER PRIMARY KEY, ahead INTEGER NOT NULL) STRICT;
        CREATE TABLE clock_mark (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL) STRICT;

        CREATE TABLE definitions (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event INTEGER NOT NULL, paused INTEGER NOT NULL,
          document TEXT NOT NULL
        ) STRICT;
        CREATE TABLE holds (
          id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, event INTEGER NOT NULL,
          deadline INTEGER NOT NULL, type INTEGER NOT NULL, quantity INTEGER NOT NULL, price INTEGER NOT NULL,
          more_lines INTEGER NOT NULL, buyer TEXT
        ) STRICT;
        CREATE TABLE hold_lines (
          hold INTEGER NOT NULL, line INTEGER NOT NULL, type INTEGER NOT NULL, quantity INTEGER NOT NULL,
          price INTEGER NOT NULL, PRIMARY KEY (hold, line)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE purchases (
          hold INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, late INTEGER NOT NULL, payment TEXT
        ) STRICT;
        CREATE TABLE releases (
          hold INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE returns (
          hold INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE extensions (
          hold INTEGER NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
          deadline INTEGER NOT NULL, PRIMARY KEY (hold, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE refunds (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hold INTEGER NOT NULL, payment TEXT NOT NULL
        ) STRICT;
        CREATE INDEX refunds_of_hold ON refunds (hold);
        CREATE TABLE recoveries (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event INTEGER NOT NULL, until INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE keys (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL, fingerprint INTEGER NOT NULL,
          hold INTEGER NOT NULL, deadline INTEGER NOT NULL, extensions INTEGER NOT NULL
        ) STRICT;
        """

    private static let readable = """
        CREATE TABLE events (event INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE event_pools (
          event INTEGER NOT NULL, pool INTEGER NOT NULL, code TEXT NOT NULL, capacity INTEGER NOT NULL,
          PRIMARY KEY (event, pool)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE ticket_types (
          event INTEGER NOT NULL, type INTEGER NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
          retired INTEGER NOT NULL, PRIMARY KEY (event, type)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE draws (
          event INTEGER NOT NULL, type INTEGER NOT NULL, pool INTEGER NOT NULL, PRIMARY KEY (event, type, pool)
        ) STRICT, WITHOUT ROWID;

        -- The store's clock now. It is right only while the service runs, because it follows from the time of day.
        CREATE VIEW office_clock AS
          SELECT max(
            coalesce((SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - ahead
                      FROM wall_clock ORDER BY at DESC LIMIT 1), 0),
            coalesce((SELECT at FROM clock_mark), 0)) AS now;

        -- One row for each line of every hold.
        CREATE VIEW lines AS
          SELECT id AS hold, event, 0 AS line, type, quantity, price FROM holds
          UNION ALL
          SELECT l.hold, h.event, l.line, l.type, l.quantity, l.price
          FROM hold_lines l JOIN holds h ON h.id = l.hold;

        -- Purchases, one row for each line. Returned ones have returned_at.
        CREATE VIEW sales AS
          SELECT 'P' || p.hold AS purchase, e.code AS event, t.code AS type, l.quantity, l.price,
            l.quantity * l.price AS amount, h.buyer, p.payment, p.late,
            strftime('%Y-%m-%dT%H:%M:%fZ', (p.at + (SELECT ahead FROM wall_clock WHERE at <= p.at
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS sold_at,
            strftime('%Y-%m-%dT%H:%M:%fZ', (r.at + (SELECT ahead FROM wall_clock WHERE at <= r.at
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS returned_at
          FROM purchases p JOIN holds h ON h.id = p.hold JOIN lines l ON l.hold = p.hold
            JOIN events e ON e.event = h.event JOIN ticket_types t ON t.event = h.event AND t.type = l.type
            LEFT JOIN returns r ON r.hold = p.hold;

        -- The deadline of every hold that was neither purchased nor released, after its extensions and recoveries.
        CREATE VIEW deadlines AS
          WITH RECURSIVE walk (hold, event, seq, deadline) AS (
            SELECT h.id, h.event, coalesce(x.seq, h.seq), coalesce(x.deadline, h.deadline)
            FROM holds h LEFT JOIN extensions x ON x.hold = h.id
              AND x.number = (SELECT max(number) FROM extensions WHERE hold = h.id)
            WHERE NOT EXISTS (SELECT 1 FROM purchases WHERE hold = h.id)
              AND NOT EXISTS (SELECT 1 FROM releases WHERE hold = h.id)
            UNION ALL
            SELECT w.hold, w.event, r.seq, max(w.deadline, r.until)
            FROM walk w JOIN recoveries r ON r.seq = (
              SELECT min(seq) FROM recoveries WHERE event = w.event AND seq > w.seq)
            WHERE r.at < w.deadline
          )
          SELECT hold, event, max(deadline) AS deadline FROM walk GROUP BY hold;

        -- Live holds, one row for each line.
        CREATE VIEW live_holds AS
          SELECT d.hold, e.code AS event, t.code AS type, l.quantity, h.buyer,
            strftime('%Y-%m-%dT%H:%M:%fZ', (h.at + (SELECT ahead FROM wall_clock WHERE at <= h.at
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS held_at,
            (d.deadline - (SELECT now FROM office_clock)) / 1000.0 AS seconds_left
          FROM deadlines d JOIN holds h ON h.id = d.hold JOIN lines l ON l.hold = d.hold
            JOIN events e ON e.event = d.event JOIN ticket_types t ON t.event = d.event AND t.type = l.type
          WHERE d.deadline > (SELECT now FROM office_clock);

        -- free + held + sold = capacity, for every pool.
        CREATE VIEW pools AS
          WITH sold AS (
            SELECT d.event, d.pool, sum(l.quantity) AS places
            FROM purchases p JOIN lines l ON l.hold = p.hold JOIN draws d ON d.event = l.event AND d.type = l.type
            WHERE NOT EXISTS (SELECT 1 FROM returns WHERE hold = p.hold)
            GROUP BY d.event, d.pool
          ), held AS (
            SELECT d.event, d.pool, sum(l.quantity) AS places
            FROM deadlines o JOIN lines l ON l.hold = o.hold JOIN draws d ON d.event = l.event AND d.type = l.type
            WHERE o.deadline > (SELECT now FROM office_clock)
            GROUP BY d.event, d.pool
          )
          SELECT e.code AS event, p.code AS pool, p.capacity,
            max(0, p.capacity - coalesce(held.places, 0) - coalesce(sold.places, 0)) AS free,
            coalesce(held.places, 0) AS held, coalesce(sold.places, 0) AS sold
          FROM event_pools p JOIN events e ON e.event = p.event
            LEFT JOIN sold ON sold.event = p.event AND sold.pool = p.pool
            LEFT JOIN held ON held.event = p.event AND held.pool = p.pool;
        """
}
