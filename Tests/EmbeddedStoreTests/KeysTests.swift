import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Testing
import TicketStore

/// What a ledger keeps of idempotency keys (R15 Idempotency keys).
@Suite("Keys in a ledger")
struct KeysTests {
    private func rows(_ store: TestStore, _ sql: String = "SELECT hold FROM keys ORDER BY seq") async throws -> [Int64]
    {
        var configuration = Configuration()
        configuration.readonly = true
        return try await DatabaseQueue(path: store.ledgerPath, configuration: configuration).read {
            try Int64.fetchAll($0, sql: sql)
        }
    }

    /// Waits for what the committer does between batches; time goes on meanwhile.
    private func expectRows(_ wanted: [Int64], in store: TestStore) async throws {
        let patience = ContinuousClock.now + .seconds(60)
        var found = try await rows(store)
        while found != wanted, ContinuousClock.now < patience {
            try await Task.sleep(for: .milliseconds(20))
            store.pass(.seconds(1))
            found = try await rows(store)
        }
        #expect(found == wanted)
    }

    @Test("Rows of expired keys are deleted, with the next request or without one, also across a restart")
    func pruned() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        for number in 1...6 { _ = try await store.outcome(try holdGA(key: "key \(number)")) }
        _ = try await store.outcome(.extend(HoldID(2), key: IdempotencyKey(named: "longer")))
        _ = try await store.outcome(.purchase(HoldID(2)))
        _ = try await store.outcome(.release(HoldID(3)))
        _ = try await store.outcome(.purchase(HoldID(5)))
        try await expectRows([1, 2, 3, 4, 5, 6, 2], in: store)
        store.pass(.seconds(3_700))
        try await expectRows([2, 5, 2], in: store)
        try store.restart()
        guard case .held(let view, replayed: true) = try await store.outcome(try holdGA(key: "key 5")) else {
            Issue.record("the key of a purchase is remembered")
            return
        }
        #expect(view.id == HoldID(5) && view.state == .purchased)
        guard case .held(let new, replayed: false) = try await store.outcome(try holdGA(key: "key 3")) else {
            Issue.record("the key of a hold that was released is forgotten")
            return
        }
        try await expectRows([2, 5, 2, Int64(new.id.number)], in: store)
        store.pass(.seconds(24 * 3_600))
        try await expectRows([], in: store)
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("Under load rows are deleted as fast as they are added")
    func prunedUnderLoad() async throws {
        var limits = Limits()
        limits.endedKeyRetention = .seconds(600)
        let store = try TestStore(limits: limits)
        _ = try await store.outcome(.define(try hall(9)))
        for number in 1...3_000 {
            guard case .held(let view, replayed: false) = try await store.outcome(try holdGA(key: "\(number)")) else {
                Issue.record("refused")
                return
            }
            _ = try await store.outcome(.release(view.id))
            store.pass(.seconds(1))
        }
        let left = try await rows(store).count
        // Ten minutes of keys, and those that the next round, once a minute, will delete.
        #expect((600...720).contains(left), "\(left)")
    }

    @Test("Opening a ledger with keys in clear text deletes them")
    func upgraded() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        _ = try await store.outcome(try holdGA())
        store.embedded.stop()
        try sql(
            store.ledgerPath,
            """
            DROP TABLE keys;
            ALTER TABLE ledger DROP COLUMN key_secret;
            DELETE FROM grdb_migrations WHERE identifier = '4 keys';
            CREATE TABLE keys (
              seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL, fingerprint INTEGER NOT NULL,
              hold INTEGER NOT NULL, deadline INTEGER NOT NULL, extensions INTEGER NOT NULL
            ) STRICT;
            INSERT INTO keys VALUES (2, 1000000, 'hold hall  a-key-in-clear-text', 1, 1, 1060000, 0);
            """)
        let isInClear = {
            try Data(contentsOf: URL(fileURLWithPath: store.ledgerPath)).range(of: Data("a-key-in-clear-text".utf8))
                != nil
        }
        #expect(try isInClear())
        try store.restart()
        guard case .held(_, replayed: false) = try await store.outcome(try holdGA(key: "new")) else {
            Issue.record("it sells")
            return
        }
        store.embedded.stop()
        #expect(try !isInClear())
        #expect(try await rows(store) == [2])
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }

    @Test("A ledger keeps its secret for keys, and each ledger has its own")
    func secret() throws {
        let (store, other) = (try TestStore(), try TestStore())
        let secret = store.embedded.keySecret
        #expect(secret.count == 32 && secret != other.embedded.keySecret)
        try store.restart()
        #expect(store.embedded.keySecret == secret)
    }

    @Test("The log reports once that four fifths of the room for keys are used up, and once that there is room again")
    func alarm() {
        var room = KeyRoom(1_000)
        let steps: [(keys: Int, change: KeyRoom.Change?)] = [
            (0, nil), (799, nil), (800, .nearlyFull(keys: 800, room: 1_000)), (900, nil), (1_100, nil), (750, nil),
            (800, nil), (700, nil), (699, .eased(keys: 699, room: 1_000)), (799, nil),
            (1_000, .nearlyFull(keys: 1_000, room: 1_000)),
        ]
        for step in steps { #expect(room.note(step.keys) == step.change, "\(step.keys) keys") }
    }
}
