import BoxOffice
import EmbeddedStore
import StoreContract
import Testing
import TicketStore

/// What admission learned follows from what the ledger has (Q9 Fails closed).
@Suite("A queue in a ledger learns nothing anew")
struct QueueLearningTests {
    @Test("After a restart admission knows who asked, what they took, and what they bought (Q7 Admission)")
    func restart() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9) { $0.queue = QueueTerms() }))
        func view(_ command: QueueCommand) async throws -> QueueView {
            switch try await store.outcome(.queue(code("hall"), command)) {
            case .queue(.changed(let view, _)), .queue(.attended(let view, _)): return view
            default: throw StoreFailure.outcomeUnknown
            }
        }
        _ = try await view(.open(secret: [UInt8](0..<32)))
        for _ in 0..<3 { _ = try await store.outcome(.queue(code("hall"), .join())) }
        // Who is there is known, so admission learns from the two that the operator lets in, too.
        _ = try await view(.attend(PresenceReport(counts: [1, 1, 1], present: 3, isComplete: true)))
        _ = try await view(.adjust(QueueAdjustment(lettingIn: 2)))
        // The first one buys two places, the second one lets a hold go, and the third one only looks.
        for number in UInt32(0)..<3 {
            _ = try await store.outcome(.queue(code("hall"), .look(EntryNumber(number))))
            guard number < 2, case .hold(var request) = try holdGA(2) else { continue }
            request.pass = QueuePass(
                number: EntryNumber(number), position: number, joinedAt: WallTime(milliseconds: 0))
            guard case .held(let held, _) = try await store.outcome(.hold(request)) else {
                Issue.record("not held")
                return
            }
            _ = try await store.outcome(number == 0 ? .purchase(held.id) : .release(held.id))
        }
        store.pass(.seconds(400))
        let learned = try await view(.attend()).admission.learned
        #expect(
            learned
                == QueueLearning(
                    assumedPlaces: 4, called: 3, asked: 2, takers: 2, taken: 4, takenSquared: 8, ended: 2, sold: 1))
        try store.restart()
        #expect(try await view(.attend()).admission.learned == learned)
    }
}
