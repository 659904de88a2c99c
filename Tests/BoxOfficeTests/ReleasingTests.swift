import BoxOffice
import Testing

/// R12 Release once, R13 Extension, R14 Return once.
@Suite("Releasing, extending, returning")
struct ReleasingTests {
    let halls = ["main": Halls.hall("floor=4", "GA:floor")]

    @Test("Released places come free once, however often the release is repeated (R12 Release once)")
    func once() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×2 -> held 1 until 4m58s
            hold main GA×2 -> held 2 until 4m58s
            release 1 -> released 1
            release 1 -> released 1 before
            count main -> floor: 2 free 2 held 0 sold
            extend 1 -> no: released
            return 1 -> no: not purchased
            look 1 -> released until 4m58s for 2@100
            5m release 1 -> released 1 before
            count main -> floor: 4 free 0 held 0 sold
            """)
    }

    @Test(
        "Releasing an expired hold is accepted and changes nothing; releasing a purchased one is refused (R12 Release once)"
    )
    func states() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            buy 2 -> purchased 2
            release 2 -> no: purchased
            extend 2 -> no: purchased
            return 2 -> returned 2
            release 2 -> no: returned
            extend 2 -> no: returned
            5m release 1 -> released 1 before
            look 1 -> expired until 4m58s for 1@100
            buy 1 with p1 -> purchased 1 late
            count main -> floor: 3 free 0 held 1 sold
            """)
    }

    @Test("An extension counts from now, never shortens, and places stay until the new deadline (R13 Extension)")
    func extended() {
        let shorter = Halls.hall("floor=4", "GA:floor") { $0.holdTime = .seconds(8) }
        Script.play(
            halls.merging(["shorter": shorter]) { first, _ in first },
            """
            0s define main -> main stands
            hold main GA×2 -> held 1 until 4m58s
            1m extend 1 -> extended 1 until 5m58s, 2 more
            2m define shorter -> main stands
            extend 1 -> extended 1 until 6m58s, 1 more
            hold main GA×1 -> held 2 until 2m8s
            extend 2 -> extended 2 until 2m8s, 2 more
            2m5s extend 2 -> extended 2 until 2m13s, 1 more
            2m14.999s count main -> floor: 1 free 3 held 0 sold
            2m15s count main -> floor: 2 free 2 held 0 sold
            5m0s count main -> floor: 2 free 2 held 0 sold
            5m59.999s count main -> floor: 2 free 2 held 0 sold
            extend 1 -> extended 1 until 10m57.999s, 0 more
            7m0s count main -> floor: 2 free 2 held 0 sold
            10m59.998s count main -> floor: 2 free 2 held 0 sold
            10m59.999s count main -> floor: 4 free 0 held 0 sold
            """)
    }

    @Test("A hold that a restart gave longer than its hold time is not shortened by an extension (R13 Extension)")
    func neverShortened() {
        let short = Halls.hall("floor=4", "GA:floor") { $0.holdTime = .seconds(5) }
        Script.play(
            halls.merging(["short": short]) { first, _ in first },
            """
            0s define short -> main stands
            hold main GA×2 -> held 1 until 5s
            define main -> main stands
            restart -> at 0s
            look 1 -> held until 58s for 2@100
            extend 1 -> extended 1 until 58s, 2 more
            """)
    }

    @Test("Extensions are bounded, and a denied one leaves the hold unchanged (R13 Extension)")
    func capped() {
        let hall = Halls.hall("floor=4", "GA:floor") { $0.maximumExtensions = 2 }
        let none = Halls.hall("floor=4", "GA:floor") { $0.maximumExtensions = 0 }
        Script.play(
            ["main": hall, "none": none],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            1m extend 1 -> extended 1 until 5m58s, 1 more
            2m extend 1 -> extended 1 until 6m58s, 0 more
            3m extend 1 -> no: 2 extensions at most
            look 1 -> held until 6m58s for 1@100
            define none -> main stands
            hold main GA×1 -> held 2 until 7m58s
            extend 2 -> no: 0 extensions at most
            6m59.999s buy 1 -> purchased 1
            """)
    }

    @Test("A return gives places back once, and only those of a purchase (R14 Return once)")
    func returned() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×3 -> held 1 until 4m58s
            return 1 -> no: not purchased
            buy 1 with p1 -> purchased 1
            hold main GA×1 -> held 2 until 4m58s
            return 1 -> returned 1
            return 1 -> returned 1 before
            count main -> floor: 3 free 1 held 0 sold
            buy 1 with p1 -> no: returned
            look 1 -> returned until 4m58s for 3@100-3
            5m return 2 -> no: not purchased
            count main -> floor: 4 free 0 held 0 sold
            """)
    }

    @Test(
        "Holds with many deadlines, in any order, each end at their own (R6 Deadline; R12 Release once; R13 Extension)")
    func manyDeadlines() {
        var halls: [String: EventDefinition] = [:]
        for seconds in [10, 20, 30, 40] {
            halls["h\(seconds)"] = Halls.hall("floor=20", "GA:floor") {
                $0.holdTime = .seconds(seconds)
                $0.clientGrace = .zero
            }
        }
        Script.play(
            halls,
            """
            0s define h30 -> main stands
            hold main GA×1 -> held 1 until 30s
            define h10 -> main stands
            hold main GA×2 -> held 2 until 10s
            define h40 -> main stands
            hold main GA×3 -> held 3 until 40s
            define h20 -> main stands
            hold main GA×4 -> held 4 until 20s
            hold main GA×5 -> held 5 until 20s
            count main -> floor: 5 free 15 held 0 sold
            release 5 -> released 5
            release 2 -> released 2
            left main -> 12: GA 12 until 20s
            19.999s count main -> floor: 12 free 8 held 0 sold
            20s count main -> floor: 16 free 4 held 0 sold
            buy 1 -> purchased 1
            left main -> 16: GA 16 until 40s
            30s count main -> floor: 16 free 3 held 1 sold
            release 3 -> released 3
            left main -> 19: GA 19
            """)
    }
}
