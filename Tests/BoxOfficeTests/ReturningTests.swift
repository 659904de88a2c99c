import BoxOffice
import Testing

/// R39 Partial return.
@Suite("Returning a part")
struct ReturningTests {
    let halls = [
        "main": Halls.hall("floor=6 day=4", "GA:floor VIP:floor+day"),
        "limited": Halls.hall("floor=6", "GA:floor", id: "main") { $0.ticketsPerBuyer = 3 },
    ]

    @Test("A part gives its places back once; with its key again it is the same return (R39 Partial return)")
    func once() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×3 VIP×2 -> held 1 until 4m58s
            return 1 GA×1 key k1 -> no: not purchased
            buy 1 with p1 -> purchased 1
            return 1 GA×1 key k1 because ill -> returned 1
            look 1 -> purchased until 4m58s for 3@100-1+2@100
            return 1 GA×1 key k1 because ill -> returned 1 before
            return 1 GA×1 key k1 -> no: key reused
            return 1 GA×2 key k1 because ill -> no: key reused
            count main -> floor: 2 free 0 held 4 sold, day: 2 free 0 held 2 sold
            return 1 VIP×1 GA×1 key k2 -> returned 1
            count main -> floor: 4 free 0 held 2 sold, day: 3 free 0 held 1 sold
            buy 1 with p1 -> purchased 1 before
            """)
    }

    @Test("More than is left, or a type that was not bought, is refused with what is left (R39 Partial return)")
    func tooLarge() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×3 -> held 1 until 4m58s
            buy 1 -> purchased 1
            return 1 GA×4 key k1 -> no: only 3 GA left
            return 1 GA×2 GA×2 key k1 -> no: only 3 GA left
            return 1 VIP×1 key k1 -> no: only 0 VIP left
            return 1 GA×2 key k1 -> returned 1
            return 1 GA×2 key k2 -> no: only 1 GA left
            return 1 GA×1 VIP×1 key k2 -> no: only 0 VIP left
            count main -> floor: 5 free 0 held 1 sold, day: 4 free 0 held 0 sold
            return 7 GA×1 key k3 -> no: unknown hold
            """)
    }

    @Test("A purchase of which nothing is left is returned, whatever parts did it (R39 Partial return)")
    func whole() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×2 -> held 1 until 4m58s
            hold main GA×2 VIP×1 -> held 2 until 4m58s
            buy 1 with p1 -> purchased 1
            buy 2 with p2 -> purchased 2
            return 1 GA×1 key k1 -> returned 1
            return 1 GA×1 key k2 -> returned 1
            look 1 -> returned until 4m58s for 2@100-2
            return 1 -> returned 1 before
            return 1 GA×1 key k1 -> returned 1 before
            return 1 GA×1 key k3 -> no: returned
            buy 1 with p9 -> no: returned, refund
            return 2 GA×1 key k1 -> returned 2
            return 2 -> returned 2
            return 2 GA×1 key k1 -> returned 2 before
            look 2 -> returned until 4m58s for 2@100-2+1@100-1
            count main -> floor: 6 free 0 held 0 sold, day: 4 free 0 held 0 sold
            remove main -> no: has sales
            """)
    }

    @Test("What was returned of lines of one type comes from the first of them with something left")
    func sameType() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 VIP×1 GA×2 -> held 1 until 4m58s
            buy 1 -> purchased 1
            return 1 GA×2 key k1 -> returned 1
            look 1 -> purchased until 4m58s for 1@100-1+1@100+2@100-1
            return 1 GA×1 key k2 -> returned 1
            return 1 -> returned 1
            count main -> floor: 6 free 0 held 0 sold, day: 4 free 0 held 0 sold
            """)
    }

    @Test("Tickets that were returned no longer count for the buyer's limit (R25 Buyer limits)")
    func limit() {
        Script.play(
            halls,
            """
            0s define limited -> main stands
            hold main GA×3 by ann -> held 1 until 4m58s
            buy 1 -> purchased 1
            hold main GA×1 by ann -> no: limit, 0 more
            return 1 GA×2 key k1 -> returned 1
            hold main GA×3 by ann -> no: limit, 2 more
            hold main GA×2 by ann -> held 2 until 4m58s
            release 2 -> released 2
            return 1 -> returned 1
            hold main GA×3 by ann -> held 3 until 4m58s
            """)
    }

    @Test("A restart keeps what was returned, and the keys of it")
    func restarted() {
        Script.play(
            halls,
            """
            0s define limited -> main stands
            hold main GA×3 by ann -> held 1 until 4m58s
            buy 1 -> purchased 1
            return 1 GA×1 key k1 -> returned 1
            restart -> at 0s
            return 1 GA×1 key k1 -> returned 1 before
            return 1 GA×2 key k1 -> no: key reused
            hold main GA×2 by ann -> no: limit, 1 more
            return 1 GA×3 key k2 -> no: only 2 GA left
            return 1 GA×2 key k2 -> returned 1
            restart -> at 0s
            return 1 GA×2 key k2 -> returned 1 before
            look 1 -> returned until 4m58s for 3@100-3
            count main -> floor: 6 free 0 held 0 sold
            """)
    }
}
