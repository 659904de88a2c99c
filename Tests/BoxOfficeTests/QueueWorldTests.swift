import BoxOffice
import Foundation
import Testing
import Workload

/// What admission does to people, in virtual time (Q7 Admission). `benchmarks/queue` plays the large worlds.
@Suite("People in a queue")
struct QueueWorldTests {
    private static func shape(_ places: Int, _ people: Int, fixed: Int? = nil) -> QueueWorld.Shape {
        var shape = QueueWorld.Shape()
        (shape.places, shape.people, shape.fixedPerMinute) = (places, people, fixed)
        return shape
    }

    private static func play(_ seed: UInt64, _ shape: QueueWorld.Shape) -> QueueWorld.Result {
        var world = QueueWorld(seed: seed, shape: shape)
        return world.play()
    }

    @Test("Nearly nobody is let in for nothing, where a room that knows no places sends most in vain (Q7 Admission)")
    func inVain() {
        let ours = Self.play(1, Self.shape(200, 2_000))
        let fixed = Self.play(1, Self.shape(200, 2_000, fixed: 1_000))
        #expect(ours.sold == 200 && fixed.sold > 100)
        #expect(ours.shareInVain < 0.1, "\(ours.inVain) of \(ours.called)")
        #expect(fixed.shareInVain > 0.4, "\(fixed.inVain) of \(fixed.called)")
    }

    @Test("In a crowd with bots, tabs, reloads and lost answers no turn moves, and few come in vain (Q5 Turn)")
    func crowd() {
        let shape = QueueWorld.crowd(places: 300, people: 3_000)
        let ours = Self.play(2, shape)
        #expect(ours.sold == 300 && ours.movedTurns == 0 && ours.left > 50)
        #expect(ours.shareInVain < 0.1, "\(ours.inVain) of \(ours.called)")
        // A program has a quarter of the entries, asks with each and pays for each: more of what is sold than its share, and not all.
        #expect((30...240).contains(ours.soldToBots), "\(ours.soldToBots)")
    }

    /// A table for people, and the figures of each second for plots. Only where it is asked for: it plays for minutes in a debug build.
    @Test("The bars of the queue", .enabled(if: ProcessInfo.processInfo.environment["HOLDFAST_QUEUE_WORLDS"] != nil))
    func bars() throws {
        let folder = ProcessInfo.processInfo.environment["HOLDFAST_QUEUE_WORLDS"] ?? ""
        for (places, people, vain, slower) in [(20_000, 200_000, 0.01, 1.1), (500, 50_000, 0.04, 1.4)] {
            for seed in UInt64(1)...3 {
                let ours = Self.play(seed, Self.shape(places, people))
                let fixed = Self.play(seed, Self.shape(places, people, fixed: 1_000))
                let ratio = Double(ours.soldOutAfter ?? 0) / Double(fixed.soldOutAfter ?? 1)
                print(
                    "world \(places) \(people) \(seed) \(ours.shareInVain) \(vain) \(ratio) \(slower)",
                    "\(fixed.shareInVain) \(ours.soldOutAfter ?? -1) \(fixed.soldOutAfter ?? -1) \(ours.called)")
                let lines = ours.series.map { "\($0.second),\($0.head),\($0.inside),\($0.free),\($0.inVain)" }
                try (["second,head,inside,free,in_vain"] + lines).joined(separator: "\n").write(
                    toFile: "\(folder)/\(places)-\(people)-\(seed).csv", atomically: true, encoding: .utf8)
            }
        }
    }
}
