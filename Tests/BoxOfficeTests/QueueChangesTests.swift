import BoxOffice
import Testing

/// Queues whose event, stock or clock changes under them (Q1 Phases, Q5 Turn, Q7 Admission).
@Suite("Changes under a queue")
struct QueueChangesTests {
    private static func hall(
        _ pools: String = "floor=40", opensAt: Int64? = nil, _ change: (inout QueueTerms) -> Void = { _ in },
        _ changeEvent: (inout EventDefinition) -> Void = { _ in }
    ) -> EventDefinition {
        QueueTests.hall(pools, opensAt: opensAt, change, changeEvent)
    }

    private static func bare(opensAt: Int64? = nil) -> EventDefinition {
        Halls.hall("floor=40", "GA:floor") { $0.opensAt = opensAt.map { WallTime(milliseconds: $0) } }
    }

    private static let hour: Int64 = 3_600_000

    @Test("A clock that is set ends no turn, makes no second draw, and lets nobody in before the sale (Q1 Phases)")
    func clock() {
        Script.play(
            ["main": QueueTests.hall("floor=40")],
            """
            0s define main -> main stands
            1h queue main open -> gathering head 0 of 0
            queue main join -> joined #0 waiting
            clock -30m -> set
            queue main open -> gathering head 0 of 1 before
            queue main join -> joined #1 waiting
            queue main attend -> gathering head 0 of 2
            clock 1h30m -> set
            queue main attend -> drawing head 0 of 2, more
            clock -1h -> set
            queue main join -> joined #2 waiting
            queue main attend -> moving head 0 of 3, more
            queue main attend -> moving head 0 of 3
            queue main set let 1 -> moving head 1 of 3
            queue main look 1 at 0 -> #1 at 0 waiting, 0 ahead
            clock 1h -> set
            queue main look 1 at 0 -> #1 at 0 called until 1h3m0s
            queue main attend -> moving head 1 of 3
            1h0.1s queue main attend -> moving head 3 of 3
            clock -2h -> set
            queue main open -> moving head 3 of 3 before
            queue main attend -> moving head 3 of 3
            queue main join -> joined #3 at 3 waiting, 0 ahead
            clock 12h -> set
            1h2m59.999s queue main look 1 at 0 -> #1 at 0 called until 1h3m0s
            1h3m queue main look 1 at 0 -> #1 at 0 passed-by
            """)
    }

    @Test("When the clock reaches the end of the sale it is over, and goes on if the clock was wrong (Q1 Phases)")
    func clockAtTheEnd() {
        Script.play(
            ["main": Self.hall("floor=40", { _ in }, { $0.closesAt = WallTime(milliseconds: Self.hour) })],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            clock 59m59.999s -> set
            queue main attend -> moving head 1 of 1
            clock 0.001s -> set
            queue main attend -> over head 1 of 1, more
            queue main join -> no: sale closed at 1h0s
            queue main open -> over head 1 of 1 before
            queue main set let 1 -> no: invalid /let_in
            clock -1h -> set
            1s queue main attend -> moving head 1 of 1, more
            queue main join -> joined #1 at 1 called until 3m1s
            queue main look 0 -> #0 at 0 called until 3m0s
            """)
    }

    @Test("A pause of the queue before the draw lasts beyond it, and so does one of the sale (Q1 Phases)")
    func pauseOverTheDraw() {
        for (pause, stands, resume) in [
            ("queue main set pause -> gathering head 0 of 0", "paused", "queue main set go -> moving head 0 of 1000"),
            ("pause main -> main stands", "moving", "resume main -> main stands"),
        ] {
            Script.play(
                ["main": QueueTests.hall()],
                """
                0s define main -> main stands
                1h queue main open -> gathering head 0 of 0
                \(pause)
                queue main join -> joined #0 waiting
                queue main join -> joined #1 waiting
                2h queue main attend -> drawing head 0 of 2, more
                queue main attend -> \(stands) head 0 of 2, more
                queue main attend 1,1 -> \(stands) head 0 of 2
                restart -> at 2h0s
                \(resume)
                queue main attend 1,1 -> moving head 2 of 1000
                """)
        }
    }

    @Test("More places end what is over, and fewer let fewer people in; a turn that runs stays (Q1 Phases)")
    func capacity() {
        Script.play(
            ["main": Self.hall("floor=2"), "more": Self.hall("floor=40"), "less": Self.hall("floor=1")],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main join -> joined #0 at 0 called until 3m0s
            queue main join -> joined #1 at 1 waiting, 0 ahead
            queue main join -> joined #2 at 2 waiting, 1 ahead
            queue main join -> joined #3 at 3 waiting, 2 ahead
            hold main GA×2 pass 0@0 -> held 1 until 4m58s
            buy 1 -> purchased 1
            1s queue main attend 0,1,1,1 -> over head 1 of 4, more
            define more -> main stands
            queue main look 1 -> #1 at 1 waiting, 0 ahead
            queue main attend 0,1,1,1 -> moving head 1 of 4, more
            queue main attend 0,1,0,0 -> moving head 2 of 4
            queue main look 1 -> #1 at 1 called until 3m1s
            define less -> main stands
            2s queue main attend 0,1,1,1 -> over head 2 of 4, more
            queue main look 1 -> #1 at 1 called until 3m1s
            hold main GA×1 pass 1@1 -> no: sold out
            define more -> main stands
            hold main GA×1 pass 1@1 -> held 2 until 5m0s
            queue main attend 0,1,1,1 -> moving head 2 of 4, more
            queue main attend 0,1,1,1 -> moving head 4 of 4
            """)
        for (definition, head) in [("main", 1), ("more", 4)] {
            Script.play(
                ["main": Self.hall("floor=2"), "more": Self.hall("floor=40")],
                """
                0s define \(definition == "main" ? "more" : "main") -> main stands
                queue main open -> moving head 0 of 0
                queue main set pause -> paused head 0 of 0
                queue main join -> joined #0 at 0 waiting, 0 ahead
                queue main join -> joined #1 at 1 waiting, 1 ahead
                queue main join -> joined #2 at 2 waiting, 2 ahead
                queue main join -> joined #3 at 3 waiting, 3 ahead
                queue main set go -> moving head 0 of 4
                define \(definition) -> main stands
                queue main attend 1,1,1,1 -> moving head \(head) of 4
                """)
        }
    }

