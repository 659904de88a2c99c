import BoxOffice
import EmbeddedStore
import Foundation
import StoreContract
import Testing
import TicketStore
import Workload

/// What was answered about a queue holds, whenever the process dies (Q9 Fails closed).
@Suite("Queues that are cut off")
struct QueueCrashTests {
    /// What was answered by the time that the log had so many bytes.
    private struct Promise {
        var log: Int
        var given: UInt32
        var head: UInt32
        var beacon: QueueBeacon?
        var turns: [EntryNumber: Timestamp]
    }

    private func queue(_ store: TestStore, _ command: QueueCommand) async throws -> QueueOutcome? {
        guard case .queue(let outcome) = try await store.outcome(.queue(code("hall"), command)) else { return nil }
        return outcome
    }

    @Test("No number comes twice, the head never decreases, and nobody called loses the turn (Q9 Fails closed)")
    func everyMoment() async throws {
        let store = try TestStore()
        let opensAt = WallTime(milliseconds: store.embedded.now.wall.milliseconds + 3_000)
        _ = try await store.outcome(
            .define(
                try hall(400) {
                    $0.opensAt = opensAt
                    $0.queue = QueueTerms(turn: .seconds(600))
                }))
        var promise = Promise(log: 0, given: 0, head: 0, turns: [:])
        var promises: [Promise] = []
        var chance = SeededGenerator(seed: 9)
        _ = try await queue(store, .open(secret: [UInt8](repeating: 3, count: 32)))
        for _ in 0..<120 {
            store.pass(.milliseconds(100))
            let command: QueueCommand =
                switch chance.number(in: 1...10) {
                case 1...5: .join()
                case 6...7: .attend()
                default:
                    .look(
                        EntryNumber(UInt32(chance.number(in: 0...Int(promise.given)))),
                        position: promise.beacon == nil ? nil : UInt32(chance.number(in: 0...5)))
                }
            switch try await queue(store, command) {
            case .joined(let entry, _, _): promise.given = max(promise.given, entry.number.value + 1)
            case .looked(let entry): if let endsAt = entry.turnEndsAt { promise.turns[entry.number] = endsAt }
            case .attended(let view, _), .changed(let view, _):
                (promise.head, promise.beacon) = (view.head, view.beacon)
            case nil: break
            }
            let attributes = try FileManager.default.attributesOfItem(atPath: store.ledgerPath + "-wal")
            promise.log = (attributes[.size] as? Int) ?? 0
            promises.append(promise)
        }
        #expect(promise.turns.count > 3 && promise.beacon != nil)
        let log = try Data(contentsOf: URL(fileURLWithPath: store.ledgerPath + "-wal"))
        for promise in promises where chance.chance(30) {
            let copy = try store.directory.copy()
            let path = copy.path + "/" + EmbeddedStore.ledgerName
            try log.prefix(promise.log).write(to: URL(fileURLWithPath: path + "-wal"))
            try? FileManager.default.removeItem(atPath: path + "-shm")
            try await check(promise, TestStore(directory: copy, clock: store.clock))
        }
    }

    private func check(_ promise: Promise, _ again: TestStore) async throws {
        if let beacon = promise.beacon {
            guard case .attended(let view, _) = try await queue(again, .attend()) else { return }
            #expect(view.head >= promise.head && view.beacon == beacon)
        }
        guard case .joined(let entry, _, _) = try await queue(again, .join()) else {
            Issue.record("nobody can join")
            return
        }
        #expect(entry.number.value >= promise.given && entry.number.value < promise.given + 1_000)
        for (number, endsAt) in promise.turns {
            guard case .looked(let entry) = try await queue(again, .look(number, position: 0)) else { continue }
            #expect(entry.turnEndsAt.map { $0 >= endsAt } ?? false, "\(number) lost its turn")
        }
    }
}
