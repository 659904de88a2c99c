import BoxOffice
import Testing

/// Q1 Phases to Q10 One decision.
@Suite("Queue")
struct QueueTests {
    /// Ten places; people join from one hour on, and the sale opens at two hours. Everybody may be let in within a second.
    static func hall(
        _ pools: String = "floor=10", opensAt: Int64? = 2 * 3_600_000, id: String = "main",
        _ change: (inout QueueTerms) -> Void = { _ in }, _ changeEvent: (inout EventDefinition) -> Void = { _ in }
    ) -> EventDefinition {
        Halls.hall(pools, "GA:floor", id: id) { definition in
            definition.opensAt = opensAt.map { WallTime(milliseconds: $0) }
            var queue = QueueTerms()
            change(&queue)
            definition.queue = queue
            definition.ticketsPerHold = 4
            changeEvent(&definition)
        }
    }

    @Test("A queue opens in its time, gathers until the sale opens, draws once, and moves (Q1 Phases)")
    func phases() {
        Script.play(
            ["main": Self.hall(), "none": Halls.hall("floor=1", "GA:floor", id: "none")],
            """
            0s define main -> main stands
            define none -> none stands
            queue none join -> no: no queue
            queue gone join -> no: unknown event
            queue main join -> no: queue opens at 1h0s
            59m59.999s queue main open -> no: queue opens at 1h0s
            1h queue main join -> no: queue opens now
            queue main attend -> no: queue opens now
            queue main open -> gathering head 0 of 0
            queue main open -> gathering head 0 of 0 before
            queue main join -> joined #0 waiting
            queue main join -> joined #1 waiting
            queue main set let 2 -> no: invalid /let_in
            queue main look 1 at 0 -> #1 waiting
            queue main look 2 -> no: unknown entry
            1h59m59.999s queue main attend -> gathering head 0 of 2
            2h queue main attend -> drawing head 0 of 2, more
            queue main join -> joined #2 waiting
            queue main attend -> moving head 0 of 3, more
            queue main attend -> moving head 2 of 3
            queue main look 2 -> #2 at 2 waiting, 0 ahead
            queue main look 2 at 0 -> #2 at 2 waiting, 0 ahead
            queue main look 0 -> #0 waiting
            queue main look 0 at 2 -> #0 waiting
            queue main look 0 at 1 -> #0 at 1 called until 2h3m0s
            """)
    }

