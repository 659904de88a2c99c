import BoxOffice
import Foundation
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore

/// On a cluster the events that may use one payment are on different servers.
@Suite("The store on a Redis cluster keeps the contract", .serialized)
struct ClusterTests {
    /// Four events, of which each of the cluster's three masters has some.
    private func breaches(
        _ cluster: RedisCluster, _ seed: UInt64, plant: @escaping @Sendable (String) -> String = { $0 }
    ) async throws -> [String] {
        // One cluster for all seeds; each seed has functions and keys of its own.
        let subject = try await RedisSubject(
            servers: .cluster(cluster), prefix: "s\(seed)-\(UUID().uuidString.prefix(8))", plant: plant)
        var contract = StoreContract()
        contract.events = 4
        return try await contract.breaches(of: subject, seed: seed)
    }

    @Test("Every answer and every count is the core's")
    func plain() async throws {
        let cluster = try RedisCluster()
        for seed in UInt64(1)...12 {
            let breaches = try await breaches(cluster, seed)
            #expect(breaches == [])
        }
    }

    private static let mistakes = [
        PlantedMistake(
            "an event gives a payment up though it has used it (R10 One payment, one hold)",
            "if not debt then return pack('<ddB', office, wall, ELSEWHERE.bought) end",
            "if not debt then return pack('<ddB', office, wall, 0) end"),
        PlantedMistake(
            "a claim goes though it was used (R10 One payment, one hold)",
            "if command.claim and not is_name_used(event, command) then", "if command.claim then"),
    ]

    @Test("The contract catches mistakes that are planted in claiming")
    func planted() async throws {
        let cluster = try RedisCluster()
        for mistake in Self.mistakes {
            var isCaught = false
            for seed in UInt64(1)...40 where !isCaught {
                isCaught = try await !breaches(cluster, seed, plant: mistake.planted).isEmpty
            }
            #expect(isCaught, "\(mistake.name): not caught")
        }
    }

