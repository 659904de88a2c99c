import BoxOffice
import Testing

/// R15 Idempotency keys. The edge checks whose key it is, and lets a second request wait for the first answer.
@Suite("Asking twice")
struct AskingTwiceTests {
    let halls = ["main": Halls.hall("floor=4", "GA:floor VIP:floor")]

    @Test("The same request with the same key gets the same hold and takes nothing (R15 Idempotency keys)")
    func sameAgain() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×2 by ann key k1 -> held 1 until 4m58s
            1s hold main GA×2 by ann key k1 -> again 1, held until 4m58s
            count main -> floor: 2 free 2 held 0 sold
            1m extend 1 key k2 -> extended 1 until 5m58s, 2 more
            2m extend 1 key k2 -> extended 1 before, held until 5m58s, 2 more
            hold main GA×2 by ann key k1 -> again 1, held until 5m58s
            look 1 -> held until 5m58s for 2@100
            extend 1 -> extended 1 until 6m58s, 1 more
            extend 1 key k2 -> extended 1 before, held until 6m58s, 1 more
            """)
    }

    @Test("A replay shows the hold in its present state (R15 Idempotency keys)")
    func whateverBecame() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 4m58s
            hold main GA×1 key k2 -> held 2 until 4m58s
            hold main GA×1 key k3 -> held 3 until 4m58s
            extend 2 key k4 -> extended 2 until 4m58s, 2 more
            buy 1 -> purchased 1
            release 2 -> released 2
            5m hold main GA×1 key k1 -> again 1, purchased until 4m58s
            hold main GA×1 key k2 -> again 2, released until 4m58s
            hold main GA×1 key k3 -> again 3, expired until 4m58s
            extend 2 key k4 -> extended 2 before, released until 4m58s, 2 more
            return 1 -> returned 1
            hold main GA×1 key k1 -> again 1, returned until 4m58s
            pause main -> main stands
            hold main GA×1 key k3 -> again 3, expired until 4m58s
            count main -> floor: 4 free 0 held 0 sold
            """)
    }

    @Test(
        "Before a replay answers that a hold expired, a fact records it, so that no restart undoes it (R15 Idempotency keys; R5 The store's clock)"
    )
    func expiryIsRecorded() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 4m58s
            5m hold main GA×1 key k1 -> again 1, expired until 4m58s
            restart -> at 5m0s
            look 1 -> expired until 4m58s for 1@100
            """)
    }

    @Test("Another request with a key that was used is refused (R15 Idempotency keys)")
    func otherRequest() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 by ann key k1 -> held 1 until 4m58s
            hold main GA×2 by ann key k1 -> no: key reused
            hold main VIP×1 by ann key k1 -> no: key reused
            hold main GA×1 by bob key k1 -> no: key reused
            hold main GA×1 key k1 -> no: key reused
            hold main GA×1 GA×1 by ann key k1 -> no: key reused
            hold other GA×1 by ann key k1 -> no: key reused
            extend 1 key k1 -> no: key reused
            hold main GA×1 by ann -> held 2 until 4m58s
            extend 1 key k2 -> extended 1 until 4m58s, 2 more
            extend 2 key k2 -> no: key reused
            hold main GA×1 by ann key k2 -> no: key reused
            count main -> floor: 2 free 2 held 0 sold
            """)
    }

    @Test("A refusal is not remembered, so that a retry with the same key can win (R15 Idempotency keys)")
    func refusals() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×4 -> held 1 until 4m58s
            hold main GA×1 key k1 -> no: held by others until 5m0s
            release 1 -> released 1
            hold main GA×1 key k1 -> held 2 until 4m58s
            pause main -> main stands
            hold main GA×1 key k2 -> no: paused
            resume main -> main stands
            hold main GA×2 key k2 -> held 3 until 4m58s
            """)
    }

    @Test(
        "The key of a purchase counts for a day, also after a restart, and is a new key after that (R15 Idempotency keys)"
    )
    func remembered() {
        for restart in ["", "restart -> at 23h59m59s\n"] {
            Script.play(
                halls,
                """
                0s define main -> main stands
                hold main GA×1 key k1 -> held 1 until 4m58s
                buy 1 -> purchased 1
                23h59m59s pause main -> main stands
                resume main -> main stands
                \(restart)24h hold main GA×1 key k1 -> again 1, purchased until 4m58s
                hold main GA×2 key k1 -> no: key reused
                tidy -> done
                hold main GA×1 key k1 -> again 1, purchased until 4m58s
                24h0.001s hold main GA×1 key k1 -> held 2 until 24h4m58.001s
                24h1s tidy -> done
                hold main GA×1 key k1 -> again 2, held until 24h4m58.001s
                """)
        }
    }

    @Test("The key of a hold that ended without a purchase counts for an hour (R15 Idempotency keys)")
    func endedSooner() {
        for restart in ["", "restart -> at 59m59s\n"] {
            for tidy in ["", "tidy -> done\n"] {
                Script.play(
                    halls,
                    """
                    0s define main -> main stands
                    hold main GA×1 key k1 -> held 1 until 4m58s
                    hold main GA×1 key k2 -> held 2 until 4m58s
                    extend 2 key k3 -> extended 2 until 4m58s, 2 more
                    release 1 -> released 1
                    59m59s pause main -> main stands
                    resume main -> main stands
                    \(restart)1h \(tidy)hold main GA×1 key k1 -> again 1, released until 4m58s
                    hold main GA×1 key k2 -> again 2, expired until 4m58s
                    extend 2 key k3 -> extended 2 before, expired until 4m58s, 2 more
                    1h0.001s \(tidy)hold main GA×1 key k1 -> held 3 until 1h4m58.001s
                    extend 2 key k3 -> no: expired
                    hold main GA×2 key k2 -> held 4 until 1h4m58.001s
                    """)
            }
        }
    }

    @Test("The key of a hold that lives longer than an hour counts as long as the hold is live (R15 Idempotency keys)")
    func longHold() {
        Script.play(
            ["main": Halls.hall("floor=4", "GA:floor") { $0.holdTime = .seconds(3 * 3_600 - 2) }],
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 2h59m58s
            2h tidy -> done
            hold main GA×1 key k1 -> again 1, held until 2h59m58s
            release 1 -> released 1
            hold main GA×1 key k1 -> held 2 until 4h59m58s
            """)
    }

    @Test(
        "The key of a late purchase counts for an hour from its use, and is not revived (R15 Idempotency keys)"
    )
    func latePurchase() {
        for tidy in ["", "tidy -> done\n"] {
            Script.play(
                halls,
                """
                0s define main -> main stands
                hold main GA×1 key k1 -> held 1 until 4m58s
                hold main GA×1 key k2 -> held 2 until 4m58s
                10m buy 1 with p1 -> purchased 1 late
                1h hold main GA×1 key k1 -> again 1, purchased until 4m58s
                1h0.001s \(tidy)buy 2 with p2 -> purchased 2 late
                hold main GA×1 key k1 -> held 3 until 1h4m58.001s
                hold main GA×1 key k2 -> held 4 until 1h4m58.001s
                """)
        }
    }

    @Test("A key that was used again after it expired is restored with its last use (R15 Idempotency keys)")
    func restoredTwice() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 4m58s
            25h hold main GA×2 key k1 -> held 2 until 25h4m58s
            restart -> at 25h0s
            tidy -> done
            hold main GA×2 key k1 -> again 2, held until 25h4m58s
            """)
    }

    @Test("The keys of an event are removed with it (R15 Idempotency keys)")
    func removedEvent() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 4m58s
            release 1 -> released 1
            remove main -> main is no more
            hold main GA×1 key k1 -> no: unknown event
            define main -> main stands
            hold main GA×1 key k1 -> held 2 until 4m58s
            hold main GA×1 key k1 -> again 2, held until 4m58s
            """)
    }

    @Test(
        "If the room for keys is used up, keys of ended holds expire early, oldest first, and no request is refused (R15 Idempotency keys)"
    )
    func crowded() {
        var limits = Limits()
        limits.keys = 3
        Script.play(
            ["main": Halls.hall("floor=9", "GA:floor") { $0.holdTime = .seconds(3 * 3_600) }], limits: limits,
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 3h0s
            1s hold main GA×1 key k2 -> held 2 until 3h1s
            2s hold main GA×1 key k3 -> held 3 until 3h2s
            release 1 -> released 1
            release 2 -> released 2
            3s hold main GA×1 key k4 -> held 4 until 3h3s
            hold main GA×1 key k2 -> again 2, released until 3h1s
            hold main GA×1 key k1 -> held 5 until 3h3s
            4s hold main GA×1 key k3 -> again 3, held until 3h2s
            buy 3 -> purchased 3
            5s hold main GA×1 key k6 -> held 6 until 3h5s
            hold main GA×1 key k7 -> held 7 until 3h5s
            hold main GA×1 key k4 -> again 4, held until 3h3s
            hold main GA×1 key k1 -> again 5, held until 3h3s
            hold main GA×1 key k3 -> again 3, purchased until 3h2s
            hold main GA×1 key k6 -> again 6, held until 3h5s
            hold main GA×1 key k7 -> again 7, held until 3h5s
            """)
    }

    @Test(
        "A day of holds that are released at once leaves an hour of keys, and no request is refused (R15 Idempotency keys; R21 Bounds)"
    )
    func flood() {
        var limits = Limits()
        limits.keys = 20_000
        limits.settledHolds = 10_000
        var office = BoxOffice(limits: limits)
        let now = { (seconds: Int64) in
            Moment(office: Timestamp(milliseconds: seconds * 1_000), wall: WallTime(milliseconds: 0))
        }
        _ = try? office.decide(.define(Halls.hall("floor=9", "GA:floor")), at: now(0))
        let one = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
        func ask(_ name: String, at second: Int64) -> Outcome? {
            let key = IdempotencyKey(named: name)
            return try? office.decide(
                .hold(HoldRequest(event: Halls.code("main"), lines: one, key: key)), at: now(second)
            ).outcome
        }
        // Of somebody who buys.
        guard case .held(let bought, _)? = ask("buyer", at: 0) else { return }
        _ = try? office.decide(.purchase(bought.id), at: now(0))
        var most = 0
        for second in Int64(1)...86_400 {
            guard case .held(let view, replayed: false)? = ask("\(second)", at: second) else {
                Issue.record("refused in second \(second)")
                return
            }
            _ = try? office.decide(.release(view.id), at: now(second))
            _ = office.tidyAPiece()
            most = max(most, office.keyCount)
        }
        #expect(most <= 3_700, "an hour of keys, and what is not swept yet")
        office.recall(
            RestoredHold(
                id: bought.id, event: 0, lines: bought.lines, deadline: .zero, state: .purchased, sequence: 2))
        guard case .held(let view, replayed: true)? = ask("buyer", at: 86_400) else {
            Issue.record("the key of a purchase is remembered for a day")
            return
        }
        #expect(view.id == bought.id && view.state == .purchased)
    }

    @Test("Many more keys than the room has space for exceed it only by a little (R15 Idempotency keys)")
    func fasterThanRoom() {
        var limits = Limits()
        limits.keys = 2_000
        var office = BoxOffice(limits: limits)
        _ = try? office.decide(
            .define(Halls.hall("floor=9", "GA:floor")), at: Moment(office: .zero, wall: WallTime(milliseconds: 0)))
        let one = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
        var most = 0
        for number in Int64(1)...50_000 {
            let now = Moment(office: Timestamp(milliseconds: number), wall: WallTime(milliseconds: 0))
            let key = IdempotencyKey(named: "\(number)")
            let held = try? office.decide(
                .hold(HoldRequest(event: Halls.code("main"), lines: one, key: key)), at: now)
            guard case .held(let view, replayed: false)? = held?.outcome else {
                Issue.record("refused at \(number)")
                return
            }
            _ = try? office.decide(.release(view.id), at: now)
            most = max(most, office.keyCount)
        }
        #expect(most < 2_200)
    }

    @Test("The fingerprint of a request is the same in every process and release")
    func fingerprint() {
        var print = Fingerprint()
        print.add("hold")
        #expect(print.value == 0x7476_a47a_d37b_70a5)
        var one = Fingerprint()
        one.add("ab")
        one.add("c")
        var other = Fingerprint()
        other.add("a")
        other.add("bc")
        #expect(one.value != other.value)
    }
}
