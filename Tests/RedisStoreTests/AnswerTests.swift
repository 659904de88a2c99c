import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Answers that no server in order gives, and changes that nobody told the list of.
@Suite("What came back damaged, or came back to nobody, does no harm", .serialized)
struct AnswerTests {
    @Test(
        "An answer that cannot be read is told as unknown, and the event sells on",
        arguments: [
            "''", "'\\0'", "'\\0' .. string.sub(packed_lines, 2)", "'\\5'", "pack('<BHHd', 1, 0, 1, 0 / 0)",
            "pack('<BHHd', 1, 0, 1, 1e300)", "pack('<BHHd', 1, 0, 1, 0.5)",
        ])
    func unreadable(lines: String) async throws {
        let mistake = PlantedMistake(
            "a look is told with other lines", "extensions - extensions)\n  ) .. packed_lines",
            "extensions - extensions)\n  ) .. (outcome == OUTCOME.looked and \(lines) or packed_lines)")
        let node = try await TestNode(RedisServer()) { $0.rewriteFunctions = mistake.planted }
        _ = try await node.outcome(.define(hall(5)))
        for _ in 0..<3 {
            guard case .held(let view, _) = try await node.outcome(holdGA()) else {
                Issue.record("not held")
                return
            }
            await node.expectUnknown(.look(view.id))
        }
    }

    @Test("An event that its node could not tell the list of is told by the next one that meets it")
    func untold() async throws {
        let server = try RedisServer()
        let mistake = PlantedMistake(
            "the list is told nothing", "local function enter(keys, args)\n",
            "local function enter(keys, args)\n  error('nothing')\n")
        let one = try await TestNode(server) { $0.rewriteFunctions = mistake.planted }
        let two = try await TestNode(server)
        for id in ["same", "first"] {
            await one.expectUnknown(.define(try hall(5, id: id)))
            // The same event, or another one, which gets a number of its own.
            let next = id == "same" ? id : "second"
            guard case .eventChanged = try await two.outcome(.define(hall(7, id: next))) else {
                Issue.record("not made")
                return
            }
            for event in [id, next] {
                guard case .held = try await two.outcome(holdGA(event: event)) else {
                    Issue.record("\(event) is not sold")
                    return
                }
            }
        }
        let counts = try await two.store.counts().map { "\($0.event): \($0.held) of \($0.capacity)" }
        #expect(counts == ["same: 2 of 7", "first: 1 of 5", "second: 1 of 7"])
        withExtendedLifetime(one) {}
    }
}
