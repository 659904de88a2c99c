import BoxOffice
import Testing

/// R55 Checkout.
@Suite("How buyers pay on the pages")
struct CheckoutTests {
    @Test(
        "Buyers are sent to addresses of https, and to the machine itself, and nowhere else",
        arguments: [
            ("https://pay.example", "https://pay.example"), ("https://pay.example/", "https://pay.example"),
            ("https://PAY-1.example:8443/a/b_c~%20.d", "https://PAY-1.example:8443"),
            ("http://127.0.0.1:9000/start", "http://127.0.0.1:9000"), ("http://localhost", "http://localhost"),
            ("http://[::1]:1/x", "http://[::1]:1"), ("https://[::1]", "https://[::1]"),
            ("https://pay.example:65535", "https://pay.example:65535"),
        ])
    func sent(address: String, origin: String) {
        #expect(EventDefinition.Checkout.origin(of: address) == origin)
    }

    @Test(
        "An address that leads elsewhere, or that a header or a policy would read otherwise, is refused",
        arguments: [
            "", "https://", "https:///pay", "http://pay.example", "http://127.0.0.1.example",
            "http://localhost.example/",
            "ftp://pay.example", "pay.example", "HTTPS://pay.example", "https://anna@pay.example",
            "https://pay.example?a=1",
            "https://pay.example/#a", "https://pay.example/a?b", "https://pay.example/a b", "https://pay.example/;",
            "https://pay.example/'", "https://pay.example/\u{e9}", "https://pay\u{e9}.example", "https://pay.example:",
            "https://pay.example:0", "https://pay.example:65536", "https://pay.example:+1", "https://pay.example:1:2",
            "https://[::2]", "https://[::1", "http://[::1].example", "https://pay.example/\r\nA: b",
            "javascript:alert(1)",
            "https://pay.example/" + String(repeating: "a", count: 981),
        ])
    func refused(address: String) {
        #expect(EventDefinition.Checkout.origin(of: address) == nil)
        let hall = Halls.hall("floor=3", "GA:floor") {
            ($0.completion, $0.checkout) = (.shop, .url(address))
        }
        #expect(hall.mistakes().map(\.pointer) == ["/checkout/url"])
    }

    @Test("The longest address is good")
    func longest() {
        let address = "https://pay.example/" + String(repeating: "a", count: Limits.checkoutAddressLength - 20)
        #expect(EventDefinition.Checkout.origin(of: address) != nil)
        #expect(EventDefinition.Checkout.origin(of: address + "a") == nil)
    }

    @Test("A page for payments needs the shop to complete, a button the token, and what is free costs nothing")
    func contradictions() {
        func mistakes(_ checkout: EventDefinition.Checkout?, _ completion: EventDefinition.Completion, price: Int64 = 0)
            -> [Mistake]
        {
            Halls.hall("floor=3", "GA:floor VIP:floor") {
                ($0.checkout, $0.completion, $0.types[0].price, $0.types[1].price) = (checkout, completion, 0, price)
            }.mistakes()
        }
        let address = EventDefinition.Checkout.url("https://pay.example")
        #expect(mistakes(address, .shop, price: 100).isEmpty)
        #expect(mistakes(address, .token) == [.checkoutNeedsShop])
        #expect(mistakes(.demo, .token, price: 100).isEmpty)
        #expect(mistakes(.demo, .shop) == [.checkoutNeedsToken])
        #expect(mistakes(.free, .token).isEmpty)
        #expect(mistakes(.free, .token, price: 1) == [.checkoutIsNotFree])
        #expect(mistakes(.free, .shop, price: 1) == [.checkoutNeedsToken])
        #expect(mistakes(nil, .shop, price: 1).isEmpty)
        let coded = Halls.hall("floor=3", "GA:floor") {
            ($0.checkout, $0.types[0].price) = (.free, 0)
            $0.codes = [.init(name: Halls.code("friends"), count: 1, tickets: 1, price: 5)]
        }
        #expect(coded.mistakes() == [.checkoutIsNotFree])
    }

    @Test("A demonstration is a warning")
    func demonstration() {
        let hall = Halls.hall("floor=3", "GA:floor") { $0.checkout = .demo }
        #expect(hall.mistakes().isEmpty)
        #expect(hall.warnings.map(\.pointer) == ["/checkout"])
    }

    @Test("A look says whether the payment was late, and whether one is owed or was paid back")
    func seen() {
        Script.play(
            Halls.policies,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            buy 1 with p1 by shop -> purchased 1
            look 1 -> purchased until 4m58s for 1@100
            buy 1 with p2 by shop -> no: payment conflict, refund
            look 1 -> purchased until 4m58s for 1@100, owed back
            hold main GA×1 -> held 2 until 4m58s
            hold main GA×1 -> held 3 until 4m58s
            5m look 2 -> expired until 4m58s for 1@100
            buy 2 with p3 by shop -> purchased 2 late
            look 2 -> purchased until 4m58s for 1@100, late
            hold main GA×1 -> held 4 until 9m58s
            buy 3 with p4 -> no: expired, refund
            look 3 -> expired until 4m58s for 1@100
            buy 3 with p4 by shop -> no: expired, refund
            look 3 -> expired until 4m58s for 1@100, owed back
            restart -> at 5m0s
            look 3 -> expired until 4m58s for 1@100, owed back
            payback 3 of p4 -> paid back for 3
            look 3 -> expired until 4m58s for 1@100, paid back
            restart -> at 5m0s
            look 3 -> expired until 4m58s for 1@100, paid back
            erase 3 p4 -> erased 3
            look 3 -> expired until 4m58s for 1@100
            buy 4 with p2 by shop -> purchased 4
            look 1 -> purchased until 4m58s for 1@100
            """)
    }

    @Test("A look says that a payment after the end would only be owed back, as long as one may come")
    func neverLate() {
        Script.play(
            Halls.policies,
            """
            0s define strict -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            hold main GA×1 -> held 3 until 4m58s
            look 1 -> held until 4m58s for 1@100, never late
            define main -> main stands
            look 1 -> held until 4m58s for 1@100, never late
            release 1 -> released 1
            look 1 -> released until 4m58s for 1@100
            buy 2 with p2 by shop -> purchased 2
            look 2 -> purchased until 4m58s for 1@100
            hold main GA×1 -> held 4 until 4m58s
            5m look 3 -> expired until 4m58s for 1@100, never late
            look 4 -> expired until 4m58s for 1@100
            """)
    }
}