    @Test("A sale that gets a queue asks for passes from then on, and keeps the holds that it has (Q1 Phases)")
    func added() {
        for opensAt in [nil, Self.hour] {
            Script.play(
                ["bare": Self.bare(opensAt: opensAt), "main": Self.hall(opensAt: opensAt)],
                """
                0s define bare -> main stands
                1h hold main GA×1 -> held 1 until 1h4m58s
                hold main GA×1 -> held 2 until 1h4m58s
                define main -> main stands
                hold main GA×1 -> no: pass required
                hold main GA×1 pass 0@0 -> no: not the turn of 0, 0 ahead
                queue main join -> no: queue opens now
                buy 1 -> purchased 1
                queue main open -> moving head 0 of 0
                release 2 -> released 2
                queue main join -> joined #0 at 0 called until 1h3m0s
                hold main GA×1 pass 0@0 -> held 3 until 1h4m58s
                """)
        }
    }

    @Test("A sale without its queue sells as any other, and with it again it goes on where it was (Q1 Phases)")
    func removed() {
        Script.play(
            ["main": QueueTests.hall("floor=40"), "bare": Self.bare(opensAt: 2 * Self.hour)],
            """
            0s define main -> main stands
            1h queue main open -> gathering head 0 of 0
            queue main join -> joined #0 waiting
            define bare -> main stands
            queue main look 0 -> no: no queue
            queue main attend -> no: no queue
            queue main open -> no: no queue
            2h hold main GA×1 -> held 1 until 2h4m58s
            restart -> at 2h0s
            define main -> main stands
            queue main open -> gathering head 0 of 1000 before
            hold main GA×1 -> no: pass required
            queue main attend -> drawing head 0 of 1000, more
            queue main attend -> moving head 0 of 1000, more
            queue main set let 1 -> moving head 1000 of 1000
            queue main look 0 at 0 -> #0 at 0 called until 2h3m0s
            define bare -> main stands
            2h0.5s hold main GA×1 pass 0@0 -> held 2 until 2h4m58.500s
            define main -> main stands
            2h1s queue main look 0 at 0 -> #0 at 0 called until 2h3m0s
            """)
    }

    @Test("Gathering ends when the sale opens, wherever that is moved to, and nobody is let in before (Q1 Phases)")
    func opening() {
        Script.play(
            [
                "main": QueueTests.hall(), "later": QueueTests.hall(opensAt: 3 * Self.hour),
                "sooner": QueueTests.hall(opensAt: 2 * Self.hour + 1),
            ],
            """
            0s define main -> main stands
            1h queue main open -> gathering head 0 of 0
            queue main join -> joined #0 waiting
            define later -> main stands
            2h queue main attend -> gathering head 0 of 1
            define sooner -> main stands
            queue main attend -> gathering head 0 of 1
            2h0.001s queue main attend -> drawing head 0 of 1, more
            define later -> main stands
            queue main attend -> moving head 0 of 1, more
            queue main attend -> moving head 0 of 1
            2h59m59.999s queue main attend -> moving head 0 of 1
            3h queue main attend -> moving head 1 of 1
            """)
        Script.play(
            ["main": QueueTests.hall(), "none": QueueTests.hall(opensAt: nil)],
            """
            0s define main -> main stands
            1h queue main open -> gathering head 0 of 0
            queue main join -> joined #0 waiting
            define none -> main stands
            queue main attend -> drawing head 0 of 1, more
            define main -> main stands
            queue main attend -> moving head 0 of 1, more
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main attend -> moving head 0 of 2
            """)
    }

