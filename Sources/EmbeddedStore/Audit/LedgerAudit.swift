public import BoxOffice
internal import GRDB
internal import TicketStore

/// The result of a recount.
public struct AuditReport: Sendable, Equatable {
    public var facts: UInt64 = 0
    public var holds = 0
    public var purchases = 0
    public var returns = 0
    public var refundsOwed = 0
    /// Every pool, recounted, at the moment of the last fact.
    public var pools: [PoolCount] = []
    /// The first rule that the facts break, in a sentence; `nil` if they break none.
    public var broken: String?
}

/// Recounts a ledger from its facts and checks whether they keep the rules.
///
/// ``AuditAccount`` shares no code with the box office. Only at the end both are compared. Facts are read in pages,
/// each in a transaction of its own. Facts are only added, so every page agrees about those up to the last one at the
/// beginning, and a running service can fold its log in between.
public enum LedgerAudit {
    /// Recounts the ledger at `path`, and compares the result with what a start would restore. A service may write the
    /// ledger meanwhile. It takes some microseconds for each fact, and memory for every hold.
    ///
    /// - Throws: ``LedgerError`` if the file cannot be read. A broken rule is not an error: it is in the report.
    public static func recount(path: String) throws(LedgerError) -> AuditReport {
        try recount(path: path, beforeEachPage: {})
    }

    /// - Parameter beforeEachPage: called before each page is read, for tests that change the file meanwhile.
    package static func recount(path: String, beforeEachPage: () -> Void) throws(LedgerError) -> AuditReport {
        do {
            return try recount(path: path, goOn: beforeEachPage)
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    /// - Parameter goOn: called before each page is read. If it throws, the recount ends with that.
    /// - Throws: ``LedgerError``, or what `goOn` throws.
    static func recount(path: String, goOn: () throws -> Void) throws -> AuditReport {
        try withoutActuallyEscaping(goOn) { goOn in
            var stopped: (any Error)?
            do {
                let source = try LedgerSource(path: path)
                defer { source.close() }
                let pages = AuditPages(
                    queue: source.queue,
                    isCancelled: {
                        do { try goOn() } catch { stopped = error }
                        return stopped != nil
                    })
                let found = Result { try recount(pages) }
                if stopped == nil, source.wasChanged {
                    // The file was read as one that nobody changes. If a service started meanwhile, it may look
                    // damaged.
                    return try recount(path: path, goOn: goOn)
                }
                return try found.get()
            } catch {
                throw stopped ?? Ledger.translate(error, opening: path)
            }
        }
    }

    /// Recounts the facts of a ledger in use up to `mark`, and compares the result with the service's numbers there.
    ///
    /// - Parameter isCancelled: called before each page is read.
    /// - Throws: `CancellationError` if it is cancelled.
    package static func recount(
        path: String, through mark: LedgerMark, isCancelled: @escaping () -> Bool
    ) throws -> AuditReport {
        let queue = try ReadConnection.open(path, label: "recount")
        defer { try? queue.close() }
        let pages = AuditPages(queue: queue, isCancelled: isCancelled)
        var account = AuditAccount()
        try judge(&account) { account in
            for table in try pages.tables() { try pages.checkFile("'\(table)'") }
            try pages.checkSellers()
            try pages.enter(into: &account, through: Int64(mark.sequence))
            account.passTime(to: mark.at.milliseconds)
            try compare(account.counts(), with: mark.pools, "counted by the service")
        }
        account.report.pools = account.counts().filter { pool in
            mark.pools.contains { $0.event == pool.event && $0.pool == pool.pool }
        }
        return account.report
    }

    private static func recount(_ pages: AuditPages) throws -> AuditReport {
        var account = AuditAccount()
        try judge(&account) { account in
            try pages.checkFile("1")
            try pages.checkSellers()
            try pages.enter(into: &account, through: try pages.lastFact())
            // The facts that were added meanwhile are read in one transaction with what a start reads, so that both are
            // of the same moment.
            try pages.inOneTransaction { pages, db in
                try pages.enter(into: &account, through: try pages.lastFact())
                var office = try LedgerReader(db).boxOffice(limits: Limits())
                account.passTime(to: office.clock.milliseconds)
                let moment = Moment(office: office.clock, wall: WallTime(milliseconds: office.clock.milliseconds))
                let (recounted, restored) = (account.counts(), office.counts(at: moment))
                try compare(recounted, with: restored, "restored")
                guard restored.count == recounted.count else {
                    throw BrokenRule("\(restored.count) pools are restored, \(recounted.count) recounted")
                }
                let expiry = office.clock.advanced(by: .zero - office.limits.unconfirmedDebtsKept)
                try account.debts.compare(
                    with: Cursor(db, "SELECT payment, hold, confirmed, at FROM debts WHERE ended IS NULL"),
                    expiry: expiry.milliseconds)
            }
        }
        account.report.pools = account.counts()
        return account.report
    }

    /// Runs `body`, and puts a broken rule into the report.
    private static func judge(_ account: inout AuditAccount, _ body: (inout AuditAccount) throws -> Void) throws {
        do {
            try body(&account)
        } catch let error as BrokenRule {
            account.report.broken = error.what
        } catch let error as LedgerError {
            account.report.broken = "\(error)"
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            // The file can be read, but a table or a column is missing.
            account.report.broken = "the ledger is damaged: \(error.message ?? "it lacks a table")"
        }
    }

    /// Checks that the other numbers are the recounted ones.
    private static func compare(_ recounted: [PoolCount], with others: [PoolCount], _ origin: String) throws {
        for other in others {
            guard let one = recounted.first(where: { $0.event == other.event && $0.pool == other.pool }) else {
                throw BrokenRule(
                    "R1 Conservation: pool \(other.pool) of \(other.event) is \(origin), but not in the facts")
            }
            guard [one.capacity, one.held, one.sold] == [other.capacity, other.held, other.sold] else {
                throw BrokenRule(
                    """
                    R1 Conservation: pool \(other.pool) of \(other.event) is \(origin) with \(other.held) held and \
                    \(other.sold) sold, recounted with \(one.held) and \(one.sold)
                    """)
            }
        }
    }
}

/// A moment of a running service: every fact up to it is in the ledger.
package struct LedgerMark: Sendable {
    /// The number of the last fact.
    package var sequence: UInt64
    /// The store's clock at that moment.
    package var at: Timestamp
    /// The service's numbers at that moment.
    package var pools: [PoolCount]

    package init(sequence: UInt64, at: Timestamp, pools: [PoolCount]) {
        self.sequence = sequence
        self.at = at
        self.pools = pools
    }
}

/// A rule that the facts break.
struct BrokenRule: Error {
    let what: String

    init(_ what: String) {
        self.what = what
    }
}
