internal import BoxOffice
internal import GRDB

extension LedgerReader {
    /// What happened to queues, the restarts that gave their turns more time, and losses of facts (R63 Backup), in their order
    /// (Q9 Fails closed).
    func readQueues(into office: inout BoxOffice) throws {
        let rows = try Cursor(
            db,
            """
            SELECT seq, at, event, kind, number, position, moment, text FROM queue_facts
            UNION ALL SELECT seq, at, event, 0, 0, 0, until, NULL FROM recoveries
            WHERE event IN (SELECT event FROM queue_facts)
            UNION ALL SELECT seq, at, event, -2, paused, 0, 0, NULL FROM definitions
            WHERE event IN (SELECT event FROM queue_facts)
            UNION ALL SELECT seq, 0, 0, -1, 0, 0, until, NULL FROM queue_losses ORDER BY seq, kind DESC
            """)
        var paused: Set<UInt32> = []
        while try rows.next() {
            let sequence = rows.int(0)
            if rows.int(3) == -1 {
                office.restoreLossOfQueues(at: WallTime(milliseconds: rows.int(6)))
                continue
            }
            let at = Timestamp(milliseconds: rows.int(1))
            guard let event = UInt32(exactly: rows.int(2)) else {
                throw LedgerError.damaged("fact \(sequence) is of the queue of event \(rows.int(2))")
            }
            if rows.int(3) == -2 {
                let isPaused = rows.int(4) != 0
                let isNews = isPaused ? paused.insert(event).inserted : paused.remove(event) != nil
                if isNews { office.restoreSale(of: event, isPaused: isPaused, at: at) }
                continue
            }
            if rows.int(3) == 0 {
                office.restoreTurns(of: event, until: Timestamp(milliseconds: rows.int(6)), at: at)
                continue
            }
            let row = LedgerQueueRow(
                kind: rows.int(3), number: rows.int(4), position: rows.int(5), moment: rows.int(6), text: rows.text(7))
            guard let fact = row?.fact, office.canRestore(fact, of: event) else {
                throw LedgerError.damaged("fact \(sequence) does not follow from what was before it in the queue")
            }
            office.restore(fact, of: event, UInt64(clamping: sequence), at: at)
        }
    }
}
