import BoxOffice
import Foundation
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Holds that do not wait for the replicas that purchases wait for.
@Suite("Holds may be less durable than purchases", .serialized)
struct HoldDurabilityTests {
    /// What a caller gets, in a word or two.
    private func told(_ node: TestNode, _ command: Command) async -> String {
        switch await node.store.perform(command) {
        case .decided(.held, _): "held"
        case .decided(.extended, _): "extended"
        case .decided(.released, _): "released"
        case .decided(.purchased, _): "purchased"
        case .decided(.looked(let view, _), _): "looked \(view.state)"
        case .decided(.refused(let refusal), _): "\(refusal)"
        case .decided(let outcome, _): "\(outcome)"
        case .failed(let failure): "\(failure)"
        }
    }

    private func held(_ count: Int, on node: TestNode) async throws -> [HoldID] {
        var ids: [HoldID] = []
        for _ in 0..<count {
            guard case .held(let view, _) = try await node.outcome(holdGA()) else { throw StoreFailure.outcomeUnknown }
            ids.append(view.id)
        }
        return ids
    }

    @Test("While no replica acknowledges, answers to holds leave, and no answer leaves that reports a purchase")
    func cutOff() async throws {
        let settings = ["appendonly", "no", "repl-diskless-sync-delay", "0"]
        let (server, replica) = (try RedisServer(settings), try RedisServer(settings))
        try replica.follow(server)
        let node = try await TestNode(server) {
            $0.durability = .full
            $0.waitReplicas = 1
            $0.waitTime = .milliseconds(3_000)
            $0.holds = .relaxed
        }
        _ = try await node.outcome(.define(hall(100)))
        let ids = try await held(5, on: node)
        #expect(await told(node, .purchase(ids[0])) == "purchased")
        replica.signal(SIGSTOP)
        defer { replica.signal(SIGCONT) }
        let begin = ContinuousClock.now
        let another = try holdGA()
        #expect(await told(node, another) == "held")
        #expect(await told(node, .look(ids[1])) == "looked held")
        #expect(await told(node, .extend(ids[1])) == "extended")
        #expect(await told(node, .release(ids[2])) == "released")
        #expect(await told(node, .release(ids[2])) == "released")
        // An answer that waits takes three seconds.
        #expect(ContinuousClock.now - begin < .seconds(14), "all answers waited for the replica")
        // Also in one call with a purchase.
        async let purchase = told(node, .purchase(ids[3], PaymentReference("p")))
        async let hold = told(node, another)
        async let look = told(node, .look(ids[1]))
        let together = await [purchase, hold, look]
        #expect(together == ["outcomeUnknown", "held", "looked held"])
        #expect(await told(node, .look(ids[3])) == "outcomeUnknown")
        #expect(await told(node, .release(ids[3])) == "outcomeUnknown")
        #expect(await told(node, .extend(ids[3])) == "outcomeUnknown")
        #expect(await told(node, .purchase(ids[4], PaymentReference("p"))) == "outcomeUnknown")
        replica.signal(SIGCONT)
        #expect(await told(node, .look(ids[3])) == "looked purchased")
        #expect(await told(node, .release(ids[3])) == "alreadyPurchased")
        #expect(await told(node, .purchase(ids[4], PaymentReference("p"))) == "paymentConflict(refundRequired: false)")
    }

    @Test("While no replica acknowledges, no operator's change is confirmed, and looks do not wait")
    func operators() async throws {
        let settings = ["appendonly", "no", "repl-diskless-sync-delay", "0"]
        let (server, replica) = (try RedisServer(settings), try RedisServer(settings))
        try replica.follow(server)
        let node = try await TestNode(server) {
            $0.durability = .full
            $0.waitReplicas = 1
            $0.waitTime = .seconds(2)
        }
        let keyring = RedisKeyring(client: node.client, prefix: "holdfast", waitReplicas: 1, waitTime: .seconds(2))
        let made = try #require(
            try await keyring.make(.init(name: "Anna", role: .viewer), at: WallTime(milliseconds: 1)))
        _ = try await node.outcome(.define(hall(100)))
        _ = try await held(1, on: node)
        replica.signal(SIGSTOP)
        defer { replica.signal(SIGCONT) }
        #expect(await told(node, .define(try hall(50), expecting: 7)) == "outcomeUnknown")
        #expect(await told(node, .remove(event: try code("hall"))) == "outcomeUnknown")
        await #expect(throws: StoreFailure.outcomeUnknown) {
            _ = try await keyring.make(.init(name: "Berta", role: .viewer), at: WallTime(milliseconds: 1))
        }
        await #expect(throws: StoreFailure.outcomeUnknown) {
            _ = try await keyring.revoke(made.key.id, at: WallTime(milliseconds: 2))
        }
        // A hold is live, so the event is looked at all the time. Only trials wait, about one a second.
        func waits() throws -> Int {
            let told = try server.ask("INFO", "commandstats")
            return Int(told.components(separatedBy: "cmdstat_wait:calls=").last?.prefix(while: \.isNumber) ?? "") ?? 0
        }
        let (before, begin) = (try waits(), ContinuousClock.now)
        try await Task.sleep(for: .milliseconds(2_000))
        let seconds = Int((ContinuousClock.now - begin).components.seconds)
        #expect(try waits() - before <= seconds + 1)
        replica.signal(SIGCONT)
        #expect(try await keyring.revoke(made.key.id, at: WallTime(milliseconds: 3)) == .revoked)
        #expect(try await keyring.list().first { $0.id == made.key.id }?.revokedAt == WallTime(milliseconds: 2))
    }
}
