// What the recount knows of who sold (R48 Operator keys).

extension AuditPages {
    /// Checks that each name of a seller is beside a purchase, and with the event of its hold. Both are written at
    /// once, so it is right at every moment.
    func checkSellers() throws {
        var behind: Int64 = 0
        var count = Self.rows
        while count == Self.rows {
            count = 0
            try page { db in
                let rows = try Cursor(
                    db,
                    """
                    SELECT s.hold, p.hold IS NOT NULL, h.event IS s.event, length(s.seller) > 0
                    FROM sold_by s LEFT JOIN purchases p ON p.hold = s.hold LEFT JOIN holds h ON h.id = s.hold
                    WHERE s.hold > \(behind) ORDER BY s.hold LIMIT \(Self.rows)
                    """)
                while try rows.next() {
                    (behind, count) = (rows.int(0), count + 1)
                    guard rows.int(1) != 0, rows.int(2) != 0, rows.int(3) != 0 else {
                        throw BrokenRule("R48 Operator keys: hold \(behind) has a seller, and was not sold so")
                    }
                }
            }
        }
    }
}
