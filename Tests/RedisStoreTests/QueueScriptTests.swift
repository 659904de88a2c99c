import BoxOffice
import StoreContract
import Testing
import TicketStore

/// Queues from their opening to their end, side by side with the core: random traffic reaches some of it rarely.
@Suite("Queues on Redis decide rare cases as the core does", .serialized)
struct QueueScriptTests {
    /// A stage with the queue of one event on it.
    private struct Scene {
        let stage: ScriptTests.Stage
        let event: String

        @discardableResult
        func ask(_ command: QueueCommand) async throws -> QueueView? {
            switch try await stage.say(.queue(try code(event), command)) {
            case .queue(.changed(let view, _)), .queue(.attended(let view, _)): return view
            default: return nil
            }
        }

        /// Another definition of the event; without terms it has no queue.
        func define(
            _ places: Int, opensAt: Int64? = nil, terms: QueueTerms? = QueueTerms(),
            _ change: (inout EventDefinition) -> Void = { _ in }
        ) async throws {
            try await stage.say(
                .define(
                    try hall(places, id: event, hold: .seconds(10)) {
                        $0.opensAt = opensAt.map { WallTime(milliseconds: $0) }
                        $0.queue = terms
                        change(&$0)
                    }))
        }

        func open(_ places: Int, opensIn: Int64? = nil, _ terms: QueueTerms = QueueTerms()) async throws {
            let opensAt = opensIn.map { WallTime(milliseconds: stage.moment.wall.milliseconds + $0) }
            try await stage.say(
                try queued(places, id: event, hold: .seconds(10), opensAt: opensAt, terms: terms))
            try await ask(.open(secret: [UInt8](repeating: 7, count: 32)))
        }

        func hold(_ number: UInt32?, _ quantity: Int = 1, buyer: String? = nil) async throws -> HoldID? {
            guard case .hold(var request) = try holdGA(quantity, event: event, buyer: buyer) else { return nil }
            request.pass = number.map {
                QueuePass(number: EntryNumber($0), position: $0, joinedAt: WallTime(milliseconds: 0))
            }
            guard case .held(let view, _) = try await stage.say(.hold(request)) else { return nil }
            return view.id
        }

        func pay(_ hold: HoldID?, _ payment: String) async throws {
            if let hold { try await stage.say(.purchase(hold, PaymentReference("\(event) \(payment)"))) }
        }

        func look(_ numbers: [UInt32], positions: [UInt32] = []) async throws {
            for number in numbers {
                let position = Int(number) < positions.count ? positions[Int(number)] : nil
                try await ask(.look(EntryNumber(number), position: position))
            }
        }

        func attend(_ counts: [UInt32]? = nil, from first: UInt32 = 0) async throws {
            guard let counts else {
                try await ask(.attend())
                return
            }
            try await ask(
                .attend(
                    PresenceReport(
                        first: first, width: 1, counts: counts, present: counts.reduce(0, +), isComplete: true)))
        }
    }

    @Test("A draw, turns, passes, admission, what is over, late payments, keys of joins, what changes meanwhile")
    func scripts() async throws {
        let stage = try await ScriptTests.Stage()
        try await Self.play(on: stage)
        try await stage.end()
    }

    static func play(on stage: ScriptTests.Stage) async throws {
        try await draw(Scene(stage: stage, event: "draw"))
        try await turns(Scene(stage: stage, event: "turns"))
        try await pauses(Scene(stage: stage, event: "pauses"))
        try await admission(Scene(stage: stage, event: "admission"))
        try await held(Scene(stage: stage, event: "held"))
        try await buyers(Scene(stage: stage, event: "buyers"))
        try await over(Scene(stage: stage, event: "over"))
        for purchases in 1...2 {
            try await latePayments(Scene(stage: stage, event: "pays-\(purchases)"), purchases: purchases)
        }
        try await keys(Scene(stage: stage, event: "keys"))
        try await removal(Scene(stage: stage, event: "gone"))
        try await clock(Scene(stage: stage, event: "clock"))
        try await capacity(Scene(stage: stage, event: "capacity"))
        try await opening(Scene(stage: stage, event: "opening"))
        try await terms(Scene(stage: stage, event: "terms"))
    }