    @Test("An event that gave a payment up to a node that then failed can still have it")
    func givenUpToNobody() async throws {
        let cluster = try RedisCluster()
        let mistake = PlantedMistake(
            "nobody takes a name over", "local function reclaim(keys, args)\n",
            "local function reclaim(keys, args)\n  error('nothing')\n")
        let ended = PlantedMistake(
            "no claim is taken back", "local function unclaim(keys, args)\n",
            "local function unclaim(keys, args)\n  error('nothing')\n")
        let broken = try await TestNode(.cluster(cluster)) { $0.rewriteFunctions = mistake.planted }
        let leaving = try await TestNode(.cluster(cluster)) { $0.rewriteFunctions = ended.planted }
        let node = try await TestNode(.cluster(cluster))
        for event in ["one", "two"] { _ = try await node.outcome(.define(hall(5, id: event))) }
        func held(_ event: String) async throws -> HoldID {
            guard case .held(let view, _) = try await node.outcome(holdGA(event: event)) else {
                throw StoreFailure.outcomeUnknown
            }
            return view.id
        }
        let payment = PaymentReference("once")
        // The first event claims it and cannot use it, and its node ends before it takes the claim back.
        let released = try await held("one")
        _ = try await node.outcome(.release(released))
        #expect(
            try await leaving.outcome(.purchase(released, payment)) == .refused(.holdReleased(refundRequired: true)))
        guard case .failed = await broken.store.perform(.purchase(try await held("two"), payment)) else {
            Issue.record("it was taken over")
            return
        }
        guard case .purchased = try await node.outcome(.purchase(try await held("one"), payment)) else {
            Issue.record("not bought")
            return
        }
        #expect(
            try await node.outcome(.purchase(try await held("two"), payment))
                == .refused(.paymentConflict(refundRequired: false)))
        withExtendedLifetime((broken, leaving)) {}
    }

    @Test("What is refused leaves no claim behind (R21 Bounds)")
    func refused() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        for event in ["one", "two"] { _ = try await node.outcome(.define(hall(1, id: event))) }
        guard case .held(let view, _) = try await node.outcome(holdGA(event: "one", key: "used")) else {
            throw StoreFailure.outcomeUnknown
        }
        for number in 0..<12 {
            let key = "refused-\(number % 8)"
            for command in [try holdGA(event: "one", key: key), try holdGA(2, event: "one", key: "used")] {
                guard case .refused = try await node.outcome(command) else {
                    Issue.record("\(command)")
                    return
                }
            }
        }
        guard case .held(let other, _) = try await node.outcome(holdGA(event: "two")) else {
            throw StoreFailure.outcomeUnknown
        }
        _ = try await node.outcome(.purchase(view.id, PaymentReference("paid")))
        _ = try await node.outcome(.release(other.id))
        for number in 0..<6 {
            _ = try await node.outcome(.purchase(other.id, PaymentReference("late-\(number)")))
            _ = try await node.outcome(.purchase(view.id, PaymentReference("again-\(number)")))
            #expect(
                try await node.outcome(.purchase(other.id, PaymentReference("paid")))
                    == .refused(.paymentConflict(refundRequired: false)))
        }
        // Claims are taken back after the answers. Payments that are owed back keep theirs, four for a hold.
        let kept = (0..<4).map { "pagain-\($0)" } + (0..<4).map { "plate-\($0)" } + ["ppaid"]
        for _ in 0..<600 where try await node.claimed().count > kept.count {
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(try await node.claimed() == kept)
    }

    @Test(
        "A payment that one event owes back buys in another event and is no longer listed; one that was paid back buys nothing"
    )
    func owedElsewhere() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        var held: [HoldID] = []
        for event in ["one", "two", "three"] {
            _ = try await node.outcome(.define(hall(5, id: event)))
            for _ in 0..<2 {
                guard case .held(let view, _) = try await node.outcome(holdGA(event: event)) else {
                    throw StoreFailure.outcomeUnknown
                }
                held.append(view.id)
            }
        }
        let (payment, other) = (try #require(PaymentReference("p")), try #require(PaymentReference("q")))
        func owed() async throws -> [String] {
            try await node.store.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9).map {
                "\($0.payment) \($0.event)"
            }
        }
        _ = try await node.outcome(.release(held[0]))
        for payment in [payment, other] {
            #expect(
                try await node.outcome(.purchase(held[0], payment, by: .key))
                    == .refused(.holdReleased(refundRequired: true)))
        }
        #expect(try await owed() == ["p one", "q one"])
        // Refused in the second event, it stays with the first.
        _ = try await node.outcome(.release(held[2]))
        _ = try await node.outcome(.purchase(held[2], payment, by: .key))
        #expect(try await owed() == ["p one", "q one"])
        guard case .purchased = try await node.outcome(.purchase(held[4], payment)) else {
            Issue.record("what is owed does not buy")
            return
        }
        #expect(try await owed() == ["q one"])
        #expect(
            try await node.outcome(.purchase(held[1], payment)) == .refused(.paymentConflict(refundRequired: false)))
        #expect(try await node.outcome(.payBack(held[0], payment)) == .refused(.unknownDebt))
        _ = try await node.outcome(.purchase(held[2], other, by: .key))
        #expect(try await node.outcome(.payBack(held[0], other)) == .paidBack(held[0], repeated: false))
        #expect(
            try await node.outcome(.purchase(held[3], other)) == .refused(.paymentConflict(refundRequired: false)))
        #expect(try await node.outcome(.payBack(held[0], other)) == .paidBack(held[0], repeated: true))
        #expect(try await owed() == [])
    }

    private func held(_ event: String, on node: TestNode) async throws -> HoldID {
        guard case .held(let view, _) = try await node.outcome(holdGA(event: event)) else {
            throw StoreFailure.outcomeUnknown
        }
        return view.id
    }

    @Test("A payment has one debt, however many events refuse it, which ends when it buys something (R23 Debts)")
    func oneDebt() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        let payment = try #require(PaymentReference("p"))
        let events = ["one", "two", "three", "four"]
        for event in events { _ = try await node.outcome(.define(hall(5, id: event))) }
        for _ in 1...2 {
            for event in events.dropLast() {
                let hold = try await held(event, on: node)
                _ = try await node.outcome(.release(hold))
                #expect(
                    try await node.outcome(.purchase(hold, payment, by: .key))
                        == .refused(.holdReleased(refundRequired: true)))
                // The claim goes back to the first event after the answer.
                try await Task.sleep(for: .milliseconds(300))
            }
        }
        let owed = try await node.store.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9)
        #expect(owed.map(\.event) == ["one"])
        #expect(try await node.outcome(.remove(event: code("one"), expecting: nil)) == .refused(.eventHasDebts))
        guard case .purchased = try await node.outcome(.purchase(held("four", on: node), payment)) else {
            Issue.record("what is owed does not buy")
            return
        }
        var outcome = Outcome.refused(.eventHasDebts)
        for _ in 0..<600 where outcome == .refused(.eventHasDebts) {
            try await Task.sleep(for: .milliseconds(100))
            outcome = try await node.outcome(.remove(event: code("one"), expecting: nil))
        }
        #expect(outcome == .eventRemoved(try code("one")))
        #expect(
            try await node.outcome(.purchase(held("two", on: node), payment))
                == .refused(.paymentConflict(refundRequired: false)))
    }

    @Test("A confirmed debt stays the only one, whatever tokens report of its payment elsewhere (R23 Debts)")
    func confirmedStays() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        let payment = try #require(PaymentReference("p"))
        var released: [String: HoldID] = [:]
        for event in ["one", "two", "three"] {
            _ = try await node.outcome(.define(hall(5, id: event)))
            let hold = try await held(event, on: node)
            _ = try await node.outcome(.release(hold))
            released[event] = hold
        }
        for (event, completer) in [("two", Completer.token), ("one", .key), ("two", .token), ("three", .key)] {
            let hold = try #require(released[event])
            #expect(
                try await node.outcome(.purchase(hold, payment, by: completer))
                    == .refused(.holdReleased(refundRequired: true)))
            // The claim goes back after the answer.
            try await Task.sleep(for: .milliseconds(300))
        }
        let owed = try await node.store.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9)
        #expect(owed.map(\.event) == ["one"])
    }

    @Test("Unused claims are dropped: those of nodes that failed, and those of debts that were forgotten")
    func dropped() async throws {
        let cluster = try RedisCluster()
        let ended = PlantedMistake(
            "no claim is taken back", "local function unclaim(keys, args)\n",
            "local function unclaim(keys, args)\n  error('nothing')\n")
        var limits = Limits()
        limits.unconfirmedDebtsPerHold = 1
        limits.unconfirmedDebtsKept = .milliseconds(1)
        let leaving = try await TestNode(.cluster(cluster), limits: limits) { $0.rewriteFunctions = ended.planted }
        let node = try await TestNode(.cluster(cluster), limits: limits)
        for event in ["one", "two"] { _ = try await node.outcome(.define(hall(9, id: event))) }
        let (released, bought) = (try await held("one", on: node), try await held("two", on: node))
        _ = try await node.outcome(.release(released))
        _ = try await node.outcome(.purchase(bought, PaymentReference("paid")))
        for name in ["owed", "refused"] {
            _ = try await leaving.outcome(.purchase(released, PaymentReference(name)))
        }
        _ = try await node.outcome(.purchase(released, PaymentReference("due"), by: .key))
        #expect(try await node.claimed() == ["pdue", "powed", "ppaid", "prefused"])
        for slot in ClaimSlot.all { try await node.store.dropUnusedClaims(in: slot, interval: .zero) }
        #expect(try await node.claimed() == ["pdue", "ppaid"])
        for name in ["owed", "refused", "due"] {
            guard case .purchased = try await node.outcome(.purchase(held("two", on: node), PaymentReference(name)))
            else {
                Issue.record("\(name) does not buy")
                return
            }
        }
        #expect(
            try await node.outcome(.purchase(held("one", on: node), PaymentReference("paid")))
                == .refused(.paymentConflict(refundRequired: false)))
        withExtendedLifetime(leaving) {}
    }

    @Test("A late request to give up a payment makes no older claim valid")
    func givenUpLate() async throws {
        let cluster = try RedisCluster()
        let server = cluster.masters[0]
        // Scripts have no names.
        guard try server.hasFunctions else { return }
        let node = try await TestNode(.cluster(cluster))
        let told = try server.ask("FUNCTION", "LIST")
        let name = try #require(told.split(whereSeparator: \.isWhitespace).first { $0.hasSuffix("_give_up") })
        // An event whose keys are on this server.
        let event = try #require(
            (1...20).first { number in
                Int((try? server.ask("CLUSTER", "KEYSLOT", "\(number)")) ?? "").map(RedisCluster.ranges[0].contains)
                    ?? false
            })
        let keys = EventKey.allCases.map { "holdfast:{\(event)}:\($0)" }
        for claim in ["12", "10"] {
            try server.ask(["FCALL", String(name), String(keys.count)] + keys + ["ppaid", claim, "1000", "secret"])
        }
        let notes = try server.ask("KEYS", "holdfast:{\(event)}:\(EventKey.given):*")
        // The note has a name of its own (R41 Erasure).
        let noted = try server.ask("HVALS", notes).split(whereSeparator: \.isWhitespace)
        #expect(noted.contains("12") && !noted.contains("10"))
        withExtendedLifetime(node) {}
    }

    @Test("If many buyers pay with one reference for holds of several events on several nodes, one of them gets it")
    func race() async throws {
        let cluster = try RedisCluster()
        let nodes = [try await TestNode(.cluster(cluster)), try await TestNode(.cluster(cluster))]
        let events = ["one", "two", "three"]
        for event in events { _ = try await nodes[0].outcome(.define(hall(500, id: event))) }
        for round in 1...40 {
            var holds: [HoldID] = []
            for event in events {
                guard case .held(let view, _) = try await nodes[1].outcome(holdGA(event: event)) else {
                    throw StoreFailure.outcomeUnknown
                }
                holds.append(view.id)
            }
            // A hold that cannot be bought claims the payment first, and must give it up to the others.
            guard case .held(let released, _) = try await nodes[0].outcome(holdGA(event: events[round % 3])) else {
                throw StoreFailure.outcomeUnknown
            }
            _ = try await nodes[0].outcome(.release(released.id))
            let payment = PaymentReference("round-\(round)")
            _ = try await nodes[0].outcome(.purchase(released.id, payment))
            let won = await withTaskGroup(of: Bool.self) { group in
                for (index, hold) in holds.enumerated() {
                    let store = nodes[index % 2].store
                    group.addTask {
                        if case .decided(.purchased, _) = await store.perform(.purchase(hold, payment)) {
                            true
                        } else {
                            false
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(won == 1)
        }
        #expect(try await nodes[0].store.counts().reduce(0) { $0 + $1.sold } == 40)
        #expect(try await nodes[1].store.recount().broken == nil)
        withExtendedLifetime(nodes) {}
    }
}
