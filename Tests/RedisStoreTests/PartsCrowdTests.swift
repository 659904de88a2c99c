import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Several nodes and callers at once.
@Suite("Many find the last places of an event in parts", .serialized)
struct PartsCrowdTests {
    @Test("Two nodes and a crowd: every place is sold, and none twice", arguments: [false, true])
    func lastPlaces(onCluster: Bool) async throws {
        let servers: TestServers = onCluster ? .cluster(try RedisCluster()) : .one(try RedisServer())
        let nodes = [try await TestNode(servers), try await TestNode(servers)]
        let places = 100
        _ = try await nodes[0].outcome(.define(hall(places) { $0.parts = 5 }))
        let sold = await withTaskGroup(of: Int.self) { group in
            for caller in 0..<120 {
                let store = nodes[caller % 2].store
                group.addTask {
                    for attempt in 0..<20 {
                        let quantity = attempt == 0 ? 1 + caller % 3 : 1
                        guard let command = try? holdGA(quantity, key: "k\(caller)-\(attempt)") else { return 0 }
                        switch await store.perform(command) {
                        case .decided(.held(let view, _), _): return Int(view.lines.first.quantity)
                        case .decided(.refused(.insufficientQuantity), _), .failed(.overloaded): continue
                        default: return 0
                        }
                    }
                    return 0
                }
            }
            return await group.reduce(0, +)
        }
        #expect(sold == places)
        for node in nodes {
            let counts = try await node.store.counts()
            let count = try #require(counts.first)
            #expect(count.held == places && count.free == 0 && count.capacity == places)
            #expect(try await node.store.recount().broken == nil)
        }
        withExtendedLifetime(nodes) {}
    }

    @Test(
        "Nodes that make an event at the same time make one, also if they would part it differently",
        arguments: [[3, 3, 3], [1, 3, 1], [2, 3, 5]], [false, true])
    func made(parts: [Int], onCluster: Bool) async throws {
        let servers: TestServers = onCluster ? .cluster(try RedisCluster()) : .one(try RedisServer())
        let made = try await eventsMade(parts: parts, servers)
        #expect(made == Array(repeating: (1...8).map { "hall-\($0): 30" }, count: 3))
    }

    @Test("That is noticed if the list takes both")
    func madeTwice() async throws {
        let mistake = PlantedMistake(
            "the list takes an event whose code is another one's",
            "if not entry and removed == 0 and leads_to > 0 and leads_to ~= number then", "if false then")
        let made = try await eventsMade(parts: [3, 3, 3], .one(RedisServer()), plant: mistake.planted)
        #expect(made.contains { $0.count > 8 })
    }

