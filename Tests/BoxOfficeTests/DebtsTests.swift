import BoxOffice
import Testing

/// R23 Debts.
@Suite("Payments that are owed back")
struct DebtsTests {
    private let halls = Halls.policies

    @Test("A payment that buys nothing is owed back, whatever the reason for the refusal")
    func reasons() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            buy 1 with p1 -> purchased 1
            buy 1 with p2 by shop -> no: payment conflict, refund
            return 1 -> returned 1
            buy 1 with p1 by shop -> no: returned
            buy 1 with p3 by shop -> no: returned, refund
            hold main GA×1 -> held 2 until 4m58s
            release 2 -> released 2
            buy 2 with p4 by shop -> no: released, refund
            hold main GA×3 -> held 3 until 4m58s
            5m hold main GA×1 -> held 4 until 9m58s
            buy 3 with p5 by shop -> no: expired, refund
            payback 1 of p2 -> paid back for 1
            payback 1 of p3 -> paid back for 1
            payback 2 of p4 -> paid back for 2
            payback 3 of p5 -> paid back for 3
            payback 1 of p1 -> no: unknown debt
            """)
    }

    @Test("A debt belongs to the hold that the payment was for, and is paid back once")
    func paidBack() {
        Script.play(
            halls,
            """
            0s define strict -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            release 1 -> released 1
            buy 1 with p1 by shop -> no: released, refund
            payback 2 of p1 -> no: unknown debt
            payback 1 of p2 -> no: unknown debt
            payback 1 of p1 -> paid back for 1
            payback 1 of p1 -> paid back for 1 before
            buy 2 with p1 by shop -> no: payment conflict
            buy 1 with p1 by shop -> no: payment conflict
            restart -> at 0s
            payback 1 of p1 -> paid back for 1 before
            buy 2 with p1 -> no: payment conflict
            """)
    }

    @Test("A payment that buys another hold later is no longer owed")
    func settled() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            hold main GA×1 -> held 3 until 4m58s
            release 1 -> released 1
            buy 1 with p1 by shop -> no: released, refund
            buy 2 with p1 -> purchased 2
            payback 1 of p1 -> no: unknown debt
            buy 1 with p1 by shop -> no: payment conflict
            buy 3 with p1 -> no: payment conflict
            restart -> at 0s
            buy 3 with p1 -> no: payment conflict
            payback 1 of p1 -> no: unknown debt
            """)
    }

    @Test("A debt that a token alone reported does not stop a key")
    func unconfirmed() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×2 -> held 1 until 4m58s
            5m hold main GA×2 -> held 2 until 9m58s
            buy 1 with p1 -> no: expired, refund
            release 2 -> released 2
            buy 1 with p1 -> no: expired, refund
            buy 1 with p1 by shop -> purchased 1 late
            payback 1 of p1 -> no: unknown debt
            """)
    }

    @Test("A key confirms a debt that a token reported, and moves it to the hold that the key names")
    func confirmed() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            release 1 -> released 1
            release 2 -> released 2
            buy 1 with p1 -> no: released, refund
            buy 2 with p1 -> no: released, refund
            payback 2 of p1 -> no: unknown debt
            buy 2 with p1 by shop -> no: released, refund
            buy 1 with p1 by shop -> no: released, refund
            payback 1 of p1 -> no: unknown debt
            payback 2 of p1 -> paid back for 2
            """)
    }

    @Test("An event with a confirmed debt cannot be removed until it is paid back; an unconfirmed debt does not matter")
    func removing() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            release 1 -> released 1
            buy 1 with p1 -> no: released, refund
            buy 1 with p2 by shop -> no: released, refund
            remove main -> no: has debts
            restart -> at 0s
            remove main -> no: has debts
            payback 1 of p2 -> paid back for 1
            remove main -> main is no more
            buy 1 with p3 by shop -> no: released, refund
            payback 1 of p3 -> paid back for 1
            """)
    }

    @Test("Unconfirmed debts expire after seven days, also across a restart; confirmed ones do not")
    func forgotten() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            release 1 -> released 1
            buy 1 with p1 -> no: released, refund
            buy 1 with p2 -> no: released, refund
            buy 1 with p3 by shop -> no: released, refund
            167h59m59.999s payback 1 of p1 -> paid back for 1
            168h payback 1 of p2 -> no: unknown debt
            payback 1 of p3 -> paid back for 1
            tidy -> done
            buy 1 with p2 -> no: released, refund
            payback 1 of p2 -> paid back for 1
            """)
    }

    @Test("A hold has at most four unconfirmed debts, and an event a bounded number; confirmed debts have no bound")
    func bounds() {
        var limits = Limits()
        limits.unconfirmedDebtsPerEvent = 5
        Script.play(
            halls, limits: limits,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            release 1 -> released 1
            release 2 -> released 2
            buy 1 with a1 -> no: released, refund
            buy 1 with a2 -> no: released, refund
            buy 1 with a3 -> no: released, refund
            buy 1 with a4 -> no: released, refund
            buy 1 with a5 -> no: released, refund
            payback 1 of a5 -> no: unknown debt
            buy 2 with b1 -> no: released, refund
            buy 2 with b2 -> no: released, refund
            payback 2 of b2 -> no: unknown debt
            payback 1 of a4 -> paid back for 1
            buy 2 with b2 -> no: released, refund
            payback 2 of b2 -> paid back for 2
            buy 1 with c1 by shop -> no: released, refund
            payback 1 of c1 -> paid back for 1
            168h buy 1 with a1 -> no: released, refund
            payback 1 of a1 -> paid back for 1
            """)
    }
}

/// R24 Who completes.
@Suite("Who completes")
struct WhoCompletesTests {
    private let halls = [
        "main": Halls.hall("floor=3", "GA:floor"),
        "shop": Halls.hall("floor=3", "GA:floor") { $0.completion = .shop },
    ]

    @Test("If the shop completes, a token alone completes nothing and makes no debt")
    func shop() {
        Script.play(
            halls,
            """
            0s define shop -> main stands
            hold main GA×1 -> held 1 until 4m58s
            buy 1 -> no: the shop completes
            buy 1 with p1 -> no: the shop completes
            extend 1 -> extended 1 until 4m58s, 2 more
            buy 1 with p1 by shop -> purchased 1
            buy 1 with p1 -> no: the shop completes
            buy 1 with p1 by shop -> purchased 1 before
            hold main GA×1 -> held 2 until 4m58s
            release 2 -> released 2
            buy 2 with p2 -> no: the shop completes
            payback 2 of p2 -> no: unknown debt
            buy 9 -> no: unknown hold
            """)
    }

    @Test("The definition in force decides who completes, also for earlier holds")
    func changed() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            define shop -> main stands
            buy 1 with p1 -> no: the shop completes
            define main -> main stands
            buy 1 with p1 -> purchased 1
            """)
    }
}

