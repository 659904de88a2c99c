public import BoxOffice
internal import GRDB
internal import TicketStore

/// What a recount of a ledger found.
public struct AuditReport: Sendable, Equatable {
    public var facts: UInt64 = 0
    public var holds = 0
    public var purchases = 0
    public var returns = 0
    public var refundsOwed = 0
    /// Every pool at the moment of the last fact, recounted.
    public var pools: [PoolCount] = []
    /// The first rule that the facts break, in a sentence; `nil` if none.
    public var broken: String?
}

/// Recounts a ledger from its facts and says whether the rules hold.
///
/// The account is kept in the dullest way and apart from the code that decides, so that a mistake there is not made
/// again here; only at the end both are compared. Facts are read in pages, each in a transaction of its own: facts are
/// only added, so those up to the last one at the beginning are the same in every page, and a service that writes can
/// fold its log in meanwhile.
public enum LedgerAudit {
    /// Recounts the ledger at `path`, which may be one that a service is writing, and compares with what a start would
    /// make of it. Some microseconds a fact, and memory for every hold.
    ///
    /// - Throws: where the file cannot be read at all; a rule that does not hold is in the report.
    public static func recount(path: String) throws(LedgerError) -> AuditReport {
        do {
            let source = try LedgerSource(path: path)
            defer { source.close() }
            let found = Result { try recount(AuditPages(queue: source.queue, isCancelled: { false })) }
            // A service that started meanwhile makes a file look damaged that was read as one that nobody changes.
            if source.wasChanged { return try recount(path: path) }
            return try found.get()
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    /// Recounts the facts of a ledger that is in use up to `mark`, and compares with what the service counts there.
    ///
    /// - Parameter isCancelled: asked before each page.
    /// - Throws: `CancellationError` if it is cancelled.
    package static func recount(
        path: String, through mark: LedgerMark, isCancelled: @escaping () -> Bool
    ) throws -> AuditReport {
        let queue = try LedgerQueries.openToRead(path, label: "recount")
        defer { try? queue.close() }
        let pages = AuditPages(queue: queue, isCancelled: isCancelled)
        var account = AuditAccount()
        try judge(&account) { account in
            for table in try pages.tables() { try pages.checkFile("'\(table)'") }
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
            try pages.enter(into: &account, through: try pages.lastFact())
            // The little that was added meanwhile is read together with what a start reads, so that both are of one
            // moment.
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
                try account.debts.compare(
                    with: Cursor(db, "SELECT payment, hold, confirmed FROM debts WHERE ended IS NULL"))
            }
        }
        account.report.pools = account.counts()
        return account.report
    }

    /// Puts what breaks a rule into the report.
    private static func judge(_ account: inout AuditAccount, _ body: (inout AuditAccount) throws -> Void) throws {
        do {
            try body(&account)
        } catch let error as BrokenRule {
            account.report.broken = error.what
        } catch let error as LedgerError {
            account.report.broken = "\(error)"
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            // The file can be read, and a table or a column is not there.
            account.report.broken = "the ledger is damaged: \(error.message ?? "it lacks a table")"
        }
    }

    /// What decides must count as the recount does.
    private static func compare(_ recounted: [PoolCount], with others: [PoolCount], _ origin: String) throws {
        for other in others {
            guard let one = recounted.first(where: { $0.event == other.event && $0.pool == other.pool }) else {
                throw BrokenRule("rule 1: pool \(other.pool) of \(other.event) is \(origin), and not in the facts")
            }
            guard [one.capacity, one.held, one.sold] == [other.capacity, other.held, other.sold] else {
                throw BrokenRule(
                    """
                    rule 1: pool \(other.pool) of \(other.event) is \(origin) with \(other.held) held and \
                    \(other.sold) sold, recounted with \(one.held) and \(one.sold)
                    """)
            }
        }
    }
}

/// A moment of a service that writes: everything up to its last fact is in the ledger.
package struct LedgerMark: Sendable {
    /// The number of the last fact.
    package var sequence: UInt64
    /// What the clock showed.
    package var at: Timestamp
    /// What the service counted then.
    package var pools: [PoolCount]

    package init(sequence: UInt64, at: Timestamp, pools: [PoolCount]) {
        self.sequence = sequence
        self.at = at
        self.pools = pools
    }
}

/// A rule that the facts do not keep.
struct BrokenRule: Error {
    let what: String

    init(_ what: String) {
        self.what = what
    }
}
