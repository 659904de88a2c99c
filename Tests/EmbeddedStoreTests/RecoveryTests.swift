import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing
import TicketStore
import Workload

/// What a start restores from a ledger.
@Suite("Recovery")
struct RecoveryTests {
    @Test("A ledger that is cut off anywhere has all facts that were committed before the cut, and none after it")
    func everyCut() async throws {
        let store = try TestStore()
        var traffic = RandomTraffic(seed: 77)
        var oracle = BoxOffice()
        var facts: [RecordedFact] = []
        for _ in 0..<60 {
            let (moment, command) = traffic.next()
            store.advance(to: moment)
            let outcome = try await store.outcome(command)
            traffic.learn(outcome)
            if let decision = try? oracle.decide(command, at: moment), let fact = decision.fact {
                facts.append(fact)
            }
        }
        let log = try Data(contentsOf: URL(fileURLWithPath: store.ledgerPath + "-wal"))
        let frame = 4_096 + 24
        var cuts = Array(stride(from: 32, through: log.count, by: frame))
        for seed in UInt64(1)...40 {
            var chance = SeededGenerator(seed: seed)
            cuts.append(Int.random(in: 0..<log.count, using: &chance))
        }
        var last = 0
        for cut in cuts.sorted() {
            let copy = try store.directory.copy()
            let path = copy.path + "/" + EmbeddedStore.ledgerName
            try log.prefix(cut).write(to: URL(fileURLWithPath: path + "-wal"))
            try? FileManager.default.removeItem(atPath: path + "-shm")
            let again = try TestStore(directory: copy, clock: store.clock)
            again.embedded.stop()
            let report = try LedgerAudit.recount(path: path)
            #expect(report.broken == nil, "cut at \(cut)")
            // The opening itself grants the recovery grace, a fact for each event with live holds.
            let granted = try await DatabaseQueue(path: path).read {
                try Int.fetchOne($0, sql: "SELECT count(*) FROM recoveries") ?? 0
            }
            let count = Int(report.facts) - granted
            #expect(count >= last, "cut at \(cut): \(count) facts, a shorter ledger had \(last)")
            last = count
        }
        #expect(last == facts.filter { if case .clockReached = $0.fact { false } else { true } }.count)
    }

    @Test("After a restart a hold has the time that it had left, however long the service was down (R7 Restart)")
    func downtimeDoesNotCount() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(1, hold: .seconds(300), grace: .zero)))
        _ = try await store.outcome(try holdGA())
        store.pass(.seconds(100))
        store.embedded.stop()
        store.clock.pass(.seconds(3_600))
        try store.restart()
        store.pass(.milliseconds(199_999))
        #expect(store.counts().first?.held == 1)
        store.pass(.milliseconds(1))
        #expect(store.counts().first?.held == 0)
    }

    @Test("After a restart no live hold has less than the recovery grace, and an ended one stays ended")
    func recoveryGrace() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(2, hold: .seconds(100), grace: .zero)))
        _ = try await store.outcome(try holdGA())
        store.pass(.seconds(60))
        _ = try await store.outcome(try holdGA())
        store.pass(.seconds(40))
        #expect(store.counts().first?.held == 1)
        store.pass(.milliseconds(59_000))
        try store.restart()
        store.pass(.milliseconds(59_999))
        #expect(try await store.outcome(.purchase(HoldID(1))) == .refused(.holdExpired(refundRequired: false)))
        guard case .purchased = try await store.outcome(.purchase(HoldID(2))) else {
            Issue.record("the live hold was lost")
            return
        }
    }

    @Test("No answer reports an expiry that a crash could undo")
    func expiryIsRecorded() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(1, hold: .seconds(1), grace: .zero)))
        _ = try await store.outcome(try holdGA())
        store.pass(.seconds(1))
        #expect(try await store.outcome(.purchase(HoldID(1))) == .refused(.holdExpired(refundRequired: false)))
        // The files as a crash leaves them.
        let copy = try TestStore(directory: try store.directory.copy(), clock: store.clock)
        #expect(try await copy.outcome(.purchase(HoldID(1))) == .refused(.holdExpired(refundRequired: false)))
    }

    @Test("Two processes cannot open one ledger")
    func oneProcess() throws {
        let store = try TestStore()
        #expect(throws: LedgerError.self) { _ = try TestStore(directory: store.directory) }
        store.embedded.stop()
    }

    @Test("A ledger of a later release is refused, and stays unchanged")
    func tooNew() async throws {
        let store = try TestStore()
        store.embedded.stop()
        try sql(store.ledgerPath, "INSERT INTO grdb_migrations VALUES ('9 from the future')")
        #expect(throws: LedgerError.tooNew(path: store.ledgerPath)) {
            _ = try TestStore(directory: store.directory)
        }
    }
}
