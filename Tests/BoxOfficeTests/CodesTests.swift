import BoxOffice
import Testing

/// R46 Access codes.
@Suite("Access codes")
struct CodesTests {
    /// Ten places, of which four are kept back for guests; a batch `club` of three codes for two tickets each.
    private static func hall(
        _ types: String = "GA:floor VIP:floor", _ change: (inout EventDefinition.CodeBatch) -> Void = { _ in },
        _ changeEvent: (inout EventDefinition) -> Void = { _ in }
    ) -> EventDefinition {
        Halls.hall("floor=10", types) { definition in
            definition.pools[0].allocations = [.init(code: Halls.code("guests"), places: 4)]
            var batch = EventDefinition.CodeBatch(name: Halls.code("club"), count: 3, tickets: 2)
            change(&batch)
            definition.codes = [batch]
            changeEvent(&definition)
        }
    }

    @Test("A code is good for its tickets, and what comes back of them is good again (R46 Access codes)")
    func counted() {
        Script.play(
            ["main": Self.hall()],
            """
            0s define main -> main stands
            hold main GA×3 code club#1 -> no: code for 2 more
            hold main GA×1 code club#1 -> held 1 until 4m58s
            hold main GA×2 code club#1 -> no: code for 1 more
            hold main GA×1 VIP×1 code club#2 -> held 2 until 4m58s
            codes main club -> 1: 1 held 0 sold, 2: 2 held 0 sold, 3: 0 held 0 sold
            extend 1 -> extended 1 until 4m58s, 2 more
            1s buy 1 -> purchased 1
            hold main GA×2 code club#1 -> no: code for 1 more
            release 2 -> released 2
            codes main club -> 1: 0 held 1 sold, 2: 0 held 0 sold, 3: 0 held 0 sold
            hold main GA×2 code club#2 -> held 3 until 4m59s
            4m59s extend 3 -> extended 3 until 9m57s, 2 more
            9m58.999s hold main GA×1 code club#2 -> no: code for 0 more
            9m59s hold main GA×2 code club#2 -> held 4 until 14m57s
            buy 4 -> purchased 4
            return 4 GA×1 key k -> returned 4
            hold main GA×2 code club#2 -> no: code for 1 more
            hold main GA×1 code club#2 -> held 5 until 14m57s
            return 4 -> returned 4
            codes main club -> 1: 0 held 1 sold, 2: 1 held 0 sold, 3: 0 held 0 sold
            """)
    }

    @Test(
        "What there is no code for, and what a code is not good for, is refused in the order of R3 One decision per hold"
    )
    func refused() {
        Script.play(
            [
                "main": Self.hall { $0.types = [Halls.code("GA")] },
                "none": Halls.hall("floor=10", "GA:floor", id: "none"),
                "revoked": Self.hall { $0.isRevoked = true },
                "one": Self.hall { $0.revoked = [2] },
                "fewer": Self.hall { $0.count = 2 },
            ],
            """
            0s define main -> main stands
            define none -> none stands
            hold none GA×1 code club#1 -> no: unknown code
            hold main GA×1 code friends#1 -> no: unknown code
            hold main GA×1 code club#0 -> no: unknown code
            hold main GA×1 code club#4 -> no: unknown code
            hold main NO×1 code friends#1 -> no: unknown code
            hold main NO×1 code club#1 -> no: unknown type NO
            hold main GA×99 code club#1 -> no: invalid /lines/0/quantity
            hold main GA×1 VIP×1 code club#1 -> no: code not for VIP
            pause main -> main stands
            hold main VIP×1 code club#1 -> no: code not for VIP
            hold main GA×9 code club#1 -> no: paused
            resume main -> main stands
            hold main GA×9 code club#1 -> no: code for 2 more
            hold main GA×1 code club#2 -> held 1 until 4m58s
            define one -> main stands
            hold main GA×1 code club#2 -> no: unknown code
            hold main GA×1 code club#3 -> held 2 until 4m58s
            define fewer -> main stands
            hold main GA×1 code club#3 -> no: unknown code
            define revoked -> main stands
            hold main GA×1 code club#1 -> no: unknown code
            codes main club -> 1: 0 held 0 sold revoked, 2: 1 held 0 sold revoked, 3: 1 held 0 sold revoked
            buy 1 -> purchased 1
            buy 2 -> purchased 2
            codes main club -> 1: 0 held 0 sold revoked, 2: 0 held 1 sold revoked, 3: 0 held 1 sold revoked
            define main -> main stands
            hold main GA×2 code club#3 -> no: code for 1 more
            cancel main -> main stands
            hold main GA×1 code friends#1 -> no: cancelled
            """)
    }

