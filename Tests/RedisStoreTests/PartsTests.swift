import BoxOffice
import Foundation
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore
import Traffic

/// An event in parts, command for command against the core, which has nothing to split.
@Suite("An event in parts is decided as one that is whole", .serialized)
struct PartsContractTests {
    static func breaches(
        _ servers: TestServers, parts: Int, seed: UInt64, mostSettled: Int = 2_000,
        plant: @escaping @Sendable (String) -> String = { $0 }
    ) async throws -> [String] {
        let subject = try await RedisSubject(
            servers: servers, prefix: "s\(seed)-\(UUID().uuidString.prefix(8))", mostSettled: mostSettled, plant: plant)
        var contract = StoreContract()
        contract.parts = parts
        let breaches = try await contract.breaches(of: subject, seed: seed)
        if breaches.isEmpty { #expect(try await subject.node.store.recount().broken == nil) }
        return breaches
    }

    @Test("On one server every answer and every count is the core's", arguments: [2, 3, 5])
    func oneServer(parts: Int) async throws {
        let server = try RedisServer()
        for seed in UInt64(1)...5 {
            let breaches = try await Self.breaches(.one(server), parts: parts, seed: seed + UInt64(parts) * 1_000)
            #expect(breaches == [])
        }
        let breaches = try await Self.breaches(
            .one(server), parts: parts, seed: 1, mostSettled: 3)
        #expect(breaches == [])
    }

    @Test("On a cluster they are, too")
    func cluster() async throws {
        let cluster = try RedisCluster()
        for seed in UInt64(1)...12 {
            let breaches = try await Self.breaches(.cluster(cluster), parts: [2, 3, 5][Int(seed % 3)], seed: seed)
            #expect(breaches == [])
        }
    }

    static let mistakes = [
        PlantedMistake(
            "the parts have more together than the event",
            "return terms.part < total - least * terms.parts and",
            "return terms.part <= total - least * terms.parts and"
        ),
        PlantedMistake(
            "a new capacity takes back what moved", "event.capacity[pool] + share(total, terms) - share(was, terms)",
            "share(total, terms)"),
        PlantedMistake(
            "after a capacity was lowered each part sells what it has (rule 1)",
            "if total < was then event.stopped[pool] = 1 end", ""),
        PlantedMistake(
            "what is stopped is sold (rule 1)", "return event.stopped[pool] == 1 and 0 or spare(event, pool)",
            "return spare(event, pool)"),
        PlantedMistake(
            "places are taken that are held (rule 1)", "max(0, min(wanted, spare(event, pool)))",
            "max(0, min(wanted, event.capacity[pool]))"),
        PlantedMistake(
            "places that leave stay, too (rule 1)", "set_capacity(event, pool, event.capacity[pool] - quantity) end",
            "set_capacity(event, pool, event.capacity[pool]) end"),
        PlantedMistake(
            "places do not arrive (rule 2)", "set_capacity(event, pool, event.capacity[pool] + quantity)", ""),
        PlantedMistake(
            "a part gives fewer where all of them would have all",
            "if not command.takes_fewer or command.is_whole then return refusal end",
            "if not command.takes_fewer then return refusal end"),
        PlantedMistake(
            "a late payment is refused though another part has places (rule 9)",
            "if event.terms.parts and not is_final then", "if false then"),
        PlantedMistake(
            "an event is cut anew", "if parts ~= asked.parts then", "if false then"),
        PlantedMistake(
            "an event in parts drops a pool", "found[#found + 1] = pack('<BBc0', OBSTACLE.pool_in_parts, #code, code)",
            ""),
        PlantedMistake(
            "other parts are not paused with the first",
            "local is_news = terms.revision > event.terms.revision or", "local is_news ="),
    ]

    @Test("The contract catches mistakes that are planted in what parts do")
    func planted() async throws {
        let server = try RedisServer()
        for mistake in Self.mistakes {
            var isCaught = false
            for seed in UInt64(1)...20 where !isCaught {
                isCaught = try await !Self.breaches(.one(server), parts: 3, seed: seed) { functions in
                    #expect(functions.components(separatedBy: mistake.right).count == 2, "\(mistake.name)")
                    return functions.replacingOccurrences(of: mistake.right, with: mistake.wrong)
                }.isEmpty
            }
            #expect(isCaught, "\(mistake.name): not caught")
        }
    }
}

/// Steps between parts, by several nodes, in any order and any number of times.
@Suite("No place is lost or made between the parts of an event", .serialized)
struct PartsMovingTests {
    private static let parts = 3
    private static let places = 40