    private static func draw(_ scene: Scene) async throws {
        try await scene.open(4, opensIn: 5_000, QueueTerms(beacon: .init(name: "dice", wait: .seconds(30))))
        try await scene.ask(.open(secret: [UInt8](repeating: 8, count: 32)))
        for _ in 0..<6 { try await scene.ask(.join()) }
        func beacon(_ name: String, _ value: String) async throws -> QueueView? {
            guard let name = BeaconText(name), let value = BeaconText(value) else { return nil }
            return try await scene.ask(.beacon(name: name, value: value))
        }
        _ = try await beacon("dice", "6")
        for span in [4_999, 1, 0] {
            scene.stage.pass(.milliseconds(span))
            try await scene.attend()
        }
        try await scene.ask(.join())
        _ = try await beacon("lottery", "6")
        scene.stage.pass(.milliseconds(29_999))
        try await scene.attend()
        guard let drawn = try await beacon("dice", "6"), let count = drawn.count else { return }
        _ = try await beacon("dice", "5")
        let seed = QueueDraw.seed(secret: drawn.secret, count: Int(count), event: try code(scene.event), beacon: "6")
        let positions = QueueDraw.positions(seed: seed, count: Int(count))
        for _ in 0..<3 {
            scene.stage.pass(.milliseconds(100))
            try await scene.attend([1, 0, 1, 1, 1, 1, 1])
            // The last one joined after the draw, and says that it has the first place.
            try await scene.look([0, 1, 2, 3, 4, 5, 6], positions: positions + [0])
        }
        // A draw without its beacon, a millisecond too early and in time.
        let early = Scene(stage: scene.stage, event: "missed")
        try await early.open(4, opensIn: 1_000, QueueTerms(beacon: .init(name: "dice", wait: .seconds(30))))
        for span in [1_000, 29_999, 1] {
            scene.stage.pass(.milliseconds(span))
            try await early.attend()
        }
    }

    private static func turns(_ scene: Scene) async throws {
        try await scene.open(9, QueueTerms(turn: .seconds(20), returning: .seconds(60)))
        _ = try await scene.hold(nil)
        _ = try await scene.hold(0)
        for _ in 0..<5 { try await scene.ask(.join()) }
        try await scene.ask(.adjust(QueueAdjustment(lettingIn: 3)))
        try await scene.look([1])
        let first = try await scene.hold(1)
        _ = try await scene.hold(1)
        if let first { try await scene.stage.say(.release(first)) }
        scene.stage.pass(.seconds(5))
        try await scene.look([1])
        try await scene.ask(.leave(EntryNumber(2)))
        try await scene.look([2])
        _ = try await scene.hold(2)
        // More than there is, without a pass: the pass is asked for first.
        _ = try await scene.hold(nil, 10)
        scene.stage.pass(.milliseconds(14_999))
        let second = try await scene.hold(1)
        if let second { try await scene.stage.say(.release(second)) }
        scene.stage.pass(.milliseconds(1))
        _ = try await scene.hold(1)
        try await scene.look([0, 1])
        // The third one comes back a moment too late, and nobody else begins a turn while the sale is paused.
        scene.stage.pass(.milliseconds(40_000))
        try await scene.look([3])
        try await scene.stage.say(.pause(event: code(scene.event)))
        try await scene.ask(.adjust(QueueAdjustment(lettingIn: 1)))
        try await scene.look([4])
        try await scene.stage.say(.resume(event: code(scene.event)))
        try await scene.look([4])
    }

