internal import BoxOffice

/// A situation at a box office, made once, in which one thing is done over and over.
///
/// Everything follows from the scene and the number of turns, so two runs do the same to the instruction.
public struct Rehearsal {
    /// What is done over and over.
    public enum Scene: String, CaseIterable, Sendable {
        /// A hold and its purchase while a thousand other holds live.
        case saleAmongThousand = "sale-1k-live"
        /// The same while a million others live.
        case saleAmongMillion = "sale-1M-live"
        /// A hold where nothing is left.
        case soldOut = "sold-out"
        /// A hold that nobody comes back for; ten thousand of them end in one second, before the next ten thousand.
        case expiry = "expiry"
        /// A hold asked for again with its key.
        case replay = "replay"
        /// A hold of four lines, for four types of two pools each.
        case group = "group-of-four"
        /// A hold and its release.
        case release = "hold-release"

        /// Commands that one turn has decided.
        public var decisions: Int {
            switch self {
            case .saleAmongThousand, .saleAmongMillion, .release: 2
            case .soldOut, .expiry, .replay, .group: 1
            }
        }

        /// Holds that live throughout.
        var liveHolds: Int {
            switch self {
            case .saleAmongMillion: 1_000_000
            case .saleAmongThousand, .release: 1_000
            case .soldOut, .expiry, .replay, .group: 0
            }
        }
    }

    /// Turns after which the store's committer would have the office tidied up, at 100,000 a second and five times.
    private static let turnsBetweenTidying = 20_000
    /// Turns of one millisecond.
    private static let turnsAMillisecond = 100
    private static let holdsThatEndTogether = 10_000
    private static let keys = 1_000

    public let scene: Scene
    private var office = BoxOffice()
    private let single: Command
    private let group: Command
    private var replays: [Command] = []
    private var milliseconds: Int64 = 1_000_000
    private var turns = 0

    /// Makes the situation.
    public init(_ scene: Scene) {
        self.scene = scene
        let types = (0..<4).map { Self.code("T\($0)") }
        let pools = (0..<4).map { Self.code("pool\($0)") }
        let event = Self.code("main")
        let capacity = scene == .soldOut ? 0 : 50_000_000
        let definition = EventDefinition(
            id: event, holdTime: scene == .expiry ? .seconds(300) : .seconds(24 * 3600),
            pools: (pools + [Self.code("hall")]).map { .init(code: $0, capacity: capacity) },
            // A group is the dear case: each of its types draws from a pool of its own and from one for all.
            types: zip(types, pools).map { type, pool in
                .init(code: type, price: 1_000, pools: scene == .group ? [pool, Self.code("hall")] : [pool])
            })
        single = .hold(HoldRequest(event: event, lines: OneOrMore(Line(type: types[0], quantity: 1))))
        let lines = types.map { Line(type: $0, quantity: 1) }
        group = .hold(HoldRequest(event: event, lines: OneOrMore(lines[0], Array(lines.dropFirst()))))
        decide(.define(definition))
        for number in 0..<scene.liveHolds {
            if number % Self.turnsAMillisecond == 0 { milliseconds += 1 }
            decide(single)
        }
        if scene == .replay {
            replays = (0..<Self.keys).map { number in
                .hold(
                    HoldRequest(
                        event: event, lines: OneOrMore(Line(type: types[0], quantity: 1)),
                        key: IdempotencyKey(high: UInt64(number) << 54, low: UInt64(number) &* 0x9e37_79b9_7f4a_7c15)))
            }
            for command in replays { decide(command) }
        }
    }

    /// Does it so many times.
    public mutating func play(_ turns: Int) {
        for _ in 0..<turns {
            pass()
            switch scene {
            case .saleAmongThousand, .saleAmongMillion: sell()
            case .soldOut: expect(decide(single) == .refused(.soldOut))
            case .expiry: hold(single)
            case .replay: replay()
            case .group: hold(group)
            case .release: giveBack()
            }
        }
    }

    /// Time goes on, and what ended is tidied up as a store does.
    private mutating func pass() {
        turns += 1
        if turns % Self.turnsAMillisecond == 0 { milliseconds += scene == .expiry ? 10 : 1 }
        if scene == .expiry, turns % Self.holdsThatEndTogether == 0 {
            milliseconds += 400_000
            guard let left = office.availability(of: Self.code("main"), at: moment) else {
                preconditionFailure("an event")
            }
            expect(left.types[0].free == 50_000_000)
        }
        if turns % Self.turnsBetweenTidying == 0 {
            office.advance(to: moment.office)
            office.tidy()
        }
    }

    private mutating func sell() {
        let id = hold(single)
        guard case .purchased(_, late: false, repeated: false) = decide(.purchase(id)) else {
            preconditionFailure("a hold in time is purchased")
        }
    }

    private mutating func giveBack() {
        let id = hold(single)
        guard case .released(_, repeated: false) = decide(.release(id)) else {
            preconditionFailure("a live hold is released")
        }
    }

    private mutating func replay() {
        guard case .held(_, replayed: true) = decide(replays[turns % replays.count]) else {
            preconditionFailure("a key that was used is replayed")
        }
    }

    @discardableResult
    private mutating func hold(_ command: Command) -> HoldID {
        guard case .held(let view, replayed: false) = decide(command) else {
            preconditionFailure("there are places for all")
        }
        return view.id
    }

    @discardableResult
    private mutating func decide(_ command: Command) -> Outcome {
        guard let decision = try? office.decide(command, at: moment) else {
            preconditionFailure("every hold is at hand")
        }
        return decision.outcome
    }

    private func expect(_ holds: Bool) {
        precondition(holds, "an answer is not what the scene is about")
    }

    private var moment: Moment {
        Moment(office: Timestamp(milliseconds: milliseconds), wall: WallTime(milliseconds: milliseconds))
    }

    private static func code(_ text: String) -> Code {
        guard let code = Code(text) else { preconditionFailure("\(text) is a code") }
        return code
    }
}
