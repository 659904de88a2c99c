import BoxOffice
import EmbeddedStore
import Testing

/// R5 The store's clock, in virtual time.
@Suite("The store's clock")
struct ClockTests {
    /// A machine whose clocks a test moves.
    private struct Machine {
        var clock = StoreClock(startingAt: Timestamp(milliseconds: 5_000), Self.reading(0, 1_000_000))
        private var monotonic: Int64 = 0
        private var wall: Int64 = 1_000_000

        private static func reading(_ monotonic: Int64, _ wall: Int64) -> ClockReading {
            ClockReading(
                monotonic: MonotonicTime(nanoseconds: monotonic * 1_000_000), wall: WallTime(milliseconds: wall))
        }

        /// Lets milliseconds pass on each of the machine's clocks, and reads the store's.
        mutating func pass(_ span: Int64, wall correction: Int64? = nil) -> (
            time: Int64, wall: Int64, step: StoreClock.Step?
        ) {
            monotonic += span
            wall += correction ?? span
            let (moment, step) = clock.read(Self.reading(monotonic, wall))
            return (moment.office.milliseconds, moment.wall.milliseconds, step)
        }
    }

    @Test(
        "It follows the monotonic clock, and counts one second of a longer gap",
        arguments: [
            (0, 5_000, nil), (1, 5_001, nil), (999, 5_999, nil), (1_000, 6_000, nil),
            (1_001, 6_000, .absorbed(.milliseconds(1))), (7_200_000, 6_000, .absorbed(.seconds(7_199))),
            (-50, 5_000, nil),
        ] as [(Int64, Int64, StoreClock.Step?)])
    func gaps(passed: Int64, time: Int64, step: StoreClock.Step?) {
        var machine = Machine()
        let read = machine.pass(passed)
        #expect(read.time == time)
        #expect(read.step == step)
        // Whatever happened, the next millisecond is a millisecond.
        #expect(machine.pass(max(1, 1 - passed)).time == time + 1)
    }

    @Test(
        "A correction of the time of day moves no deadline, and is reported from a second on",
        arguments: [
            (-5_000, .timeOfDayMoved(by: .milliseconds(-5_000))), (-1_000, nil), (1_000, nil),
            (1_001, .timeOfDayMoved(by: .milliseconds(1_001))),
        ] as [(Int64, StoreClock.Step?)])
    func corrections(by: Int64, step: StoreClock.Step?) {
        var machine = Machine()
        let read = machine.pass(100, wall: 100 + by)
        #expect(read.time == 5_100)
        #expect(read.wall == 1_000_100 + by)
        #expect(read.step == step)
    }

    @Test("A change of the clocks' difference of up to 20 ms is ignored, so a moment keeps its time of day")
    func jitter() {
        var machine = Machine()
        #expect(machine.pass(100, wall: 120).wall == 1_000_100)
        #expect(machine.pass(100, wall: 80).wall == 1_000_200)
        #expect(machine.pass(100, wall: 121).wall == 1_000_321)
    }

    @Test("While it is stopped no time passes, and the time of the stop is not counted later")
    func stopped() {
        var machine = Machine()
        _ = machine.pass(500)
        machine.clock.stop()
        #expect(machine.pass(900).time == 5_500)
        let long = machine.pass(60_000)
        #expect(long.time == 5_500)
        #expect(long.step == nil, "a stopped clock absorbs nothing")
        machine.clock.start()
        #expect(machine.pass(1).time == 5_501)
    }
}
