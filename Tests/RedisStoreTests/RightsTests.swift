import BoxOffice
import Foundation
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Testing
import TicketStore

/// The start tries what the Redis user may do, and each decision asks again before it writes.
@Suite("A decision is whole or not there, whatever the Redis user may do", .serialized)
struct RightsTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The words of the documented `ACL SETUSER holdfast …`, with a user that needs no password.
    private static func documented(for server: RedisServer) throws -> [String] {
        let text = try String(contentsOf: root.appendingPathComponent("docs/redis.md"), encoding: .utf8)
        let begin = try #require(text.range(of: "ACL SETUSER holdfast")).lowerBound
        let end = try #require(text.range(of: "```", range: begin..<text.endIndex)).lowerBound
        let words = text[begin..<end].replacing("\\", with: "").split(whereSeparator: \.isWhitespace).map(String.init)
        let knowsFunctions = try server.hasFunctions
        return words.compactMap { word in
            if word.hasPrefix(">") { return "nopass" }
            return !knowsFunctions && (word.hasPrefix("+fcall") || word.hasPrefix("+function")) ? nil : word
        }
    }

    private func counts(_ node: TestNode) async throws -> [[Int]] {
        try await node.store.counts().map { [$0.held, $0.sold, $0.free, $0.isClosed ? 1 : 0] }
    }

    @Test("The documented rights are enough for everything that a node does")
    func documented() async throws {
        let server = try RedisServer()
        #expect(try server.ask(Self.documented(for: server)) == "OK")
        let node = try await TestNode(.one(server), user: "holdfast")
        let hall = try hall(9)
        _ = try await node.outcome(.define(hall))
        guard case .held(let view, _) = try await node.outcome(holdGA(key: "a-key-of-somebody", buyer: "b")),
            case .held(let other, _) = try await node.outcome(holdGA())
        else {
            Issue.record("not held")
            return
        }
        _ = try await node.outcome(.extend(view.id))
        _ = try await node.outcome(.purchase(view.id, PaymentReference("p")))
        _ = try await node.outcome(.release(other.id))
        _ = try await node.outcome(.returnPurchase(view.id))
        _ = try await node.outcome(.pause(event: hall.id))
        #expect(try await node.store.recount().broken == nil)
        #expect(try await node.store.purchases(of: hall.id, after: nil, limit: 9).count == 1)
        _ = try await node.store.refundsOwed(of: hall.id, confirmed: true, after: nil, limit: 9)
        _ = try await node.store.audit(of: nil, after: nil, limit: 9)
        _ = try await node.store.newestAudit(of: nil, before: nil, limit: 9)
        #expect(try await node.store.repair(applies: false).allSatisfy(\.isRight))
        let keyring = RedisKeyring(client: node.client, prefix: "holdfast")
        let made = try #require(
            try await keyring.make(.init(name: "Anna", role: .viewer), at: WallTime(milliseconds: 0)))
        #expect(try await keyring.key(of: made.credential) != nil)
        #expect(try await keyring.list().count == 1)
        #expect(try await eventually { node.store.condition == .selling })
    }

    @Test("A start without a right that a function needs is refused, with the name of the command")
    func missing() async throws {
        let server = try RedisServer()
        let words = try Self.documented(for: server)
        let needed =
            words.filter { $0.hasPrefix("+h") && $0 != "+hello" || $0.hasPrefix("+z") }
            + ["+rpush", "+lrange", "+ltrim", "+pexpire", "+unlink", "+exists", "+type", "+time", "+info", "+get"]
        #expect(needed.count > 18)
        for word in needed {
            try server.ask(words)
            let name = String(word.dropFirst())
            try server.ask("ACL", "SETUSER", "holdfast", "-" + name)
            do {
                _ = try await TestNode(.one(server), user: "holdfast")
                Issue.record("it starts without \(name)")
            } catch let error as RedisStoreError {
                #expect("\(error)".lowercased().contains(name), "\(name): \(error)")
            }
        }
    }

    @Test("The list of what is tried is what the functions use")
    func list() throws {
        let folder = Self.root.appendingPathComponent("Sources/RedisStore/Lua")
        var used: Set<String> = []
        var tried = ""
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /(?:redis\.p?call|write|write_all)\(\s*'([A-Z]+)'/) {
                used.insert(String(match.1))
            }
            if let range = text.range(of: "function functions.try_commands") {
                tried = String(text[range.lowerBound...])
            }
        }
        #expect(used.count > 14)
        for command in used { #expect(tried.contains("{ '\(command)'"), "\(command) is not tried at the start") }
    }

    @Test(
        "A right that is lost in the middle of a sale leaves nothing half done",
        arguments: ["hdel", "hset", "zadd", "zrem"])
    func lost(command: String) async throws {
        let server = try RedisServer()
        try server.ask(Self.documented(for: server))
        let node = try await TestNode(.one(server), user: "holdfast")
        // While a hold is live, the node looks at its event more often than it tries it. A look needs fewer rights than a
        // decision, so it must not stand for a trial.
        _ = try await node.outcome(.define(hall(3, hold: .seconds(600))))
        guard case .held(let view, _) = try await node.outcome(holdGA(2)) else {
            Issue.record("not held")
            return
        }
        try server.ask("ACL", "SETUSER", "holdfast", "-" + command)
        // Readiness shows it without any command, and a command fails as undone.
        #expect(try await eventually { node.store.condition == .suspended(.forbidden) })
        let payment = PaymentReference("p")
        for asked in [Command.purchase(view.id, payment), .release(view.id), try holdGA()] {
            if case .decided(let outcome, _) = await node.store.perform(asked) {
                // A decision that does not need the command is made as a whole.
                #expect(command != "hset", "\(outcome)")
            }
        }
        try server.ask("ACL", "SETUSER", "holdfast", "+" + command)
        #expect(try await eventually { node.store.condition == .selling })
        _ = try await node.outcome(.purchase(view.id, payment))
        #expect(try await node.store.recount().broken == nil)
        let reports = try await node.store.repair(applies: false)
        #expect(reports.map(\.differences) == [""])
        #expect(try await counts(node).allSatisfy { $0[3] == 0 && $0[1] == 2 })
    }

    @Test("Without that question half a purchase stays, which the next node that starts finds and corrects")
    func half() async throws {
        let server = try RedisServer()
        // A server before 7.0 has other words for the error of a script, and other ways to ask.
        guard try server.hasFunctions else { return }
        try server.ask(Self.documented(for: server))
        let node = try await TestNode(.one(server), user: "holdfast") {
            $0.mendsByItself = false
            $0.rewriteFunctions = {
                $0.replacingOccurrences(of: "local refusal = refusal_of_writes(queued)", with: "local refusal = nil")
            }
        }
        _ = try await node.outcome(.define(hall(3)))
        guard case .held(let view, _) = try await node.outcome(holdGA(2)) else {
            Issue.record("not held")
            return
        }
        try server.ask("ACL", "SETUSER", "holdfast", "-hdel")
        await node.expectUnknown(.purchase(view.id, PaymentReference("p")))
        try server.ask("ACL", "SETUSER", "holdfast", "+hdel")
        let found = try await node.store.repair(applies: false)
        #expect(found.first?.pools.map { [$0.held, $0.countedHeld, $0.sold, $0.countedSold] } == [[0, 2, 2, 0]])
        let next = try await TestNode(.one(server), user: "holdfast")
        #expect(try await eventually { try await next.store.repair(applies: false).map(\.isRight) == [true] })
        #expect(try await counts(next) == [[2, 0, 1, 0]])
        _ = try await next.outcome(.purchase(view.id, PaymentReference("p")))
        #expect(try await counts(next) == [[0, 2, 1, 0]])
        withExtendedLifetime(node) {}
    }

    @Test("A key of another type refuses a decision that would be half written")
    func wrongType() async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(3)))
        _ = try await node.outcome(holdGA())
        try server.ask("RENAME", "holdfast:{1}:order", "aside{1}")
        try server.ask("SET", "holdfast:{1}:order", "x")
        guard case .failed = await node.store.perform(try holdGA()) else {
            Issue.record("it was decided")
            return
        }
        try server.ask("RENAME", "aside{1}", "holdfast:{1}:order")
        #expect(try await eventually { try await node.outcome(holdGA()).isHeld })
        #expect(try await counts(node) == [[2, 0, 1, 0]])
        #expect(try await node.store.repair(applies: false).allSatisfy(\.isRight))
    }

    @Test("Wrong numbers are corrected from the holds: by itself if that is certain, otherwise by an operator")
    func mended() async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(9)))
        guard case .held(let bought, _) = try await node.outcome(holdGA(2)),
            case .held(let live, _) = try await node.outcome(holdGA(3)),
            case .held(let lost, _) = try await node.outcome(holdGA())
        else {
            Issue.record("not held")
            return
        }
        _ = try await node.outcome(.purchase(bought.id, PaymentReference("p")))
        // The calendar is gone. A release notices it, and the pool closes.
        try server.ask("DEL", "holdfast:{1}:due", "holdfast:{1}:order")
        try server.ask("DEL", "holdfast:{sales}:payments")
        _ = try await node.outcome(.extend(live.id))
        #expect(try await eventually { try await counts(node) == [[4, 2, 3, 0]] })
        #expect(try await node.store.repair(applies: false).map(\.differences) == [""])
        _ = try await node.outcome(.release(live.id))
        #expect(
            try await node.outcome(.purchase(lost.id, PaymentReference("p")))
                == .refused(.paymentConflict(refundRequired: false)))
        // A hold whose record is gone is left to an operator.
        let number = lost.id.number & (1 << 42 - 1)
        try server.ask("HDEL", "holdfast:{1}:holds", "\(number)")
        let shown = try await node.store.repair(applies: false)
        #expect(shown.map(\.missingHolds) == [1])
        #expect(shown.first?.pools.map { [$0.held, $0.countedHeld, $0.sold, $0.countedSold] } == [[1, 0, 2, 2]])
        #expect(shown.map(\.isSetRight) == [false])
        #expect(try await counts(node) == [[1, 2, 6, 0]])
        #expect(try await node.store.repair(applies: true).map(\.isSetRight) == [true])
        #expect(try await counts(node) == [[0, 2, 7, 0]])
        #expect(try await node.store.repair(applies: false).map(\.isRight) == [true])
    }

    @Test("A count that takes longer than a server may be silent gets its answer from a client that allows it")
    func longCount() async throws {
        let server = try RedisServer()
        let node = try await TestNode(server)
        _ = try await node.outcome(.define(hall(5)))
        let slow = PlantedMistake(
            "a count takes about a second", "function functions.mend(keys, args)\n",
            // Functions have no clock that goes on while they run.
            "function functions.mend(keys, args)\n  for _ = 1, 5e8 do end\n"
        )
        for allows in [false, true] {
            var timeouts = RedisConfiguration.Timeouts()
            timeouts.silence = .milliseconds(400)
            if allows { RedisStore.allowLongCounts(&timeouts) }
            let counting = try await TestNode(.one(server), timeouts: timeouts) {
                $0.rewriteFunctions = slow.planted
                $0.mendsByItself = false
            }
            if allows {
                #expect(try await counting.store.repair(applies: false).map(\.isRight) == [true])
            } else {
                await #expect(throws: StoreFailure.self) { _ = try await counting.store.repair(applies: false) }
            }
        }
        withExtendedLifetime(node) {}
    }
}

extension Outcome {
    fileprivate var isHeld: Bool { if case .held = self { true } else { false } }
}
