public import BoxOffice
internal import GRDB
public import TicketStore

/// Reports from a ledger without its service.
public enum LedgerReport {
    /// What an event has sold (R50 Reports), at the moment of the ledger's last fact. A service may write the ledger
    /// meanwhile.
    ///
    /// - Parameter offset: where a day begins, in minutes east of UTC.
    /// - Returns: `nil` if the ledger does not have the event.
    /// - Throws: ``LedgerError`` if the file cannot be read.
    public static func read(path: String, event: Code, utcOffset offset: Int) throws(LedgerError) -> SalesReport? {
        do {
            let source = try LedgerSource(path: path)
            defer { source.close() }
            let report = Result { try read(source.queue, event, offset) }
            // The file was read as one that nobody changes. If a service started meanwhile, it may look damaged.
            if source.wasChanged { return try read(path: path, event: event, utcOffset: offset) }
            return try report.get()
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    static func read(_ queue: DatabaseQueue, _ event: Code, _ offset: Int) throws -> SalesReport? {
        let (now, isThere) = try queue.read { db in
            let found = try Int64.fetchOne(db, sql: "SELECT event FROM events WHERE code = ?", arguments: [event.text])
            return (try LedgerReader(db).end().last, found != nil)
        }
        guard isThere else { return nil }
        var next: HoldID?
        var last: HoldID?
        var account: ReportAccount?
        repeat {
            let page = try queue.read { db in try LedgerSale(db, at: now).page(of: event, from: next) }
            var sums = account ?? ReportAccount(event: event, utcOffset: offset, at: page.readAt)
            let end = last ?? page.last
            for entry in page.entries where entry.id <= end { sums.take(entry) }
            (account, last) = (sums, end)
            next = page.next.flatMap { $0 <= end ? $0 : nil }
        } while next != nil
        return account?.report
    }
}
