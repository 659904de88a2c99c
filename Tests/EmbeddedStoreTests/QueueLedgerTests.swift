import BoxOffice
import EmbeddedStore
import GRDB
import StoreContract
import Testing
import TicketStore
import Workload

/// What a ledger keeps of queues (Q9 Fails closed).
@Suite("Queues in a ledger")
struct QueueLedgerTests {
    private static let secret = [UInt8](0..<32)

    private func opened(_ change: (inout QueueTerms) -> Void = { _ in }) async throws -> TestStore {
        let store = try TestStore()
        var terms = QueueTerms()
        change(&terms)
        _ = try await store.outcome(.define(try hall(40) { $0.queue = terms }))
        _ = try await queue(store, .open(secret: Self.secret))
        return store
    }

    @discardableResult
    private func queue(_ store: TestStore, _ command: QueueCommand) async throws -> QueueOutcome {
        guard case .queue(let outcome) = try await store.outcome(.queue(code("hall"), command)) else {
            throw StoreFailure.outcomeUnknown
        }
        return outcome
    }

    private func entry(_ outcome: QueueOutcome) -> QueueEntry? {
        switch outcome {
        case .joined(let entry, _, _), .looked(let entry): entry
        case .attended, .changed: nil
        }
    }

    private func hold(_ number: UInt32, quantity: Int = 1) throws -> Command {
        guard case .hold(var request) = try holdGA(quantity) else { throw StoreFailure.outcomeUnknown }
        request.pass = QueuePass(number: EntryNumber(number), position: number, joinedAt: WallTime(milliseconds: 0))
        return .hold(request)
    }

    @Test("No number is given twice, and a start skips one block at the most (Q2 Numbers)")
    func numbers() async throws {
        let store = try await opened()
        try await queue(store, .adjust(QueueAdjustment(isPaused: true)))
        for number in UInt32(0)..<1_002 {
            #expect(entry(try await queue(store, .join()))?.number == EntryNumber(number))
        }
        try store.restart()
        #expect(entry(try await queue(store, .join()))?.number == EntryNumber(2_000))
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)

