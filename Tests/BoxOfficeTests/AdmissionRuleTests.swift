import BoxOffice
import Testing

/// Q7 Admission: how many are let in, as numbers.
@Suite("Admission")
struct AdmissionRuleTests {
    private static func people(
        _ free: Int, held: Int = 0, inside: Double = 0, ticketsPerHold: Int = 10
    ) -> Int {
        Admission(free: free, held: held, inside: inside, learned: QueueLearning(ticketsPerHold: ticketsPerHold)).people
    }

    @Test("So many are let in that they and those inside find about what is left (Q7 Admission)")
    func people() {
        // Each is expected to take 3.8 of 4 at the most; the margin takes a little off.
        #expect(Self.people(1_000) == 258)
        #expect(Self.people(38) == 9)
        // Somebody inside wants 3.8.
        #expect(Self.people(1_000, inside: 100) == 159)
        #expect(Self.people(1_000, inside: 1_000) == 0)
        // 0.3 of the fifth that is not bought.
        #expect(Self.people(1_000, held: 1_000) == 274)
        #expect(Self.people(0, held: 1_000) == 14)
        // The last places are for somebody, one after the other.
        #expect(Self.people(1) == 1)
        #expect(Self.people(1, inside: 1) == 0)
        #expect(Self.people(0) == 0)
        #expect(Self.people(1_000, ticketsPerHold: 1) == 1_043)
        #expect(Self.people(100_000_000) == 26_314_348)
    }

    @Test("What people do changes what is expected of the next (Q7 Admission)")
    func learning() {
        let hall = QueueTests.hall("floor=1000", opensAt: nil, { $0.turn = .seconds(10) })
        var office = BoxOffice()
        var now: Int64 = 0
        func moment() -> Moment {
            Moment(office: Timestamp(milliseconds: now), wall: WallTime(milliseconds: now))
        }
        @discardableResult
        func decide(_ command: Command) -> Outcome {
            (try? office.decide(command, at: moment()).outcome) ?? .refused(.unknownHold)
        }
        func queue(_ command: QueueCommand) { decide(.queue(hall.id, command)) }
        func learned() -> QueueLearning {
            office.queue(of: hall.id, at: moment())?.admission.learned ?? QueueLearning(ticketsPerHold: 1)
        }
        decide(.define(hall))
        queue(.open(secret: [UInt8](repeating: 1, count: 32)))
        // 20 are let in; the first ten ask for one place each, and half of these buy.
        for number in 0..<20 {
            now += 100
            queue(.join())
            let pass = QueuePass(
                number: EntryNumber(UInt32(number)), position: UInt32(number), joinedAt: WallTime(milliseconds: now))
            guard number < 10 else { continue }
            let lines = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
            guard case .held(let view, _) = decide(.hold(HoldRequest(event: hall.id, lines: lines, pass: pass))) else {
                Issue.record("no hold for \(number)")
                return
            }
            if number % 2 == 0 { decide(.purchase(view.id)) } else { decide(.release(view.id)) }
        }
        // (20 × 4 + 10 × 1) / 30.
        #expect(learned().places == 3)
        #expect(office.queue(of: hall.id, at: moment())?.admission.inside == 10)
        queue(.attend())
        // (20 × 0.8 + 5) / 30.
        #expect(learned().bought == 0.7)
        #expect(learned().asking == 0.95)
        now += 99_000
        queue(.attend())
        #expect(office.queue(of: hall.id, at: moment())?.admission.inside == 0)
        now += 2_000
        queue(.attend())
        // (20 × 0.95 + 10) / 40.
        #expect(learned().asking == 0.725)
    }

    @Test("One who holds for long keeps nothing of the others from being learned (Q7 Admission)")
    func order() {
        let hall = QueueTests.hall("floor=1000", opensAt: nil)
        var office = BoxOffice()
        var now: Int64 = 0
        @discardableResult
        func decide(_ command: Command) -> Outcome {
            let moment = Moment(office: Timestamp(milliseconds: now), wall: WallTime(milliseconds: now))
            return (try? office.decide(command, at: moment).outcome) ?? .refused(.unknownHold)
        }
        func bought() -> Double? {
            guard case .queue(.attended(let view, _)) = decide(.queue(hall.id, .attend())) else { return nil }
            return view.admission.learned.bought
        }
        decide(.define(hall))
        decide(.queue(hall.id, .open(secret: [UInt8](repeating: 1, count: 32))))
        var holds: [HoldID] = []
        for number in UInt32(0)..<4 {
            now += 100
            decide(.queue(hall.id, .join()))
            let lines = OneOrMore(Line(type: Halls.code("GA"), quantity: 1))
            let pass = QueuePass(
                number: EntryNumber(number), position: number, joinedAt: WallTime(milliseconds: 0))
            guard case .held(let view, _) = decide(.hold(HoldRequest(event: hall.id, lines: lines, pass: pass))) else {
                Issue.record("no hold for \(number)")
                return
            }
            holds.append(view.id)
        }
        // The first one still holds: the second one buys and the third one releases.
        decide(.purchase(holds[1]))
        #expect(bought() == 17.0 / 21)
        decide(.release(holds[2]))
        #expect(bought() == 17.0 / 22)
        // The first one extends, and the fourth one's hold ends before.
        now += 200_000
        decide(.extend(holds[0]))
        now += 100_000
        #expect(bought() == 17.0 / 23)
        now += 200_000
        #expect(bought() == 17.0 / 24)
        #expect(bought() == 17.0 / 24)
    }
}