    private func parted(
        _ places: Int = Self.places, _ parts: Int = Self.parts, id: String = "hall"
    ) throws -> EventDefinition {
        try hall(places, id: id) { $0.parts = parts }
    }

    private func balance(_ node: TestNode) async throws -> PoolCount {
        let counts = try await node.store.counts()
        return try #require(counts.first)
    }

    private struct Move: Hashable {
        var from: Int
        var to: Int
        var number: UInt64
        var places: [Int]
    }

    @Test(
        "Random steps of moves, repeated, late and reordered, by two nodes, while places are held",
        arguments: UInt64(1)...6)
    func steps(seed: UInt64) async throws {
        var chance = SeededGenerator(seed: seed)
        let server = try RedisServer()
        // Nothing is lost, so nothing is to be set right.
        let first = try await TestNode(server) { $0.endsBefore = { $0 == "correct" } }
        _ = try await first.outcome(.define(parted()))
        let nodes = [first, try await TestNode(server) { $0.endsBefore = { $0 == "correct" } }]
        var moves: [Move] = []
        var given: [Move] = []
        var held = 0
        for _ in 0..<250 {
            let store = nodes[chance.number(in: 0...1)].store
            let from = chance.number(in: 0...Self.parts - 1)
            let to = (from + chance.number(in: 1...Self.parts - 1)) % Self.parts
            switch chance.number(in: 1...10) {
            case 1...3:
                let wanted = [chance.number(in: 0...6)]
                if let found = try await store.takePlaces(wanted, from: from, to: to, of: 1) {
                    moves.append(Move(from: from, to: to, number: found.number, places: found.places))
                }
            case 4...6:
                // Any that ever was, or the same again.
                guard let move = chance.one(of: moves) else { continue }
                try await store.givePlaces(move.places, of: move.number, from: move.from, to: move.to, of: 1)
                given.append(move)
            case 7...8:
                guard let move = chance.one(of: given) else { continue }
                try await store.closeMove(move.number, from: move.from, to: move.to, of: 1)
            case 9:
                if case .held = try await nodes[chance.number(in: 0...1)].outcome(holdGA()) { held += 1 }
            default:
                let count = try await balance(nodes[chance.number(in: 0...1)])
                #expect(count.capacity == Self.places && count.held == held && count.free == Self.places - held)
            }
        }
        for node in nodes {
            let count = try await balance(node)
            #expect(count.capacity == Self.places && count.held == held && count.free == Self.places - held)
            #expect(count.oversubscribed == 0)
            #expect(try await node.store.recount().broken == nil)
        }
        #expect(moves.count > 10 && held > 5)
        withExtendedLifetime(nodes) {}
    }

