import Benchmark
import Rehearsal

/// Turns of each scene by the clock: how fast the core is here and now. What must not grow is counted in instructions
/// and allocations, by `run`: those do not depend on who else uses the machine.
let benchmarks: @Sendable () -> Void = {
    let turns = 20_000
    for scene in Rehearsal.Scene.allCases {
        Benchmark(
            "\(scene.rawValue), 20,000 turns",
            configuration: .init(
                metrics: [.wallClock, .throughput], warmupIterations: 2, maxDuration: .seconds(3), maxIterations: 100)
        ) { benchmark in
            var rehearsal = Rehearsal(scene)
            rehearsal.play(turns)
            benchmark.startMeasurement()
            rehearsal.play(turns)
            benchmark.stopMeasurement()
        }
    }
}