    @Test("A code draws on its allocation, at its price, for a caller who names none (R45 Allocations)")
    func allocation() {
        let hall = Self.hall {
            $0.allocation = Halls.code("guests")
            $0.price = 30
            $0.count = 9
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×6 -> held 1 until 4m58s
            hold main GA×1 -> no: held by others until 5m0s
            hold main GA×2 code club#1 -> held 2 until 4m58s
            look 2 -> held until 4m58s for 2@30
            count main -> floor: 2 free 8 held 0 sold, floor/guests: 2 free 2 held 0 sold
            hold main GA/guests×1 code club#2 -> held 3 until 4m58s
            hold main GA/press×1 code club#3 -> no: code not for GA
            hold main VIP×2 code club#3 -> no: only 1
            hold main VIP×2/1 code club#3 -> held 4 until 4m58s
            look 4 -> held until 4m58s for 1@30
            hold main GA×1 code club#4 -> no: held by others until 5m0s
            """)
    }

    @Test("A code opens the sale early, in its own time, and never opens it again (R46 Access codes)")
    func early() {
        let hall = Self.hall("GA:floor") {
            $0.opensAt = WallTime(milliseconds: 60_000)
            $0.closesAt = WallTime(milliseconds: 180_000)
        } _: {
            $0.opensAt = WallTime(milliseconds: 600_000)
            $0.closesAt = WallTime(milliseconds: 1_200_000)
            $0.types[0].opensAt = WallTime(milliseconds: 700_000)
        }
        var always = hall
        always.codes[0].closesAt = nil
        var bare = hall
        (bare.codes[0].opensAt, bare.codes[0].closesAt) = (nil, nil)
        Script.play(
            ["main": hall, "always": always, "bare": bare],
            """
            0s define main -> main stands
            59.999s hold main GA×1 code club#1 -> no: code good from 1m0s
            1m0s hold main GA×1 code club#1 -> held 1 until 5m58s
            hold main GA×1 -> no: sale opens at 10m0s
            2m59.999s hold main GA×1 code club#1 -> held 2 until 7m57.999s
            3m0s hold main GA×1 code club#2 -> no: code good until 3m0s
            buy 1 -> purchased 1
            define bare -> main stands
            hold main GA×1 code club#2 -> no: sale opens at 10m0s
            10m0s hold main GA×1 code club#2 -> no: sale of GA opens at 11m40s
            define always -> main stands
            hold main GA×1 code club#2 -> held 3 until 14m58s
            19m59.999s hold main GA×1 code club#2 -> held 4 until 24m57.999s
            20m0s hold main GA×1 code club#3 -> no: sale closed at 20m0s
            """)
    }

    @Test("A late payment wins with a code only what the code is still good for (R9 Late payment)")
    func late() {
        let hall = Self.hall {
            $0.opensAt = WallTime(milliseconds: 0)
        } _: {
            $0.opensAt = WallTime(milliseconds: 3_600_000)
        }
        var revoked = hall
        revoked.codes[0].revoked = [2]
        var closed = hall
        closed.codes[0].closesAt = WallTime(milliseconds: 1)
        var gone = hall
        gone.codes = []
        Script.play(
            ["main": hall, "revoked": revoked, "closed": closed, "gone": gone],
            """
            0s define main -> main stands
            hold main GA×2 code club#1 -> held 1 until 4m58s
            hold main GA×2 code club#2 -> held 2 until 4m58s
            hold main GA×1 code club#3 -> held 3 until 4m58s
            hold main GA×1 code club#3 -> held 4 until 4m58s
            6m hold main GA×1 code club#1 -> held 5 until 10m58s
            buy 1 with a -> no: expired, refund
            buy 3 with b -> purchased 3 late
            define revoked -> main stands
            buy 2 with c -> no: expired, refund
            define closed -> main stands
            buy 4 with d -> no: expired, refund
            define gone -> main stands
            buy 4 with e -> no: expired, refund
            codes main club -> no batch
            buy 5 -> purchased 5
            define main -> main stands
            codes main club -> 1: 0 held 1 sold, 2: 0 held 0 sold, 3: 0 held 1 sold
            buy 2 with f -> purchased 2 late
            codes main club -> 1: 0 held 1 sold, 2: 0 held 2 sold, 3: 0 held 1 sold
            """)
    }

    @Test("With a minimum a line takes what its code leaves; the buyer's limit comes first (R22 Minimum quantity)")
    func fewer() {
        let hall = Self.hall {
            $0.tickets = 4
        } _: {
            $0.ticketsPerBuyer = 3
            $0.pools[0].allocations = []
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×4 by ann code club#1 -> no: limit, 3 more
            hold main GA×4/1 by ann code club#1 -> held 1 until 4m58s
            look 1 -> held until 4m58s for 3@100
            hold main GA×3/2 by bob code club#1 -> no: code for 1 more
            hold main GA×2/1 VIP×1 by bob code club#2 -> held 2 until 4m58s
            look 2 -> held until 4m58s for 2@100+1@100
            hold main GA×3/1 by eve code club#2 -> held 3 until 4m58s
            look 3 -> held until 4m58s for 1@100
            """)
    }

