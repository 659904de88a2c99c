import BoxOffice
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore

@Suite("Debts and their claims on a cluster (R23 Debts)", .serialized)
struct DebtClaimTests {
    /// Defines events, each with a hold that was released.
    private func released(_ events: [String], on node: TestNode) async throws -> [HoldID] {
        var holds: [HoldID] = []
        for event in events {
            _ = try await node.outcome(.define(hall(5, id: event)))
            guard case .held(let view, _) = try await node.outcome(holdGA(event: event)) else {
                throw StoreFailure.outcomeUnknown
            }
            _ = try await node.outcome(.release(view.id))
            holds.append(view.id)
        }
        return holds
    }

    private func owed(_ node: TestNode) async throws -> [String] {
        try await node.store.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9).map(\.event)
    }

    @Test("What only a token reported in another event hides no confirmed debt, though the claim stayed there")
    func unconfirmedElsewhere() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        let ended = PlantedMistake(
            "no claim is taken back", "local function unclaim(keys, args)\n",
            "local function unclaim(keys, args)\n  error('nothing')\n")
        let leaving = try await TestNode(.cluster(cluster)) { $0.rewriteFunctions = ended.planted }
        let payment = PaymentReference("p")
        let holds = try await released(["one", "two"], on: node)
        for (hold, completer, node) in [(1, Completer.token, node), (0, .key, node), (1, .token, leaving)] {
            #expect(
                try await node.outcome(.purchase(holds[hold], payment, by: completer))
                    == .refused(.holdReleased(refundRequired: true)))
        }
        #expect(try await owed(node) == ["one"])
        withExtendedLifetime(leaving) {}
    }

    @Test("A debt without a claim, as an earlier release left it, gets one, so that the payment has no second debt")
    func unclaimed() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        let payment = PaymentReference("due")
        let holds = try await released(["one", "two"], on: node)
        let refused = Outcome.refused(.holdReleased(refundRequired: true))
        #expect(try await node.outcome(.purchase(holds[0], payment, by: .key)) == refused)
        try await node.dropClaims()
        #expect(try await node.claimed() == [])
        // Again, as another node does it.
        for _ in 1...2 { try await node.store.claimDebts() }
        #expect(try await node.claimed() == ["pdue"])
        #expect(try await node.outcome(.purchase(holds[1], payment, by: .key)) == refused)
        #expect(try await owed(node) == ["one"])
    }
}

extension TestNode {
    /// The names that are claimed.
    func claimed() async throws -> [String] {
        var names: [String] = []
        for (hash, route) in try await claimSlots() {
            let fields = try await client.call(RedisCommand("HKEYS", hash), for: route)
            names += try fields.array().map { try $0.text() }
        }
        return names.filter { $0.hasPrefix("p") }.sorted()
    }

    /// Takes all claims away.
    func dropClaims() async throws {
        for (hash, route) in try await claimSlots() { _ = try await client.call(RedisCommand("DEL", hash), for: route) }
    }

    private func claimSlots() async throws -> [(hash: String, route: RedisKey)] {
        var slots: [(String, RedisKey)] = []
        for answer in await client.callEachMaster(RedisCommand("KEYS", "holdfast:{claims-*")) {
            for hash in try answer.outcome.get().array() {
                let hash = try hash.text()
                let tag = hash.drop { $0 != "{" }.dropFirst().prefix { $0 != "}" }
                slots.append((hash, RedisKey(String(tag))))
            }
        }
        return slots
    }
}