    /// Turns before, in and after pauses of the sale (Q5 Turn), and who is expected after them (Q7 Admission).
    private static func pauses(_ scene: Scene) async throws {
        let pass = { (span: Int) in scene.stage.pass(.milliseconds(span)) }
        func pause(_ isPaused: Bool) async throws {
            let event = try code(scene.event)
            try await scene.stage.say(isPaused ? .pause(event: event) : .resume(event: event))
        }
        /// All entries look, and one that has a turn tries to hold.
        func look() async throws {
            try await scene.look([0, 1, 2, 3, 4, 5])
            for number in UInt32(0)...1 {
                if let hold = try await scene.hold(number) { try await scene.stage.say(.release(hold)) }
            }
        }
        try await scene.open(4, QueueTerms(turn: .seconds(60), returning: .seconds(300)))
        try await scene.ask(.adjust(QueueAdjustment(isPaused: true)))
        for _ in 0..<6 { try await scene.ask(.join()) }
        try await scene.ask(.adjust(QueueAdjustment(isPaused: false)))
        try await scene.attend([1, 1, 1, 1, 1, 1])
        pass(5_000)
        // One is called and does not look before the pause.
        try await pause(true)
        pass(600_000)
        try await scene.attend([1, 1, 1, 1, 1, 1])
        try await pause(false)
        for span in [0, 14_999, 1] {
            pass(span)
            try await scene.attend([1, 1, 1, 1, 1, 1])
        }
        try await scene.look([0])
        for _ in 1...3 {
            pass(10_000)
            try await look()
            try await pause(true)
            try await look()
            pass(100_000)
            try await look()
            try await pause(false)
            try await look()
        }
        // The first one began 30 s of selling ago.
        pass(29_999)
        try await look()
        pass(1)
        try await look()
        // Those whose turn was over before a pause, and those who were let in by hand in one.
        try await pause(true)
        try await scene.ask(.adjust(QueueAdjustment(lettingIn: 2)))
        pass(100_000)
        try await look()
        try await pause(false)
        for span in [0, 19_999, 1, 40_000, 89_999, 1, 60_000] {
            pass(span)
            try await scene.attend([1, 1, 1, 1, 1, 1])
            try await look()
        }
        // More pauses than are remembered.
        for _ in 1...70 {
            try await pause(true)
            pass(10)
            try await pause(false)
        }
        try await scene.attend([1, 1, 1, 1, 1, 1])
        try await scene.look([0, 1, 2, 3, 4, 5])
    }

    private static func admission(_ scene: Scene) async throws {
        try await scene.open(60, QueueTerms(mostPerSecond: 5))
        try await scene.ask(.adjust(QueueAdjustment(isPaused: true)))
        for _ in 0..<40 { try await scene.ask(.join()) }
        scene.stage.pass(.seconds(1))
        try await scene.attend([UInt32](repeating: 1, count: 40))
        try await scene.ask(.adjust(QueueAdjustment(isPaused: false)))
        // At most five in a second; every other one is not there; not more than ten moves in a second.
        for span in [0, 0, 50, 50, 100, 800] {
            scene.stage.pass(.milliseconds(span))
            try await scene.attend((0..<40).map { $0 % 2 })
        }
        try await scene.ask(.adjust(QueueAdjustment(mostPerSecond: 500)))
        var holds: [HoldID?] = []
        for number in UInt32(0)..<30 {
            try await scene.look([number])
            if number % 3 == 0 { holds.append(try await scene.hold(number, 4)) }
        }
        for (index, hold) in holds.enumerated() where index % 2 == 0 { try await scene.pay(hold, "\(index)") }
        for span in [1_000, 9_000, 60_000, 200_000, 100_000] {
            scene.stage.pass(.milliseconds(span))
            try await scene.attend([UInt32](repeating: 1, count: 40))
            try await scene.look([30, 31, 32, 33])
            _ = try await scene.hold(33, 4)
        }
    }

