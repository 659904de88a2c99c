import BoxOffice
import Foundation
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Servers that come back without the newest facts. A token is a signature over a hold's number, so with one number for two
/// holds a buyer could use another buyer's hold (R20 Tokens).
@Suite("No number of a hold is given twice, even after facts were lost", .serialized)
struct LostFactsTests {
    /// Repeats the hold until the store has found the server again.
    private func held(_ node: TestNode, _ command: Command) async throws -> HoldID {
        for _ in 0..<2_400 {
            if case .decided(.held(let view, _), _) = await node.store.perform(command) { return view.id }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw StoreFailure.outcomeUnknown
    }

    private func isUnknown(_ node: TestNode, _ hold: HoldID) async throws -> Bool {
        try await node.outcome(.look(hold)) == .refused(.unknownHold)
    }

    private static let mistakes = [
        PlantedMistake("no leap", "if event.run == run then return false end", "if true then return false end"),
        PlantedMistake(
            "a leap of a fixed width", "if begin <= event.next or begin >", "if begin > 0 or begin >"),
        PlantedMistake("the life of a server is not known", "known_run = tonumber(", "known_run = 1 + 0 * tonumber("),
    ]

    @Test("A server is killed, and comes back several times from the same saved state")
    func older() async throws {
        let node = try await TestNode(RedisServer())
        #expect(try await numbersGivenTwice(by: node) == [])
    }

    @Test("Mistakes that are planted in numbering are caught", arguments: mistakes)
    func planted(mistake: PlantedMistake) async throws {
        let node = try await TestNode(RedisServer()) {
            $0.rewriteFunctions = mistake.planted
        }
        #expect(try await !numbersGivenTwice(by: node).isEmpty)
    }

    @Test("Lists for operators have all numbers that were given, and none that were left out")
    func lists() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(500)))
        var bought: [HoldID] = []
        for _ in 1...3 {
            for _ in 1...2 { bought.append(try await held(node, holdGA())) }
            for id in bought.suffix(2) { _ = try await node.outcome(.purchase(id)) }
            try node.server.ask("SAVE")
            // The first restart loses holds; the second has none in between.
            _ = try await held(node, holdGA())
            for _ in 1...2 { try node.server.restart() }
            _ = try await held(node, holdGA())
        }
        for (last, page) in [(nil, bought[0...1]), (bought[0], bought[1...2]), (bought[3], bought[4...5])] {
            let found = try await node.store.purchases(of: code("hall"), after: last, limit: 2)
            #expect(found.map(\.hold) == Array(page))
        }
        let recount = try await node.store.recount()
        #expect(recount.broken == nil)
        #expect(recount.pools.first?.sold == 6)
        #expect(try await recount.pools == node.store.counts())
    }

    @Test("A recount that is first in a new life of the server looks at given numbers only (R36 Recount)")
    func firstCall() async throws {
        let node = try await TestNode(RedisServer()) { $0.mendsByItself = false }
        _ = try await node.outcome(.define(hall(5)))
        // Nothing is live, so the node makes no calls of its own.
        for _ in 1...2 { _ = try await node.outcome(.purchase(held(node, holdGA()))) }
        try node.server.ask("HSET", "holdfast:{1}:event", "run", "otherone")
        let report = try await node.store.repair(applies: false).first
        #expect(report?.holds == 2)
        #expect(report?.missingHolds == 0)
    }

    /// Holds, and restarts the server several times from the same saved state.
    private func numbersGivenTwice(by node: TestNode) async throws -> [HoldID] {
        let server = node.server
        _ = try await node.outcome(.define(hall(500)))
        var told: Set<HoldID> = [try await held(node, holdGA())]
        var twice: [HoldID] = []
        try server.ask("SAVE")
        for _ in 1...3 {
            for _ in 1...2 {
                let id = try await held(node, holdGA())
                if !told.insert(id).inserted { twice.append(id) }
            }
            let lost = try await held(node, holdGA())
            try server.restart()
            let next = try await held(node, holdGA())
            if !told.insert(lost).inserted || !told.insert(next).inserted { twice.append(next) }
            if twice.isEmpty, try await !isUnknown(node, lost) { twice.append(lost) }
        }
        return twice
    }

    @Test("A whole event is lost, and another event gets its number")
    func event() async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(5)))
        try server.ask("SAVE")
        _ = try await node.outcome(.define(hall(5, id: "lost")))
        let lost = try await held(node, holdGA(event: "lost"))
        try server.restart()
        _ = try await held(node, holdGA())
        _ = try await node.outcome(.define(hall(5, id: "other")))
        let other = try await held(node, holdGA(event: "other"))
        #expect(other != lost)
        #expect(try await isUnknown(node, lost))
        #expect(try await node.outcome(holdGA(event: "lost")) == .refused(.unknownEvent))
    }

    @Test("A replica that lagged becomes master, and then its old master becomes master again")
    func failover() async throws {
        let settings = ["appendonly", "no", "repl-diskless-sync-delay", "0"]
        let (server, replica) = (try RedisServer(settings), try RedisServer(settings))
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(500)))
        var told: Set<HoldID> = []
        func holdThree(on node: TestNode) async throws {
            for _ in 1...3 {
                let id = try await held(node, holdGA())
                #expect(told.insert(id).inserted, "\(id) was given before")
            }
        }
        for isSelling in [true, false] {
            try await holdThree(on: node)
            try replica.follow(server)
            // From here on the replica gets nothing.
            try replica.ask("REPLICAOF", "NO", "ONE")
            try await holdThree(on: node)
            if isSelling { try await holdThree(on: TestNode(replica)) }
            // The old master takes all data from the new one, in the same process, and becomes master once more.
            try server.follow(replica)
            try server.ask("REPLICAOF", "NO", "ONE")
            try await holdThree(on: node)
            #expect(try await node.store.recount().broken == nil)
        }
    }
}
