import BoxOffice
import Testing

/// R44 Terms of a type.
@Suite("Terms of a type")
struct TypeTermsTests {
    /// `GA` without terms, and `EARLY`, which `change` gives some.
    private static func hall(_ change: (inout EventDefinition.TicketType) -> Void) -> EventDefinition {
        Halls.hall("floor=20", "GA:floor EARLY:floor") { change(&$0.types[1]) }
    }

    private static func moment(_ seconds: Int64) -> WallTime {
        WallTime(milliseconds: seconds * 1_000)
    }

    @Test("A type is sold within its own window and the event's; the refusal names the type")
    func window() {
        let hall = Self.hall { ($0.opensAt, $0.closesAt) = (Self.moment(10), Self.moment(20)) }
        var later = hall
        later.opensAt = Self.moment(15)
        Script.play(
            ["main": hall, "later": later],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            9.999s hold main GA×1 EARLY×1 -> no: sale of EARLY opens at 10s
            10s hold main EARLY×1 -> held 2 until 5m8s
            define later -> main stands
            hold main EARLY×1 -> no: sale opens at 15s
            15s hold main EARLY×1 -> held 3 until 5m13s
            pause main -> main stands
            hold main EARLY×1 -> no: paused
            resume main -> main stands
            19.999s hold main EARLY×1 -> held 4 until 5m17.999s
            20s hold main EARLY×1 -> no: sale of EARLY closed at 20s
            hold main EARLY×99 -> no: invalid /lines/0/quantity
            hold main GA×1 -> held 5 until 5m18s
            buy 4 -> purchased 4
            """)
    }

    @Test("What a buyer bought of another type does not count for the limit of a type, and a first ticket of it does")
    func ofOneType() {
        Script.play(
            ["main": Self.hall { $0.ticketsPerBuyer = 2 }],
            """
            0s define main -> main stands
            hold main GA×2 by ann -> held 1 until 4m58s
            buy 1 -> purchased 1
            hold main EARLY×2 by ann -> held 2 until 4m58s
            hold main EARLY×1 by ann -> no: limit of EARLY, 0 more
            """)
    }

    @Test("A hold has from the least to the most tickets of a type, all its lines of the type together")
    func perHold() {
        Script.play(
            ["main": Self.hall { ($0.leastPerHold, $0.mostPerHold) = (2, 4) }],
            """
            0s define main -> main stands
            hold main EARLY×1 -> no: invalid /lines/0/quantity
            hold main GA×1 EARLY×1 -> no: invalid /lines/1/quantity
            hold main GA×9 EARLY×2 -> no: invalid /lines
            hold main EARLY×2 -> held 1 until 4m58s
            hold main EARLY×1 GA×1 EARLY×1 -> held 2 until 4m58s
            hold main EARLY×4 -> held 3 until 4m58s
            hold main EARLY×5 -> no: invalid /lines/0/quantity
            hold main EARLY×2 GA×1 EARLY×3 -> no: invalid /lines/0/quantity
            hold main EARLY×4/1 -> no: invalid /lines/0/min_quantity
            hold main GA×9 -> held 4 until 4m58s
            hold main EARLY×4/2 -> held 5 until 4m58s
            count main -> floor: 0 free 20 held 0 sold
            """)
    }

    @Test("A buyer's held and bought tickets of a type do not exceed its limit, whatever else the buyer has")
    func perBuyer() {
        Script.play(
            ["main": Self.hall { $0.ticketsPerBuyer = 3 }],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main EARLY×1 -> no: invalid /buyer
            hold main EARLY×2 EARLY×2 by ann -> no: limit of EARLY, 3 more
            hold main GA×2 EARLY×2 by ann -> held 2 until 4m58s
            buy 2 -> purchased 2
            hold main EARLY×1 by ann -> held 3 until 4m58s
            hold main GA×1 EARLY×1 by ann -> no: limit of EARLY, 0 more
            hold main GA×1 by ann -> held 4 until 4m58s
            release 3 -> released 3
            hold main EARLY×3/1 by ann -> held 5 until 4m58s
            return 2 -> returned 2
            hold main EARLY×3 by ann -> no: limit of EARLY, 2 more
            hold main EARLY×3 by bob -> held 6 until 4m58s
            restart -> at 0s
            hold main EARLY×3 by ann -> no: limit of EARLY, 2 more
            4m59.999s hold main EARLY×3 by ann -> no: limit of EARLY, 2 more
            5m0s hold main EARLY×3 by ann -> held 7 until 9m58s
            """)
    }

