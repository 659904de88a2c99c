import BoxOffice
import Testing

/// R41 Erasure.
@Suite("Erasing")
struct ErasingTests {
    @Test("Sums and places of an erased purchase stay, its payment buys nothing else, and the same payment repeats it")
    func purchase() {
        for references in ["p1", ""] {
            Script.play(
                Halls.policies,
                """
                0s define main -> main stands
                0s hold main GA×2 by ann -> held 1 until 4m58s
                0s hold main GA×1 by ann -> held 2 until 4m58s
                0s buy 1 with p1 -> purchased 1
                1s erase 1 purchase trial \(references) -> erased 1
                1s erase 1 purchase \(references) -> erased 1
                1s erase 1 \(references) -> erased 1 before
                1s count main -> floor: 0 free 1 held 2 sold
                1s buy 1 with p1 -> purchased 1 before
                1s buy 2 with p1 by shop -> no: payment conflict
                1s buy 1 with p2 by shop -> no: payment conflict, refund
                1s restart -> at 1s
                1s buy 1 with p1 -> purchased 1 before
                1s buy 2 with p1 by shop -> no: payment conflict
                1s return 1 -> returned 1
                1s buy 1 with p1 -> no: returned
                """)
        }
    }

    @Test("A live hold is not erased, nor one with a confirmed debt; what only a token reported goes with it")
    func obstacles() {
        Script.play(
            Halls.policies,
            """
            0s define main -> main stands
            0s erase 9 -> no: unknown hold
            0s hold main GA×1 by ann -> held 1 until 4m58s
            0s erase 1 -> no: is live
            4m59.999s erase 1 -> no: is live
            4m59.999s erase 1 purchase -> no: not purchased
            4m59.999s release 1 -> released 1
            4m59.999s buy 1 with p1 by shop -> no: released, refund
            4m59.999s buy 1 with p2 -> no: released, refund
            4m59.999s erase 1 p1 p2 -> no: has a debt
            5m payback 1 of p1 -> paid back for 1
            5m erase 1 p1 p2 -> erased 1
            5m payback 1 of p1 -> paid back for 1 before
            5m payback 1 of p2 -> no: unknown debt
            5m hold main GA×1 by ben -> held 2 until 9m58s
            5m buy 2 with p1 -> no: payment conflict
            5m buy 2 with p2 -> purchased 2
            """)
    }

    @Test("A payment for an erased hold is owed back, and with it the hold can be erased again")
    func again() {
        Script.play(
            Halls.policies,
            """
            0s define main -> main stands
            0s hold main GA×1 by ann -> held 1 until 4m58s
            5m erase 1 -> erased 1
            5m buy 1 with p1 by shop -> no: expired, refund
            5m erase 1 -> no: has a debt
            5m restart -> at 5m0s
            5m payback 1 of p1 -> paid back for 1
            5m erase 1 p1 -> erased 1
            5m erase 1 -> erased 1 before
            5m restart -> at 5m0s
            5m erase 1 -> erased 1 before
            5m buy 1 with p1 by shop -> no: payment conflict
            """)
    }

    @Test("What was erased counts for nobody's limit, and what the buyer still has does")
    func limits() {
        let hall = Halls.hall("floor=9", "GA:floor") { $0.ticketsPerBuyer = 3 }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            0s hold main GA×2 by ann -> held 1 until 4m58s
            0s buy 1 with p1 -> purchased 1
            0s hold main GA×1 by ann -> held 2 until 4m58s
            0s buy 2 -> purchased 2
            0s hold main GA×1 by ann -> no: limit, 0 more
            0s erase 1 -> erased 1
            0s hold main GA×3 by ann -> no: limit, 2 more
            0s return 1 -> returned 1
            0s hold main GA×3 by ann -> no: limit, 2 more
            0s hold main GA×2 by ann -> held 3 until 4m58s
            """)
    }

    @Test("Erased names are those that the functions on Redis make")
    func names() throws {
        let payment = try #require(PaymentReference("pay-1"))
        let digester = PaymentDigester(secret: Array("secret".utf8))
        // redis.sha1hex('secret' .. '\5\0\0\0' .. 'pay-1'), 32 digits of it.
        #expect(digester.erased(payment).text == "\u{1}c65133dddcd1e642ee87833b713a5e4f")
        #expect(digester.erased(digester.erased(payment)) == digester.erased(payment))
        #expect(PaymentDigester(secret: []).erased(payment) != digester.erased(payment))
        #expect(PaymentReference(digester.erased(payment).text) == nil)
        #expect(PaymentReference(kept: digester.erased(payment).text)?.isErased == true)
        let long = try #require(PaymentReference(String(repeating: "x", count: 255)))
        #expect(digester.erased(long).text == "\u{1}a8953046e7d3f016f54624cd0a0c02d5")
    }
}
