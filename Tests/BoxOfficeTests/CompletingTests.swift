import BoxOffice
import Testing

/// R8 Purchase once, R9 Late payment, R10 One payment, one hold, R11 Terms of a hold, R16 Completion without a key.
@Suite("Completing")
struct CompletingTests {
    let halls = Halls.policies

    @Test(
        "A hold that is completed in time is purchased once; the same payment or none again is a repeat (R8 Purchase once; R16 Completion without a key)"
    )
    func repeated() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            buy 1 with p1 -> purchased 1
            buy 1 with p1 -> purchased 1 before
            buy 1 -> purchased 1 before
            1h buy 1 with p1 -> purchased 1 before
            count main -> floor: 2 free 0 held 1 sold
            """)
    }

    @Test("Another payment for a purchased hold is refused, and the purchase stays unchanged (R8 Purchase once)")
    func otherPayment() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            buy 1 with p1 -> purchased 1
            buy 1 with p2 -> no: payment conflict, refund
            buy 1 with p1 -> purchased 1 before
            buy 2 -> purchased 2
            buy 2 with p2 -> no: payment conflict, refund
            buy 2 -> purchased 2 before
            count main -> floor: 1 free 0 held 2 sold
            """)
    }

    @Test(
        "Completing too late without a payment is refused under either policy (R9 Late payment)",
        arguments: ["main", "strict"])
    func lateWithout(policy: String) {
        Script.play(
            halls,
            """
            0s define \(policy) -> main stands
            hold main GA×1 -> held 1 until 4m58s
            5m buy 1 -> no: expired
            count main -> floor: 3 free 0 held 0 sold
            """)
    }

    @Test("A late payment gets the same places at the same price, if they are free (R9 Late payment)")
    func lateWon() {
        let dearer = Halls.hall("floor=3", "GA:floor") { $0.types[0].price = 900 }
        Script.play(
            halls.merging(["dearer": dearer]) { first, _ in first },
            """
            0s define main -> main stands
            hold main GA×2 -> held 1 until 4m58s
            1m define dearer -> main stands
            5m buy 1 with p1 -> purchased 1 late
            look 1 -> purchased until 4m58s for 2@100, late
            buy 1 with p1 -> purchased 1 late before
            buy 1 with p2 -> no: payment conflict, refund
            count main -> floor: 1 free 0 held 2 sold
            return 1 -> returned 1
            count main -> floor: 3 free 0 held 0 sold
            """)
    }

    @Test("A late payment is owed back if the places are gone, and stays so (R9 Late payment)")
    func lateLost() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×2 -> held 1 until 4m58s
            5m hold main GA×2 -> held 2 until 9m58s
            buy 1 with p1 -> no: expired, refund
            buy 1 with p2 by shop -> no: expired, refund
            release 2 -> released 2
            buy 1 with p1 -> no: expired, refund
            buy 1 -> no: expired
            buy 1 with p2 -> no: expired, refund
            look 1 -> expired until 4m58s for 2@100, owed back
            release 1 -> released 1 before
            extend 1 -> no: expired
            return 1 -> no: not purchased
            count main -> floor: 3 free 0 held 0 sold
            buy 1 with p2 by shop -> no: expired, refund
            """)
    }

    @Test("A late payment gets all places of all lines, or none (R9 Late payment)")
    func lateLines() {
        Script.play(
            ["main": Halls.hall("hall=4 lounge=2", "GA:hall VIP:hall+lounge")],
            """
            0s define main -> main stands
            hold main GA×2 VIP×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            5m hold main GA×2 -> held 3 until 9m58s
            buy 1 with p1 -> no: expired, refund
            count main -> hall: 2 free 2 held 0 sold, lounge: 2 free 0 held 0 sold
            buy 2 with p2 -> purchased 2 late
            count main -> hall: 1 free 2 held 1 sold, lounge: 2 free 0 held 0 sold
            """)
    }

    @Test("Under the strict policy a late payment is always refused, and owed back (R9 Late payment; R23 Debts)")
    func strict() {
        Script.play(
            halls,
            """
            0s define strict -> main stands
            hold main GA×1 -> held 1 until 4m58s
            5m buy 1 with p1 -> no: expired, refund
            buy 1 -> no: expired
            hold main GA×1 -> held 2 until 9m58s
            buy 2 with p1 -> purchased 2
            """)
    }

    @Test("A late payment does not exceed the limit on a buyer's tickets (R9 Late payment; R25 Buyer limits)")
    func lateLimit() {
        let hall = Halls.hall("floor=9", "GA:floor") { $0.ticketsPerBuyer = 2 }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×2 by ann -> held 1 until 4m58s
            5m hold main GA×2 by ann -> held 2 until 9m58s
            buy 1 with p1 -> no: expired, refund
            buy 2 with p2 -> purchased 2
            hold main GA×1 by bob -> held 3 until 9m58s
            10m buy 3 with p3 -> purchased 3 late
            """)
    }

    @Test("One payment buys one hold, in time or late (R10 One payment, one hold)")
    func onePayment() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            buy 1 with p1 -> purchased 1
            buy 2 with p1 -> no: payment conflict
            look 2 -> held until 4m58s for 1@100
            5m buy 2 with p1 -> no: payment conflict
            buy 2 with p2 -> purchased 2 late
            return 1 -> returned 1
            hold main GA×1 -> held 3 until 9m58s
            buy 3 with p1 -> no: payment conflict
            buy 1 with p1 -> no: returned
            restart -> at 5m0s
            buy 3 with p2 -> no: payment conflict
            buy 3 with p1 -> no: payment conflict
            """)
    }

    @Test("A payment is its bytes: é written in two ways names two payments (R10 One payment, one hold)")
    func bytes() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            buy 1 with p\u{e9} -> purchased 1
            buy 2 with p\u{e9} -> no: payment conflict
            buy 2 with pe\u{301} -> purchased 2
            """)
    }

    @Test("Price and window are those of the moment of holding (R11 Terms of a hold)")
    func terms() {
        let open = Halls.hall("floor=3", "GA:floor") { $0.closesAt = WallTime(milliseconds: 60_000) }
        let dearer = Halls.hall("floor=3", "GA:floor") {
            $0.closesAt = WallTime(milliseconds: 60_000)
            $0.types[0].price = 250
        }
        Script.play(
            ["main": open, "dearer": dearer],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            10s define dearer -> main stands
            hold main GA×1 -> held 2 until 5m8s
            1m pause main -> main stands
            look 1 -> held until 4m58s for 1@100
            look 2 -> held until 5m8s for 1@250
            buy 1 -> purchased 1
            2m extend 2 -> extended 2 until 6m58s, 2 more
            buy 2 -> purchased 2
            look 1 -> purchased until 4m58s for 1@100
            """)
    }

    @Test("A released hold cannot be paid, and an unknown one says so")
    func neverGiven() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            release 1 -> released 1
            buy 1 with p1 -> no: released, refund
            buy 1 -> no: released
            buy 2 with p1 -> no: unknown hold
            buy 0 -> no: unknown hold
            look 2 -> no: unknown hold
            extend 2 -> no: unknown hold
            release 18446744073709551615 -> no: unknown hold
            return 2 -> no: unknown hold
            """)
    }
}
