import BoxOffice
import Testing

/// R5 The store's clock, R6 Deadline, R7 Restart. `ClockTests` tests that the clock absorbs pauses.
@Suite("Time")
struct TimeTests {
    @Test("A hold can be purchased until the moment it expires, and not after (R6 Deadline)")
    func deadline() {
        Script.play(
            ["main": Halls.hall("floor=9", "GA:floor")],
            """
            10s define main -> main stands
            hold main GA×1 -> held 1 until 5m8s
            hold main GA×1 -> held 2 until 5m8s
            hold main GA×1 -> held 3 until 5m8s
            5m9.999s look 1 -> held until 5m8s for 1@100
            buy 1 -> purchased 1
            5m10s buy 2 -> no: expired
            look 2 -> expired until 5m8s for 1@100
            5m10.001s buy 3 -> no: expired
            look 1 -> purchased until 5m8s for 1@100
            """)
    }

    @Test("Releasing and extending end at the same moment as purchasing (R6 Deadline)")
    func others() {
        Script.play(
            ["main": Halls.hall("floor=9", "GA:floor")],
            """
            10s define main -> main stands
            hold main GA×1 -> held 1 until 5m8s
            hold main GA×1 -> held 2 until 5m8s
            hold main GA×1 -> held 3 until 5m8s
            5m9.999s release 1 -> released 1
            extend 2 -> extended 2 until 10m7.999s, 2 more
            5m10s extend 3 -> no: expired
            release 3 -> released 3 before
            10m9.998s look 2 -> held until 10m7.999s for 1@100
            10m9.999s look 2 -> expired until 10m7.999s for 1@100
            """)
    }

    @Test(
        "The client's deadline lies the event's grace before the store's own (R6 Deadline)", arguments: [0, 2, 60])
    func grace(seconds: Int64) {
        let hall = Halls.hall("floor=1", "GA:floor") {
            $0.clientGrace = .seconds(seconds)
            $0.holdTime = .seconds(300 - seconds)
        }
        let told = Script.time(300_000 - seconds * 1_000)
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until \(told)
            4m59.999s hold main GA×1 -> no: held by others until 5m0s
            buy 1 -> purchased 1
            look 1 -> purchased until \(told) for 1@100
            """)
    }

    @Test(
        "The store's clock decides deadlines, the time of day decides windows, and setting it moves no deadline (R5 The store's clock)"
    )
    func clocks() {
        let hall = Halls.hall("floor=2", "GA:floor") {
            $0.opensAt = WallTime(milliseconds: 60_000)
            $0.closesAt = WallTime(milliseconds: 120_000)
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            59.999s hold main GA×1 -> no: sale opens at 1m0s
            1m0s hold main GA×1 -> held 1 until 5m58s
            1m59.999s hold main GA×1 -> held 2 until 6m57.999s
            2m0s hold main GA×1 -> no: sale closed at 2m0s
            clock 5m -> set
            buy 1 -> purchased 1
            5m59.999s look 2 -> held until 6m57.999s for 1@100
            """)
    }

    @Test("After a restart a live hold has the time it had left, and never less than the recovery grace (R7 Restart)")
    func restart() {
        Script.play(
            ["main": Halls.hall("floor=9", "GA:floor")],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            3m hold main GA×1 -> held 2 until 7m58s
            4m30s hold main GA×1 -> held 3 until 9m28s
            restart -> at 4m30s
            look 1 -> held until 5m28s for 1@100
            look 2 -> held until 7m58s for 1@100
            count main -> floor: 6 free 3 held 0 sold
            5m29.999s buy 1 -> purchased 1
            8m0s look 2 -> expired until 7m58s for 1@100
            restart -> at 8m0s
            look 2 -> expired until 7m58s for 1@100
            """)
    }

    @Test("The recovery grace is no longer than the event's hold time (R7 Restart)")
    func shortHolds() {
        let hall = Halls.hall("floor=1", "GA:floor") {
            $0.holdTime = .seconds(10)
            $0.clientGrace = .zero
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 10s
            8s pause main -> main stands
            restart -> at 8s
            17.999s look 1 -> held until 18s for 1@100
            18s look 1 -> expired until 18s for 1@100
            """)
    }

    @Test("An expiry that was answered holds after a restart, because the clock was recorded first (R7 Restart)")
    func toldBefore() {
        for asked in [
            "look 1 -> expired until 4m58s for 1@100", "buy 1 -> no: expired", "release 1 -> released 1 before",
        ] {
            Script.play(
                ["main": Halls.hall("floor=1", "GA:floor")],
                """
                0s define main -> main stands
                hold main GA×1 -> held 1 until 4m58s
                5m \(asked)
                restart -> at 5m0s
                look 1 -> expired until 4m58s for 1@100
                buy 1 -> no: expired
                """)
        }
    }

    @Test("The clock is recorded while holds are live, and not after the last one")
    func recordedClock() {
        var office = BoxOffice()
        func moment(_ seconds: Int64) -> Moment {
            Moment(office: Timestamp(milliseconds: seconds * 1_000), wall: WallTime(milliseconds: 0))
        }
        let line = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
        _ = try? office.decide(.define(Halls.hall("floor=1", "GA:floor")), at: moment(1))
        #expect(office.recordClock(ifOlderThan: .zero) == nil)
        _ = try? office.decide(.hold(HoldRequest(event: Halls.code("main"), lines: line)), at: moment(1))
        office.advance(to: moment(4).office)
        #expect(office.recordClock(ifOlderThan: .seconds(4)) == nil)
        #expect(office.recordClock(ifOlderThan: .seconds(3))?.fact == .clockReached)
        #expect(office.lastFactAt == moment(4).office)
        office.advance(to: moment(301).office)
        #expect(office.recordClock(ifOlderThan: .seconds(3)) == nil, "nothing is live any more")
    }
}