    /// Everything is held, and a part of it is expected back.
    private static func held(_ scene: Scene) async throws {
        try await scene.open(20)
        for _ in 0..<10 { try await scene.ask(.join()) }
        try await scene.ask(.adjust(QueueAdjustment(lettingIn: 5)))
        var first: HoldID?
        for number in UInt32(0)..<5 {
            try await scene.look([number])
            let hold = try await scene.hold(number, 4)
            first = first ?? hold
        }
        for _ in 0..<2 {
            scene.stage.pass(.milliseconds(100))
            try await scene.attend()
        }
        // The first one extends, and the holds of the others end before it.
        scene.stage.pass(.seconds(5))
        if let first { try await scene.stage.say(.extend(first)) }
        for span in [8, 20] {
            scene.stage.pass(.seconds(span))
            try await scene.attend()
        }
    }

    private static func buyers(_ scene: Scene) async throws {
        try await scene.open(9, QueueTerms(identity: .buyer))
        for name in ["ann", "ben", "ann", nil] { try await scene.ask(.join(buyer: name.flatMap { Buyer($0) })) }
        try await scene.attend()
        try await scene.look([0, 1])
        for name in ["ben", nil, "eve", "ann"] { _ = try await scene.hold(0, buyer: name) }
    }

    private static func over(_ scene: Scene) async throws {
        try await scene.open(1)
        for _ in 0..<2 { try await scene.ask(.join()) }
        let hold = try await scene.hold(0)
        try await scene.attend()
        try await scene.pay(hold, "p")
        for _ in 0..<2 { try await scene.attend() }
        try await scene.ask(.join())
        if let hold { try await scene.stage.say(.returnPurchase(hold)) }
        for _ in 0..<3 {
            scene.stage.pass(.milliseconds(100))
            try await scene.attend()
            try await scene.look([1, 2])
        }
    }

    /// Holds of one entry expire and are paid late, while the entry has another one, and when it has none (Q6 Pass).
    private static func latePayments(_ scene: Scene, purchases: Int) async throws {
        try await scene.open(9, QueueTerms(turn: .seconds(600), purchasesPerEntry: purchases))
        try await scene.ask(.join())
        var held: [HoldID?] = []
        for _ in 0..<4 {
            held.append(try await scene.hold(0))
            scene.stage.pass(.seconds(20))
        }
        let live = try await scene.hold(0)
        try await scene.pay(held[0], "while another one is live")
        if let live { try await scene.stage.say(.release(live)) }
        for (index, hold) in held.enumerated() { try await scene.pay(hold, "\(index)") }
        _ = try await scene.hold(0)
        try await scene.look([0])
    }

    /// A key of a join counts for ten minutes, from its first use (Q2 Numbers).
    private static func keys(_ scene: Scene) async throws {
        try await scene.open(9)
        let key = IdempotencyKey(named: "a join")
        for span in [0, 1, 599, 600, 601] {
            scene.stage.pass(.seconds(span))
            try await scene.ask(.join(key: key))
            try await scene.ask(.join(key: IdempotencyKey(named: "a join after \(span)")))
        }
    }

    /// A removed event has no queue any more, and one of the same name begins anew.
    private static func removal(_ scene: Scene) async throws {
        for _ in 1...2 {
            try await scene.open(9)
            for _ in 0..<3 { try await scene.ask(.join(key: IdempotencyKey(named: "gone"))) }
            try await scene.attend()
            _ = try await scene.hold(0)
            try await scene.stage.say(.remove(event: code(scene.event)))
            scene.stage.pass(.seconds(20))
            try await scene.stage.say(.remove(event: code(scene.event)))
            try await scene.look([0])
            try await scene.ask(.join())
        }
    }

