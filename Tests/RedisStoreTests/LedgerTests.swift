import BoxOffice
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore
import Workload

/// What operators and accountants read.
@Suite("Lists and counts from Redis are what was answered", .serialized)
struct LedgerTests {
    @Test("Purchases, refunds owed and the recount after random traffic", arguments: UInt64(1)...4)
    func afterTraffic(seed: UInt64) async throws {
        var limits = Limits()
        // Of every purchase that was answered.
        limits.unconfirmedDebtsPerHold = 1_000
        let subject = try await RedisSubject(limits: limits)
        let store = subject.node.store
        var traffic = RandomTraffic(seed: seed)
        var bought: [HoldID: PaymentReference?] = [:]
        var late: Set<HoldID> = []
        var returned: [HoldID: HoldView] = [:]
        /// Confirmed or not, by payment.
        var owed: [String: Bool] = [:]
        var owedFor: [String: HoldID] = [:]
        var sellers: [HoldID: Seller] = [:]
        for _ in 0..<1_500 {
            let (moment, command) = traffic.next()
            try await subject.advance(to: moment)
            guard case .decided(let outcome, _) = await store.perform(command) else {
                throw StoreFailure.outcomeUnknown
            }
            traffic.learn(outcome)
            switch (command, outcome) {
            case (.purchase(let id, let payment, let completer), .purchased(_, let isLate, repeated: false)):
                bought[id] = payment
                sellers[id] = completer.seller
                if let payment { owed[payment.text] = nil }
                if isLate { late.insert(id) }
            case (_, .returned(let view, repeated: false)): returned[view.id] = view
            case (.purchase(let id, let payment?, let completer), .refused(let refusal))
            where refusal.isRefundRequired:
                if owed[payment.text] != true, owed[payment.text] == nil || completer.isKey {
                    owedFor[payment.text] = id
                }
                owed[payment.text] = owed[payment.text] == true || completer.isKey
            case (.payBack(_, let payment), .paidBack(_, repeated: false)): owed[payment.text] = nil
            case (.erase(let request), .erased(let id, repeated: false)) where !request.isTrial:
                if bought[id] != nil { bought[id] = .some(nil) }
                owed = owed.filter { owedFor[$0.key] != id }
            default: break
            }
        }
        var found: [PurchaseRecord] = []
        var refunds: [String: Bool] = [:]
        for event in store.events.map(\.definition.id) {
            // In pages of seven.
            var last: HoldID?
            repeat {
                let page = try await store.purchases(of: event, after: last, limit: 7)
                #expect(page.count <= 7)
                found += page
                last = page.last?.hold
            } while last != nil
            for confirmed in [true, false] {
                var behind: UInt64?
                repeat {
                    let page = try await store.refundsOwed(of: event, confirmed: confirmed, after: behind, limit: 2)
                    #expect(page.allSatisfy { $0.isConfirmed == confirmed && $0.event == event.text })
                    for refund in page {
                        #expect(refunds.updateValue(confirmed, forKey: refund.payment) == nil)
                    }
                    behind = page.last?.sequence
                } while behind != nil
            }
        }
        #expect(bought.count > 5)
        #expect(found.map(\.hold) == bought.keys.sorted())
        for purchase in found {
            #expect(purchase.payment == (bought[purchase.hold] ?? nil)?.text)
            #expect(purchase.isLate == late.contains(purchase.hold))
            #expect(purchase.soldBy == sellers[purchase.hold])
            let after = returned[purchase.hold]
            #expect((purchase.returnedAt != nil) == (after?.state == .returned))
            let gone = after?.lines.map { Int($0.returned) }.map { $0 } ?? purchase.lines.map { _ in 0 }
            #expect(purchase.lines.map(\.returned) == gone)
            #expect(purchase.lines.allSatisfy { $0.type.hasPrefix("T") && $0.quantity > 0 })
        }
        #expect(refunds == owed)
        let everywhere = try await store.refundsOwed(of: nil, confirmed: true, after: nil, limit: 1_000)
        #expect(Set(everywhere.map(\.payment)) == Set(owed.filter(\.value).keys))
        let recount = try await store.recount()
        #expect(recount.broken == nil)
        #expect(try await recount.pools == store.counts())
        #expect(recount.facts > 150)
    }

