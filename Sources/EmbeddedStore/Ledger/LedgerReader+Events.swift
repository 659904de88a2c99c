internal import BoxOffice
internal import GRDB
internal import TicketStore

extension LedgerReader {
    /// Definitions and removals in their order, from which an event's index follows.
    func readEvents(into office: inout BoxOffice) throws {
        let rows = try Cursor(
            db,
            """
            SELECT seq, paused, event, document, 0, 0 FROM definitions
            UNION ALL SELECT seq, 0, event, NULL, 0, 0 FROM removals
            UNION ALL SELECT seq, undone, event, NULL, 1, at FROM cancellations
            UNION ALL SELECT through, 0, 0, NULL, 2, milliseconds FROM losses ORDER BY seq
            """)
        while try rows.next() {
            if rows.int(4) == 2 {
                office.restoreLoss(of: .milliseconds(rows.int(5)))
                continue
            }
            if rows.int(4) != 0 {
                let at = rows.int(1) == 0 ? Timestamp(milliseconds: rows.int(5)) : nil
                guard let event = UInt32(exactly: rows.int(2)), office.restoreCancellation(of: event, at: at) else {
                    throw LedgerError.damaged("fact \(rows.int(0)) cancels event \(rows.int(2)), which there is not")
                }
                continue
            }
            guard let document = rows.text(3) else {
                guard let event = UInt32(exactly: rows.int(2)), office.restoreRemoval(of: event) else {
                    throw LedgerError.damaged("fact \(rows.int(0)) removes event \(rows.int(2)), which there is not")
                }
                continue
            }
            do {
                let definition = try EventDocument.readKept(Array(document.utf8))
                office.restore(
                    definition, paused: rows.int(1) != 0, sequence: UInt64(clamping: rows.int(0)))
            } catch {
                throw LedgerError.damaged("definition \(rows.int(0)): \(error)")
            }
        }
    }

    /// Which cancelled events had something paid back since (R42 Cancelled event).
    func readPaidBack(into office: inout BoxOffice) throws {
        let rows = try Cursor(
            db,
            """
            SELECT c.event FROM (SELECT event, max(seq) AS seq FROM cancellations GROUP BY event) c
            JOIN cancellations last ON last.seq = c.seq AND last.undone = 0
            WHERE EXISTS (SELECT 1 FROM returns r JOIN holds h ON h.id = r.hold WHERE h.event = c.event AND r.seq > c.seq)
              OR EXISTS (SELECT 1 FROM part_returns r JOIN holds h ON h.id = r.hold WHERE h.event = c.event AND r.seq > c.seq)
              OR EXISTS (SELECT 1 FROM repayments r JOIN holds h ON h.id = r.hold WHERE h.event = c.event AND r.seq > c.seq)
            """)
        while try rows.next() { office.restorePaidBack(of: UInt32(clamping: rows.int(0))) }
    }
}
