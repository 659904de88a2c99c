import BoxOffice
import Testing
import Workload

/// R43 Override.
@Suite("Holds past checks of the sale")
struct OverrideTests {
    private static func moment(_ seconds: Int64) -> WallTime {
        WallTime(milliseconds: seconds * 1_000)
    }

    @Test("Each name lifts its own check and no other, and the first one that is left refuses")
    func checks() {
        let hall = Halls.hall("floor=20", "GA:floor EARLY:floor") {
            ($0.opensAt, $0.closesAt) = (Self.moment(10), Self.moment(20))
            ($0.types[1].opensAt, $0.types[1].closesAt) = (Self.moment(12), Self.moment(15))
            ($0.ticketsPerBuyer, $0.types[1].ticketsPerBuyer) = (3, 1)
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            9.999s hold main GA×1 by ann past pause+limits+queue -> no: sale opens at 10s
            hold main GA×1 EARLY×1 by ann past window -> held 1 until 5m7.999s
            10s hold main EARLY×1 by bob past pause -> no: sale of EARLY opens at 12s
            12s pause main -> main stands
            hold main EARLY×1 by bob past window+limits -> no: paused
            hold main EARLY×1 by bob past pause -> held 2 until 5m10s
            19s hold main EARLY×1 by cat past pause+limits -> no: sale of EARLY closed at 15s
            hold main EARLY×2 by cat past window+pause -> no: limit of EARLY, 1 more
            hold main GA×4 by cat past window+pause -> no: limit, 3 more
            hold main EARLY×2 by cat past window+pause+limits -> held 3 until 5m17s
            20s hold main GA×1 by dan past pause+limits -> no: sale closed at 20s
            hold main GA×1 by dan past window -> no: paused
            hold main GA×1 by dan past window+pause -> held 4 until 5m18s
            count main -> floor: 14 free 6 held 0 sold
            """)
    }

    @Test("Past the limits a hold needs no buyer, and with one it counts as any other; what is for one hold stays")
    func limits() {
        let hall = Halls.hall("floor=20", "GA:floor PAIR:floor") {
            ($0.ticketsPerBuyer, $0.holdsPerBuyer, $0.ticketsPerHold) = (3, 1, 6)
            ($0.types[1].leastPerHold, $0.types[1].mostPerHold) = (2, 4)
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×1 -> no: invalid /buyer
            hold main GA×1 past window+pause -> no: invalid /buyer
            hold main GA×1 past limits -> held 1 until 4m58s
            hold main GA×3 by ann past limits -> held 2 until 4m58s
            hold main GA×1 by ann -> no: limit, 0 more
            hold main GA×6/1 by ann past limits -> held 3 until 4m58s
            look 3 -> held until 4m58s for 6@100
            hold main GA×7 by ann past limits -> no: invalid /lines/0/quantity
            hold main PAIR×1 by ann past limits -> no: invalid /lines/0/quantity
            hold main PAIR×5 by ann past limits -> no: invalid /lines/0/quantity
            buy 3 -> purchased 3
            release 2 -> released 2
            hold main GA×1 by ann -> no: limit, 0 more
            return 3 -> returned 3
            hold main GA×1 by ann -> held 4 until 4m58s
            """)
    }

