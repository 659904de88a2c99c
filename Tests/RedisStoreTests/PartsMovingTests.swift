import BoxOffice
import Foundation
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore
import Traffic

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
                $0.rewriteFunctions = mistake.planted
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
        // Wherever the first one ends, the moves lead on, and nothing is to be set right.
        let second = try await TestNode(server) { $0.endsBefore = { $0 == "correct" } }
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
        await first.expectUnknown(.define(try parted(30)))
        first.store.stop()
        // Nobody asks for it: the other node sees it when it looks around.
        var free = 0
        for _ in 0..<800 where free != 30 {
            if case .current(let availability, _) = second.store.availability(of: try code("hall"), unless: nil) {
                free = availability.free
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        #expect(free == 30)
        // A new event, whose node ended before the other parts were made.
        let third = try await TestNode(server) { $0.endsBefore = { $0 == "follow" } }
        await third.expectUnknown(.define(try parted(7, 4, id: "new")))
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
