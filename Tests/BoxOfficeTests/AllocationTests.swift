import BoxOffice
import Testing

/// R45 Allocations.
@Suite("Allocations")
struct AllocationTests {
    /// Ten places, of which four are kept back for guests.
    private static func hall(
        _ pools: String = "floor=10", _ types: String = "GA:floor", guests: Int = 4, releasedAt: Int64? = nil,
        _ change: (inout EventDefinition) -> Void = { _ in }
    ) -> EventDefinition {
        Halls.hall(pools, types) { definition in
            definition.pools[0].allocations = [
                .init(
                    code: Halls.code("guests"), places: guests,
                    releasedAt: releasedAt.map { WallTime(milliseconds: $0 * 1_000) })
            ]
            change(&definition)
        }
    }

    @Test("Places that are kept back are for nobody but those who name the allocation (R45 Allocations)")
    func kept() {
        Script.play(
            ["main": Self.hall()],
            """
            0s define main -> main stands
            left main -> 6: GA 6
            hold main GA×7 -> no: only 6
            hold main GA/guests×5 -> no: only 4
            hold main GA/nobody×1 -> no: unknown allocation nobody
            hold main VIP/guests×1 -> no: unknown type VIP
            hold main GA×6 -> held 1 until 4m58s
            left main -> 0: GA 0 until 5m0s
            1s hold main GA/guests×3 -> held 2 until 4m59s
            count main -> floor: 1 free 9 held 0 sold, floor/guests: 1 free 3 held 0 sold
            hold main GA/guests×2 -> no: only 1
            buy 2 -> purchased 2
            hold main GA/guests×1 -> held 3 until 4m59s
            hold main GA/guests×1 -> no: held by others until 5m1s
            count main -> floor: 0 free 7 held 3 sold, floor/guests: 0 free 1 held 3 sold
            return 2 -> returned 2
            hold main GA×1 -> no: held by others until 5m0s
            release 1 -> released 1
            hold main GA×7 -> no: only 6
            hold main GA×6 GA/guests×3 -> held 4 until 4m59s
            count main -> floor: 0 free 10 held 0 sold, floor/guests: 0 free 4 held 0 sold
            5m1s count main -> floor: 10 free 0 held 0 sold, floor/guests: 4 free 0 held 0 sold
            """)
    }

    @Test("What is kept back, or held out of it, comes back for nobody else: sold out (R17 Refusals are answers)")
    func words() {
        Script.play(
            ["main": Self.hall("floor=4")],
            """
            0s define main -> main stands
            hold main GA×1 -> no: sold out
            hold main GA/guests×4 -> held 1 until 4m58s
            hold main GA×1 -> no: sold out
            hold main GA/guests×1 -> no: held by others until 5m0s
            buy 1 -> purchased 1
            hold main GA/guests×1 -> no: sold out
            """)
    }

    @Test("At its moment an allocation is released, whether anybody looks or not (R45 Allocations)")
    func time() {
        Script.play(
            ["main": Self.hall(releasedAt: 60)],
            """
            0s define main -> main stands
            59.999s hold main GA×7 -> no: only 6
            hold main GA/guests×1 -> held 1 until 5m57.999s
            1m hold main GA/guests×1 -> no: unknown allocation guests
            left main -> 9: GA 9 until 5m59.999s
            hold main GA×9 -> held 2 until 5m58s
            count main -> floor: 0 free 10 held 0 sold, floor/guests: 3 free 1 held 0 sold
            """)
    }

    @Test("A change of the event releases an allocation, also one that places were taken through (R45 Allocations)")
    func hand() {
        Script.play(
            [
                "main": Self.hall(), "less": Self.hall(guests: 1), "more": Self.hall(guests: 20),
                "none": Halls.hall("floor=10", "GA:floor"),
            ],
            """
            0s define main -> main stands
            hold main GA/guests×2 -> held 1 until 4m58s
            define less -> main stands
            count main -> floor: 8 free 2 held 0 sold, floor/guests: 0 free 2 held 0 sold 1 too many
            left main -> 8: GA 8 until 5m0s
            hold main GA/guests×1 -> no: held by others until 5m0s
            define more -> main stands
            left main -> 0: GA 0 until 5m0s
            hold main GA/guests×9 -> no: only 8
            define none -> main stands
            count main -> floor: 8 free 2 held 0 sold, floor/guests: 0 free 2 held 0 sold 2 too many
            hold main GA/guests×1 -> no: unknown allocation guests
            hold main GA×8 -> held 2 until 4m58s
            buy 1 -> purchased 1
            define main -> main stands
            count main -> floor: 0 free 8 held 2 sold, floor/guests: 2 free 0 held 2 sold
            """)
    }

