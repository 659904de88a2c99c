import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import StrictJSON
import Testing
import TicketStore

/// R41 Erasure, in the data on Redis.
@Suite("Erasures on Redis", .serialized)
struct ErasureTests {
    private func payment(_ text: String) throws -> PaymentReference {
        try #require(PaymentReference(text))
    }

    private func held(_ node: TestNode, _ event: String = "hall", buyer: String) async throws -> HoldID {
        guard case .held(let view, _) = try await node.outcome(holdGA(event: event, buyer: buyer)) else {
            throw StoreFailure.outcomeUnknown
        }
        return view.id
    }

    private func erase(_ node: TestNode, _ hold: HoldID, isTrial: Bool = false) async throws -> Outcome {
        let references = try await node.store.erasable(.hold(hold), after: nil).holds.first?.references ?? []
        return try await node.outcome(
            .erase(ErasureRequest(hold: hold, references: references, isTrial: isTrial)))
    }

    /// Whether any key of the server, or any field or member in one, contains the text.
    private func has(_ text: String, _ server: RedisServer) throws -> Bool {
        let script = """
            local function has(text) return string.find(text, ARGV[1], 1, true) and true or false end
            for _, key in ipairs(redis.call('KEYS', '*')) do
              local kind, found = redis.call('TYPE', key).ok, {}
              if kind == 'hash' then found = redis.call('HGETALL', key) end
              if kind == 'zset' then found = redis.call('ZRANGE', key, 0, -1) end
              if kind == 'list' then found = redis.call('LRANGE', key, 0, -1) end
              if kind == 'string' then found = { redis.call('GET', key) } end
              if has(key) then return 1 end
              for _, one in ipairs(found) do if has(one) then return 1 end end
            end
            return 0
            """
        return try server.ask("EVAL", script, "0", text) == "1"
    }