        let shop = try await opened { $0.identity = .buyer }
        for (number, buyer) in ["ann", "ben"].enumerated() {
            let joined = try await queue(shop, .join(buyer: Buyer(buyer)))
            #expect(entry(joined)?.number == EntryNumber(UInt32(number)))
        }
        try shop.restart()
        #expect(entry(try await queue(shop, .join(buyer: Buyer("ann"))))?.number == EntryNumber(0))
        #expect(entry(try await queue(shop, .join(buyer: Buyer("eve"))))?.number == EntryNumber(2))
        // The ledger has no name of a buyer.
        let texts = try await DatabaseQueue(path: shop.ledgerPath).read { db in
            try String.fetchAll(db, sql: "SELECT coalesce(text, '') FROM queue_facts")
        }
        #expect(!texts.contains { $0.contains("ann") })
        #expect(try LedgerAudit.recount(path: shop.ledgerPath).broken == nil)
    }

    @Test("Head, turns and used passes survive a restart, and a turn has the recovery grace at least (Q5 Turn)")
    func turns() async throws {
        let store = try await opened { $0.turn = .seconds(100) }
        let first = try #require(entry(try await queue(store, .join())))
        #expect(first.state == .called)
        try await queue(store, .join())
        guard case .held(let view, _) = try await store.outcome(hold(0)) else {
            Issue.record("the pass did not hold")
            return
        }
        _ = try await store.outcome(.purchase(view.id))
        store.pass(.seconds(1))
        try await queue(store, .attend())
        guard case .attended(let before, _) = try await queue(store, .attend()) else { return }
        store.pass(.seconds(90))
        // Nobody knows after a start who is there, so the head would go on.
        try await queue(store, .adjust(QueueAdjustment(isPaused: true)))
        try store.restart()
        guard case .attended(let after, _) = try await queue(store, .attend()) else { return }
        #expect(after.head == before.head && after.head == 2)
        #expect(try await store.outcome(hold(0)) == .refused(.queue(.passUsed)))
        #expect(entry(try await queue(store, .look(EntryNumber(0))))?.state == .done)
        let second = try #require(entry(try await queue(store, .look(EntryNumber(1)))))
        #expect(second.state == .called)
        store.pass(.seconds(70))
        try store.restart()
        // 30 seconds were left of its turn, and the grace is 60.
        let again = try #require(entry(try await queue(store, .look(EntryNumber(1)))))
        let left = try #require(again.turnEndsAt).since(store.embedded.now.office)
        #expect(left > .seconds(50) && left <= .seconds(60))
        guard case .held = try await store.outcome(hold(1)) else {
            Issue.record("the turn was lost")
            return
        }
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("A turn that runs in a pause of the sale has the same time left after it, restarted or not (Q5 Turn)")
    func pauses() async throws {
        let store = try await opened { $0.turn = .seconds(100) }
        #expect(entry(try await queue(store, .join()))?.state == .called)
        func left() async throws -> Duration {
            let shown = try #require(entry(try await queue(store, .look(EntryNumber(0)))))
            return try #require(shown.turnEndsAt).since(store.embedded.now.office)
        }
        store.pass(.seconds(10))
        _ = try await store.outcome(.pause(event: code("hall")))
        for _ in 1...2 {
            store.pass(.seconds(500))
            let left = try await left()
            #expect(left > .seconds(80) && left <= .seconds(90))
            try store.restart()
        }
        _ = try await store.outcome(.resume(event: code("hall")))
        store.pass(.seconds(70))
        try store.restart()
        // 20 seconds were left of it, and the grace is 60.
        let granted = try await left()
        #expect(granted > .seconds(50) && granted <= .seconds(60))
        guard case .held(let view, _) = try await store.outcome(hold(0)) else {
            Issue.record("the turn was lost")
            return
        }
        _ = try await store.outcome(.release(view.id))
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        store.pass(.seconds(61))
        #expect(try await store.outcome(hold(0)) == .refused(.queue(.turnOver)))
        store.embedded.stop()
        // Without the pause the turn would have been over long before the hold.
        try await DatabaseQueue(path: store.ledgerPath).write {
            try $0.execute(sql: "UPDATE definitions SET paused = 0")
        }
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken?.hasPrefix("Q6 Pass") ?? false)
    }

    @Test("The draw is made once, whatever the process does (Q3 Draw)")
    func draw() async throws {
        let store = try TestStore()
        let opensAt = WallTime(milliseconds: store.embedded.now.wall.milliseconds + 60_000)
        _ = try await store.outcome(
            .define(
                try hall(40) {
                    $0.opensAt = opensAt
                    $0.queue = QueueTerms(beacon: .init(name: "dice"))
                }))
        try await queue(store, .open(secret: Self.secret))
        try await queue(store, .join())
        try store.restart()
        store.pass(.seconds(61))
        try await queue(store, .attend())
        try store.restart()
        let (name, value) = (try #require(BeaconText("dice")), try #require(BeaconText("6")))
        try await queue(store, .beacon(name: name, value: value))
        try store.restart()
        guard case .attended(let view, _) = try await queue(store, .attend()) else { return }
        #expect(view.secret == Self.secret && view.count == 1_000 && view.beacon == .given(value))
        #expect(view.phase == .moving)
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("An erasure leaves no digest that leads to the hold, and a recount finds one that is left (R41 Erasure)")
    func erased() async throws {
        let store = try await opened { $0.identity = .buyer }
        for buyer in ["ann", "ben"] { try await queue(store, .join(buyer: Buyer(buyer))) }
        try await queue(store, .attend())
        store.pass(.seconds(1))
        try await queue(store, .attend())
        for (number, buyer) in ["ann", "ben"].enumerated() {
            let entry = EntryNumber(UInt32(number))
            try await queue(store, .look(entry))
            guard case .hold(var request) = try holdGA(buyer: buyer) else { return }
            request.pass = QueuePass(number: entry, position: entry.value, joinedAt: WallTime(milliseconds: 0))
            guard case .held(let view, _) = try await store.outcome(.hold(request)) else {
                Issue.record("the pass did not hold")
                return
            }
            _ = try await store.outcome(.release(view.id))
        }
        func digests() async throws -> [String] {
            try await DatabaseQueue(path: store.ledgerPath).read { db in
                try String.fetchAll(
                    db, sql: "SELECT position || ' ' || moment FROM queue_facts WHERE kind = 3 ORDER BY number")
            }
        }
        let before = try await digests()
        #expect(try await store.outcome(.erase(ErasureRequest(hold: HoldID(1)))) == .erased(HoldID(1), repeated: false))
        #expect(try await digests() == ["0 0", before[1]])
        try store.restart()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        #expect(entry(try await queue(store, .join(buyer: Buyer("ann"))))?.number == EntryNumber(2))
        #expect(entry(try await queue(store, .join(buyer: Buyer("ben"))))?.number == EntryNumber(1))
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        try await DatabaseQueue(path: store.ledgerPath).write {
            try $0.execute(sql: "UPDATE queue_facts SET position = 5, moment = 6 WHERE kind = 3 AND number = 0")
        }
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken?.hasPrefix("R41 Erasure") ?? false)
    }

    @Test("A recount takes as long for each entry, however many there are", .timeLimit(.minutes(1)))
    func longQueue() async throws {
        let store = try await opened {
            $0.identity = .buyer
            $0.turn = .seconds(100)
        }
        store.embedded.stop()
        try await DatabaseQueue(path: store.ledgerPath).write { db in
            let last = "(SELECT max(seq) FROM queue_facts)"
            let at = "(SELECT max(at) FROM queue_facts)"
            let count = 35_000
            let numbers = "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < \(count - 1))"
            try db.execute(
                sql: """
                    CREATE TEMP TABLE origin AS SELECT \(last) AS seq, \(at) AS at;
                    INSERT INTO queue_facts \(numbers) SELECT seq + n + 1, at, 0, 3, n, n + 7, n, NULL FROM n, origin;
                    INSERT INTO queue_facts \(numbers)
                      SELECT seq + \(count) + n + 1, at, 0, 7, n, n, at + 100000, n + 1 FROM n, origin;
                    """)
        }
        let report = try LedgerAudit.recount(path: store.ledgerPath)
        #expect(report.broken == nil)
        #expect(report.facts > 70_000)
    }

    @Test(
        "A recount finds what breaks a rule of the queue (Q9 Fails closed)",
        arguments: [
            ("UPDATE queue_facts SET position = 0 WHERE kind = 6", "Q4 Head"),
            ("UPDATE queue_facts SET moment = moment + 1 WHERE kind = 7", "Q5 Turn"),
            ("UPDATE queue_facts SET position = 9 WHERE kind = 7", "Q3 Draw"),
            ("UPDATE queue_facts SET number = 5000 WHERE kind = 7", "Q2 Numbers"),
            ("UPDATE queue_facts SET number = 5000 WHERE kind = 12", "Q2 Numbers"),
            ("DELETE FROM hold_entries", "Q6 Pass"),
            ("UPDATE hold_entries SET entry = 7", "Q6 Pass"),
            ("UPDATE queue_facts SET kind = 11 WHERE kind = 6", "Q1 Phases"),
        ])
    func recount(sql: String, rule: String) async throws {
        let store = try await opened()
        for _ in 0..<2 { try await queue(store, .join()) }
        _ = try await store.outcome(hold(0))
        store.pass(.seconds(1))
        for _ in 0..<2 { try await queue(store, .attend()) }
        store.embedded.stop()
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
        try await DatabaseQueue(path: store.ledgerPath).write { try $0.execute(sql: sql) }
        let broken = try LedgerAudit.recount(path: store.ledgerPath).broken
        #expect(broken?.hasPrefix(rule) ?? false, "\(broken ?? "nothing is broken")")
    }

    @Test("With queues every answer is the core's, and the recount finds nothing", arguments: UInt64(301)...308)
    func contract(seed: UInt64) async throws {
        var contract = StoreContract()
        contract.queues = 50
        let store = try TestStore()
        #expect(try await contract.breaches(of: store, seed: seed) == [])
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }
}
