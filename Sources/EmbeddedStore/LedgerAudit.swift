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
/// again here; only at the end both are compared. Reading does not disturb a service that is writing.
public enum LedgerAudit {
    /// Recounts the ledger at `path`. Costs some microseconds a fact, and memory for every hold.
    ///
    /// - Throws: where the file cannot be read at all; a rule that does not hold is in the report.
    public static func recount(path: String) throws(LedgerError) -> AuditReport {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            return try queue.read { db in
                guard try db.tableExists("holds"), try db.tableExists("ledger") else {
                    throw LedgerError.damaged("it has no ledger's tables")
                }
                guard try LedgerSchema.migrator.hasCompletedMigrations(db) else {
                    throw LedgerError.tooOld(path: path)
                }
                return try recount(db)
            }
        } catch {
            throw Ledger.translate(error, opening: path)
        }
    }

    private static func recount(_ db: Database) throws -> AuditReport {
        let integrity = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)") ?? "no answer"
        guard integrity == "ok" else {
            return AuditReport(broken: "the file is damaged: \(integrity)")
        }
        var account = try AuditAccount(db)
        do {
            let facts = try AuditFacts(db)
            while let fact = try facts.next() { try account.enter(fact) }
            try account.finish()
            try compare(&account, with: db)
        } catch let error as BrokenRule {
            account.report.broken = error.what
        } catch let error as LedgerError {
            account.report.broken = "\(error)"
        }
        account.report.pools = account.counts()
        return account.report
    }

    /// What the service would make of the ledger at a start must be what the recount makes of it.
    private static func compare(_ account: inout AuditAccount, with db: Database) throws {
        let reader = try LedgerReader(db)
        var office = try reader.boxOffice(limits: Limits())
        let moment = Moment(office: office.clock, wall: WallTime(milliseconds: office.clock.milliseconds))
        account.passTime(to: office.clock.milliseconds)
        let restored = office.counts(at: moment)
        let recounted = account.counts()
        for (one, other) in zip(restored, recounted) where one != other {
            throw BrokenRule(
                """
                rule 1: pool \(one.pool) of \(one.event) is restored with \(one.held) held and \(one.sold) sold, \
                recounted with \(other.held) and \(other.sold)
                """)
        }
        guard restored.count == recounted.count else {
            throw BrokenRule("\(restored.count) pools are restored, \(recounted.count) recounted")
        }
    }
}

/// A rule that the facts do not keep.
struct BrokenRule: Error {
    let what: String

    init(_ what: String) {
        self.what = what
    }
}

/// One row of one of the tables of facts.
struct AuditFact {
    enum Kind: Int64 {
        case definition = 1
        case hold, lengthening, release, purchase, givingBack, refund, recovery, removal
    }

    var sequence: Int64
    var kind: Kind
    var at: Int64
    /// The hold, or for definitions, recoveries and removals the event.
    var subject: Int64
    /// Deadline, `until`, `late` or `paused`, as the kind has it.
    var value: Int64
    /// Document, buyer or payment.
    var text: String?
    /// Only for holds.
    var event: Int64
}

/// All facts in the order in which they were decided.
struct AuditFacts {
    private let rows: Cursor

    init(_ db: Database) throws {
        rows = try Cursor(
            db,
            """
            SELECT seq, 1, at, event, paused, document, 0 FROM definitions
            UNION ALL SELECT seq, 2, at, id, deadline, buyer, event FROM holds
            UNION ALL SELECT seq, 3, at, hold, deadline, NULL, 0 FROM extensions
            UNION ALL SELECT seq, 4, at, hold, 0, NULL, 0 FROM releases
            UNION ALL SELECT seq, 5, at, hold, late, payment, 0 FROM purchases
            UNION ALL SELECT seq, 6, at, hold, 0, NULL, 0 FROM returns
            UNION ALL SELECT seq, 7, at, hold, 0, payment, 0 FROM refunds
            UNION ALL SELECT seq, 8, at, event, until, NULL, 0 FROM recoveries
            UNION ALL SELECT seq, 9, at, event, 0, NULL, 0 FROM removals
            ORDER BY 1
            """)
    }

    func next() throws -> AuditFact? {
        guard try rows.next() else { return nil }
        guard let kind = AuditFact.Kind(rawValue: rows.int(1)) else { return nil }
        return AuditFact(
            sequence: rows.int(0), kind: kind, at: rows.int(2), subject: rows.int(3), value: rows.int(4),
            text: rows.text(5), event: rows.int(6))
    }
}