    @Test(
        "The steps notice mistakes",
        arguments: [
            PlantedMistake(
                "a move is given twice", "if (moves.into[part] or 0) < number then", "if number > 0 then"),
            PlantedMistake(
                "a second move begins before the first has ended", "if last.places then return end",
                ""),
            PlantedMistake(
                "a late end of a move ends the next one",
                "if last and last.places and last.number == tonumber(args[3]) then", "if last and last.places then"),
        ])
    func stepsPlanted(mistake: PlantedMistake) async throws {
        for seed in UInt64(1)...10 {
            var chance = SeededGenerator(seed: seed)
            let node = try await TestNode(RedisServer()) {
                $0.endsBefore = { $0 == "correct" }
                $0.rewriteFunctions = { functions in
                    #expect(functions.components(separatedBy: mistake.right).count == 2, "\(mistake.name)")
                    return functions.replacingOccurrences(of: mistake.right, with: mistake.wrong)
                }
            }
            _ = try await node.outcome(.define(parted()))
            var given: [Move] = []
            for _ in 0..<60 {
                if let found = try await node.store.takePlaces([2], from: 0, to: 1, of: 1) {
                    let move = Move(from: 0, to: 1, number: found.number, places: found.places)
                    try await node.store.givePlaces(move.places, of: move.number, from: 0, to: 1, of: 1)
                    given.append(move)
                }
                if let move = chance.one(of: given), chance.chance(70) {
                    try await node.store.closeMove(move.number, from: 0, to: 1, of: 1)
                }
                if let move = chance.one(of: given), chance.chance(30) {
                    try await node.store.givePlaces(move.places, of: move.number, from: 0, to: 1, of: 1)
                }
                _ = try await node.store.takePlaces([2], from: 0, to: 1, of: 1)
                if let move = given.last { try await node.store.closeMove(move.number, from: 0, to: 1, of: 1) }
                if chance.chance(20) { _ = try await node.store.takePlaces([5], from: 1, to: 0, of: 1) }
            }
            let count = try? await balance(node)
            if count?.capacity != Self.places { return }
        }
        Issue.record("\(mistake.name): not caught")
    }

    @Test(
        "A node that ends in the middle of a move leaves no place behind",
        arguments: ["take", "give", "close"])
    func killedMoving(step: String) async throws {
        let server = try RedisServer()
        let first = try await TestNode(server) { $0.endsBefore = { $0 == step } }
        let second = try await TestNode(server)
        _ = try await second.outcome(.define(parted(9)))
        // Needs the places of all three parts, which the first node does not bring together.
        let reply = await first.store.perform(try holdGA(8))
        guard case .failed = reply else {
            Issue.record("\(reply)")
            return
        }
        first.store.stop()
        guard case .held(let view, _) = try await second.outcome(holdGA(8)) else {
            Issue.record("the places that were on their way were not found")
            return
        }
        #expect(view.lines.first.quantity == 8)
        guard case .held = try await second.outcome(holdGA(1)) else {
            Issue.record("the last place was not found")
            return
        }
        let count = try await balance(second)
        #expect(count.capacity == 9 && count.held == 9 && count.free == 0)
        withExtendedLifetime(first) {}
    }

    @Test("A node that ends in the middle of a change is followed by another one")
    func killedChanging() async throws {
        let server = try RedisServer()
        let isOut = Flag()
        let first = try await TestNode(server) { $0.endsBefore = { $0 == "follow" && isOut.isSet } }
        let second = try await TestNode(server)
        _ = try await second.outcome(.define(parted(9)))
        isOut.set()
        let reply = await first.store.perform(.define(try parted(30)))
        guard case .failed(.outcomeUnknown) = reply else {
            Issue.record("\(reply)")
            return
        }
        first.store.stop()
        // Nobody asks for it: the other node sees it when it looks around.
        var free = 0
        for _ in 0..<200 where free != 30 {
            if case .current(let availability, _) = second.store.availability(of: try code("hall"), unless: nil) {
                free = availability.free
            }
            usleep(25_000)
        }
        #expect(free == 30)
        // A new event, whose node ended before the other parts were made.
        let third = try await TestNode(server) { $0.endsBefore = { $0 == "follow" } }
        let made = await third.store.perform(.define(try parted(7, 4, id: "new")))
        guard case .failed(.outcomeUnknown) = made else {
            Issue.record("\(made)")
            return
        }
        for _ in 0..<7 {
            let outcome = try await second.outcome(holdGA(event: "new"))
            guard case .held = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
        guard case .refused(.temporarilyHeld) = try await second.outcome(holdGA(event: "new")) else {
            Issue.record("more than there are")
            return
        }
        withExtendedLifetime((first, third)) {}
    }

    @Test(
        "Places are as many as they were after the server of a part lost facts of moves, or of the event",
        arguments: [1, 2])
    func lost(part: Int) async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        func move(_ quantity: Int) async throws {
            let found = try await node.store.takePlaces([quantity], from: 0, to: 1, of: 1)
            let move = try #require(found)
            try await node.store.givePlaces(move.places, of: move.number, from: 0, to: 1, of: 1)
            try await node.store.closeMove(move.number, from: 0, to: 1, of: 1)
        }
        _ = try await node.outcome(.define(parted(30)))
        try await move(2)
        try server.ask("COPY", "holdfast:{\(part)}:event", "older")
        try await move(3)
        try await move(1)
        try server.ask("COPY", "older", "holdfast:{\(part)}:event", "REPLACE")
        let second = try await TestNode(server)
        var count = try await balance(second)
        #expect(count.capacity == 30 && count.free == 30)
        for _ in 0..<3 {
            guard case .held = try await second.outcome(holdGA(10)) else {
                Issue.record("places are missing")
                return
            }
        }
        guard case .refused(.temporarilyHeld) = try await second.outcome(holdGA()) else {
            Issue.record("there are too many places")
            return
        }
        // The newest definition that one part has is the one in force, also if it is the first that lost it.
        try server.ask("COPY", "holdfast:{\(part)}:event", "older", "REPLACE")
        _ = try await second.outcome(.define(parted(50)))
        try server.ask("COPY", "older", "holdfast:{\(part)}:event", "REPLACE")
        let third = try await TestNode(server)
        count = try await balance(third)
        #expect(count.capacity == 50 && count.free == 20 && count.held == 30)
        withExtendedLifetime((node, second)) {}
    }

