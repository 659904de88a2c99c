import BoxOffice
import StoreContract
import Testing
import TicketStore

@Suite("A closed pool is reported, and memory is rebuilt from the ledger (R4 Broken rule)")
struct AlarmTests {
    @Test("It is a concern at once, and opens again with every hold; not twice within ten minutes")
    func closed() async throws {
        let store = try TestStore()
        let embedded = store.embedded
        _ = try await store.outcome(.define(try hall(5)))
        guard case .held(let view, _) = try await store.outcome(try holdGA()) else {
            Issue.record("not held")
            return
        }
        let (hall, floor) = (try code("hall"), try code("floor"))
        // The first look at all pools is over. The next one is due when the test's clock moves.
        try await Task.sleep(for: .milliseconds(300))
        #expect(embedded.concerns == [])
        embedded.closePool(floor, of: hall)
        #expect(embedded.concerns.map(\.kind) == [.poolClosed])
        #expect(embedded.concerns.first?.detail.contains("Pool floor of event hall") == true)
        #expect(embedded.condition == .selling)
        #expect(try await store.outcome(try holdGA()) == .refused(.poolClosed(floor)))
        store.clock.pass(.seconds(1))
        #expect(try await eventually { embedded.concerns.isEmpty && embedded.condition == .selling })
        #expect(store.counts().map { [$0.held, $0.sold, $0.free] } == [[1, 0, 4]])
        guard case .purchased = try await store.outcome(.purchase(view.id, nil)) else {
            Issue.record("the hold is lost")
            return
        }
        // If it closed again at once, rebuilds would keep suspending the sale.
        embedded.closePool(floor, of: hall)
        store.clock.pass(.seconds(1))
        try await Task.sleep(for: .milliseconds(500))
        #expect(embedded.concerns.map(\.kind) == [.poolClosed])
        store.clock.pass(.seconds(600))
        #expect(try await eventually { embedded.concerns.isEmpty && embedded.condition == .selling })
        #expect(store.counts().map { [$0.held, $0.sold, $0.free] } == [[0, 1, 4]])
    }
}
