import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// What a buyer holds and has bought is kept only if the event limits it, and in a form that stays small (R25 Buyer limits).
@Suite("Accounts of buyers on Redis", .serialized)
struct AccountTests {
    private static let account = "holdfast:{1}:buyers"
    private static let taken = "holdfast:{1}:taken"

    private func held(_ node: TestNode, _ quantity: Int = 1, buyer: String = "anna") async throws -> HoldID {
        guard case .held(let view, _) = try await node.outcome(holdGA(quantity, buyer: buyer)) else {
            throw StoreFailure.outcomeUnknown
        }
        return view.id
    }

    @Test("If an event has no limit per buyer, nothing is kept of buyers (R21 Bounds)")
    func none() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(50)))
        for _ in 0..<10 { _ = try await held(node) }
        _ = try await node.outcome(.purchase(held(node)))
        #expect(try node.server.ask("EXISTS", Self.account, Self.taken) == "0")
    }

    @Test("With a limit an account stays as small as it was, however much is held under one name")
    func small() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(5_000, hold: .seconds(600)) { $0.ticketsPerBuyer = 4_000 }))
        for count in [1, 300] {
            for _ in 0..<count { _ = try await held(node) }
            #expect(try node.server.ask("HSTRLEN", Self.account, "anna") == "32")
        }
        #expect(try node.server.ask("ZCARD", Self.taken) == "301")
    }

    @Test("An account forgets holds that ended, and a buyer who has nothing has no account")
    func emptied() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(50) { $0.holdsPerBuyer = 2 }))
        let holds = [try await held(node), try await held(node)]
        guard case .refused(.buyerLimitReached) = try await node.outcome(holdGA(buyer: "anna")) else {
            Issue.record("there is no limit")
            return
        }
        for hold in holds { _ = try await node.outcome(.release(hold)) }
        #expect(try node.server.ask("EXISTS", Self.account, Self.taken) == "0")
    }

    @Test("Accounts of buyers who never come back are forgotten in small steps while others buy (R21 Bounds)")
    func forgotten() async throws {
        let subject = try await RedisSubject()
        let node = subject.node
        var moment = Moment(
            office: Timestamp(milliseconds: 5_000_000), wall: WallTime(milliseconds: 1_800_000_000_000))
        try await subject.advance(to: moment)
        _ = try await node.outcome(.define(hall(999, hold: .seconds(600)) { $0.ticketsPerBuyer = 4 }))
        for number in 0..<200 { _ = try await held(node, buyer: "once \(number)") }
        _ = try await node.outcome(.purchase(held(node, buyer: "bought")))
        moment = Moment(office: moment.office.advanced(by: .seconds(601)), wall: moment.wall)
        try await subject.advance(to: moment)
        _ = try await held(node, 2, buyer: "live")
        moment = Moment(office: moment.office.advanced(by: .seconds(1)), wall: moment.wall)
        try await subject.advance(to: moment)
        // The node looks at the event by itself meanwhile; each step is bounded all the same.
        _ = try await held(node, buyer: "other")
        #expect(try #require(Int(node.server.ask("HLEN", Self.account))) > 100)
        for _ in 0..<12 { _ = try await node.outcome(.release(held(node, buyer: "other"))) }
        #expect(try node.server.ask("HLEN", Self.account) == "3")
        #expect(try node.server.ask("ZCARD", Self.taken) == "2")
        #expect(try await node.outcome(holdGA(3, buyer: "live")) == .refused(.buyerLimitReached(remaining: 2)))
        #expect(try await node.outcome(holdGA(4, buyer: "bought")) == .refused(.buyerLimitReached(remaining: 3)))
        _ = try await held(node, 4, buyer: "once 7")
    }

    @Test("A later limit counts in several calls what buyers already have, and leaves no trace when it is taken away")
    func later() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(5_000, hold: .seconds(600))))
        for number in 0..<1_200 { _ = try await held(node, buyer: "buyer-\(number % 3)") }
        _ = try await node.outcome(.purchase(held(node, 3, buyer: "buyer-1")))
        let limited = try hall(5_000, hold: .seconds(600)) { $0.ticketsPerBuyer = 405 }
        guard case .eventChanged = try await node.outcome(.define(limited)) else {
            Issue.record("not changed")
            return
        }
        for (buyer, left) in [("buyer-0", 5), ("buyer-1", 2), ("buyer-2", 5)] {
            #expect(
                try await node.outcome(holdGA(6, buyer: buyer)) == .refused(.buyerLimitReached(remaining: Int(left))))
        }
        guard case .eventChanged = try await node.outcome(.define(hall(5_000))) else {
            Issue.record("not changed")
            return
        }
        #expect(try node.server.ask("EXISTS", Self.account, Self.taken) == "0")
        #expect(try node.server.ask("HGET", "holdfast:{1}:event", "accounts") == "")
    }

    @Test("Accounts that are lost or wrong are counted again from the holds")
    func mended() async throws {
        let node = try await TestNode(RedisServer()) { $0.mendsByItself = false }
        _ = try await node.outcome(.define(hall(50) { $0.ticketsPerBuyer = 5 }))
        for buyer in ["anna", "bert", "cleo"] {
            _ = try await node.outcome(.purchase(held(node, 2, buyer: buyer)))
            _ = try await held(node, buyer: buyer)
        }
        #expect(try await node.store.repair(applies: false).map(\.differences) == [""])
        try node.server.ask("HDEL", Self.account, "anna")
        let name = try node.server.ask("EVAL", "return redis.call('ZRANGE', KEYS[1], 1, 1)[1]", "1", Self.taken)
        try node.server.ask("EVAL", "return redis.call('ZREMRANGEBYRANK', KEYS[1], 1, 1)", "1", Self.taken)
        #expect(name.hasPrefix("bert"))
        #expect(try await node.store.repair(applies: false).map(\.differences) == ["2 accounts of buyers are wrong"])
        #expect(try await node.store.repair(applies: true).map(\.isSetRight) == [true])
        for buyer in ["anna", "bert", "cleo"] {
            #expect(
                try await node.outcome(holdGA(3, buyer: buyer)) == .refused(.buyerLimitReached(remaining: 2)))
        }
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [true])
    }

    @Test("Accounts as a former version kept them are read")
    func former() async throws {
        let node = try await TestNode(RedisServer())
        _ = try await node.outcome(.define(hall(50) { $0.ticketsPerBuyer = 5 }))
        let hold = try await held(node, 2)
        // One ticket bought; number, deadline and tickets of each hold.
        let script = """
            local name = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
            local deadline, number = string.match(name, '(%d+)%.(%d+)%.%d+$')
            redis.call('DEL', KEYS[2])
            return redis.call('HSET', KEYS[1], 'anna', struct.pack(
              '<dddHddH', 1, tonumber(number), tonumber(deadline), 2, 7, 1000, 4))
            """
        try node.server.ask("EVAL", script, "2", Self.account, Self.taken)
        #expect(try await node.outcome(holdGA(3, buyer: "anna")) == .refused(.buyerLimitReached(remaining: 2)))
        _ = try await node.outcome(.release(hold))
        #expect(try await node.outcome(holdGA(5, buyer: "anna")) == .refused(.buyerLimitReached(remaining: 4)))
        _ = try await held(node, 4)
    }
}