    @Test("A part promises what it must and the parts together no more than they have, after a capacity was lowered")
    func lowered() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(parted(12)))
        var holds: [HoldID] = []
        for _ in 0..<9 {
            guard case .held(let view, _) = try await node.outcome(holdGA()) else { throw StoreFailure.outcomeUnknown }
            holds.append(view.id)
        }
        _ = try await node.outcome(.define(parted(5)))
        var count = try await balance(node)
        #expect(count.capacity == 5 && count.held == 9 && count.free == 0 && count.oversubscribed == 4)
        // Four come back, all of one part if there are as many: nothing is to be sold of them.
        let parts = Dictionary(grouping: holds) { RedisStore.part(of: $0) }.values.sorted { $0.count > $1.count }
            .flatMap { $0 }
        for (index, hold) in parts.enumerated() {
            _ = try await node.outcome(.release(hold))
            let left = 8 - index
            let outcome = try await node.outcome(holdGA())
            if left >= 5 {
                guard case .refused(.temporarilyHeld) = outcome else {
                    Issue.record("\(left) held of 5, and \(outcome)")
                    return
                }
            } else {
                guard case .held(let view, _) = outcome else {
                    Issue.record("\(left) held of 5, and \(outcome)")
                    return
                }
                _ = try await node.outcome(.release(view.id))
            }
        }
        _ = try await node.outcome(.define(parted(20)))
        count = try await balance(node)
        #expect(count.capacity == 20 && count.free == 20)
    }
}

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

/// Set once.
final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false

    var isSet: Bool { lock.withLock { value } }

    func set() { lock.withLock { value = true } }
}

/// What chance does not bring about.
@Suite("What is rare in an event in parts is decided as the core does", .serialized)
struct PartsScriptTests {
    @Test("It is removed while nothing of any part is promised, and sells on where one part has sales")
    func removing() async throws {
        let stage = try await ScriptTests.Stage()
        let definition = try hall(6) { $0.parts = 3 }
        try await stage.say(.define(definition))
        let first = try #require(try await stage.hold(key: "k1"))
        try await stage.say(.remove(event: code("hall"), expecting: 7))
        try await stage.say(.remove(event: code("hall")))
        for _ in 0..<6 { _ = try await stage.hold() }
        stage.pass(.seconds(63))
        try await stage.say(.remove(event: code("hall"), expecting: 1))
        try await stage.say(.remove(event: code("hall")))
        for _ in 0..<3 { _ = try await stage.hold() }
        try await stage.say(.look(first))
        try await stage.say(.purchase(first, PaymentReference("p0")))
        try await stage.say(.define(definition, expecting: 0))
        _ = try await stage.hold(key: "k1")
        let second = try #require(try await stage.hold(6, key: "k2"))
        try await stage.say(.purchase(second, PaymentReference("p1")))
        try await stage.say(.remove(event: code("hall")))
        try await stage.say(.returnPurchase(second))
        try await stage.say(.remove(event: code("hall")))
        _ = try await stage.hold(6)
        try await stage.end()
    }

