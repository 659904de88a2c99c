import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// R47 Search, on Redis.
@Suite("What operators find on Redis", .serialized)
struct SearchTests {
    @Test("Every search and every count is right after random traffic, and after a restart", arguments: UInt64(1)...4)
    func contract(seed: UInt64) async throws {
        let subject = try await RedisSubject()
        let differences = try await SearchContract.differences(of: subject, ledger: { subject.node.store }, seed: seed)
        #expect(differences == [])
    }

    @Test(
        "Mistakes in the functions are found",
        arguments: [
            PlantedMistake(
                "pages overlap", "for number = min(before, edges[index + 1]) - 1, edges[index], -1 do",
                "for number = min(before, edges[index + 1] - 1), edges[index], -1 do"),
            PlantedMistake(
                "holds expire for nobody", "and is_live(event, record) and HELD or EXPIRED", "and HELD or EXPIRED"),
            PlantedMistake(
                "a buyer's pages overlap", "'(' .. names.of_hold(buyer, before)",
                "'[' .. names.of_hold(buyer, before)"),
            PlantedMistake(
                "a hold has no name", "if buyer == '' or not event.terms.names_from then return end", "do return end"),
            PlantedMistake(
                "a hold counts twice", "if not seen[name] then sum.holds = sum.holds + 1 end",
                "sum.holds = sum.holds + 2"),
        ])
    func planted(mistake: PlantedMistake) async throws {
        let subject = try await RedisSubject(plant: mistake.planted)
        let differences = try await SearchContract.differences(of: subject, ledger: { subject.node.store }, seed: 1)
        #expect(differences != [])
    }

    private func holds(_ node: TestNode, _ query: SalesQuery) async throws -> [UInt64] {
        var query = query
        var found: [UInt64] = []
        repeat {
            let page = try await node.store.search(query)
            found += page.records.map(\.hold.number)
            query.behind = page.next
        } while query.behind != nil
        return found
    }

    @Test("A buyer is found with names, without them, and across a change of that")
    func names() async throws {
        let node = try await TestNode(RedisServer())
        let names = "holdfast:{1}:names"
        var wanted: [UInt64] = []
        for search in [EventDefinition.BuyerSearch.walk, .index, .index, .walk, .index] {
            _ = try await node.outcome(.define(try hall(99) { $0.buyerSearch = search }))
            for buyer in ["ann", "bob", "ann"] {
                guard case .held(let view, _) = try await node.outcome(try holdGA(buyer: buyer)) else {
                    Issue.record("not held")
                    return
                }
                if buyer == "ann" { wanted.insert(view.id.number, at: 0) }
            }
            #expect(try node.server.ask("EXISTS", names) == (search == .index ? "1" : "0"))
            for limit in [1, 2, 100] {
                #expect(try await holds(node, SalesQuery(buyer: Buyer("ann"), limit: limit)) == wanted)
            }
        }
    }

    @Test("A page that ends between two events leaves none of them out")
    func manyEvents() async throws {
        let node = try await TestNode(RedisServer())
        // A page asks twenty of them.
        let names = (1...45).map { "hall-\($0)" }
        var wanted: [UInt64] = []
        for name in names {
            _ = try await node.outcome(.define(try hall(9, id: name)))
            guard case .held(let view, _) = try await node.outcome(try holdGA(event: name, buyer: "ann")) else {
                Issue.record("\(name): not held")
                return
            }
            wanted.insert(view.id.number, at: 0)
        }
        for limit in [1, 2, 100] {
            #expect(try await holds(node, SalesQuery(buyer: Buyer("ann"), limit: limit)) == wanted)
        }
    }

    @Test("With more holds than a page looks at, a page is short, and the next one goes on")
    func longWalk() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(try hall(99_999)))
        for _ in 1...44 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...500 { group.addTask { _ = try await node.outcome(try holdGA()) } }
                try await group.waitForAll()
            }
        }
        let first = try await node.store.search(SalesQuery(state: .returned))
        #expect(first.records == [])
        #expect(first.next != nil)
        #expect(try await holds(node, SalesQuery(state: .returned)) == [])
        #expect(try await holds(node, SalesQuery(state: .held, limit: 1_000)).count == 22_000)
        let counts = try await node.store.salesCounts(of: code("hall"))
        #expect(counts.map(\.tickets) == [22_000])
        // A page of purchases looks at as many holds, also for one seller (R48 Operator keys).
        let north = try #require(Seller("north"))
        let newest = try await node.store.search(SalesQuery(state: .held, limit: 2)).records.map(\.hold)
        let (mine, others) = (newest[0], newest[1])
        _ = try await node.outcome(.purchase(mine, by: .seller(north, isShop: true)))
        _ = try await node.outcome(.purchase(others, by: .token))
        for (seller, sold) in [(north, [mine]), (nil, [others, mine])] as [(Seller?, [HoldID])] {
            let begin = try await node.store.purchases(of: code("hall"), soldBy: seller, after: nil, limit: 9)
            #expect(begin.records == [])
            let next = try #require(begin.next)
            let rest = try await node.store.purchases(of: code("hall"), soldBy: seller, after: next, limit: 9)
            #expect(rest.records.map(\.hold) == sold)
            #expect(rest.next == nil)
        }
        #expect(try await node.store.purchases(of: code("hall"), after: nil, limit: 9).map(\.hold) == [others, mine])
    }
}