/// R11 Terms of a hold.
@Suite("Terms of a hold")
struct TermsTests {
    @Test("A hold keeps the hold time, grace, extensions and late-payment policy of the moment of holding")
    func kept() {
        let other = Halls.hall("floor=3", "GA:floor") {
            $0.holdTime = .seconds(60)
            $0.clientGrace = .seconds(30)
            $0.maximumExtensions = 1
            $0.latePayment = .strict
        }
        Script.play(
            ["main": Halls.hall("floor=3", "GA:floor"), "other": other],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            define other -> main stands
            look 1 -> held until 4m58s for 1@100
            hold main GA×1 -> held 3 until 1m0s
            10s extend 1 -> extended 1 until 5m8s, 2 more
            extend 3 -> extended 3 until 1m10s, 0 more
            extend 3 -> no: 1 extensions at most
            extend 1 -> extended 1 until 5m8s, 1 more
            restart -> at 10s
            look 1 -> held until 5m8s for 1@100
            extend 1 -> extended 1 until 5m8s, 0 more
            look 3 -> held until 1m10s for 1@100, never late
            10m buy 2 with p2 -> purchased 2 late
            buy 3 with p3 -> no: expired, refund
            define main -> main stands
            buy 3 with p3 -> no: expired, refund
            buy 3 with p4 by shop -> no: expired, refund
            """)
    }

    @Test("A hold keeps the currency of its price")
    func currency() throws {
        var office = BoxOffice()
        let moment = Moment(office: Timestamp(milliseconds: 0), wall: WallTime(milliseconds: 0))
        func view(_ outcome: Outcome) throws -> HoldView {
            guard case .held(let view, _) = outcome else { throw NotHeld() }
            return view
        }
        let hold = Command.hold(
            HoldRequest(
                event: Halls.code("main"), lines: OneOrMore(Line(type: Halls.code("GA"), quantity: 1))))
        func define(_ currency: String) -> Command {
            .define(Halls.hall("floor=9", "GA:floor") { $0.currency = currency })
        }
        var views: [HoldView] = []
        for currency in ["EUR", "JPY", "EUR", "USD"] {
            _ = try office.decide(define(currency), at: moment)
            views.append(try view(office.decide(hold, at: moment).outcome))
        }
        let catalogue = try #require(office.catalogue(of: Halls.code("main")))
        #expect(views.map { catalogue.currency(of: $0) } == ["EUR", "JPY", "EUR", "USD"])
        // Earlier terms apply again, so there are no new ones.
        #expect(catalogue.currencies == ["EUR", "JPY", "USD"])
    }

    @Test("An event has a bounded number of distinct terms; earlier ones can be used again")
    func bound() {
        var limits = Limits()
        limits.termsPerEvent = 2
        let halls = Dictionary(
            uniqueKeysWithValues: (1...3).map { number in
                ("t\(number)", Halls.hall("floor=3", "GA:floor") { $0.clientGrace = .seconds(number) })
            })
        Script.play(
            halls, limits: limits,
            """
            0s define t1 -> main stands
            define t2 -> main stands
            define t3 -> no: invalid\u{20}
            define t1 -> main stands
            define t2 -> main stands
            """)
    }

    private struct NotHeld: Error {}
}
