import BoxOffice
import Testing

/// R40 Corrections.
@Suite("Correcting")
struct CorrectingTests {
    @Test("Buyer and note are corrected without letting the place go, and the same again changes nothing")
    func corrected() {
        Script.play(
            Halls.policies,
            """
            0s define main -> main stands
            0s hold main GA×2 by ann -> held 1 until 4m58s
            0s correct 1 buyer ann>anna note none>stalls -> corrected 1
            0s correct 1 buyer anna note stalls -> corrected 1 before
            0s correct 1 buyer ann>anna note stalls -> corrected 1 before
            0s correct 1 buyer ann>ben note stalls -> no: says something else
            0s restart -> at 0s
            0s correct 1 buyer anna note stalls -> corrected 1 before
            0s correct 1 buyer anna>ben -> no: says something else
            1s look 1 -> held until 4m58s for 2@100
            1s count main -> floor: 1 free 2 held 0 sold
            1s correct 1 buyer anna note stalls purchase -> no: not purchased
            1s buy 1 with p1 -> purchased 1
            1s correct 1 buyer anna>ben note stalls>none purchase -> corrected 1
            1s restart -> at 1s
            1s correct 1 buyer ben -> corrected 1 before
            1s correct 1 buyer ben>none -> corrected 1
            1s count main -> floor: 1 free 0 held 2 sold
            1s buy 1 with p1 -> purchased 1 before
            1s correct 9 buyer ann -> no: unknown hold
            """)
    }

    @Test("What ended is not corrected, nor is what was erased")
    func ended() {
        Script.play(
            Halls.policies,
            """
            0s define main -> main stands
            0s hold main GA×1 by ann -> held 1 until 4m58s
            0s hold main GA×1 by ann -> held 2 until 4m58s
            0s hold main GA×1 by ann -> held 3 until 4m58s
            0s release 2 -> released 2
            0s buy 3 -> purchased 3
            4m59.999s correct 1 buyer ann>ben -> corrected 1
            5m correct 1 buyer ben>ann -> no: expired
            5m correct 2 buyer ann>ben -> no: released
            5m erase 3 -> erased 3
            5m correct 3 -> no: erased
            5m correct 3 buyer none>ben -> no: erased
            5m return 3 -> returned 3
            5m correct 3 buyer none>ben -> no: returned
            5m hold main GA×1 by cy -> held 4 until 9m58s
            5m hold main GA×1 by cy -> held 5 until 9m58s
            5m buy 4 -> purchased 4
            5m cancel main -> main stands
            5m correct 5 buyer cy>di -> no: cancelled
            5m correct 4 buyer cy>di -> corrected 4
            """)
    }

    @Test("The new buyer's limits count what was corrected, and the former buyer's no longer (R25 Buyer limits)")
    func limits() {
        let hall = Halls.hall("floor=20", "GA:floor") {
            $0.ticketsPerBuyer = 3
            $0.holdsPerBuyer = 2
        }
        for restarts in [false, true] {
            let restart = restarts ? "\n1s restart -> at 1s" : ""
            Script.play(
                ["main": hall],
                """
                0s define main -> main stands
                0s hold main GA×2 by ann -> held 1 until 4m58s
                0s buy 1 -> purchased 1
                0s hold main GA×1 by ann -> held 2 until 4m58s
                0s hold main GA×2 by ben -> held 3 until 4m58s
                1s correct 1 buyer ann>ben -> no: limit, 1 more
                1s correct 2 buyer ann>none -> no: invalid /buyer
                1s correct 2 buyer ann>ben -> corrected 2
                1s correct 1 buyer ann>cy -> corrected 1\(restart)
                1s hold main GA×1 by ben -> no: limit, 0 more
                1s hold main GA×2 by cy -> no: limit, 1 more
                1s hold main GA×3 by ann -> held 4 until 4m59s
                1s correct 4 buyer ann note none>aisle -> corrected 4
                1s correct 4 buyer ann>di note aisle -> corrected 4
                1s hold main GA×1 by ann -> held 5 until 4m59s
                1s return 1 GA×1 key k1 -> returned 1
                1s hold main GA×2 by cy -> held 6 until 4m59s
                1s correct 1 buyer cy>ann -> corrected 1
                1s hold main GA×2 by ann -> no: limit, 1 more
                1s hold main GA×1 by ann -> held 7 until 4m59s
                1s correct 6 buyer cy>ann -> no: limit, 0 more
                """)
        }
    }

    @Test("A correction does not give a buyer more live holds than the event allows, but a purchase is not a hold")
    func holds() {
        let hall = Halls.hall("floor=9", "GA:floor") { $0.holdsPerBuyer = 1 }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            0s hold main GA×1 by ann -> held 1 until 4m58s
            0s hold main GA×1 by ben -> held 2 until 4m58s
            0s correct 1 buyer ann>ben -> no: limit, 0 more
            0s buy 1 -> purchased 1
            0s correct 1 buyer ann>ben -> corrected 1
            0s hold main GA×1 by ann -> held 3 until 4m58s
            5m correct 3 buyer ann>ben -> no: expired
            5m hold main GA×1 by ben -> held 4 until 9m58s
            """)
    }

    @Test("A buyer who keeps another hold may hold again for the one that is somebody else's now (R25 Buyer limits)")
    func another() {
        let hall = Halls.hall("floor=9", "GA:floor") { $0.holdsPerBuyer = 2 }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            0s hold main GA×1 by ann -> held 1 until 4m58s
            0s hold main GA×1 by ann -> held 2 until 4m58s
            0s correct 1 buyer ann>ben -> corrected 1
            0s hold main GA×1 by ann -> held 3 until 4m58s
            0s hold main GA×1 by ann -> no: limit, 0 more
            """)
    }

    @Test("The limit of a type counts a corrected purchase for its new buyer (R44 Terms of a type)")
    func types() {
        let hall = Halls.hall("floor=20", "GA:floor VIP:floor") {
            $0.types[1].ticketsPerBuyer = 2
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            0s hold main GA×5 VIP×1 by ann -> held 1 until 4m58s
            0s hold main VIP×2 by ben -> held 2 until 4m58s
            0s hold main GA×5 -> held 3 until 4m58s
            0s correct 1 buyer ann>ben -> no: limit of VIP, 0 more
            0s correct 1 buyer ann>none -> no: invalid /buyer
            0s buy 1 -> purchased 1
            0s correct 1 buyer ann>ben -> no: limit of VIP, 0 more
            0s release 2 -> released 2
            0s correct 1 buyer ann>ben -> corrected 1
            0s hold main VIP×2 by ben -> no: limit of VIP, 1 more
            0s hold main VIP×2 by ann -> held 4 until 4m58s
            0s correct 3 buyer none>ann -> corrected 3
            """)
    }

    @Test("A late payment counts for the buyer that the hold was corrected to (R9 Late payment)")
    func late() {
        let hall = Halls.hall("floor=9", "GA:floor") { $0.ticketsPerBuyer = 2 }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            0s hold main GA×2 by ann -> held 1 until 4m58s
            0s hold main GA×2 by cy -> held 2 until 4m58s
            0s correct 1 buyer ann>ben -> corrected 1
            0s correct 2 buyer cy>di -> corrected 2
            5m hold main GA×2 by ben -> held 3 until 9m58s
            5m hold main GA×2 by cy -> held 4 until 9m58s
            5m buy 1 with p1 -> no: expired, refund
            5m buy 2 with p2 -> purchased 2 late
            """)
    }
}