    @Test("A limit counts what was bought before it was made, of a type that had other pools, and of several types")
    func laterLimit() {
        var limited = Halls.hall("floor=20 day=20", "GA:floor EARLY:floor")
        limited.types[1].ticketsPerBuyer = 3
        var moved = Halls.hall("floor=20 day=20", "GA:floor EARLY:day")
        moved.types[1].ticketsPerBuyer = 3
        Script.play(
            ["main": Halls.hall("floor=20 day=20", "GA:floor EARLY:floor"), "limited": limited, "moved": moved],
            """
            0s define main -> main stands
            hold main GA×1 EARLY×2 by ann -> held 1 until 4m58s
            hold main EARLY×2 by bob -> held 2 until 4m58s
            hold main GA×9 by bob -> held 3 until 4m58s
            buy 1 -> purchased 1
            buy 2 -> purchased 2
            buy 3 -> purchased 3
            define limited -> main stands
            hold main EARLY×2 by ann -> no: limit of EARLY, 1 more
            hold main EARLY×2 by bob -> no: limit of EARLY, 1 more
            define moved -> main stands
            hold main EARLY×2 by ann -> no: limit of EARLY, 1 more
            restart -> at 0s
            hold main EARLY×2 by bob -> no: limit of EARLY, 1 more
            hold main EARLY×1 by bob -> held 4 until 4m58s
            return 2 -> returned 2
            return 3 -> returned 3
            hold main EARLY×3 by bob -> no: limit of EARLY, 2 more
            """)
    }

    @Test("A late payment wins places back only while event and type are sold, within the type's limit")
    func late() {
        let closing = Self.hall { $0.closesAt = Self.moment(400) }
        var closed = closing
        closed.closesAt = Self.moment(320)
        var dropped = closed
        dropped.closesAt = nil
        dropped.types.removeFirst()
        Script.play(
            ["main": closing, "closed": closed, "dropped": dropped],
            """
            0s define main -> main stands
            hold main GA×1 -> held 1 until 4m58s
            hold main GA×1 -> held 2 until 4m58s
            hold main GA×1 -> held 3 until 4m58s
            hold main EARLY×1 -> held 4 until 4m58s
            hold main EARLY×1 -> held 5 until 4m58s
            define closed -> main stands
            5m0s pause main -> main stands
            buy 1 with p1 -> purchased 1 late
            resume main -> main stands
            5m19.999s buy 4 with p4 -> purchased 4 late
            5m20s buy 2 with p2 -> no: expired, refund
            define dropped -> main stands
            buy 3 with p3 -> no: expired, refund
            buy 2 with p2 -> no: expired, refund
            6m40s buy 5 with p5 -> no: expired, refund
            count main -> floor: 18 free 0 held 2 sold
            """)
        Script.play(
            ["main": Self.hall { $0.ticketsPerBuyer = 2 }],
            """
            0s define main -> main stands
            hold main EARLY×2 by ann -> held 1 until 4m58s
            5m0s hold main EARLY×1 by ann -> held 2 until 9m58s
            buy 1 with p1 by shop -> no: expired, refund
            """)
    }

    @Test("An early bird by number draws on a pool of its own as well: no more of it are held and sold than that has")
    func earlyBirdByNumber() {
        Script.play(
            ["main": Halls.hall("floor=5 early=2", "GA:floor EARLY:floor+early")],
            """
            0s define main -> main stands
            hold main EARLY×2 -> held 1 until 4m58s
            hold main EARLY×1 -> no: held by others until 5m0s
            buy 1 -> purchased 1
            hold main EARLY×1 -> no: sold out
            hold main GA×3 -> held 2 until 4m58s
            count main -> floor: 0 free 3 held 2 sold, early: 0 free 0 held 2 sold
            return 1 -> returned 1
            hold main EARLY×1 -> held 3 until 4m58s
            """)
    }

    @Test("Terms are checked: below, at and above each bound")
    func definitions() {
        typealias Change = (inout EventDefinition.TicketType) -> Void
        let wrong: [(String, Change)] = [
            ("/types/1/sale/closes_at", { ($0.opensAt, $0.closesAt) = (Self.moment(5), Self.moment(5)) }),
            ("/types/1/limits/min_tickets_per_hold", { $0.leastPerHold = 0 }),
            ("/types/1/limits/min_tickets_per_hold", { $0.leastPerHold = 11 }),
            ("/types/1/limits/min_tickets_per_hold", { ($0.leastPerHold, $0.mostPerHold) = (4, 3) }),
            ("/types/1/limits/tickets_per_hold", { $0.mostPerHold = 0 }),
            ("/types/1/limits/tickets_per_buyer", { $0.ticketsPerBuyer = 0 }),
        ]
        for (pointer, change) in wrong {
            #expect(Self.hall(change).mistakes().map(\.pointer) == [pointer])
        }
        let right: [Change] = [
            { ($0.opensAt, $0.closesAt) = (Self.moment(5), Self.moment(6)) }, { $0.leastPerHold = 10 },
            { ($0.leastPerHold, $0.mostPerHold) = (3, 3) }, { $0.mostPerHold = 1_000 }, { $0.ticketsPerBuyer = 1 },
        ]
        for change in right { #expect(Self.hall(change).mistakes().isEmpty) }
    }
}
