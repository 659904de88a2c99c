import BoxOffice
import Testing
import Workload

/// Who sold, as far as the box office decides by it (R48 Operator keys).
@Suite("Sellers")
struct SellersTests {
    @Test("A shop that completes again without a payment is shown its own sale, and no other shop's")
    func repeated() {
        let hall = Halls.hall("floor=9", "GA:floor") { $0.completion = .shop }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            hold main GA×1 -> held 3 until 4m58s
            hold main GA×1 -> held 4 until 4m58s
            buy 1 with p1 as shop:north -> purchased 1
            buy 2 as desk:anna -> purchased 2
            buy 3 by shop -> purchased 3
            buy 1 as shop:north -> purchased 1 before
            buy 1 as shop:south -> no: purchased
            buy 1 as desk:anna -> purchased 1 before
            buy 1 by shop -> purchased 1 before
            buy 2 as shop:north -> no: purchased
            buy 2 as shop:anna -> purchased 2 before
            buy 3 as shop:south -> purchased 3 before
            restart -> at 0s
            buy 1 as shop:north -> purchased 1 before
            buy 1 as shop:south -> no: purchased
            5m buy 4 with p4 as shop:south -> purchased 4 late
            buy 4 as shop:north -> no: purchased
            return 4 -> returned 4
            buy 4 as shop:north -> no: returned
            """)
    }

    @Test("A payment gets the answer that it gets from everybody, whichever shop reports it")
    func payments() {
        let hall = Halls.hall("floor=9", "GA:floor")
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            buy 1 with p1 as shop:north -> purchased 1
            buy 1 with p1 as shop:south -> purchased 1 before
            buy 1 with p2 as shop:south -> no: payment conflict, refund
            buy 1 -> purchased 1 before
            payback 1 of p2 -> paid back for 1
            """)
    }

    @Test("A purchase keeps its first seller in two bytes that a hold has anyway")
    func size() {
        #expect(MemoryLayout<HoldRecord>.stride == 40)
    }

    @Test("The oracle notices a sale that is shown to another shop, and one that is kept from its own")
    func oracle() {
        var oracle = Oracle()
        oracle.define(Halls.hall("floor=2", "GA:floor"))
        let north = Asked.Seller("north", isShop: true)
        let south = Asked.Seller("south", isShop: true)
        let line = Asked.Line(type: "GA", quantity: 1)
        let held = Heard.held("a", told: 298_000...298_000, got: [1])
        oracle.hear(held, of: .hold(event: "main", lines: [line], buyer: nil), at: 0)
        oracle.hear(
            .purchased(late: false, repeated: false),
            of: .purchase("a", payment: nil, byKey: true, seller: north), at: 1)
        oracle.hear(.alreadyPurchased, of: .purchase("a", payment: nil, byKey: true, seller: south), at: 2)
        #expect(oracle.breaches == [])
        oracle.hear(
            .purchased(late: false, repeated: true), of: .purchase("a", payment: nil, byKey: true, seller: south), at: 3
        )
        oracle.hear(.alreadyPurchased, of: .purchase("a", payment: nil, byKey: true, seller: north), at: 4)
        #expect(oracle.breaches.count == 2 && oracle.breaches.allSatisfy { $0.hasPrefix("R48 Operator keys") })
    }
}
