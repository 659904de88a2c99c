import BoxOffice
import Testing
import TicketAPI

@Suite("A caller that comes too early learns when to come back")
struct RetryTests {
    @Test(
        "Not before the sale opens, not all at once, and not later than in about an hour",
        arguments: [
            // Until it opens, from, to, in milliseconds.
            (0, 0, 2_000), (-5_000, 0, 2_000), (1_000, 1_000, 3_000), (20_000, 20_000, 22_000),
            (60_000, 60_000, 66_000), (3_600_000, 3_600_000, 3_960_000), (90 * 86_400_000, 3_600_000, 3_960_000),
        ] as [(Int64, Int64, Int64)])
    func opening(_ until: Int64, _ from: Int64, _ to: Int64) {
        let now = WallTime(milliseconds: 1_800_000_000_000)
        let opensAt = WallTime(milliseconds: now.milliseconds + until)
        #expect(Refused.wait(for: opensAt, at: now, chance: 0) == .milliseconds(from))
        #expect(Refused.wait(for: opensAt, at: now, chance: 1) == .milliseconds(to))
        #expect(Refused.wait(for: opensAt, at: now, chance: 0.5) == .milliseconds((from + to) / 2))
    }
}