    @Test("Nothing of what was erased is left on the server, and everything else is", arguments: [false, true])
    func gone(hasLimit: Bool) async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(9) { $0.ticketsPerBuyer = hasLimit ? 4 : nil }))
        let (ann, ben) = (try await held(node, buyer: "ann-buyer"), try await held(node, buyer: "ben-buyer"))
        let expired = try await held(node, buyer: "ann-buyer")
        _ = try await node.outcome(.release(expired))
        _ = try await node.outcome(.purchase(ann, payment("ann-paid")))
        _ = try await node.outcome(.purchase(ben, payment("ben-paid")))
        _ = try await node.outcome(.purchase(ann, payment("ann-owed"), by: .key))
        _ = try await node.outcome(.purchase(ann, payment("ann-unconfirmed")))
        _ = try await node.outcome(.purchase(ben, payment("ben-owed"), by: .key))
        #expect(try await erase(node, ann) == .refused(.holdHasDebt))
        let note = AuditNote(key: "k", name: "Eve", action: "payment.paid_back", subject: "H\(ann) ann-owed")
        _ = await node.store.perform(.payBack(ann, try payment("ann-owed")), note: note)
        #expect(try await erase(node, ann, isTrial: true) == .erased(ann, repeated: false))
        #expect(try has("ann-buyer", node.server) && has("ann-paid", node.server))
        #expect(try await erase(node, ann) == .erased(ann, repeated: false))
        #expect(try await erase(node, expired) == .erased(expired, repeated: false))
        for text in ["ann-buyer", "ann-paid", "ann-owed", "ann-unconfirmed"] {
            #expect(try !has(text, node.server), "\(text) is still there")
        }
        for text in ["ben-buyer", "ben-paid", "ben-owed"] { #expect(try has(text, node.server)) }

        let again = try await TestNode(node.servers)
        let list = try await again.store.purchases(of: try code("hall"), after: nil, limit: 9)
        #expect(list.map(\.buyer) == [nil, "ben-buyer"])
        #expect(list.map(\.payment) == [nil, "ben-paid"])
        #expect(list.map { $0.erasedAt != nil } == [true, false])
        #expect(try await again.store.audit(of: nil, after: nil, limit: 9).map(\.note.subject) == ["H\(ann)"])
        #expect(try await again.store.refundsOwed(of: nil, confirmed: true, after: nil, limit: 9).count == 1)
        for (hold, name) in [(ben, "ann-paid"), (ben, "ann-owed")] {
            #expect(
                try await again.outcome(.purchase(hold, payment(name), by: .key))
                    == .refused(.paymentConflict(refundRequired: false)))
        }
        guard case .purchased(_, _, repeated: true) = try await again.outcome(.purchase(ann, payment("ann-paid")))
        else {
            Issue.record("the same payment does not repeat the purchase")
            return
        }
        #expect(try await again.outcome(.payBack(ann, payment("ann-owed"))) == .paidBack(ann, repeated: true))
        #expect(try await erase(again, ann) == .erased(ann, repeated: true))
        #expect(try await again.store.recount().broken == nil)
        #expect(try await again.store.repair(applies: false).allSatisfy(\.isRight))
    }

    @Test("In a cluster the claims of erased payments are erased, and no other event takes such a payment")
    func cluster() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        let events = ["one", "two", "three", "four"]
        for event in events { _ = try await node.outcome(.define(hall(5, id: event))) }
        let hold = try await held(node, "one", buyer: "ann-buyer")
        _ = try await node.outcome(.purchase(hold, payment("ann-paid")))
        #expect(try await erase(node, hold) == .erased(hold, repeated: false))
        #expect(
            try await eventually { try cluster.servers.allSatisfy { try !has("ann-", $0) } }, "something of Ann is left"
        )
        for event in events {
            let other = try await held(node, event, buyer: "ben")
            #expect(
                try await node.outcome(.purchase(other, payment("ann-paid"), by: .key))
                    == .refused(.paymentConflict(refundRequired: false)))
        }
        guard case .purchased(_, _, repeated: true) = try await node.outcome(.purchase(hold, payment("ann-paid")))
        else {
            Issue.record("the same payment does not repeat the purchase")
            return
        }
    }

    @Test("The erasure of an event's old sales finds what a correction said that was taken back")
    func takenBack() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(5)))
        guard case .held(let view, _) = try await node.outcome(try holdGA()),
            case .held(let other, _) = try await node.outcome(try holdGA())
        else { return }
        let (nobody, ann) = (Correction.State(), Correction.State(buyer: Buyer("ann-buyer")))
        for (from, to) in [(nobody, ann), (ann, nobody)] {
            let texts = [from, to].map { state in state.buyer.map { JSONValue.string($0.text) } ?? .null }
            let note = AuditNote(
                key: "abcd1234", name: "Anna", action: "hold.correct", subject: "H\(view.id)",
                differences: [AuditDifference("/buyer", from: texts[0], to: texts[1])])
            _ = await node.store.perform(.correct(view.id, Correction(from: from, to: to)), note: note)
        }
        for hold in [view.id, other.id] { _ = try await node.outcome(.release(hold)) }
        let scope = ErasureScope.event(try code("hall"), before: WallTime(milliseconds: .max / 4))
        let found = try await node.store.erasable(scope, after: nil).holds
        #expect(found.map(\.hold) == [view.id])
        for hold in found {
            _ = try await node.outcome(.erase(ErasureRequest(hold: hold.hold, references: hold.references)))
        }
        let audit = try await node.store.audit(of: nil, after: nil, limit: 9)
        #expect(audit.map(\.note.action) == ["hold.correct", "hold.correct"])
        #expect(audit.allSatisfy { $0.note.differences.isEmpty })
        #expect(try await node.store.erasable(scope, after: nil).holds.isEmpty)
    }

    @Test("In a cluster the note that an event gave a payment up does not have the payment, and still stops it")
    func givenUp() async throws {
        let cluster = try RedisCluster()
        let node = try await TestNode(.cluster(cluster))
        for event in ["one", "two"] { _ = try await node.outcome(.define(hall(5, id: event))) }
        // The first event owes the payment back, so that it has the claim until the second one wants it.
        let released = try await held(node, "one", buyer: "ben")
        _ = try await node.outcome(.release(released))
        _ = try await node.outcome(.purchase(released, payment("ann-paid")))
        let hold = try await held(node, "two", buyer: "ann-buyer")
        guard case .purchased = try await node.outcome(.purchase(hold, payment("ann-paid"))) else {
            Issue.record("the second event did not take the payment over")
            return
        }
        let script = """
            local seen = {}
            for _, key in ipairs(redis.call('KEYS', '*:given:*')) do
              for _, text in ipairs(redis.call('HKEYS', key)) do seen[#seen + 1] = text end
            end
            return string.format('%d %s', #seen, tostring(string.find(table.concat(seen), 'ann-paid', 1, true)))
            """
        let found = try cluster.servers.map { try $0.ask("EVAL", script, "0") }
        // The secret, and the note.
        #expect(found.contains("2 nil") && found.allSatisfy { $0.hasSuffix("nil") }, "\(found)")
    }

    @Test(
        "The list of debts of another event does not have an erased payment that it owed back once",
        arguments: [false, true])
    func elsewhere(isCluster: Bool) async throws {
        let cluster = isCluster ? try RedisCluster() : nil
        let servers: TestServers = try cluster.map { .cluster($0) } ?? .one(RedisServer())
        let node = try await TestNode(servers)
        let events = ["one", "two", "three"]
        for event in events { _ = try await node.outcome(.define(hall(5, id: event))) }
        // Ann's payments are reported for holds of other events first, hers and others stay owed there.
        for event in ["one", "three"] {
            let released = try await held(node, event, buyer: "ben")
            _ = try await node.outcome(.release(released))
            for text in ["ann-paid", "ben-\(event)"] {
                _ = try await node.outcome(.purchase(released, payment(text)))
            }
        }
        let hold = try await held(node, "two", buyer: "ann-buyer")
        guard case .purchased = try await node.outcome(.purchase(hold, payment("ann-paid"), by: .key)) else {
            Issue.record("the second event did not take the payment over")
            return
        }
        #expect(try await erase(node, hold) == .erased(hold, repeated: false))
        let all = cluster?.servers ?? [node.server]
        let isGone = try await eventually {
            try await node.store.eraseDebts()
            return try all.allSatisfy { try !has("ann-", $0) }
        }
        #expect(isGone, "something of Ann is left")
        let left = try await node.store.refundsOwed(of: nil, confirmed: false, after: nil, limit: 9)
        #expect(left.map(\.payment).sorted() == ["ben-one", "ben-three"])
        let ben = try await held(node, "one", buyer: "ben")
        #expect(
            try await node.outcome(.purchase(ben, payment("ann-paid"), by: .key))
                == .refused(.paymentConflict(refundRequired: false)))
        #expect(try await node.store.recount().broken == nil)
        #expect(try await node.store.repair(applies: false).allSatisfy(\.isRight))
    }

    @Test("A page has what a buyer, or an event before a moment, has to erase, and goes on where it ended")
    func scopes() async throws {
        let node = try await TestNode(RedisServer())
        for event in ["hall", "other"] { _ = try await node.outcome(.define(hall(2_000, id: event))) }
        var anns: [HoldID] = []
        for number in 1...1_100 {
            let buyer = number % 2 == 0 ? "ann" : "ben"
            let hold = try await held(node, number > 1_000 ? "other" : "hall", buyer: buyer)
            if buyer == "ann" { anns.append(hold) }
        }
        func all(_ scope: ErasureScope) async throws -> [HoldID] {
            var (found, behind) = ([HoldID](), HoldID?.none)
            repeat {
                let page = try await node.store.erasable(scope, after: behind)
                #expect(page.holds.count <= ErasurePage.most)
                found += page.holds.map(\.hold)
                behind = page.behind
            } while behind != nil
            return found
        }
        let ann = try #require(Buyer("ann"))
        #expect(try await all(.buyer(ann, event: nil)) == anns)
        #expect(try await all(.buyer(ann, event: try code("other"))) == anns.suffix(50))
        let far = WallTime(milliseconds: .max / 4)
        #expect(try await all(.event(try code("hall"), before: far)).count == 1_000)
        #expect(try await all(.event(try code("hall"), before: WallTime(milliseconds: 1))) == [])
    }
}