    @Test(
        "A late payment gets the places back that are kept back, and after the release those that are free (R9 Late payment)"
    )
    func late() {
        Script.play(
            ["main": Self.hall(releasedAt: 600)],
            """
            0s define main -> main stands
            hold main GA/guests×2 -> held 1 until 4m58s
            hold main GA/guests×2 -> held 2 until 4m58s
            6m hold main GA×6 -> held 3 until 10m58s
            buy 1 with a -> purchased 1 late
            buy 3 -> purchased 3
            10m hold main GA×1 -> held 4 until 14m58s
            buy 2 with b -> no: expired, refund
            release 4 -> released 4
            count main -> floor: 2 free 0 held 8 sold, floor/guests: 2 free 0 held 2 sold
            """)
    }

    @Test(
        "An allocation applies in each pool of a type that has it; lines through it and past it are summed (R3 One decision per hold)"
    )
    func pools() {
        Script.play(
            ["main": Self.hall("floor=5 vip=3", "GA:floor VIP:floor+vip", guests: 2)],
            """
            0s define main -> main stands
            left main -> 6: GA 3 VIP 3
            hold main GA×2 VIP×2 -> no: only 3
            hold main VIP/guests×2 VIP×1 GA×3 -> no: only 3
            hold main VIP/guests×2 VIP×1 GA×2 -> held 1 until 4m58s
            count main -> floor: 0 free 5 held 0 sold, vip: 0 free 3 held 0 sold, floor/guests: 0 free 2 held 0 sold
            """)
    }

    @Test(
        "With a minimum a line takes what its allocation and its pools leave, the first line first (R22 Minimum quantity)"
    )
    func fewer() {
        Script.play(
            ["main": Self.hall()],
            """
            0s define main -> main stands
            hold main GA/guests×6/1 -> held 1 until 4m58s
            look 1 -> held until 4m58s for 4@100
            release 1 -> released 1
            hold main GA×5/1 GA/guests×5/1 -> held 2 until 4m58s
            look 2 -> held until 4m58s for 5@100+4@100
            hold main GA×5/1 GA/guests×2/1 -> no: held by others until 5m0s
            hold main GA×5/1 -> held 3 until 4m58s
            look 3 -> held until 4m58s for 1@100
            """)
    }

    @Test("After a restart everything counts as before (R45 Allocations)")
    func restarted() {
        Script.play(
            ["main": Self.hall()],
            """
            0s define main -> main stands
            hold main GA/guests×1 GA×2 -> held 1 until 4m58s
            hold main GA/guests×2 -> held 2 until 4m58s
            buy 2 -> purchased 2
            count main -> floor: 5 free 3 held 2 sold, floor/guests: 1 free 1 held 2 sold
            restart -> at 0s
            count main -> floor: 5 free 3 held 2 sold, floor/guests: 1 free 1 held 2 sold
            hold main GA×5 -> no: only 4
            hold main GA/guests×1 -> held 3 until 4m58s
            """)
    }

    @Test("The numbers for operators, and what is wrong with a definition (R45 Allocations)")
    func numbers() throws {
        var office = BoxOffice()
        func at(_ seconds: Int64) -> Moment {
            Moment(office: Timestamp(milliseconds: seconds * 1_000), wall: WallTime(milliseconds: seconds * 1_000))
        }
        _ = try office.decide(.define(Self.hall(releasedAt: 60)), at: at(0))
        let line = Line(type: Code(Halls.code("GA"), allocation: Halls.code("guests")), quantity: 3)
        _ = try office.decide(.hold(HoldRequest(event: Halls.code("main"), lines: OneOrMore(line))), at: at(1))
        let kept = office.availability(of: Halls.code("main"), at: at(2))?.allocations ?? []
        #expect(kept.map { [$0.places, $0.held, $0.sold, $0.left] } == [[4, 3, 0, 1]])
        let released = office.availability(of: Halls.code("main"), at: at(60))?.allocations ?? []
        #expect(released.map { [$0.places, $0.held, $0.sold, $0.left] } == [[4, 3, 0, 0]])

        let wrong = Self.hall { definition in
            definition.pools[0].allocations += [
                .init(code: Halls.code("guests"), places: -1), .init(code: Halls.code("press"), places: 100_000_001),
            ]
            definition.pools[0].allocations += (0..<14).map { .init(code: Halls.code("a\($0)"), places: 0) }
        }
        #expect(
            wrong.mistakes().map(\.pointer) == [
                "/allocations/floor", "/allocations/floor/guests", "/allocations/floor/guests/places",
                "/allocations/floor/press/places",
            ])
    }

    @Test("The name of an allocation is not a code that an operator can write")
    func names() {
        let name = Code(Halls.code("GA"), allocation: Halls.code("guests"))
        #expect(Code(name.text) == nil)
        #expect(Code(kept: name.text) == name)
        #expect([name.whole.text, name.allocation?.text] == ["GA", "guests"])
        for text in ["", "/", "GA/", "/guests", "GA/guests/more", "G A/guests"] { #expect(Code(kept: text) == nil) }
    }
}
