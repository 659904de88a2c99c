import BoxOffice
import RedisServers
import RedisStore
import StoreContract
import Testing
import TicketStore

/// Replies that a healthy server never gives.
@Suite("A damaged reply does no harm", .serialized)
struct AnswerTests {
    @Test(
        "The outcome of a reply that cannot be read is unknown, and the event sells on",
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
}