    @Test("Without an opening of the sale nobody is drawn: who joins first is served first (Q1 Phases)")
    func firstCome() {
        Script.play(
            ["main": Self.hall("floor=9", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            queue main join -> joined #1 at 1 waiting, 0 ahead
            0.099s queue main join -> joined #2 at 2 waiting, 1 ahead
            queue main attend -> moving head 1 of 3
            0.1s queue main attend -> moving head 2 of 3
            1s queue main attend -> moving head 2 of 3
            queue main look 1 -> #1 at 1 called until 3m1s
            queue main look 2 -> #2 at 2 waiting, 0 ahead
            """)
    }

    @Test(
        "A number is given once: a key and a buyer get the same one again, and a restart skips its block (Q2 Numbers)")
    func numbers() {
        Script.play(
            ["main": Self.hall(), "shop": Self.hall(id: "shop", { $0.identity = .buyer })],
            """
            0s define main -> main stands
            define shop -> shop stands
            1h queue main open -> gathering head 0 of 0
            queue main join key k -> joined #0 waiting
            queue main join -> joined #1 waiting
            queue main join key k -> joined #0 waiting before
            1h9m59.999s queue main join key k -> joined #0 waiting before
            1h10m queue main join key k -> joined #2 waiting
            queue main join by ann -> no: invalid /buyer
            queue shop open -> gathering head 0 of 0
            queue shop join -> no: invalid /buyer
            queue shop join by ann key k -> joined #0 waiting
            queue shop join by ben -> joined #1 waiting
            queue shop join by ann -> joined #0 waiting before
            queue shop join by ben key k -> no: key reused
            restart -> at 1h10m0s
            queue main join -> joined #1000 waiting
            queue main look 999 -> #999 waiting
            queue shop join by ann -> joined #0 waiting before
            queue shop join by eve -> joined #2 waiting
            """)
    }

    @Test("A turn begins with the next look and ends when it was said, whatever is looked at since (Q5 Turn)")
    func turns() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil, { $0.returning = .seconds(100) })],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause -> paused head 0 of 0
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main join -> joined #2 at 2 waiting, 2 ahead
            queue main attend -> paused head 0 of 3
            queue main set go -> moving head 0 of 3
            1s queue main attend 1,1,0 -> moving head 2 of 3
            queue main look 0 -> #0 at 0 called until 3m1s
            1.5s queue main look 0 -> #0 at 0 called until 3m1s
            1m40.999s queue main look 1 -> #1 at 1 called until 4m40.999s
            restart -> at 1m40.999s
            2m queue main look 1 -> #1 at 1 called until 4m40.999s
            3m0.999s queue main look 0 -> #0 at 0 called until 3m1s
            3m1s queue main look 0 -> #0 at 0 passed-by
            queue main set let 9 -> moving head 1000 of 1000
            4m41s queue main look 2 -> #2 at 2 passed-by
            queue main leave 3 -> #3 closed
            queue main leave 3 -> #3 closed
            queue main look 3 -> #3 closed
            """)
    }

    @Test("A hold needs the pass of a turn, one at a time, for as many purchases as an entry has (Q6 Pass)")
    func passes() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil)],
            """
            0s define main -> main stands
            hold main GA×2 -> no: pass required
            hold main GA×2 pass 0@0 -> no: not the turn of 0, 0 ahead
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            queue main join -> joined #1 at 1 waiting, 0 ahead
            hold main GA×2 -> no: pass required
            hold main NO×2 -> no: pass required
            hold main GA×2 pass 1@1 -> no: not the turn of 1, 0 ahead
            hold main GA×2 pass 7@7 -> no: not the turn of 7, 6 ahead
            hold main NO×2 pass 0@0 -> no: unknown type NO
            hold main GA×2 past queue -> held 1 until 4m58s
            hold main GA×2 pass 0@0 key k -> held 2 until 4m58s
            hold main GA×2 pass 0@0 key k -> again 2, held until 4m58s
            hold main GA×2 pass 0@0 -> no: pass is used
            queue main look 0 -> #0 at 0 inside until 3m0s
            10s release 2 -> released 2
            hold main GA×1 pass 0@0 -> held 3 until 5m8s
            2m59.999s release 3 -> released 3
            hold main GA×1 pass 0@0 -> held 4 until 7m57.999s
            3m release 4 -> released 4
            hold main GA×1 pass 0@0 -> no: turn is over
            """)
    }

    @Test("A hold outlives its turn, and a late payment counts as a purchase of its entry (Q6 Pass)")
    func purchases() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil, { $0.turn = .seconds(3_600) })],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 1h0s
            hold main GA×2 pass 0@0 -> held 1 until 4m58s
            5m hold main GA×2 pass 0@0 -> held 2 until 9m58s
            buy 1 with p1 -> no: expired, refund
            release 2 -> released 2
            hold main GA×2 pass 0@0 -> held 3 until 9m58s
            buy 3 -> purchased 3
            hold main GA×2 pass 0@0 -> no: pass is used
            queue main look 0 -> #0 at 0 done
            restart -> at 5m0s
            hold main GA×2 pass 0@0 -> no: pass is used
            return 3 -> returned 3
            hold main GA×2 pass 0@0 -> no: pass is used
            """)
    }

    @Test("A hold in a queue by buyers names the buyer who joined (Q6 Pass)")
    func buyers() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil, { $0.identity = .buyer })],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join by ann -> joined #0 at 0 waiting, 0 ahead
            queue main attend -> moving head 1 of 1
            queue main look 0 -> #0 at 0 called until 3m0s
            hold main GA×2 pass 0@0 -> no: another buyer
            hold main GA×2 by ben pass 0@0 -> no: another buyer
            hold main GA×2 by ann pass 0@0 -> held 1 until 4m58s
            """)
    }

    @Test("The queue forgets a buyer with an erased hold: no name leads to the entry any more (R41 Erasure)")
    func erased() {
        for restart in ["", "restart -> at 2m0s"] {
            Script.play(
                ["main": Self.hall("floor=40", opensAt: nil, { $0.identity = .buyer })],
                """
                0s define main -> main stands
                queue main open -> moving head 0 of 0
                queue main join by ann -> joined #0 at 0 waiting, 0 ahead
                queue main join by ben -> joined #1 at 1 waiting, 1 ahead
                queue main attend -> moving head 2 of 2
                queue main look 0 -> #0 at 0 called until 3m0s
                hold main GA×2 by ann pass 0@0 -> held 1 until 4m58s
                2m0s release 1 -> released 1
                erase 1 trial -> erased 1
                queue main join by ann -> joined #0 at 0 called until 3m0s before
                erase 1 -> erased 1
                \(restart)
                hold main GA×2 by ann pass 0@0 -> no: another buyer
                queue main join by ann -> joined #2 at 2 waiting, 0 ahead
                queue main join by ben -> joined #1 at 1 waiting, 0 ahead before
                erase 1 -> erased 1 before
                queue main join by ann -> joined #2 at 2 waiting, 0 ahead before
                """)
        }
    }

    @Test("The draw waits for its beacon, which comes once, after the count and under its name (Q3 Draw)")
    func beacons() {
        let announced = Self.hall { $0.beacon = .init(name: "lottery", wait: .seconds(60)) }
        Script.play(
            [
                "main": announced, "plain": Self.hall(id: "plain"),
                "late": Self.hall(id: "late") { $0.beacon = .init(name: "lottery", wait: .seconds(60)) },
                "known": Self.hall { $0.beacon = .init(name: "yesterday", wait: .seconds(60)) }, "none": Self.hall(),
                "bare": Halls.hall("floor=10", "GA:floor"),
            ],
            """
            0s define main -> main stands
            define plain -> plain stands
            define late -> late stands
            1h queue main open -> gathering head 0 of 0
            queue plain open -> gathering head 0 of 0
            queue late open -> gathering head 0 of 0
            queue plain beacon lottery 42 -> no: no beacon
            queue main beacon lottery 42 -> no: beacon is early
            queue main beacon dice 42 -> no: another beacon
            define known -> no: invalid /queue/beacon
            define none -> no: invalid /queue/beacon
            define bare -> no: invalid /queue/beacon
            2h queue main attend -> drawing head 0 of 0, more
            queue main attend -> drawing head 0 of 0
            queue late attend -> drawing head 0 of 0, more
            restart -> at 2h0s
            2h59.999s queue late attend -> drawing head 0 of 1000
            queue main beacon lottery 42 -> moving head 0 of 1000
            queue main beacon lottery 42 -> moving head 0 of 1000 before
            queue main beacon lottery 43 -> no: beacon is late
            define known -> no: invalid /queue/beacon
            define none -> no: invalid /queue/beacon
            define bare -> main stands
            define main -> main stands
            2h1m queue late attend -> moving head 0 of 1000, more
            queue late beacon lottery 42 -> no: beacon is late
            """)
    }

    @Test("The pass of an entry that was lost holds nothing, also when somebody else has its number (Q6 Pass)")
    func lostNumbers() throws {
        let hall = Self.hall(opensAt: nil)
        let now = Moment(office: Timestamp(milliseconds: 5_000), wall: WallTime(milliseconds: 5_000))
        var office = BoxOffice()
        func decide(_ command: Command) throws -> Outcome { try office.decide(command, at: now).outcome }
        func hold(joinedAt: Int64) throws -> Outcome {
            let pass = QueuePass(
                number: EntryNumber(2_000), position: 2_000, joinedAt: WallTime(milliseconds: joinedAt))
            let lines = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
            return try decide(.hold(HoldRequest(event: hall.id, lines: lines, pass: pass)))
        }
        _ = try decide(.define(hall))
        _ = try decide(.queue(hall.id, .open(secret: [UInt8](repeating: 1, count: 32))))
        office.restoreLossOfQueues(at: now.wall)
        #expect(try hold(joinedAt: 4_999) == .refused(.queue(.unknownEntry)))
        #expect(try hold(joinedAt: 5_000) == .refused(.queue(.notYourTurn(position: 2_000, ahead: 2_000))))
        _ = try decide(.queue(hall.id, .join()))
        _ = try decide(.queue(hall.id, .adjust(QueueAdjustment(lettingIn: 2_001))))
        _ = try decide(.queue(hall.id, .look(EntryNumber(2_000))))
        #expect(try hold(joinedAt: 4_999) == .refused(.queue(.unknownEntry)))
        guard case .held = try hold(joinedAt: 5_000) else {
            Issue.record("who has the number now holds nothing")
            return
        }
    }

    @Test("When nothing is free and nothing is held it is over, and goes on when places come back (Q1 Phases)")
    func over() {
        Script.play(
            ["main": Self.hall("floor=2", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            queue main join -> joined #1 at 1 waiting, 0 ahead
            hold main GA×2 pass 0@0 -> held 1 until 4m58s
            1s queue main attend 0,1 -> moving head 1 of 2
            buy 1 -> purchased 1
            2s queue main attend 0,1 -> over head 1 of 2, more
            queue main look 1 -> #1 at 1 waiting, 0 ahead
            queue main attend 0,1 -> over head 1 of 2
            return 1 -> returned 1
            3s queue main attend 0,1 -> moving head 1 of 2, more
            queue main attend 0,1 -> moving head 2 of 2
            queue main look 1 -> #1 at 1 called until 3m3s
            """)
    }

    @Test("An operator pauses, changes the rate and lets people in (Q7 Admission)")
    func operators() {
        Script.play(
            ["main": Self.hall("floor=400", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause rate 2 -> paused head 0 of 0
            queue main set rate 2 -> paused head 0 of 0 before
            queue main set rate 100001 let -1 -> no: invalid /most_per_second /let_in
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main join -> joined #2 at 2 waiting, 2 ahead
            queue main join -> joined #3 at 3 waiting, 3 ahead
            queue main join -> joined #4 at 4 waiting, 4 ahead
            1s queue main attend 1,1,1,1,1 -> paused head 0 of 5
            queue main set let 1 -> paused head 1 of 5
            2s queue main set go -> moving head 1 of 5
            queue main attend 1,1,1,1,1 -> moving head 3 of 5
            queue main attend 1,1,1,1,1 -> moving head 3 of 5
            2.5s queue main attend 1,1,1,1,1 -> moving head 4 of 5
            """)
    }

    @Test("The head passes those who are not there, and moves no further than those who are (Q4 Head)")
    func absent() {
        Script.play(
            ["main": Self.hall("floor=4", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause -> paused head 0 of 0
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main join -> joined #2 at 2 waiting, 2 ahead
            queue main join -> joined #3 at 3 waiting, 3 ahead
            queue main set go -> moving head 0 of 4
            1s queue main attend 0,0,0,0 -> moving head 0 of 4
            2s queue main attend 0,1,0,0 -> moving head 2 of 4
            queue main look 0 -> #0 at 0 called until 3m2s
            """)
    }

    @Test("While the sale is paused, the time to return stands, and it is whole when the sale goes on (Q5 Turn)")
    func paused() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil, { $0.returning = .seconds(20) })],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause -> paused head 0 of 0
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main set go -> moving head 0 of 2
            queue main attend 1,1 -> moving head 2 of 2
            5s pause main -> main stands
            10m queue main attend 1,1 -> moving head 2 of 2
            queue main look 0 -> #0 at 0 waiting, 0 ahead
            resume main -> main stands
            restart -> at 10m0s
            10m19.999s queue main look 0 -> #0 at 0 called until 13m19.999s
            10m20s queue main look 1 -> #1 at 1 passed-by
            """)
    }

    @Test("A turn that runs when the sale is paused has the same time left when it goes on (Q5 Turn)")
    func turnInPause() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            1m pause main -> main stands
            pause main -> main stands
            1m30s queue main look 0 -> #0 at 0 called until 3m30s
            hold main GA×2 pass 0@0 -> no: paused
            30m queue main look 0 -> #0 at 0 called until 32m0s
            hold main GA×2 pass 0@0 past pause -> held 1 until 34m58s
            release 1 -> released 1
            resume main -> main stands
            31m queue main look 0 -> #0 at 0 called until 32m0s
            define main paused -> main stands
            40m define main open -> main stands
            40m59.999s hold main GA×2 pass 0@0 -> held 2 until 45m57.999s
            release 2 -> released 2
            41m hold main GA×2 pass 0@0 -> no: turn is over
            queue main look 0 -> #0 at 0 passed-by
            pause main -> main stands
            50m queue main look 0 -> #0 at 0 passed-by
            resume main -> main stands
            hold main GA×2 pass 0@0 -> no: turn is over
            queue main look 0 -> #0 at 0 passed-by
            """)
    }

    @Test("However often a sale is paused, and restarted in a pause, a turn lasts as long while it sells (Q5 Turn)")
    func turnInPauses() {
        var script = """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s

            """
        // A hundred pauses of a second, each after a second: more than are remembered.
        for second in stride(from: 1, to: 200, by: 2) {
            script += "\(second / 60)m\(second % 60)s pause main -> main stands\n"
            script += "\((second + 1) / 60)m\((second + 1) % 60)s resume main -> main stands\n"
        }
        script += """
            queue main look 0 -> #0 at 0 called until 4m40s
            4m pause main -> main stands
            restart -> at 4m0s
            5m queue main look 0 -> #0 at 0 called until 6m0s
            restart -> at 4m0s
            10m resume main -> main stands
            restart -> at 10m0s
            10m59.999s hold main GA×2 pass 0@0 -> held 1 until 15m57.999s
            release 1 -> released 1
            11m hold main GA×2 pass 0@0 -> no: turn is over
            """
        Script.play(["main": Self.hall("floor=40", opensAt: nil)], script)
    }

    @Test("A pause of the queue alone leaves turns as they are: places can be held (Q5 Turn)")
    func turnInPausedQueue() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            queue main set pause -> paused head 1 of 1
            2m59.999s hold main GA×2 pass 0@0 -> held 1 until 7m57.999s
            release 1 -> released 1
            3m queue main look 0 -> #0 at 0 passed-by
            queue main set go -> moving head 1 of 1
            hold main GA×2 pass 0@0 -> no: turn is over
            """)
    }

    @Test("Who was let in before a pause of the sale is expected after it (Q7 Admission)")
    func expectedAfterPause() {
        Script.play(
            ["main": Self.hall("floor=4", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause -> paused head 0 of 0
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main join -> joined #2 at 2 waiting, 2 ahead
            queue main set go -> moving head 0 of 3
            queue main attend 1,1,1 -> moving head 1 of 3
            5s pause main -> main stands
            10m resume main -> main stands
            queue main attend 1,1,1 -> moving head 1 of 3
            10m14.999s queue main attend 1,1,1 -> moving head 1 of 3
            10m15s queue main attend 1,1,1 -> moving head 2 of 3
            """)
    }

    @Test("After a restart newcomers do not wait behind numbers that nobody has (Q7 Admission)")
    func skipped() {
        Script.play(
            ["main": Self.hall("floor=40", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            queue main set pause -> paused head 1 of 1
            queue main join -> joined #1 at 1 waiting, 0 ahead
            queue main join -> joined #2 at 2 waiting, 1 ahead
            queue main attend -> paused head 1 of 3
            queue main set go -> moving head 1 of 3
            restart -> at 0s
            1s queue main join -> joined #1000 at 1000 waiting, 999 ahead
            queue main set let 1 -> moving head 2 of 1001
            queue main set let 2 -> moving head 1001 of 1001
            queue main look 1000 -> #1000 at 1000 called until 3m1s
            restart -> at 1s
            2s queue main attend -> moving head 2000 of 2000
            queue main join -> joined #2000 at 2000 waiting, 0 ahead
            3s queue main join -> joined #2001 at 2001 waiting, 1 ahead
            queue main attend -> moving head 2002 of 2002
            """)
    }

    @Test("After a restart the numbers that nobody has count as nobody, wherever the draw put them (Q7 Admission)")
    func skippedAndDrawn() {
        Script.play(
            ["main": Self.hall("floor=80")],
            """
            0s define main -> main stands
            1h queue main open -> gathering head 0 of 0
            queue main join -> joined #0 waiting
            queue main join -> joined #1 waiting
            queue main attend -> gathering head 0 of 2
            restart -> at 1h0s
            queue main join -> joined #1000 waiting
            queue main join -> joined #1001 waiting
            2h queue main attend -> drawing head 0 of 1002, more
            queue main attend -> moving head 0 of 1002, more
            queue main set let 1 -> moving head 251 of 1002
            queue main set let 2 -> moving head 752 of 1002
            queue main attend -> moving head 752 of 1002
            restart -> at 2h0s
            2h1s queue main attend -> moving head 2000 of 2000
            """)
    }

    @Test("While something is free, nobody inside keeps the last places from those who wait (Q7 Admission)")
    func still() {
        Script.play(
            ["main": Self.hall("floor=2", opensAt: nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause -> paused head 0 of 0
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main join -> joined #2 at 2 waiting, 2 ahead
            queue main set go -> moving head 0 of 3
            queue main attend 1,1,1 -> moving head 1 of 3
            queue main look 0 -> #0 at 0 called until 3m0s
            19.999s queue main attend 1,1,1 -> moving head 1 of 3
            20s queue main attend 1,1,1 -> moving head 2 of 3
            queue main look 1 -> #1 at 1 called until 3m20s
            hold main GA×2 pass 1@1 -> held 1 until 5m18s
            1m queue main attend 1,1,1 -> moving head 2 of 3
            1m1s release 1 -> released 1
            queue main attend 1,1,1 -> moving head 3 of 3
            """)
    }

    @Test("What is wrong with a queue is said at its place (Q1 Phases)")
    func mistakes() {
        let wrong = Self.hall(
            "floor=1", opensAt: 1_000,
            {
                $0.opensAt = WallTime(milliseconds: 1_000)
                $0.turn = .seconds(9)
                $0.returning = .milliseconds(1_500)
                $0.purchasesPerEntry = 0
                $0.mostPerSecond = 0
                $0.beacon = .init(name: "", wait: .seconds(29))
            })
        #expect(
            wrong.mistakes().map(\.pointer) == [
                "/queue/turn_seconds", "/queue/return_seconds", "/queue/purchases_per_entry", "/queue/most_per_second",
                "/queue/opens_at", "/queue/beacon/name", "/queue/beacon/wait_seconds",
            ])
        #expect(Self.hall().mistakes().isEmpty)
        Script.play(
            [
                "main": Self.hall(opensAt: nil), "bare": Halls.hall("floor=10", "GA:floor"),
                "buyers": Self.hall(opensAt: nil, { $0.identity = .buyer }),
            ],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            define buyers -> no: invalid /queue/identity
            define bare -> main stands
            hold main GA×1 -> held 1 until 4m58s
            queue main join -> no: no queue
            define buyers -> no: invalid /queue/identity
            define main -> main stands
            queue main join -> joined #0 at 0 called until 3m0s
            """)
    }
}
