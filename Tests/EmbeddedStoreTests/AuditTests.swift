import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing

func sql(_ path: String, _ statement: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: statement) }
    try queue.close()
}

/// What a recount finds (R36 Recount).
@Suite("Verifying a ledger")
struct AuditTests {
    /// Four holds in a hall of four: purchased, released, expired and purchased late, live.
    private func ledger() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(4, hold: .seconds(60), grace: .zero)))
        for _ in 0..<3 { _ = try await store.outcome(try holdGA()) }
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("one")))
        _ = try await store.outcome(.release(HoldID(2)))
        store.pass(.seconds(61))
        _ = try await store.outcome(.purchase(HoldID(3), PaymentReference("late")))
        _ = try await store.outcome(try holdGA(2))
        store.embedded.stop()
        return store
    }

    @Test("A ledger that the store wrote keeps every rule")
    func good() async throws {
        let store = try await ledger()
        let report = try LedgerAudit.recount(path: store.ledgerPath)
        #expect(report.broken == nil)
        #expect(report.facts == 8)
        #expect(report.pools.map { [$0.free, $0.held, $0.sold] } == [[0, 2, 2]])
    }

    @Test(
        "A ledger that was tampered with breaks a rule, and the recount says which",
        arguments: [
            ("DELETE FROM holds WHERE id = 2", "missing"),
            ("DELETE FROM releases", "missing"),
            ("UPDATE holds SET quantity = 40 WHERE id = 4", "R21 Bounds:"),
            ("UPDATE holds SET quantity = 3 WHERE id = 4", "R2 Never twice, never lost:"),
            ("UPDATE holds SET price = 1 WHERE id = 4", "R11 Terms of a hold:"),
            ("UPDATE holds SET deadline = deadline + 1 WHERE id = 4", "R6 Deadline:"),
            ("UPDATE holds SET type = 7 WHERE id = 4", "not for sale"),
            ("UPDATE purchases SET late = 0 WHERE hold = 3", "R6 Deadline:"),
            ("UPDATE purchases SET payment = 'one' WHERE hold = 3", "R10 One payment, one hold:"),
            ("UPDATE purchases SET payment = NULL WHERE hold = 3", "R9 Late payment:"),
            ("UPDATE purchases SET hold = 4 WHERE hold = 3", "R9 Late payment:"),
            ("UPDATE purchases SET at = 0", "R5 The store's clock:"),
            ("UPDATE releases SET hold = 1", "R6 Deadline:"),
            ("UPDATE event_pools SET code = 'other'", "other pools"),
            ("INSERT INTO returns VALUES (2, 9, 1061000)", "R14 Return once:"),
            ("UPDATE definitions SET document = '{}'", "cannot be read"),
        ])
    func tampered(statement: String, sentence: String) async throws {
        let store = try await ledger()
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.contains(sentence) ?? false, "\(statement): \(broken ?? "nothing found")")
    }

    /// A hall of four, one of them kept back: three sold to anybody, one to a guest.
    private func allocated() async throws -> TestStore {
        let store = try TestStore()
        let guests = try code("guests")
        _ = try await store.outcome(.define(try hall(4) { $0.pools[0].allocations = [.init(code: guests, places: 1)] }))
        _ = try await store.outcome(try holdGA(3))
        let line = Line(type: Code(try code("GA"), allocation: guests), quantity: 1)
        _ = try await store.outcome(.hold(HoldRequest(event: try code("hall"), lines: OneOrMore(line))))
        for hold in 1...2 { _ = try await store.outcome(.purchase(HoldID(UInt64(hold)))) }
        return store
    }

    @Test("The ledger shows what was sold through an allocation, and the recount counts it (R45 Allocations)")
    func allocations() async throws {
        let store = try await allocated()
        let sold = try await store.embedded.purchases(of: try code("hall"), after: nil, limit: 10)
        #expect(sold.map { $0.lines.map(\.allocation) } == [[nil], ["guests"]])
        store.embedded.stop()
        let report = try LedgerAudit.recount(path: store.ledgerPath)
        #expect(report.broken == nil)
        #expect(report.pools.map { "\($0.pool) \($0.free) \($0.sold)" } == ["floor 0 4", "floor/guests 0 1"])
        let queue = try DatabaseQueue(path: store.ledgerPath)
        let pools = try await queue.read { try Row.fetchAll($0, sql: "SELECT * FROM pools").map { $0["sold"] as Int } }
        let kept = try await queue.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM allocations").map {
                "\($0["allocation"] as String) \($0["sold"] as Int)"
            }
        }
        #expect(pools == [4])
        #expect(kept == ["guests 1"])
    }

    @Test("The recount takes what was taken through an allocation near its release for right, before and after it")
    func releases() async throws {
        let store = try TestStore()
        let (guests, press) = (try code("guests"), try code("press"))
        // More is kept back than the pool has, so nothing is for anybody before the release, and one place after it.
        let release = WallTime(milliseconds: 1_000_000 + 30_000)
        let definition = try hall(5) {
            $0.pools[0].allocations = [
                .init(code: guests, places: 6, releasedAt: release), .init(code: press, places: 3),
            ]
        }
        _ = try await store.outcome(.define(definition))
        let through = Line(type: Code(try code("GA"), allocation: guests), quantity: 1)
        let line = HoldRequest(event: try code("hall"), lines: OneOrMore(through))
        for (passes, isHeld) in [(0, true), (21_000, true), (8_999, true), (1, false)] {
            store.pass(.milliseconds(passes))
            let outcome = try await store.outcome(.hold(line))
            if case .held = outcome { #expect(isHeld) } else { #expect(!isHeld, "\(outcome)") }
        }
        // Of 5 places guests have 3 and 3 are kept back for the press.
        guard case .refused = try await store.outcome(try holdGA()) else {
            Issue.record("what is kept back for the press is given to anybody")
            return
        }
        _ = try await store.outcome(.release(HoldID(1)))
        _ = try await store.outcome(.release(HoldID(2)))
        guard case .held = try await store.outcome(try holdGA()) else {
            Issue.record("the release gives nothing to anybody")
            return
        }
        // The time of day goes back before the release and on behind it.
        for wall in [900_000, 2_000_000] as [Int64] {
            store.clock.setWall(WallTime(milliseconds: wall))
            _ = try await store.outcome(.hold(line))
            _ = try await store.outcome(try holdGA())
        }
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test(
        "A ledger that gives kept places away breaks a rule (R45 Allocations)",
        arguments: [
            (
                "UPDATE holds SET quantity = 4 WHERE id = 1; UPDATE holds SET quantity = 1 WHERE id = 2",
                "R2 Never twice, never lost"
            ),
            ("UPDATE ticket_types SET allocation = 'press' WHERE type = 1", "not for sale"),
        ])
    func keptGivenAway(statement: String, sentence: String) async throws {
        let store = try await allocated()
        store.embedded.stop()
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.contains(sentence) ?? false, "\(statement): \(broken ?? "nothing found")")
    }

    /// One hold released, two payments for it, one of them with a token alone; an event removed after a debt was paid back.
    private func owing() async throws -> TestStore {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(4)))
        for _ in 0..<3 { _ = try await store.outcome(try holdGA()) }
        _ = try await store.outcome(.release(HoldID(1)))
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("token")))
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("key"), by: .key))
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("later"), by: .key))
        _ = try await store.outcome(.purchase(HoldID(2), PaymentReference("later")))
        _ = try await store.outcome(.purchase(HoldID(1), PaymentReference("back"), by: .key))
        _ = try await store.outcome(.payBack(HoldID(1), try #require(PaymentReference("back"))))
        store.embedded.stop()
        return store
    }

    @Test(
        "Debts that were tampered with break a rule",
        arguments: [
            ("UPDATE debts SET ended = NULL WHERE payment = 'later'", "list of debts"),
            ("DELETE FROM debts WHERE payment = 'key'", "not on the list"),
            ("UPDATE debts SET confirmed = 0 WHERE payment = 'key'", "list of debts"),
            ("UPDATE refunds SET reason = 2 WHERE payment = 'key'", "owed back as alreadyPurchased"),
            ("UPDATE refunds SET payment = 'key' WHERE payment = 'back'", "owed already"),
            ("UPDATE repayments SET payment = 'never'", "not owed"),
        ])
    func debts(statement: String, sentence: String) async throws {
        let store = try await owing()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        try sql(store.ledgerPath, statement)
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.contains(sentence) ?? false, "\(statement): \(broken ?? "nothing found")")
    }

    @Test("A ledger that changes while it is recounted is recounted again")
    func changing() async throws {
        let store = try await ledger()
        let path = store.ledgerPath
        var pages = 0
        let report = try LedgerAudit.recount(path: path) {
            pages += 1
            // Behind the first page: what SQLite has read of the file is then of two moments.
            if pages == 2 { try? sql(path, "INSERT INTO returns VALUES (1, 9, 1061000)") }
        }
        #expect(report.broken == nil)
        #expect(report.facts == 9 && report.returns == 1)
    }

    @Test("A ledger and its log are copied as they were at one moment, or not at all")
    func copying() throws {
        let directory = try TemporaryDirectory()
        let (path, copy) = (directory.path + "/ledger.sqlite", directory.path + "/copy.sqlite")
        func write(_ text: String, _ suffix: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path + suffix))
        }
        func copyWhile(changing times: Int) throws -> [String] {
            try write("before", "")
            try write("before", "-wal")
            var changes = 0
            try LedgerSource.copy(path, to: copy) { from, to in
                try FileManager.default.copyItem(atPath: from, toPath: to)
                guard from == path, changes < times else { return }
                changes += 1
                for suffix in ["", "-wal"] { try write("change \(changes) of a service", suffix) }
            }
            return try ["", "-wal"].map { try String(contentsOfFile: copy + $0, encoding: .utf8) }
        }
        #expect(try copyWhile(changing: 0) == ["before", "before"])
        #expect(try copyWhile(changing: 3) == Array(repeating: "change 3 of a service", count: 2))
        #expect(throws: LedgerError.self) { try copyWhile(changing: 99) }
    }

    @Test("A file that is not a ledger is an error, not a broken rule")
    func noLedger() throws {
        let directory = try TemporaryDirectory()
        try Data("no database at all, however long".utf8).write(
            to: URL(fileURLWithPath: directory.path + "/x.sqlite"))
        #expect(throws: LedgerError.self) { try LedgerAudit.recount(path: directory.path + "/x.sqlite") }
        #expect(throws: LedgerError.self) { try LedgerAudit.recount(path: directory.path + "/none.sqlite") }
    }

    @Test("The views agree with the store")
    func views() async throws {
        let store = try await ledger()
        let queue = try DatabaseQueue(path: store.ledgerPath)
        try await queue.read { db in
            let sold = try Int.fetchOne(db, sql: "SELECT sum(quantity) FROM sales WHERE returned_at IS NULL")
            #expect(sold == 2)
            let pools = try Row.fetchAll(db, sql: "SELECT capacity, sold FROM pools")
            #expect(pools.map { [$0["capacity"] as Int, $0["sold"] as Int] } == [[4, 2]])
            #expect(try String.fetchOne(db, sql: "SELECT sold_at FROM sales LIMIT 1") == "1970-01-01T00:16:40.000Z")
        }
    }

    /// A store that gave this many holds to one buyer, one after the other, each of them released, and stopped.
    private func longLedger(_ holds: Int) async throws -> TestStore {
        let store = try TestStore()
        let hall = try hall(4, hold: .seconds(60), grace: .zero) {
            $0.holdsPerBuyer = 1
            $0.ticketsPerBuyer = 4
        }
        _ = try await store.outcome(.define(hall))
        _ = try await store.outcome(try holdGA(buyer: "b"))
        _ = try await store.outcome(.release(HoldID(1)))
        store.embedded.stop()
        try sql(
            store.ledgerPath,
            """
            WITH RECURSIVE n (id) AS (SELECT 2 UNION ALL SELECT id + 1 FROM n WHERE id < \(holds))
            INSERT INTO holds SELECT n.id, 2 * n.id, at + n.id, event, deadline + n.id, type, quantity, price, more_lines, buyer
            FROM n, holds WHERE holds.id = 1;
            INSERT INTO releases SELECT id, seq + 1, at FROM holds WHERE id > 1;
            """)
        return store
    }

    @Test("A recount takes the same time for each hold, however many one buyer had before", .timeLimit(.minutes(10)))
    func manyOfOneBuyer() async throws {
        // With a look at all holds for each one, this took half an hour.
        let store = try await longLedger(60_000)
        let report = try LedgerAudit.recount(path: store.ledgerPath)
        #expect(report.broken == nil)
        #expect(report.facts == 120_001)
        try sql(
            store.ledgerPath,
            "DELETE FROM releases WHERE hold = 59999; UPDATE releases SET seq = seq - 1 WHERE hold = 60000")
        try sql(store.ledgerPath, "UPDATE holds SET seq = seq - 1 WHERE id = 60000")
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken?.contains("one hold too many") ?? false)
    }

    @Test("A recount of a ledger in use never keeps its log from being folded in, and ends when it is cancelled")
    func beside() async throws {
        let store = try await longLedger(25_000)
        try store.restart()
        let last = try await DatabaseQueue(path: store.ledgerPath).read {
            try UInt64.fetchOne($0, sql: "SELECT max(seq) FROM releases") ?? 0
        }
        let mark = LedgerMark(sequence: last, at: store.embedded.now.office, pools: store.counts())
        let other = try DatabaseQueue(path: store.ledgerPath)
        var pages = 0
        let report = try LedgerAudit.recount(
            path: store.ledgerPath, through: mark,
            isCancelled: {
                pages += 1
                #expect(Self.foldsIn(other), "page \(pages)")
                return false
            })
        #expect(report.broken == nil)
        #expect(pages > 10)
        var rest = 5
        #expect(throws: CancellationError.self) {
            try LedgerAudit.recount(
                path: store.ledgerPath, through: mark,
                isCancelled: {
                    rest -= 1
                    return rest < 0
                })
        }
        #expect(rest == -1, "no page is read after it")
    }

    @Test("A recount of a service compares with the numbers in memory, also while it sells")
    func againstTheService() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(500)))
        let embedded = store.embedded
        let command = try holdGA()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<400 { group.addTask { _ = await embedded.perform(command) } }
            for _ in 0..<5 {
                // One at a time: others are refused.
                let found = try await embedded.recount()
                #expect(found.broken == nil)
            }
            try await group.waitForAll()
        }
        let found = try await embedded.recount()
        #expect(found.broken == nil)
        #expect(found.pools == store.counts())
        #expect(found.facts == 401)
        var wrong = LedgerMark(sequence: 401, at: embedded.now.office, pools: store.counts())
        wrong.pools[0].held += 1
        let report = try LedgerAudit.recount(path: store.ledgerPath, through: wrong, isCancelled: { false })
        #expect(report.broken?.contains("counted by the service") ?? false)
        wrong = LedgerMark(sequence: 402, at: embedded.now.office, pools: store.counts())
        #expect(
            try LedgerAudit.recount(path: store.ledgerPath, through: wrong, isCancelled: { false }).broken
                == "fact 402 is missing")
    }

    @Test("The removal of an event with held or sold places breaks a rule; other removals do not")
    func removal() async throws {
        for isBroken in [false, true] {
            let store = try await ledger()
            try store.restart()
            _ = try await store.outcome(.define(try hall(1, id: "other")))
            store.embedded.stop()
            let last = try LedgerAudit.recount(path: store.ledgerPath)
            try sql(
                store.ledgerPath,
                "INSERT INTO removals SELECT \(last.facts + 1), max(at) + 1, \(isBroken ? 0 : 1) FROM definitions")
            let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
            #expect(broken?.contains("places held or sold") ?? false == isBroken, "\(broken ?? "nothing")")
        }
    }

    /// Whether the log can be folded in, when others who read a page of it for a moment are done.
    private static func foldsIn(_ queue: DatabaseQueue) -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(60)
        while clock.now < end {
            let isFolded = try? queue.writeWithoutTransaction { try $0.checkpoint(.truncate).walFrameCount == 0 }
            if isFolded == true { return true }
        }
        return false
    }
}