    /// Has as many nodes make eight events, all at the same time, and returns what each of them knows then.
    private func eventsMade(
        parts: [Int], _ servers: TestServers, plant: @escaping @Sendable (String) -> String = { $0 }
    ) async throws -> [[String]] {
        var nodes: [TestNode] = []
        for _ in parts { nodes.append(try await TestNode(servers) { $0.rewriteFunctions = plant }) }
        for round in 1...8 {
            let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                for (node, parts) in zip(nodes, parts) {
                    let store = node.store
                    let definition = try hall(30, id: "hall-\(round)") { $0.parts = parts }
                    group.addTask {
                        switch await store.perform(.define(definition)) {
                        case .decided(.eventChanged, _): return true
                        // It is parted in another way.
                        case .decided(.refused(.invalid), _): return false
                        case let reply:
                            Issue.record("\(reply)")
                            return false
                        }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(made == (Set(parts).count == 1 ? nodes.count : max(1, made)))
        }
        var known: [[String]] = []
        for node in nodes {
            // A node hears of what others made when it looks around.
            var counts = try await node.store.counts()
            for _ in 0..<100 where counts.count < 8 {
                try await Task.sleep(for: .milliseconds(50))
                counts = try await node.store.counts()
            }
            known.append(counts.map { "\($0.event): \($0.capacity)" })
        }
        return known
    }

    @Test("The books balance after capacities went up and down while two nodes sold")
    func changing() async throws {
        let server = try RedisServer()
        let first = try await TestNode(server)
        _ = try await first.outcome(.define(hall(40) { $0.parts = 4 }))
        let nodes = [first, try await TestNode(server)]
        let sold = try await withThrowingTaskGroup(of: Int.self) { group in
            for shopper in 0..<24 {
                let store = nodes[shopper % 2].store
                group.addTask {
                    var sold = 0
                    for round in 0..<25 {
                        let command = try holdGA(1 + (shopper + round) % 3)
                        guard case .decided(.held(let view, _), _) = await store.perform(command) else { continue }
                        if round % 7 == 0, case .decided(.purchased, _) = await store.perform(.purchase(view.id)) {
                            sold += Int(view.lines.first.quantity)
                        } else if case .decided(.released, _) = await store.perform(.release(view.id)) {
                            continue
                        }
                    }
                    return sold
                }
            }
            group.addTask {
                for round in 0..<24 {
                    let definition = try hall([20, 70, 5, 90][round % 4]) { $0.parts = 4 }
                    guard case .decided(.eventChanged, _) = await nodes[round % 2].store.perform(.define(definition))
                    else { throw StoreFailure.outcomeUnknown }
                }
                return 0
            }
            return try await group.reduce(0, +)
        }
        for node in nodes {
            let counts = try await node.store.counts()
            let count = try #require(counts.first)
            #expect(count.capacity == 90 && count.sold == sold && count.held == 0 && count.free == max(0, 90 - sold))
            #expect(count.balances)
            #expect(try await node.store.recount().broken == nil)
        }
        withExtendedLifetime(nodes) {}
    }

    @Test("Who comes again with a key gets the hold of then, in whatever part it is", arguments: [false, true])
    func again(onCluster: Bool) async throws {
        let servers: TestServers = onCluster ? .cluster(try RedisCluster()) : .one(try RedisServer())
        let nodes = [try await TestNode(servers), try await TestNode(servers)]
        _ = try await nodes[0].outcome(.define(hall(12) { $0.parts = 4 }))
        var given: [HoldID] = []
        for number in 0..<12 {
            guard case .held(let view, replayed: false) = try await nodes[0].outcome(holdGA(key: "key-\(number)"))
            else {
                Issue.record("place \(number) was not found")
                return
            }
            given.append(view.id)
        }
        #expect(Set(given.map { RedisStore.part(of: $0) }).count == 4)
        for node in nodes.reversed() {
            for number in 0..<12 {
                guard case .held(let view, replayed: true) = try await node.outcome(holdGA(key: "key-\(number)")) else {
                    Issue.record("key \(number) holds again")
                    return
                }
                #expect(view.id == given[number])
                guard case .refused(.keyReused) = try await node.outcome(holdGA(2, key: "key-\(number)")) else {
                    Issue.record("key \(number) takes another request")
                    return
                }
            }
        }
        withExtendedLifetime(nodes) {}
    }

    @Test(
        "A key goes with its hold to the part that had the place, and finds it there again", arguments: [false, true])
    func moved(onCluster: Bool) async throws {
        let servers: TestServers = onCluster ? .cluster(try RedisCluster()) : .one(try RedisServer())
        let nodes = [try await TestNode(servers), try await TestNode(servers)]
        for round in 0..<8 {
            let id = "event-\(round)"
            // The first node believes that every part has a place.
            _ = try await nodes[0].outcome(.define(hall(4, id: id) { $0.parts = 4 }))
            var others: [HoldID] = []
            for _ in 0..<3 {
                guard case .held(let view, _) = try await nodes[1].outcome(holdGA(event: id)) else {
                    throw StoreFailure.outcomeUnknown
                }
                others.append(view.id)
            }
            let asked = try holdGA(event: id, key: "k-\(round)")
            guard case .held(let view, replayed: false) = try await nodes[0].outcome(asked) else {
                Issue.record("the last place was not found")
                return
            }
            // Now the part that was asked first has a place, too.
            for hold in others { _ = try await nodes[1].outcome(.release(hold)) }
            for node in nodes {
                guard case .held(let again, replayed: true) = try await node.outcome(asked) else {
                    Issue.record("held twice")
                    return
                }
                #expect(again.id == view.id)
            }
        }
        withExtendedLifetime(nodes) {}
    }

    @Test("A crowd that finds nothing costs a look a part and not a decision a part")
    func soldOut() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(5) { $0.parts = 5 }))
        for _ in 0..<5 { _ = try await node.outcome(holdGA()) }
        let before = try calls(node)
        let store = node.store
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<400 {
                group.addTask {
                    guard let command = try? holdGA() else { return false }
                    if case .decided(.refused(.temporarilyHeld), _) = await store.perform(command) { return true }
                    return false
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused == 400)
        // A decision each would be 2,000; batches make it some tens of calls.
        #expect(try calls(node) - before < 200)
    }

    private func calls(_ node: TestNode) throws -> Int {
        let text = try node.server.ask("INFO", "commandstats")
        let line = text.split(separator: "\n").first { $0.hasPrefix("cmdstat_fcall:") }
        let count = line?.split(separator: ",").first?.split(separator: "=").last
        return count.flatMap { Int($0) } ?? 0
    }
}
