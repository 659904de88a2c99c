import BoxOffice
import Foundation
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Servers that come back without the newest facts. A token is a signature over a hold's number, so two holds with one
/// number would be one another's.
@Suite("After facts were lost no number of a hold is given twice", .serialized)
struct LostFactsTests {
    /// Asks until the store has found the server again.
    private func held(_ node: TestNode, _ command: Command) async throws -> HoldID {
        for _ in 0..<400 {
            if case .decided(.held(let view, _), _) = await node.store.perform(command) { return view.id }
            usleep(25_000)
        }
        throw StoreFailure.outcomeUnknown
    }

    private func isUnknown(_ node: TestNode, _ hold: HoldID) async throws -> Bool {
        try await node.outcome(.look(hold)) == .refused(.unknownHold)
    }

    /// What operators read goes over all numbers that were given, and over none that were left out.
    private func expectBooks(_ node: TestNode, bought: [HoldID]) async throws {
        let purchases = try await node.store.purchases(of: code("hall"), after: nil, limit: 100)
        #expect(purchases.map(\.hold) == bought)
        #expect(
            try await node.store.purchases(of: code("hall"), after: bought.first, limit: 1).map(\.hold) == [bought[1]])
        let recount = try await node.store.recount()
        #expect(recount.broken == nil)
        #expect(try await recount.pools == node.store.counts())
    }

    @Test("A server that was killed, and comes back again and again as it once saved itself")
    func older() async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(500)))
        var bought: [HoldID] = []
        for _ in 1...3 { bought.append(try await held(node, holdGA())) }
        for id in bought { _ = try await node.outcome(.purchase(id)) }
        try server.ask("SAVE")
        var told = Set(bought)
        for _ in 1...4 {
            let lost = try await held(node, holdGA())
            #expect(told.insert(lost).inserted, "\(lost) was given before")
            try server.restart()
            let next = try await held(node, holdGA())
            #expect(told.insert(next).inserted, "\(next) was given before")
            let isLostUnknown = try await isUnknown(node, lost)
            #expect(isLostUnknown)
        }
        let last = try await held(node, holdGA())
        _ = try await node.outcome(.purchase(last))
        try await expectBooks(node, bought: bought + [last])
    }

    @Test("An event that was lost as a whole, and another one that gets its number")
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
    }

    @Test("A replica that lagged and became master, and its master that became master again")
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
            // From here on nothing reaches it.
            try replica.ask("REPLICAOF", "NO", "ONE")
            try await holdThree(on: node)
            if isSelling { try await holdThree(on: TestNode(replica)) }
            // The old master takes everything from the new one, in the same process, and becomes master once more.
            try server.follow(replica)
            try server.ask("REPLICAOF", "NO", "ONE")
            try await holdThree(on: node)
            #expect(try await node.store.recount().broken == nil)
        }
    }
}
