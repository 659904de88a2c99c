import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import StrictJSON
import Testing
import TicketStore

/// R43 Override on Redis, beyond what the contract's random traffic compares.
@Suite("Overrides on Redis", .serialized)
struct OverrideTests {
    private func past(_ override: Override, quantity: Int = 1) throws -> Command {
        guard case .hold(var request) = try holdGA(quantity) else { throw StoreFailure.outcomeUnknown }
        request.override = override
        return .hold(request)
    }

    @Test(
        "A hold with an override does not share the refusal of the same request without one, and shares none of its own"
    )
    func shared() async throws {
        let stage = try await ScriptTests.Stage()
        _ = try await stage.say(.define(hall(9), paused: true))
        let commands = try [
            holdGA(), holdGA(), past(.pause), holdGA(), past(.window), holdGA(), past([.pause, .window]),
        ]
        let replies = try await stage.comparison.compare(commands, at: stage.moment, with: stage.subject)
        #expect(
            replies?.outcomes.map { if case .held = $0 { true } else { false } } == [
                false, false, true, false, false, false, true,
            ])
        try await stage.end()
    }

    @Test("A hold keeps what did not count for it, and its code, whatever becomes of it")
    func listed() async throws {
        let node = try await TestNode(RedisServer())
        let club = try code("club")
        _ = try await node.outcome(
            .define(try hall(9) { $0.codes = [.init(name: club, count: 2, tickets: 9)] }, paused: true))
        guard case .hold(var request) = try holdGA() else { return }
        request.override = [.window, .pause, .limits, Override(.queue)]
        request.code = AccessCode(batch: club, number: 2)
        var holds: [HoldID] = []
        for command in [.hold(request), try past(.pause), try past([.pause, .limits])] {
            guard case .held(let view, _) = try await node.outcome(command) else { return }
            holds.append(view.id)
        }
        _ = try await node.outcome(.extend(holds[0]))
        _ = try await node.outcome(.purchase(holds[0]))
        _ = try await node.outcome(.release(holds[1]))
        _ = try await node.outcome(.define(try hall(9)))
        let found = try await node.store.search(SalesQuery()).records.sorted { $0.hold < $1.hold }
        #expect(found.map(\.override) == [request.override, .pause, [.pause, .limits]])
        #expect(found.map(\.code) == [SaleCode(batch: "club", number: 2), nil, nil])
        let listed = try #require(try await node.store.purchases(of: code("hall"), after: nil, limit: 9).first)
        #expect(listed.override == request.override && listed.code == found[0].code && !listed.isLate)
    }

    @Test("The audit has who took which hold past what, and an erasure finds it; a refusal leaves nothing")
    func audited() async throws {
        let node = try await TestNode(RedisServer())
        let note = AuditNote(
            key: "abcd1234", name: "Door", action: "hold.override", subject: "",
            differences: [AuditDifference("/override", from: .null, to: .array([.string("pause")]))])
        // The number of a hold has that of its event in front, which is not the first one here.
        for name in ["first", "second", "hall"] { _ = try await node.outcome(.define(hall(2, id: name), paused: true)) }
        _ = await node.store.perform(try past(.window), note: note)
        guard case .decided(.held(let view, _), _) = await node.store.perform(try past(.pause), note: note) else {
            Issue.record("the override did not hold")
            return
        }
        _ = await node.store.perform(try past(.pause, quantity: 2), note: note)
        let entries = try await node.store.audit(of: nil, after: nil, limit: 9)
        #expect(entries.map(\.note.subject) == ["H\(view.id)"])
        #expect(entries.map(\.note.differences) == [note.differences])
        _ = try await node.outcome(.release(view.id))
        #expect(try await node.outcome(.erase(ErasureRequest(hold: view.id))) == .erased(view.id, repeated: false))
        let entry = try #require(try await node.store.audit(of: nil, after: nil, limit: 9).first?.note)
        #expect(entry.action == "hold.override" && entry.subject == "H\(view.id)" && entry.differences.isEmpty)
    }
}