    @Test(
        "An override never goes past the pools, a cancellation, a release of an allocation or the bound on live holds")
    func never() {
        let hall = Halls.hall("floor=4", "GA:floor") {
            $0.pools[0].allocations = [
                .init(code: Halls.code("guests"), places: 2, releasedAt: nil),
                .init(code: Halls.code("press"), places: 1, releasedAt: Self.moment(0)),
            ]
        }
        Script.play(
            ["main": hall],
            """
            0s define main -> main stands
            hold main GA×3 past window+pause+limits+queue -> no: only 2
            hold main GA/press×1 past window+pause+limits+queue -> no: unknown allocation press
            hold main VIP×1 past window+pause+limits+queue -> no: unknown type VIP
            hold main GA×2 past window+pause+limits+queue -> held 1 until 4m58s
            hold main GA×1 past window+pause+limits+queue -> no: held by others until 5m0s
            hold main GA/guests×2 past limits -> held 2 until 4m58s
            cancel main -> main stands
            hold main GA×1 past window+pause+limits+queue -> no: cancelled
            """)
        var limits = Limits()
        limits.liveHolds = 1
        Script.play(
            ["main": Halls.hall("floor=4", "GA:floor")], limits: limits,
            """
            0s define main -> main stands
            hold main GA×1 past window+pause+limits+queue -> held 1 until 4m58s
            hold main GA×1 past window+pause+limits+queue -> no: too many holds
            """)
    }

    @Test("The hold lives on as any other does; a late payment for it gets no override")
    func afterwards() {
        let closed = Halls.hall("floor=4", "GA:floor") { ($0.closesAt, $0.ticketsPerBuyer) = (Self.moment(0), 1) }
        Script.play(
            ["main": closed],
            """
            0s define main -> main stands
            hold main GA×1 past window+limits -> held 1 until 4m58s
            hold main GA×2 by ann past window+limits -> held 2 until 4m58s
            hold main GA×1 past window+limits -> held 3 until 4m58s
            1m0s extend 1 -> extended 1 until 5m58s, 2 more
            buy 3 with p3 -> purchased 3
            5m59.999s buy 1 with p1 -> purchased 1
            6m0s buy 2 with p2 by shop -> no: expired, refund
            hold main GA×2 by ann past window+limits -> held 4 until 10m58s
            buy 4 with p2 -> purchased 4
            """)
    }

    @Test("The override is a part of the request that a key stands for, and a restart changes nothing")
    func again() {
        let closed = Halls.hall("floor=4", "GA:floor") { $0.closesAt = Self.moment(0) }
        Script.play(
            ["main": closed],
            """
            0s define main -> main stands
            hold main GA×1 key k past window -> held 1 until 4m58s
            hold main GA×1 key k past window -> again 1, held until 4m58s
            hold main GA×1 key k -> no: key reused
            hold main GA×1 key k past window+pause -> no: key reused
            restart -> at 0s
            hold main GA×1 key k past window -> again 1, held until 4m58s
            hold main GA×1 -> no: sale closed at 0s
            """)
    }

    @Test("The override lies in bytes that a request and a fact have anyway")
    func size() {
        #expect(MemoryLayout<Override>.size == 1)
        let (behindKey, behindFact) = (MemoryLayout<IdempotencyKey?>.size, MemoryLayout<KeyFact?>.size)
        #expect(
            MemoryLayout<HoldRequest>.offset(of: \.override) == MemoryLayout<HoldRequest>.offset(of: \.key)! + behindKey
        )
        #expect(
            MemoryLayout<HeldFact>.offset(of: \.override) == MemoryLayout<HeldFact>.offset(of: \.key)! + behindFact)
        #expect(behindKey % 8 != 0 && behindFact % 8 != 0)
    }

    @Test("The oracle notices a refusal for a limit that the request goes past")
    func oracle() {
        var oracle = Oracle()
        oracle.define(Halls.hall("floor=2", "GA:floor") { $0.ticketsPerBuyer = 1 })
        let lines = [Asked.Line(type: "GA", quantity: 2)]
        oracle.hear(.buyerLimit(remaining: 1), of: .hold(event: "main", lines: lines, buyer: "ann"), at: 0)
        #expect(oracle.breaches == [])
        let past = Asked.hold(event: "main", lines: lines, buyer: "ann", override: .limits)
        oracle.hear(.buyerLimit(remaining: 1), of: past, at: 0)
        #expect(oracle.breaches.count == 1 && oracle.breaches[0].hasPrefix("R43 Override"))
    }
}
