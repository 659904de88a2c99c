import BoxOffice
import Testing

/// R42 Cancelled event.
@Suite("Cancelling")
struct CancellingTests {
    private static let halls = ["main": Halls.hall("floor=9", "GA:floor"), "strict": Halls.hall("floor=9", "GA:floor")]

    @Test("A cancelled event sells nothing and its live holds end; payments are owed back, and its purchases stay")
    func ends() {
        Script.play(
            Self.halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×2 key k2 -> held 2 until 4m58s
            hold main GA×1 -> held 3 until 4m58s
            hold main GA×1 -> held 4 until 4m58s
            buy 1 with p1 -> purchased 1
            1s cancel main -> main stands
            cancel main -> main stands
            cancel other -> no: unknown event
            left main -> 0: GA 0
            count main -> floor: 4 free 4 held 1 sold
            hold main GA×1 -> no: cancelled
            hold main GA×2 key k2 -> no: cancelled
            look 2 -> no: cancelled
            extend 2 -> no: cancelled
            buy 2 -> no: cancelled
            buy 2 with p2 -> no: cancelled, refund
            buy 2 with p3 by shop -> no: cancelled, refund
            look 2 -> no: cancelled, refund
            buy 1 with p1 -> purchased 1 before
            look 1 -> purchased until 4m58s for 1@100
            release 3 -> released 3
            restart -> at 1s
            buy 4 with p4 -> no: cancelled, refund
            hold main GA×1 -> no: cancelled
            5m0s buy 4 -> no: expired
            buy 4 with p5 -> no: expired, refund
            hold main GA×1 -> no: cancelled
            payback 2 of p3 -> paid back for 2
            remove main -> no: has sales
            """)
    }

    @Test("Undone within the hour: holds go on whose deadlines lie ahead, and a payment that was owed buys its hold")
    func undone() {
        Script.play(
            Self.halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            1m40s hold main GA×1 -> held 2 until 6m38s
            reinstate main -> main stands
            cancel main -> main stands
            buy 2 with p2 by shop -> no: cancelled, refund
            restart -> at 1m40s
            5m0s reinstate main -> main stands
            look 1 -> expired until 4m58s for 1@100
            look 2 -> held until 6m38s for 1@100, owed back
            buy 2 with p2 by shop -> purchased 2
            hold main GA×1 -> held 3 until 9m58s
            cancel main -> main stands
            64m59.999s reinstate main -> main stands
            cancel main -> main stands
            124m59.999s reinstate main -> no: cancelled for good
            """)
    }

    @Test("A return, or a payment that was paid back, makes a cancellation final, also after a restart")
    func final() {
        Script.play(
            Self.halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            buy 1 with p1 -> purchased 1
            buy 2 with p2 -> purchased 2
            return 1 -> returned 1
            cancel main -> main stands
            reinstate main -> main stands
            cancel main -> main stands
            return 2 -> returned 2
            reinstate main -> no: cancelled for good
            restart -> at 0s
            reinstate main -> no: cancelled for good
            """)
    }
}