    /// The time of day is set back and forth: over the opening of queue and sale, and over the end of the sale.
    private static func clock(_ scene: Scene) async throws {
        try await scene.open(9, opensIn: 5_000)
        for _ in 0..<3 { try await scene.ask(.join()) }
        let minute: Int64 = 60_000
        for step in [-90 * minute, 90 * minute + 5_000, -minute, minute, -90 * minute, 90 * minute] {
            scene.stage.set(.milliseconds(step))
            try await scene.ask(.open(secret: [UInt8](repeating: 7, count: 32)))
            try await scene.ask(.join())
            for _ in 0..<2 {
                scene.stage.pass(.milliseconds(100))
                try await scene.attend()
            }
            try await scene.look([0, 1], positions: [0, 1])
        }
        let now = scene.stage.moment.wall.milliseconds
        try await scene.define(9, opensAt: now - 5_000) { $0.closesAt = WallTime(milliseconds: now + minute) }
        for step in [minute, -1, -minute] {
            scene.stage.set(.milliseconds(step))
            try await scene.attend()
            try await scene.ask(.join())
            try await scene.ask(.open(secret: [UInt8](repeating: 7, count: 32)))
            try await scene.attend()
        }
    }

    /// More places when it is over, and fewer while people are let in.
    private static func capacity(_ scene: Scene) async throws {
        try await scene.open(2)
        for _ in 0..<6 { try await scene.ask(.join()) }
        try await scene.pay(try await scene.hold(0, 2), "all")
        for places in [2, 40, 1, 3, 40] {
            try await scene.define(places)
            for _ in 0..<2 {
                scene.stage.pass(.milliseconds(100))
                try await scene.attend([1, 1, 0, 1, 0, 1])
            }
            try await scene.look([1, 2, 3])
            _ = try await scene.hold(1)
        }
    }

    /// A queue that comes to a sale, goes and comes again, and a sale whose opening is put off, brought forward and taken away.
    private static func opening(_ scene: Scene) async throws {
        let now = scene.stage.moment.wall.milliseconds
        try await scene.define(9, opensAt: now, terms: nil)
        let live = try await scene.hold(nil)
        try await scene.define(9, opensAt: now)
        _ = try await scene.hold(nil)
        try await scene.ask(.join())
        try await scene.ask(.open(secret: [UInt8](repeating: 7, count: 32)))
        try await scene.pay(live, "before the queue")
        try await scene.ask(.join())
        _ = try await scene.hold(0)

        let other = Scene(stage: scene.stage, event: "opening-2")
        try await other.open(9, opensIn: 5_000)
        for _ in 0..<3 { try await other.ask(.join()) }
        func attend() async throws {
            other.stage.pass(.milliseconds(100))
            try await other.attend()
        }
        try await other.define(9, opensAt: now + 9_000)
        other.stage.pass(.seconds(5))
        try await attend()
        try await other.define(9, opensAt: now + 9_000, terms: nil)
        try await attend()
        try await other.look([0])
        try await other.define(9, opensAt: nil)
        try await attend()
        try await other.define(9, opensAt: now + 9_000)
        for _ in 0..<2 { try await attend() }
        try await other.ask(.adjust(QueueAdjustment(lettingIn: 1)))
        try await other.look([0, 1, 2], positions: [0, 1, 2])
        other.stage.pass(.seconds(4))
        for _ in 0..<2 { try await attend() }
        try await other.look([0, 1, 2], positions: [0, 1, 2])
    }

    /// Turns, times to return, purchases and the rate under terms that change.
    private static func terms(_ scene: Scene) async throws {
        let short = QueueTerms(turn: .seconds(60), returning: .seconds(30), purchasesPerEntry: 2, mostPerSecond: 1)
        try await scene.open(40)
        for _ in 0..<8 { try await scene.ask(.join()) }
        try await scene.ask(.adjust(QueueAdjustment(lettingIn: 3)))
        try await scene.look([0, 1])
        try await scene.pay(try await scene.hold(0), "one")
        for terms in [short, QueueTerms(), short] {
            try await scene.define(40, terms: terms)
            try await scene.look([0, 1])
            try await scene.pay(try await scene.hold(0), "another")
            scene.stage.pass(.seconds(29))
            try await scene.look([2])
            scene.stage.pass(.seconds(1))
            try await scene.look([3])
            try await scene.attend([UInt32](repeating: 1, count: 8))
        }
    }
}