    @Test("The same key with another code is another request (R15 Idempotency keys)")
    func keys() {
        Script.play(
            ["main": Self.hall()],
            """
            0s define main -> main stands
            hold main GA×2 code club#1 key k -> held 1 until 4m58s
            hold main GA×2 code club#1 key k -> again 1, held until 4m58s
            hold main GA×2 code club#2 key k -> no: key reused
            hold main GA×2 key k -> no: key reused
            """)
    }

    @Test("After a restart, and when holds left memory, everything counts as before (R46 Access codes)")
    func restarted() {
        var limits = Limits()
        limits.settledHolds = 0
        Script.play(
            ["main": Self.hall { $0.tickets = 6 }, "other": Self.hall { $0.name = Halls.code("other") }],
            limits: limits,
            """
            0s define other -> main stands
            define main -> main stands
            hold main GA×2 code club#2 -> held 1 until 4m58s
            hold main GA×2 code club#2 -> held 2 until 4m58s
            buy 2 -> purchased 2
            return 2 GA×1 key r -> returned 2
            restart -> at 0s
            codes main club -> 1: 0 held 0 sold, 2: 2 held 1 sold, 3: 0 held 0 sold
            release 1 -> released 1
            tidy -> done
            return 2 -> returned 2
            codes main club -> 1: 0 held 0 sold, 2: 0 held 0 sold, 3: 0 held 0 sold
            restart -> at 0s
            codes main club -> 1: 0 held 0 sold, 2: 0 held 0 sold, 3: 0 held 0 sold
            """)
    }

    @Test("Pages of a batch, and what is wrong with a definition (R46 Access codes)")
    func numbers() throws {
        var office = BoxOffice()
        let now = Moment(office: .zero, wall: WallTime(milliseconds: 0))
        let (main, club) = (Halls.code("main"), Halls.code("club"))
        _ = try office.decide(.define(Self.hall()), at: now)
        func page(_ after: Int, _ limit: Int) -> [Int]? {
            office.codes(of: club, in: main, after: after, limit: limit, at: now).map { $0.map(\.number) }
        }
        #expect(page(0, 2) == [1, 2])
        #expect(page(2, 9) == [3])
        #expect(page(3, 9) == [])
        #expect(office.codes(of: main, in: main, after: 0, limit: 9, at: now) == nil)

        let wrong = Self.hall {
            $0.count = 10_001
            $0.tickets = 0
            $0.types = [Halls.code("GA"), Halls.code("NO"), Halls.code("GA")]
            $0.allocation = Halls.code("press")
            ($0.opensAt, $0.closesAt) = (WallTime(milliseconds: 1), WallTime(milliseconds: 1))
            $0.price = -1
            $0.revoked = [1, 0, 1, 10_002]
        }
        let place = "/codes/club"
        #expect(
            wrong.mistakes().map(\.pointer) == [
                place + "/count", place + "/tickets", place + "/types/1", place + "/types/2", place + "/allocation",
                place + "/closes_at", place + "/price", place + "/revoked/1", place + "/revoked/2",
                place + "/revoked/3",
            ])
        var many = Self.hall()
        many.codes = (0...64).map { .init(name: Halls.code("b\($0)"), count: 1, tickets: 1) }
        many.codes[64].revoked = Array(1...1_001)
        many.codes[64].count = 2_000
        #expect(many.mistakes().map(\.pointer) == ["/codes", "/codes/b64/revoked"])
    }

    @Test("An event has a bounded number of batches, those counted that later definitions dropped (R21 Bounds)")
    func bounded() throws {
        var limits = Limits()
        limits.codeBatchesEverPerEvent = 2
        var office = BoxOffice(limits: limits)
        for (name, isTaken) in [("a", true), ("b", true), ("a", true), ("c", false)] {
            let hall = Self.hall { $0.name = Halls.code(name) }
            let now = Moment(office: .zero, wall: WallTime(milliseconds: 0))
            switch try office.decide(.define(hall), at: now).outcome {
            case .eventChanged: #expect(isTaken)
            case .refused(.invalid(let mistakes)):
                #expect(!isTaken)
                #expect(mistakes.map(\.pointer) == ["/codes"])
            case let other: Issue.record("\(name): \(other)")
            }
        }
    }
}
