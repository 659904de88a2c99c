import BoxOffice
import EmbeddedStore
import Foundation
import NIOPosix
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore

/// R51 Moving a sale, into a cluster and back.
@Suite("A sale moves into a cluster and back", .serialized)
struct ClusterMoveTests {
    @Test("Books are the same, and each payment still buys one hold, whatever the event (R10 One payment, one hold)")
    func both() async throws {
        let subject = try MovingStore(limits: Limits())
        func done(_ command: Command) async throws {
            guard case .decided(let outcome, _) = await subject.store.perform(command) else {
                throw StoreFailure.outcomeUnknown
            }
            if case .refused(.holdReleased) = outcome { return }
            if case .refused = outcome { Issue.record("\(command): \(outcome)") }
        }
        func pay(_ text: String) throws -> PaymentReference { try #require(PaymentReference(text)) }
        for name in ["one", "two", "three"] { try await done(.define(hall(50, id: name))) }
        for number in 1...9 {
            try await done(holdGA(2, event: ["one", "two", "three"][number % 3], buyer: "b\(number)"))
        }
        for number in [1, 2, 4] as [UInt64] { try await done(.purchase(HoldID(number), pay("pay-\(number)"))) }
        try await done(.erase(ErasureRequest(hold: HoldID(2), references: [pay("pay-2")])))
        try await done(.release(HoldID(5)))
        try await done(.purchase(HoldID(5), pay("owed"), by: .key))
        try await done(.purchase(HoldID(5), pay("back"), by: .key))
        try await done(.payBack(HoldID(5), pay("back")))
        let before = try await Books(subject.ledger, events: ["one", "two", "three"])
        let file = try subject.export()

        let cluster = try RedisCluster()
        let first = try await MovedNode(onCluster: cluster)
        let pools = try await SaleMove(into: first.store).take(ArchivedSale(file))
        #expect(pools.map(\.sold).reduce(0, +) == 6)
        let node = try await MovedNode(onCluster: cluster)
        let moved = RenumberedStore(node.store, node.store.numbering)
        #expect(try await Books(moved, events: ["one", "two", "three"]) == before)
        // Each of them is of another event than the hold.
        for (payment, hold) in [("pay-1", 9), ("pay-2", 9), ("back", 9), ("pay-4", 9)] as [(String, UInt64)] {
            let reply = await moved.perform(.purchase(HoldID(hold), try pay(payment), by: .key))
            guard case .decided(.refused(.paymentConflict(refundRequired: false)), _) = reply else {
                Issue.record("\(payment): \(reply)")
                continue
            }
        }
        let sale = try await DepartingSale(closing: node.store)
        let back = try await SaleArchive.write(sale, to: file + "-back")
        #expect(back.purchases == 3 && back.broken == nil)
        let room = file + "-data"
        _ = try SaleArchive.restore(file + "-back", into: room)
        let embedded = try EmbeddedStore(EmbeddedStore.Configuration(directory: room), logger: .quiet)
        #expect(try await Books(embedded, events: ["one", "two", "three"]) == before)
        embedded.stop()
        withExtendedLifetime((subject, first)) {}
    }
}
