import BoxOffice
import Testing

/// R21 Bounds, R25 Buyer limits.
@Suite("Limits")
struct LimitsTests {
    @Test("A buyer's held and bought tickets together do not exceed the limit, however the requests are split")
    func ticketsPerBuyer() {
        Script.play(
            ["main": Halls.hall("floor=20 day=20", "GA:floor DAY:day") { $0.ticketsPerBuyer = 4 }],
            """
            0s define main -> main stands
            hold main GA×1 -> no: invalid /buyer
            hold main GA×5 by ann -> no: limit, 4 more
            hold main GA×3 DAY×2 by ann -> no: limit, 4 more
            hold main GA×1 by ann -> held 1 until 4m58s
            hold main DAY×1 by ann -> held 2 until 4m58s
            buy 1 -> purchased 1
            hold main GA×3 by ann -> no: limit, 2 more
            hold main GA×1 DAY×1 by ann -> held 3 until 4m58s
            hold main GA×1 by ann -> no: limit, 0 more
            hold main GA×4 by bob -> held 4 until 4m58s
            release 2 -> released 2
            hold main GA×1 by ann -> held 5 until 4m58s
            return 1 -> returned 1
            1s hold main GA×1 by ann -> held 6 until 4m59s
            hold main GA×1 by ann -> no: limit, 0 more
            4m59.999s hold main GA×1 by ann -> no: limit, 0 more
            5m0s hold main GA×4 by ann -> no: limit, 3 more
            hold main GA×3 by ann -> held 7 until 9m58s
            """)
    }

    @Test("A buyer has no more live holds than the limit")
    func holdsPerBuyer() {
        Script.play(
            ["main": Halls.hall("floor=20", "GA:floor") { $0.holdsPerBuyer = 2 }],
            """
            0s define main -> main stands
            hold main GA×1 -> no: invalid /buyer
            hold main GA×1 by ann -> held 1 until 4m58s
            1s hold main GA×1 by ann -> held 2 until 4m59s
            hold main GA×1 by ann -> no: limit, 0 more
            buy 1 -> purchased 1
            hold main GA×1 by ann -> held 3 until 4m59s
            hold main GA×1 by ann -> no: limit, 0 more
            release 3 -> released 3
            hold main GA×1 by ann -> held 4 until 4m59s
            5m0.999s hold main GA×1 by ann -> no: limit, 0 more
            5m1s hold main GA×1 by ann -> held 5 until 9m59s
            restart -> at 5m1s
            hold main GA×1 by ann -> held 6 until 9m59s
            hold main GA×1 by ann -> no: limit, 0 more
            """)
    }

    @Test("An event has no more live holds than the limit; live holds can be completed, and an ended hold makes room")
    func liveHolds() {
        var limits = Limits()
        limits.liveHolds = 3
        Script.play(
            ["main": Halls.hall("floor=20 day=20", "GA:floor DAY:day ALL:floor+day")], limits: limits,
            """
            0s define main -> main stands
            hold main GA×2 DAY×2 -> held 1 until 4m58s
            1s hold main ALL×1 -> held 2 until 4m59s
            2s hold main DAY×1 key k1 -> held 3 until 5m0s
            hold main GA×1 -> no: too many holds
            hold main GA×30 -> no: invalid /lines/0/quantity
            hold main DAY×1 key k1 -> again 3, held until 5m0s
            extend 2 -> extended 2 until 5m0s, 2 more
            buy 1 -> purchased 1
            hold main GA×1 -> held 4 until 5m0s
            hold main GA×1 -> no: too many holds
            release 3 -> released 3
            hold main GA×1 -> held 5 until 5m0s
            5m1.999s hold main GA×1 -> no: too many holds
            pause main -> main stands
            resume main -> main stands
            restart -> at 5m1.999s
            5m2s hold main GA×1 -> no: too many holds
            6m1.999s hold main GA×1 -> held 6 until 10m59.999s
            """)
    }

    @Test("Quantities, lines and their sum have bounds")
    func quantities() {
        let many = Array(repeating: "GA×1", count: 17).joined(separator: " ")
        Script.play(
            ["main": Halls.hall("floor=99", "GA:floor DAY:floor") { $0.ticketsPerHold = 20 }],
            """
            0s define main -> main stands
            hold main GA×0 -> no: invalid /lines/0/quantity
            hold main GA×-1 -> no: invalid /lines/0/quantity
            hold main DAY×1 GA×21 -> no: invalid /lines/1/quantity
            hold main GA×9223372036854775807 DAY×9223372036854775807 -> no: invalid /lines/0/quantity
            hold main GA×20 DAY×1 -> no: invalid /lines
            hold main \(many) -> no: invalid /lines
            hold main \(many.dropLast(5)) -> held 1 until 4m58s
            hold main GA×20 -> held 2 until 4m58s
            """)
    }

