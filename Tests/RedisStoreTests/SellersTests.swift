import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Who sold, in the data on Redis (R48 Operator keys).
@Suite("Sellers on Redis", .serialized)
struct SellersTests {
    @Test("Lists name who sold, whatever became of the sale, and a seller's list has what it sold")
    func listed() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(try hall(9)))
        let (north, south) = (try #require(Seller("north")), try #require(Seller("südliche Kasse")))
        var holds: [HoldID] = []
        for seller in [north, south, nil, north] {
            guard case .held(let view, _) = try await node.outcome(try holdGA(2)) else { return }
            holds.append(view.id)
            let completer: Completer = seller.map { .seller($0, isShop: true) } ?? .token
            _ = try await node.outcome(.purchase(view.id, PaymentReference("p\(holds.count)"), by: completer))
        }
        let line = try #require(PartReturn.Line(type: try code("GA"), quantity: 1))
        let part = PartReturn(lines: OneOrMore(line), reason: nil, key: IdempotencyKey(named: "k"))
        _ = try await node.outcome(.returnPart(holds[0], part))
        let note = Correction.State(note: SaleNote("aisle"))
        _ = try await node.outcome(.correct(holds[0], Correction(from: .init(), to: note)))
        _ = try await node.outcome(.returnPurchase(holds[1]))
        _ = try await node.outcome(.erase(ErasureRequest(hold: holds[3])))
        let all = try await node.store.purchases(of: code("hall"), after: nil, limit: 9)
        #expect(all.map(\.soldBy) == [north, south, nil, north])
        #expect(all.map(\.payment) == ["p1", "p2", "p3", nil])
        let first = try await node.store.purchases(of: code("hall"), soldBy: north, after: nil, limit: 1)
        #expect(first.records.map(\.hold) == [holds[0]])
        let rest = try await node.store.purchases(of: code("hall"), soldBy: north, after: holds[0], limit: 9)
        #expect(rest.records.map(\.hold) == [holds[3]])
        #expect(try await node.store.search(SalesQuery(hold: holds[1])).records.first?.purchase?.soldBy == south)
        #expect(
            try await node.outcome(.purchase(holds[0], by: .seller(south, isShop: true)))
                == .refused(.alreadyPurchased))
    }
}
