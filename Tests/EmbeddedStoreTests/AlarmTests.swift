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
        let (event, floor) = (try code("hall"), try code("floor"))
        // The first look at all pools came before these commits. The next one is due when the test's clock moves.
        #expect(embedded.concerns == [])
        embedded.closePool(floor, of: event)
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
        embedded.closePool(floor, of: event)
        store.clock.pass(.seconds(1))
        // Before each commit there is a look if one is due: before the second one there was.
        for id in ["one", "two"] { _ = try await store.outcome(.define(try hall(5, id: id))) }
        #expect(embedded.concerns.map(\.kind) == [.poolClosed])
        store.clock.pass(.seconds(600))
        #expect(try await eventually { embedded.concerns.isEmpty && embedded.condition == .selling })
        #expect(store.counts().first.map { [$0.held, $0.sold, $0.free] } == [0, 1, 4])
    }
}