    @Test("A definition is checked as a whole: below, at and above each bound")
    func definitions() {
        typealias Change = (inout EventDefinition) -> Void
        let several = Halls.hall("floor=1", "GA:floor") {
            $0.name = ""
            $0.holdTime = .seconds(24 * 3600)
            $0.maximumExtensions = 100
        }
        #expect(several.mistakes().map(\.pointer) == ["/name", "/max_extensions"], "all mistakes are listed")
        let wrong: [(String, Change)] = [
            ("/hold_seconds", { $0.holdTime = .milliseconds(999) }),
            ("/hold_seconds", { $0.holdTime = .milliseconds(1_500) }),
            ("/grace_seconds", { $0.clientGrace = .milliseconds(500) }),
            ("/hold_seconds", { $0.holdTime = .seconds(24 * 3600 + 1) }),
            ("/hold_seconds", { $0.holdTime = .seconds(Int64.max) }),
            ("/hold_seconds", { $0.holdTime = .seconds(Int64.min) }),
            ("/grace_seconds", { $0.clientGrace = .milliseconds(60_001) }),
            ("/grace_seconds", { $0.clientGrace = .milliseconds(-1) }),
            ("/max_extensions", { $0.maximumExtensions = 101 }),
            ("/max_extensions", { $0.maximumExtensions = -1 }),
            ("/max_extensions", { $0.maximumExtensions = .max }),
            (
                "/max_extensions",
                {
                    $0.holdTime = .seconds(24 * 3600)
                    $0.maximumExtensions = 6
                }
            ),
            (
                "/sale/closes_at",
                {
                    $0.opensAt = WallTime(milliseconds: 5)
                    $0.closesAt = $0.opensAt
                }
            ),
            ("/limits/tickets_per_hold", { $0.ticketsPerHold = 0 }),
            ("/limits/tickets_per_hold", { $0.ticketsPerHold = 1_001 }),
            ("/limits/tickets_per_buyer", { $0.ticketsPerBuyer = 0 }),
            ("/limits/holds_per_buyer", { $0.holdsPerBuyer = 0 }),
            ("/currency", { $0.currency = "eur" }),
            ("/name", { $0.name = "" }),
            ("/pools/floor", { $0.pools[0].capacity = -1 }),
            ("/pools/floor", { $0.pools[0].capacity = 100_000_001 }),
            ("/pools/floor", { $0.pools.append($0.pools[0]) }),
            ("/types/1/code", { $0.types.append($0.types[0]) }),
            ("/types/0/price", { $0.types[0].price = -1 }),
            ("/types/0/pools", { $0.types[0].pools = [] }),
            ("/types/0/pools/0", { $0.types[0].pools = [Halls.code("no")] }),
            ("/types/0/pools/1", { $0.types[0].pools.append($0.types[0].pools[0]) }),
        ]
        for (pointer, change) in wrong {
            #expect(Halls.hall("floor=1", "GA:floor", change).mistakes().map(\.pointer) == [pointer])
        }
        let right: [Change] = [
            { $0.holdTime = .seconds(1) },
            {
                $0.holdTime = .seconds(24 * 3600)
                $0.maximumExtensions = 5
            },
            {
                $0.clientGrace = .zero
                $0.maximumExtensions = 0
            },
            {
                $0.clientGrace = .seconds(60)
                $0.maximumExtensions = 100
            },
            { $0.ticketsPerHold = 1_000 },
            { $0.pools[0].capacity = 100_000_000 },
            {
                $0.opensAt = WallTime(milliseconds: 5)
                $0.closesAt = WallTime(milliseconds: 6)
            },
        ]
        for change in right { #expect(Halls.hall("floor=1", "GA:floor", change).mistakes() == []) }
    }

    @Test(
        "A pool with held or sold places cannot be dropped; an event has a bounded number of pools and types over its life"
    )
    func replaced() {
        var limits = Limits()
        limits.events = 1
        limits.poolsEverPerEvent = 3
        limits.typesPerEvent = 3
        Script.play(
            [
                "main": Halls.hall("a=2", "GA:a"), "b": Halls.hall("b=2", "GA:b"), "ab": Halls.hall("a=2 b=2", "GA:b"),
                "c": Halls.hall("c=2 d=2", "GA:c"), "other": Halls.hall("a=1", "GA:a", id: "other"),
            ], limits: limits,
            """
            0s define main -> main stands
            define other -> no: invalid /id
            hold main GA×1 -> held 1 until 4m58s
            define b -> no: invalid /pools
            define ab -> main stands
            hold main GA×2 -> held 2 until 4m58s
            count main -> a: 1 free 1 held 0 sold, b: 0 free 2 held 0 sold
            release 2 -> released 2
            buy 1 -> purchased 1
            define b -> no: invalid /pools
            return 1 -> returned 1
            define c -> no: invalid /pools
            define b -> main stands
            count main -> a: 0 free 0 held 0 sold, b: 2 free 0 held 0 sold
            left main -> 2: GA 2
            define main -> main stands
            define b -> no: invalid /types
            define main -> main stands
            """)
    }

    @Test("A dropped pool accepts no late payment")
    func retired() {
        Script.play(
            ["main": Halls.hall("a=2", "GA:a"), "b": Halls.hall("b=2", "GA:b")],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            5m define b -> main stands
            buy 1 with p1 -> no: expired, refund
            look 1 -> expired until 4m58s for 1@100
            """)
    }
}
