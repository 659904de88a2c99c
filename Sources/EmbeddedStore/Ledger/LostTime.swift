internal import BoxOffice
internal import CLibrary
internal import Foundation
internal import GRDB
internal import TicketStore

/// What a ledger knows of facts that it does not have, because it was a copy, or because losses were accepted (R63 Backup).
///
/// Another ledger went on from the same state, and gave numbers to holds, facts and revisions that callers may still know.
/// This one goes on above all that it can have given. How long it went on follows from the time of day, so the numbers are
/// new also where the same copy is put back several times.
enum LostTime {
    /// No machine gives more numbers in a millisecond over a longer time.
    private static let numbersAMillisecond: Int64 = 256
    /// The least time whose numbers are left out: the clock of another machine may be behind.
    private static let shortest: Int64 = 3_600_000
    /// Numbers of holds stay below it: from here on stores on Redis give theirs (R51 Moving a sale).
    private static let endOfNumbers: Int64 = 1 << 42
    /// Longer than any ledger goes on.
    private static let endless: Int64 = 1 << 62

    /// The sum of all lost times.
    static func total(_ db: Database) throws -> Duration {
        .milliseconds(try Int64.fetchOne(db, sql: "SELECT sum(milliseconds) FROM losses") ?? 0)
    }

    /// Where a SQLite database has its user version: a number of four bytes, the highest first, that SQLite leaves to us
    /// (https://www.sqlite.org/fileformat2.html#user_version_number).
    private static let userVersion: off_t = 60

    /// Notes in the file of a copy that it is one, and when it was made, in whole minutes. Nobody has it open. So it needs
    /// no table, which an earlier release's ledger would not have, and no log, which some file systems cannot have. The
    /// copy of a copy that no service has run on keeps its moment.
    ///
    /// - Returns: whether it was written; if not, the reason is in `errno`.
    static func mark(_ path: String, at moment: WallTime) -> Bool {
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var known: Int32 = 0
        guard pread(file, &known, 4, userVersion) == 4 else { return false }
        if known != 0 { return true }
        var minutes = Int32(clamping: max(1, moment.milliseconds / 60_000)).bigEndian
        return pwrite(file, &minutes, 4, userVersion) == 4
    }

    /// When the copy was made that this ledger is; `nil` if it is none.
    static func copied(_ db: Database) throws -> WallTime? {
        let minutes = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        return minutes > 0 ? WallTime(milliseconds: minutes * 60_000) : nil
    }

    /// The time of day at the last fact; `nil` in a new ledger.
    static func lastFact(_ db: Database) throws -> WallTime? {
        let (last, next) = try LedgerReader(db).end()
        return next > 1 ? try Moments(db).wall(last.milliseconds) : nil
    }

    /// Leaves out the numbers that may have been given since `begin`.
    ///
    /// - Parameters:
    ///   - known: the number of a fact that there was.
    ///   - mark: the mark of the numbers of holds that are left out, so that no token of one is accepted (R20 Tokens).
    static func leaveOut(
        since begin: WallTime?, until now: WallTime, known: UInt64, mark: UInt64, _ db: Database
    ) throws {
        let lost = max(shortest, now.milliseconds - (begin ?? now).milliseconds)
        let last = Int64(clamping: try LedgerReader(db).end().next) - 1
        let leap = lost * numbersAMillisecond + Int64(clamping: known)
        try db.execute(sql: "INSERT INTO losses VALUES (?, ?, ?)", arguments: [last, last + leap, lost])
        try db.execute(sql: "INSERT INTO queue_losses VALUES (?, ?)", arguments: [last, now.milliseconds])
        let kept = (try Int64.fetchOne(db, sql: "SELECT max(id) FROM holds") ?? 0) + 1
        let next = try MovedNumbers.known(kept, db)
        // Half of the rest at the most, so that there is always more.
        let first = next + min(leap, max(0, endOfNumbers - next) / 2)
        try db.execute(
            sql: "INSERT OR REPLACE INTO series (first, mark, began_at) VALUES (?, ?, ?)",
            arguments: [next, Int64(bitPattern: mark), now.milliseconds])
        // The holds after an earlier loss.
        try db.execute(sql: "DELETE FROM moved_numbers WHERE kept = ?", arguments: [kept])
        try db.execute(
            sql: "UPDATE moved_numbers SET count = :kept - kept WHERE kept < :kept AND kept + count > :kept",
            arguments: ["kept": kept])
        try db.execute(
            sql: "INSERT INTO moved_numbers (known, kept, count) VALUES (?, ?, ?)", arguments: [first, kept, endless])
        try db.execute(sql: "PRAGMA user_version = 0")
    }
}

extension Ledger {
    /// Goes on after lost facts, if the ledger is a copy, or if losses are accepted and there were some.
    ///
    /// - Parameters:
    ///   - known: what the last process recorded beside the ledger.
    ///   - check: called with the number of the last fact, before anything is left out.
    /// - Returns: whether numbers were left out.
    func goOnAfterLosses(
        accepted: Bool, _ identity: [UInt8], _ known: LedgerLock.Knowledge?, at now: WallTime, mark: UInt64,
        check: (_ last: UInt64) throws(LedgerError) -> Void
    ) throws(LedgerError) -> Bool {
        let (copied, end) = try read { db in
            let copied = try LostTime.copied(db)
            guard copied != nil || accepted else { return (copied, nil as (last: UInt64, at: WallTime?)?) }
            return (copied, (try LedgerReader(db).end().next - 1, try LostTime.lastFact(db)))
        }
        guard let end else { return false }
        try check(end.last)
        // With relaxed durability, and in a directory of another machine, nobody knows whether something was lost.
        let isCertain = known.map { $0.identity == identity && $0.sequence > 0 && $0.sequence <= end.last } ?? false
        guard copied != nil || !isCertain && (known != nil || end.last > 0) else { return false }
        try translating {
            try withFullSync { db in
                try LostTime.leaveOut(
                    since: copied ?? end.at, until: now, known: known?.sequence ?? 0, mark: mark, db)
            }
        }
        return true
    }
}

extension LedgerSchema {
    private static let losses = """
        -- Another ledger may have gone on after the fact `seq`, for so many milliseconds. Facts up to `through` may be its.
        CREATE TABLE losses (seq INTEGER PRIMARY KEY, through INTEGER NOT NULL, milliseconds INTEGER NOT NULL) STRICT;
        """

    /// Copies and lost time (R63 Backup). The readable views say the numbers that buyers know.
    static func makeCopies(_ db: Database) throws {
        try db.execute(sql: losses)
        try showKnownNumber(in: "sales", "'P' || s.hold AS purchase", "'P' || \(known("s.hold")) AS purchase", db)
        try showKnownNumber(in: "live_holds", "SELECT d.hold, e.code", "SELECT \(known("d.hold")) AS hold, e.code", db)
    }

    private static func known(_ hold: String) -> String {
        """
        coalesce((SELECT m.known + (\(hold) - m.kept) FROM moved_numbers m
                 WHERE m.kept <= \(hold) AND \(hold) < m.kept + m.count ORDER BY m.kept DESC LIMIT 1), \(hold))
        """
    }

    private static func showKnownNumber(
        in view: String, _ old: String, _ new: String, _ db: Database
    ) throws {
        let made = try String.fetchOne(
            db, sql: "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ?", arguments: [view])
        guard let made, made.contains(old) else { throw LedgerError.damaged("the view \(view) is another one") }
        try db.execute(sql: "DROP VIEW \(view)")
        try db.execute(sql: made.replacingOccurrences(of: old, with: new))
    }
}