    @Test("Other terms count for turns that begin, for times to return and for purchases; no turn moves (Q5 Turn)")
    func terms() {
        Script.play(
            [
                "main": Self.hall(),
                "short": Self.hall {
                    $0.turn = .seconds(60)
                    $0.returning = .seconds(30)
                    $0.purchasesPerEntry = 2
                },
            ],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause -> paused head 0 of 0
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main join -> joined #2 at 2 waiting, 2 ahead
            queue main set let 3 -> paused head 3 of 3
            queue main look 0 -> #0 at 0 called until 3m0s
            hold main GA×1 pass 0@0 -> held 1 until 4m58s
            buy 1 -> purchased 1
            hold main GA×1 pass 0@0 -> no: pass is used
            define short -> main stands
            queue main look 0 -> #0 at 0 called until 3m0s
            hold main GA×1 pass 0@0 -> held 2 until 4m58s
            29.999s queue main look 1 -> #1 at 1 called until 1m29.999s
            30s queue main look 2 -> #2 at 2 passed-by
            buy 2 -> purchased 2
            queue main look 0 -> #0 at 0 done
            define main -> main stands
            queue main look 2 -> #2 at 2 called until 3m30s
            queue main look 1 -> #1 at 1 called until 1m29.999s
            1m29.999s hold main GA×1 pass 1@1 -> no: turn is over
            """)
    }

    @Test("The rate of the definition counts until an operator says another one, and afterwards again (Q7 Admission)")
    func rates() {
        Script.play(
            ["main": Self.hall("floor=400"), "slow": Self.hall("floor=400") { $0.mostPerSecond = 1 }],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main set pause -> paused head 0 of 0
            queue main join -> joined #0 at 0 waiting, 0 ahead
            queue main join -> joined #1 at 1 waiting, 1 ahead
            queue main join -> joined #2 at 2 waiting, 2 ahead
            queue main join -> joined #3 at 3 waiting, 3 ahead
            queue main join -> joined #4 at 4 waiting, 4 ahead
            queue main join -> joined #5 at 5 waiting, 5 ahead
            define slow -> main stands
            queue main set go -> moving head 0 of 6
            1s queue main attend 1,1,1,1,1,1 -> moving head 1 of 6
            queue main set rate 3 -> moving head 1 of 6
            2s queue main attend 1,1,1,1,1,1 -> moving head 4 of 6
            queue main set rate 0 -> moving head 4 of 6
            3s queue main attend 1,1,1,1,1,1 -> moving head 5 of 6
            define main -> main stands
            4s queue main attend 1,1,1,1,1,1 -> moving head 6 of 6
            """)
    }

    @Test(
        "A queue opens before its sale, or with no word of when; anything else is a mistake at its place (Q1 Phases)",
        arguments: [
            (nil, nil, nil), (nil, 0, nil), (nil, 1_000, nil), (1_000, nil, nil), (999, 1_000, nil),
            (1_000, 1_000, "/queue/opens_at"), (1_001, 1_000, "/queue/opens_at"), (0, -1, "/queue/opens_at"),
        ] as [(Int64?, Int64?, String?)])
    func openings(_ queue: Int64?, _ sale: Int64?, _ mistake: String?) {
        let definition = Self.hall(opensAt: sale) { $0.opensAt = queue.map { WallTime(milliseconds: $0) } }
        #expect(definition.mistakes().map(\.pointer) == (mistake.map { [$0] } ?? []))
    }

    @Test("A beacon counts while its draw waits: not before the queue, not after the draw, not without one (Q3 Draw)")
    func beacons() {
        func announced(_ opensAt: Int64?, _ name: String = "lottery") -> EventDefinition {
            Self.hall(opensAt: opensAt) { $0.beacon = .init(name: name, wait: .seconds(60)) }
        }
        Script.play(
            ["main": announced(2 * Self.hour), "other": announced(2 * Self.hour, "dice"), "bare": Self.bare()],
            """
            0s define main -> main stands
            queue main beacon lottery 42 -> no: queue opens at 1h0s
            define other -> main stands
            define main -> main stands
            1h queue main beacon lottery 42 -> no: queue opens now
            queue main open -> gathering head 0 of 0
            queue main join -> joined #0 waiting
            2h queue main attend -> drawing head 0 of 1, more
            queue main beacon dice 42 -> no: another beacon
            define other -> no: invalid /queue/beacon
            queue main attend -> drawing head 0 of 1
            queue main beacon lottery 42 -> moving head 0 of 1
            cancel main -> main stands
            queue main attend -> over head 0 of 1, more
            queue main beacon lottery 42 -> over head 0 of 1 before
            queue main beacon lottery 43 -> no: beacon is late
            define bare -> main stands
            queue main beacon lottery 42 -> no: no queue
            """)
        Script.play(
            ["main": announced(nil)],
            """
            0s define main -> main stands
            queue main open -> moving head 0 of 0
            queue main beacon lottery 42 -> no: beacon is late
            """)
    }
}
