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
    /// What a caller is told, in a word or two.
    private func told(_ node: TestNode, _ command: Command) async -> String {
        switch await node.store.perform(command) {
        case .decided(.held, _): "held"
        case .decided(.extended, _): "extended"
        case .decided(.released, _): "released"
        case .decided(.purchased, _): "purchased"
        case .decided(.looked(let view), _): "looked \(view.state)"
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

    @Test("While no replica acknowledges, holds are told, and nothing that tells of a purchase is")
    func cutOff() async throws {
        let settings = ["appendonly", "no", "repl-diskless-sync-delay", "0"]
        let (server, replica) = (try RedisServer(settings), try RedisServer(settings))
        try replica.follow(server)
        let node = try await TestNode(server) {
            $0.durability = .full
            $0.waitReplicas = 1
            $0.waitTime = .milliseconds(1_000)
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
        #expect(ContinuousClock.now - begin < .milliseconds(900), "a hold waited for the replica")
        // In one call with a purchase, too.
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
        #expect(await told(node, .purchase(ids[4], PaymentReference("p"))) == "paymentConflict")
    }
}
