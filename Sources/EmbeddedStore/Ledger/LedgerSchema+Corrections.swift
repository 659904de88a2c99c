extension LedgerSchema {
    /// Corrections (R40 Corrections). The readable views show what the latest one says.
    static let corrections = """
        -- What an operator made of the buyer and the note of a hold: both, from that fact on. The row in `holds` keeps the buyer
        -- of the beginning. An erasure empties both.
        CREATE TABLE corrections (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hold INTEGER NOT NULL, buyer TEXT, note TEXT
        ) STRICT;
        CREATE INDEX corrections_of_hold ON corrections (hold);

        -- The buyer of each hold and the note about it, as they are now.
        CREATE VIEW named_holds AS
          SELECT h.id AS hold, CASE WHEN c.seq IS NULL THEN h.buyer ELSE c.buyer END AS buyer, c.note
          FROM holds h LEFT JOIN corrections c ON c.seq = (SELECT max(seq) FROM corrections WHERE hold = h.id);

        -- Purchases, one row for each line, with what was returned of it and what is kept. A line that was wholly returned has
        -- returned_at.
        DROP VIEW sales;
        CREATE VIEW sales AS
          WITH sold AS (
            SELECT p.hold, p.at, p.late, p.payment, h.event, h.seq, n.buyer, n.note, l.type, l.quantity, l.price,
              CASE WHEN r.at IS NULL THEN coalesce(k.quantity, 0) ELSE l.quantity END AS returned,
              CASE WHEN k.quantity = l.quantity THEN k.at ELSE r.at END AS gone
            FROM purchases p JOIN holds h ON h.id = p.hold JOIN named_holds n ON n.hold = p.hold
              JOIN lines l ON l.hold = p.hold LEFT JOIN returns r ON r.hold = p.hold
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
            (s.quantity - s.returned) * s.price AS kept_amount, s.note
          FROM sold s JOIN events e ON e.event = s.event JOIN ticket_types t ON t.event = s.event AND t.type = s.type;

        -- Live holds, one row for each line.
        DROP VIEW live_holds;
        CREATE VIEW live_holds AS
          SELECT d.hold, e.code AS event, t.code AS type, l.quantity, n.buyer,
            strftime('%Y-%m-%dT%H:%M:%fZ', (h.at + (SELECT ahead FROM wall_clock WHERE at <= h.at
              ORDER BY at DESC LIMIT 1)) / 1000.0, 'unixepoch') AS held_at,
            (d.deadline - (SELECT now FROM office_clock)) / 1000.0 AS seconds_left, n.note
          FROM deadlines d JOIN holds h ON h.id = d.hold JOIN named_holds n ON n.hold = d.hold
            JOIN lines l ON l.hold = d.hold JOIN events e ON e.event = d.event
            JOIN ticket_types t ON t.event = d.event AND t.type = l.type
          WHERE d.deadline > (SELECT now FROM office_clock);
        """
}
