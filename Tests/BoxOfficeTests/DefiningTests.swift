import BoxOffice
import Testing

/// Operators who change events at the same time, and events that are removed.
@Suite("Defining")
struct DefiningTests {
    @Test(
        "A change with a revision is refused if another change came first; revision 0 stands for an event that does not exist"
    )
    func revisions() {
        Script.play(
            [
                "one": Halls.hall("floor=1", "GA:floor"), "two": Halls.hall("floor=2", "GA:floor"),
                "bad": Halls.hall("floor=-1", "GA:floor"),
            ],
            """
            0s define one at 1 -> no: revision 0
            define one at 0 -> main stands
            define one at 0 -> no: revision 1
            define two at 0 -> no: revision 1
            define bad at 7 -> no: revision 1
            define two at 1 -> main stands
            define one at 1 -> no: revision 2
            pause main -> main stands
            define one at 2 -> no: revision 3
            restart -> at 0s
            define one at 2 -> no: revision 3
            define two at 3 -> main stands
            define one at 3 -> main stands
            remove main at 3 -> no: revision 4
            remove main at 4 -> main is no more
            define one at 4 -> no: revision 0
            define one at 0 -> main stands
            define two at 1 -> no: revision 5
            """)
    }

    @Test("A definition can pause or resume its event; without that it leaves the pause unchanged")
    func pausing() {
        Script.play(
            ["one": Halls.hall("floor=9", "GA:floor"), "two": Halls.hall("floor=8", "GA:floor")],
            """
            0s define one paused -> main stands
            hold main GA×1 -> no: paused
            define two -> main stands
            hold main GA×1 -> no: paused
            define two open -> main stands
            hold main GA×1 -> held 1 until 4m58s
            define two paused -> main stands
            hold main GA×1 -> no: paused
            restart -> at 0s
            hold main GA×1 -> no: paused
            """)
    }

    @Test("An event can be removed only if it has no live holds and never sold anything; its payments stay settled")
    func removing() {
        Script.play(
            ["one": Halls.hall("floor=9", "GA:floor")],
            """
            0s remove main -> no: unknown event
            define one -> main stands
            hold main GA×1 -> held 1 until 4m58s
            remove main -> no: has sales
            5m0s remove main -> main is no more
            remove main -> no: unknown event
            hold main GA×1 -> no: unknown event
            look 1 -> expired until 4m58s for 1@100
            buy 1 with card -> no: expired, refund
            restart -> at 5m0s
            look 1 -> expired until 4m58s for 1@100
            define one -> main stands
            count main -> floor: 9 free 0 held 0 sold
            hold main GA×9 -> held 2 until 9m58s
            buy 1 with card -> no: expired, refund
            buy 2 -> purchased 2
            return 2 -> returned 2
            remove main -> no: has sales
            restart -> at 5m0s
            remove main -> no: has sales
            count main -> floor: 9 free 0 held 0 sold
            """)
    }

    @Test("An ended hold can be looked at for seven days after its deadline, and is unknown then; a purchase for good")
    func shown() {
        Script.play(
            ["one": Halls.hall("floor=9", "GA:floor")],
            """
            0s define one -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            buy 1 -> purchased 1
            hold main GA×1 -> held 3 until 4m58s
            release 3 -> released 3
            168h4m59.999s look 1 -> purchased until 4m58s for 1@100
            look 2 -> expired until 4m58s for 1@100
            look 3 -> released until 4m58s for 1@100
            168h5m0s look 1 -> purchased until 4m58s for 1@100
            look 2 -> no: unknown hold
            look 3 -> no: unknown hold
            buy 1 -> purchased 1 before
            return 1 -> returned 1
            9000h look 1 -> returned until 4m58s for 1@100-1
            """)
    }

    @Test("A name has 1 to 200 characters, none of which breaks a line or changes its direction")
    func names() {
        var hall = Halls.hall("floor=1", "GA:floor")
        for name in ["ä", String(repeating: "ä", count: 200), "👩‍👩‍👧", "\u{200f}ערב"] {
            hall.name = name
            #expect(hall.mistakes().isEmpty, "\(name)")
        }
        for name in [
            "", String(repeating: "a", count: 201), "a\n", "\u{1b}[2J", "\u{85}", "\u{2028}", "\u{202e}", "\u{2066}",
        ] {
            hall.name = name
            #expect(hall.mistakes().map(\.pointer) == ["/name"], "\(name.debugDescription)")
        }
        hall.name = "a"
        hall.types[0].name = "\t"
        #expect(hall.mistakes().map(\.pointer) == ["/types/0/name"])
    }
}
