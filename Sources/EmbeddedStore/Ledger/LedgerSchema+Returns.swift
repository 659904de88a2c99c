extension LedgerSchema {
    /// Partial returns (R39 Partial return). The views that sum purchases leave out what was returned.
    static let returns = """
        -- What an operator took back of a purchase, with the digest of the request's key. The lines say how much of which
        -- line of the hold. If nothing is left, the purchase is returned.
        CREATE TABLE part_returns (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hold INTEGER NOT NULL, fingerprint INTEGER NOT NULL,
          high INTEGER NOT NULL, low INTEGER NOT NULL, reason TEXT
        ) STRICT;
        CREATE INDEX part_returns_of_hold ON part_returns (hold);
        CREATE TABLE part_return_lines (
          seq INTEGER NOT NULL, line INTEGER NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (seq, line)
        ) STRICT, WITHOUT ROWID;

        -- What was returned of each line of a purchase by parts, and when last.
        CREATE VIEW returned_lines AS
          SELECT r.hold, l.line, sum(l.quantity) AS quantity, max(r.at) AS at
          FROM part_returns r JOIN part_return_lines l ON l.seq = r.seq GROUP BY r.hold, l.line;

        -- Purchases, one row for each line, with what was returned of it and what is kept. A line that was wholly returned has
        -- returned_at.
        DROP VIEW sales;
        CREATE VIEW sales AS
          WITH sold AS (
            SELECT p.hold, p.at, p.late, p.payment, h.event, h.seq, h.buyer, l.type, l.quantity, l.price,
              CASE WHEN r.at IS NULL THEN coalesce(k.quantity, 0) ELSE l.quantity END AS returned,
              CASE WHEN k.quantity = l.quantity THEN k.at ELSE r.at END AS gone
            FROM purchases p JOIN holds h ON h.id = p.hold JOIN lines l ON l.hold = p.hold
              LEFT JOIN returns r ON r.hold = p.hold
              LEFT JOIN returned_lines k ON k.hold = l.hold AND k.line = l.line
          )
          SELECT 'P' || s.hold AS purchase, e.code AS event, t.code AS type, s.quantity, s.price,
            s.quantity * s.price AS amount,
            (SELECT json_extract(d.document, '$.currency') FROM definitions d
              WHERE d.event = s.event AND d.seq < s.seq ORDER BY d.seq DESC LIMIT 1) AS currency,
            s.buyer, s.payment, s.late,
            strftime('%Y-%m-%dT%H:%M:%fZ', (s.at + (SELECT ahead FROM wall_clock WHERE at <= s.at
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS sold_at,
            strftime('%Y-%m-%dT%H:%M:%fZ', (s.gone + (SELECT ahead FROM wall_clock WHERE at <= s.gone
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS returned_at,
            s.returned, s.returned * s.price AS returned_amount,
            (s.quantity - s.returned) * s.price AS kept_amount
          FROM sold s JOIN events e ON e.event = s.event JOIN ticket_types t ON t.event = s.event AND t.type = s.type;

        -- free + held + sold = capacity, for every pool.
        DROP VIEW pools;
        CREATE VIEW pools AS
          WITH sold AS (
            SELECT d.event, d.pool, sum(l.quantity - coalesce(k.quantity, 0)) AS places
            FROM purchases p JOIN lines l ON l.hold = p.hold JOIN draws d ON d.event = l.event AND d.type = l.type
              LEFT JOIN returned_lines k ON k.hold = l.hold AND k.line = l.line
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
            LEFT JOIN held ON held.event = p.event AND held.pool = p.pool
          WHERE p.allocation IS NULL;

        -- What was taken through each allocation of a pool, which the pool counts, too.
        CREATE VIEW allocations AS
          WITH sold AS (
            SELECT d.event, d.pool, sum(l.quantity - coalesce(k.quantity, 0)) AS places
            FROM purchases p JOIN lines l ON l.hold = p.hold JOIN draws d ON d.event = l.event AND d.type = l.type
              LEFT JOIN returned_lines k ON k.hold = l.hold AND k.line = l.line
            WHERE NOT EXISTS (SELECT 1 FROM returns WHERE hold = p.hold)
            GROUP BY d.event, d.pool
          ), held AS (
            SELECT d.event, d.pool, sum(l.quantity) AS places
            FROM deadlines o JOIN lines l ON l.hold = o.hold JOIN draws d ON d.event = l.event AND d.type = l.type
            WHERE o.deadline > (SELECT now FROM office_clock)
            GROUP BY d.event, d.pool
          )
          SELECT e.code AS event, p.code AS pool, p.allocation, p.capacity AS places,
            coalesce(held.places, 0) AS held, coalesce(sold.places, 0) AS sold
          FROM event_pools p JOIN events e ON e.event = p.event
            LEFT JOIN sold ON sold.event = p.event AND sold.pool = p.pool
            LEFT JOIN held ON held.event = p.event AND held.pool = p.pool
          WHERE p.allocation IS NOT NULL;
        """
}