    @Test("Who meets a removal that came to nothing is served, and the removal is not made behind them")
    func leaving() async throws {
        let server = try RedisServer()
        // It ends when all parts wait for it.
        let first = try await TestNode(server) { $0.endsBefore = { $0 == "remove" } }
        let second = try await TestNode(server)
        _ = try await second.outcome(.define(hall(4) { $0.parts = 2 }))
        guard case .failed = await first.store.perform(.remove(event: try code("hall"))) else {
            Issue.record("it was removed")
            return
        }
        first.store.stop()
        for _ in 0..<4 {
            guard case .held = try await second.outcome(holdGA()) else {
                Issue.record("not held")
                return
            }
        }
        guard case .refused(.eventHasSales) = try await second.outcome(.remove(event: code("hall"))) else {
            Issue.record("removed with holds")
            return
        }
        withExtendedLifetime(first) {}
    }

    @Test("Removals and holds from two nodes: nobody holds what is removed")
    func race() async throws {
        let server = try RedisServer()
        let nodes = [try await TestNode(server), try await TestNode(server)]
        var removed = 0
        for round in 1...40 {
            let id = "event-\(round)"
            _ = try await nodes[0].outcome(.define(hall(8, id: id) { $0.parts = 2 + round % 3 }))
            let (first, second) = (nodes[0].store, nodes[1].store)
            let code = try code(id)
            async let removal = first.perform(.remove(event: code))
            let hold = await second.perform(try holdGA(event: id))
            switch (await removal, hold) {
            case (.decided(.eventRemoved, _), .decided(.refused(.unknownEvent), _)): removed += 1
            case (.decided(.refused(.eventHasSales), _), .decided(.held, _)): break
            case (let removal, let hold): Issue.record("\(removal), and \(hold)")
            }
        }
        #expect(removed < 40)
        withExtendedLifetime(nodes) {}
    }

    @Test("A late payment wins with another part's place, and one that finds none in any is owed back")
    func late() async throws {
        for isOther in [false, true] {
            let stage = try await ScriptTests.Stage()
            try await stage.say(.define(hall(2) { $0.parts = 2 }))
            let holds = [try #require(try await stage.hold()), try #require(try await stage.hold())]
            #expect(Set(holds.map { RedisStore.part(of: $0) }).count == 2)
            stage.pass(.seconds(62))
            let third = try #require(try await stage.hold())
            // Whose part has no place now, or the other one.
            let order = holds.sorted { first, _ in (RedisStore.part(of: first) == RedisStore.part(of: third)) != isOther
            }
            guard case .purchased(_, late: true, _) = try await stage.say(.purchase(order[0], PaymentReference("a")))
            else {
                Issue.record("it did not win: \(stage.oracle.breaches)")
                return
            }
            try await stage.say(.purchase(order[1], PaymentReference("b")))
            try await stage.say(.purchase(order[1], PaymentReference("b")))
            let owed = try await stage.subject.node.store.refundsOwed(of: code("hall"), after: nil, limit: 9)
            #expect(owed.map(\.payment) == ["b"])
            let bought = try await stage.subject.node.store.purchases(of: code("hall"), after: nil, limit: 9)
            #expect(bought.map(\.hold) == [order[0]])
            try await stage.end()
        }
    }

    @Test("A server of one part that is away: the others sell, and nobody hears that all is sold")
    func away() async throws {
        let cluster = try RedisCluster(["appendonly", "no", "cluster-require-full-coverage", "no"])
        let node = try await TestNode(.cluster(cluster), callTimeout: .seconds(1))
        _ = try await node.outcome(.define(hall(30) { $0.parts = 3 }))
        cluster.masters[2].kill()
        var held = 0
        var failed = 0
        for _ in 0..<60 where failed < 4 {
            switch await node.store.perform(try holdGA()) {
            case .decided(.held, _): held += 1
            case .failed: failed += 1
            case let reply: Issue.record("\(reply)")
            }
        }
        #expect(held == 20)
    }
}