    @Test("A recount finds numbers that differ from the holds")
    func broken() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(5)))
        guard case .held(let view, _) = try await node.outcome(holdGA(2)) else { throw StoreFailure.outcomeUnknown }
        _ = try await node.outcome(.purchase(view.id, PaymentReference("p")))
        #expect(try await node.store.recount().broken == nil)
        try node.server.ask("HDEL", "holdfast:{sales}:payments", "p")
        let strayed = try await node.store.recount().broken
        #expect(strayed == "1 payments of hall do not lead to their purchases")
        for hold in try node.server.ask("HKEYS", "holdfast:{1}:holds").split(separator: "\n") {
            try node.server.ask("HDEL", "holdfast:{1}:holds", String(hold))
        }
        let lost = try await node.store.recount().broken
        #expect(lost == "pool floor of hall says 2 places are sold, its purchases say 0")
    }

    @Test("An event with many holds is counted in pages by a running node, which reports what differs")
    func pages() async throws {
        let server = try RedisServer()
        let first = try await TestNode(server)
        _ = try await first.outcome(.define(hall(9)))
        for _ in 1...3 { _ = try await first.outcome(holdGA()) }
        let numbers = try server.ask("HKEYS", "holdfast:{1}:holds").split(separator: "\n")
        try server.ask("HDEL", "holdfast:{1}:holds", String(numbers[0]))
        let node = try await TestNode(server) { $0.countedInOneCall = 2 }
        let run = Task { try await node.store.run() }
        for _ in 0..<600 where node.store.concerns.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
        #expect(node.store.concerns.map(\.kind) == [.unbalanced])
        run.cancel()
        try await run.value
        withExtendedLifetime(first) {}
    }

    /// Holds that were given before, to be used again in any order.
    private actor Given {
        private var holds: [HoldID] = []
        private var chance = SeededGenerator(seed: 1)
        private(set) var isEnough = false

        func add(_ hold: HoldID) { holds.append(hold) }

        func stop() { isEnough = true }

        func one() -> HoldID? { holds.randomElement(using: &chance) }
    }

    private func hold(_ count: Int, on node: TestNode, _ given: Given) async throws {
        for _ in 0..<count {
            if case .held(let view, _) = try await node.outcome(holdGA()) { await given.add(view.id) }
        }
    }

    /// Holds, and uses holds that were given before in random ways.
    private func shop(on node: TestNode, _ given: Given) async throws {
        try await hold(1, on: node, given)
        let changes: [(HoldID) -> Command] = [
            { .purchase($0) }, { .release($0) }, { .extend($0) }, { .returnPurchase($0) },
        ]
        for change in changes {
            if let id = await given.one() { _ = try await node.outcome(change(id)) }
        }
    }

    @Test("A recount shows one moment while two nodes sell, release and return")
    func busy() async throws {
        let server = try RedisServer()
        let nodes = [try await TestNode(server), try await TestNode(server)]
        let recounts = try await recountsOfBusy(nodes)
        #expect(recounts.compactMap(\.broken) == [])
        #expect(Set(recounts.compactMap { $0.pools.first?.sold }).count > 5)
        #expect(try await nodes[0].store.recount().pools == nodes[0].store.counts())
        withExtendedLifetime(nodes) {}
    }

    private static let mistakes = [
        PlantedMistake("nobody notes a change", "if number >= walk.from and number < walk.to then", "if false then"),
        PlantedMistake(
            "changes of holds that were counted are noted", "if number >= walk.from and number < walk.to then",
            "if number < walk.to then"),
        PlantedMistake(
            "two recounts are under way", "if other and other.id ~= id then return nil, STATUS.busy end",
            "if other then event.walk_text = nil end"),
    ]

    @Test("Mistakes that are planted in recounting are caught", arguments: mistakes)
    func planted(mistake: PlantedMistake) async throws {
        let server = try RedisServer()
        let nodes = [
            try await TestNode(server) { $0.rewriteFunctions = mistake.planted },
            try await TestNode(server) { $0.rewriteFunctions = mistake.planted },
        ]
        do {
            #expect(try await !recountsOfBusy(nodes).compactMap(\.broken).isEmpty)
        } catch StoreFailure.overloaded {
            // No recount came to its end.
        }
        withExtendedLifetime(nodes) {}
    }

    private func recountsOfBusy(_ nodes: [TestNode]) async throws -> [Recount] {
        _ = try await nodes[0].outcome(.define(hall(1_000_000)))
        let given = Given()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...256 { group.addTask { try await self.hold(70, on: nodes[0], given) } }
            try await group.waitForAll()
        }
        return try await withThrowingTaskGroup(of: [Recount].self) { group in
            for shopper in 0..<32 {
                group.addTask {
                    while !Task.isCancelled, await !given.isEnough {
                        try await self.shop(on: nodes[shopper % 2], given)
                    }
                    return []
                }
            }
            for node in nodes {
                group.addTask {
                    var recounts: [Recount] = []
                    for _ in 1...5 { recounts.append(try await node.store.recount()) }
                    return recounts
                }
            }
            var recounts: [Recount] = []
            for try await found in group {
                recounts += found
                if recounts.count == 10 { await given.stop() }
            }
            return recounts
        }
    }

    @Test("The audit has operators' changes in order and in pages")
    func audit() async throws {
        let node = try await TestNode(RedisServer())
        // What a command of a batch carries has two bytes for its length.
        let large = AuditDifference("/name", from: .string(String(repeating: "ä", count: 16_000)), to: .null)
        let note = { (action: String, subject: String) in
            AuditNote(
                key: "abcd1234", name: "Anna, äöü", action: action, subject: subject,
                reason: action == "event.pause" ? nil : "because \(action)",
                differences: action == "event.pause" ? [] : [large, large])
        }
        for (command, action) in try [
            (Command.define(hall(5)), "event.define"), (.define(hall(5, id: "other")), "event.define"),
            (.pause(event: code("hall")), "event.pause"), (.pause(event: code("hall")), "nothing changed"),
            (.resume(event: code("hall")), "event.resume"),
        ] {
            _ = await node.store.perform(command, note: note(action, "hall"))
        }
        guard case .held(let view, _) = try await node.outcome(holdGA()) else { throw StoreFailure.outcomeUnknown }
        _ = await node.store.perform(.extend(view.id), note: note("hold.extend", "1"))
        _ = await node.store.perform(.purchase(view.id), note: note("hold.purchase", "1"))
        _ = await node.store.perform(.purchase(view.id), note: note("nothing changed", "1"))
        _ = await node.store.perform(.returnPurchase(view.id), note: note("purchase.return", "1"))
        _ = await node.store.perform(.returnPurchase(view.id), note: note("nothing changed", "1"))
        var entries: [AuditRecord] = []
        repeat {
            let page = try await node.store.audit(of: nil, after: entries.last?.sequence, limit: 2)
            entries += page
            if page.isEmpty { break }
        } while true
        #expect(
            entries.map(\.note.action) == [
                "event.define", "event.define", "event.pause", "event.resume", "hold.extend", "hold.purchase",
                "purchase.return",
            ])
        #expect(entries.map(\.note) == entries.map { note($0.note.action, $0.note.subject) })
        #expect(try await node.store.audit(of: [code("other")], after: nil, limit: 9).map(\.event) == ["other"])
        var newest: [AuditRecord] = []
        while let page = Optional(
            try await node.store.newestAudit(of: nil, before: newest.last?.sequence, limit: 2)), !page.isEmpty
        {
            newest += page
        }
        #expect(newest == entries.reversed())
        #expect(try await node.store.newestAudit(of: [code("other")], before: nil, limit: 9).map(\.event) == ["other"])
        #expect(entries.map(\.event) == ["hall", "other", "hall", "hall", "hall", "hall", "hall"])
    }

    @Test("Operators' keys work on every node until they are revoked, and only a digest of them is kept")
    func keys() async throws {
        let node = try await TestNode(RedisServer())
        let keyring = RedisKeyring(client: node.client, prefix: "holdfast")
        let bound = OperatorKey.Draft(
            name: "Anna", role: .operator, events: [try code("hall"), try code("other")],
            expiresAt: WallTime(milliseconds: 1_900_000_000_000))
        let (key, credential) = try #require(
            try await keyring.make(
                bound, by: .init(key: "abcd1234", name: "Berta", reason: "tours"),
                at: WallTime(milliseconds: 1_800_000_000_000)))
        #expect(try await keyring.key(of: credential) == key)
        let wrong = String(credential.dropLast(2)) + (credential.hasSuffix("AA") ? "BB" : "AA")
        #expect(try await keyring.key(of: wrong) == nil)
        #expect(try await keyring.key(of: "hfk_\(key.id)_short") == nil)
        #expect(try await keyring.list() == [key])
        #expect(try !node.server.ask("HVALS", "holdfast:{operators}").contains(credential.suffix(43)))
        let by = OperatorKey.Author(key: "abcd1234", name: "Berta", reason: "lost")
        let later = WallTime(milliseconds: 1_800_000_000_001)
        #expect(try await keyring.revoke(key.id, by: by, at: later, keepsManager: true) == .revoked)
        #expect(try await keyring.revoke("unknown0", at: later) == .unknown)
        #expect(try await keyring.key(of: credential) == nil)
        let revoked = try #require(try await keyring.keys().first)
        #expect(revoked.revokedAt == later && revoked.revokedBy == by && revoked.events == bound.events)
    }

    @Test("A key of the release before works on, and a release before refuses a key whose bounds it does not know")
    func olderKeys() async throws {
        let node = try await TestNode(RedisServer())
        let keyring = RedisKeyring(client: node.client, prefix: "holdfast")
        let early = WallTime(milliseconds: 1)
        let plain = try #require(try await keyring.make(.init(name: "Anna", role: .viewer), at: early))
        let bound = try #require(
            try await keyring.make(.init(name: "Anna", role: .viewer, events: [try code("hall")]), at: early))
        // What the release before took for the digest: all that stands behind the two moments.
        func digestOfBefore(_ id: String) throws -> Int {
            try Int(node.server.ask("HSTRLEN", "holdfast:{operators}", id).filter(\.isNumber)).map {
                $0 - (1 + 8) - (2 + 4) - (1 + 6) - 8 - 8
            } ?? 0
        }
        #expect(try digestOfBefore(plain.key.id) == 32)
        #expect(try digestOfBefore(bound.key.id) > 32)
        #expect(try await keyring.key(of: plain.credential)?.madeBy == .command)
        #expect(try await keyring.key(of: bound.credential)?.events == [try code("hall")])
    }
}

extension Refusal {
    /// A payment that bought nothing.
    fileprivate var isRefundRequired: Bool {
        switch self {
        case .holdExpired(refundRequired: true), .holdReleased(refundRequired: true),
            .purchaseReturned(refundRequired: true), .paymentConflict(refundRequired: true):
            true
        default: false
        }
    }
}
