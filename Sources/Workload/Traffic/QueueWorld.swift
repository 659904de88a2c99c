internal import BoxOffice

/// People who queue for one event, in virtual time: some are not there when their turn comes, some do not ask, some do not pay. In
/// a crowd some also give up waiting, join in a second tab, reload, lose their network, or are programs that join a thousand times.
/// It plays the box office itself, so what admission does to people can be measured (Q7 Admission).
public struct QueueWorld: Sendable {
    /// What people are like. Shares are out of a hundred.
    public struct Shape: Sendable {
        public var places = 500
        public var people = 50_000
        /// Who is there while waiting.
        public var present = 95
        /// Who asks for places when called.
        public var asking = 85
        /// Who pays for a hold.
        public var buying = 70
        /// Who takes fewer tickets than wanted.
        public var takingFewer = 50
        /// Parties of 1 to 6, each with its share. Their mean is 2.7.
        public var parties = [20, 35, 20, 15, 5, 5]
        public var turn = Duration.seconds(120)
        public var holdTime = Duration.seconds(300)
        /// Who loses patience within half an hour of waiting, and leaves.
        public var leaving = 0
        /// Some people join in a second tab, too. If they have places in one tab, they ask for none in the other.
        public var secondTabs = 0
        /// Who looks again and again during the turn.
        public var reloading = 0
        /// Answers to looks that are lost on the way. Who waits for one looks again.
        public var dropped = 0
        /// Programs that join a thousand times each, and ask with every entry that is called.
        public var bots = 0
        /// People let in within a minute by a waiting room that knows nothing of places; `nil` for ours.
        public var fixedPerMinute: Int?
        /// When the world ends.
        public var longest = 4 * 3_600

        public init() {}
    }

    /// What became of the people.
    public struct Result: Sendable {
        /// People who were let in and looked.
        public var called = 0
        public var asked = 0
        /// People who asked, and found nothing as long as their turn lasted.
        public var inVain = 0
        public var sold = 0
        /// Places that programs bought which joined a thousand times.
        public var soldToBots = 0
        public var left = 0
        /// Turns whose end changed between two looks.
        public var movedTurns = 0
        /// Seconds from the opening of the sale until everything was sold; `nil` if that did not happen.
        public var soldOutAfter: Int?
        /// Every ten seconds: the head, people inside who have not asked, free places, people in vain.
        public var series: [(second: Int, head: Int, inside: Int, free: Int, inVain: Int)] = []

        public var shareInVain: Double { called == 0 ? 0 : Double(inVain) / Double(called) }
    }

    /// With everybody whom an on-sale has.
    public static func crowd(places: Int, people: Int) -> Shape {
        var shape = Shape()
        (shape.places, shape.people) = (places, people)
        (shape.leaving, shape.secondTabs, shape.reloading, shape.dropped) = (10, 10, 30, 5)
        shape.bots = people / 10_000 + 1
        return shape
    }

    private enum Event: Sendable {
        case look, reload, ask, pay, giveBack, leave
    }

    private static let joinsOfBot = 1_000

    private let shape: Shape
    private var chance: SeededGenerator
    private var office = BoxOffice()
    private let event: Code
    private let type: Code
    private var result = Result()
    /// By second: what people do then.
    private var due: [[(what: Event, entry: Int)]]
    private var order: [UInt32] = []
    /// By position: whether somebody waits there.
    private var waits: [Bool] = []
    /// By position: whose it is.
    private var at: [Int] = []
    /// By entry: who joined; programs come behind all people.
    private var owner: [Int] = []
    private var wanted: [Int] = []
    private var holds: [HoldID?] = []
    private var turnEnds: [Int] = []
    /// By person: whether a tab has places.
    private var isServed: [Bool]
    private var head = 0
    private var second = 0

    public init(seed: UInt64, shape: Shape = Shape()) {
        guard let event = Code("world"), let type = Code("GA") else { preconditionFailure("plain names are codes") }
        (self.event, self.type, self.shape) = (event, type, shape)
        chance = SeededGenerator(seed: seed)
        due = Array(repeating: [], count: shape.longest + 1)
        isServed = Array(repeating: false, count: shape.people)
    }

    /// Plays until everything is sold and nobody is inside, or until the world ends.
    public mutating func play() -> Result {
        open()
        while second < shape.longest, !isDone {
            letIn()
            // What people do may be done by others in the same second.
            var index = 0
            while index < due[second].count {
                let (what, entry) = due[second][index]
                act(what, entry)
                index += 1
            }
            due[second] = []
            if second % 10 == 0 { note() }
            second += 1
        }
        return result
    }

    private var isDone: Bool { result.soldOutAfter != nil && due[second...].prefix(400).allSatisfy(\.isEmpty) }

    /// An hour before the sale everybody joins.
    private static let opensAt = 3_600

    private mutating func open() {
        var definition = EventDefinition(
            id: event, holdTime: shape.holdTime, ticketsPerHold: 6, pools: [.init(code: type, capacity: shape.places)],
            types: [.init(code: type, pools: [type])])
        definition.opensAt = WallTime(milliseconds: Int64(Self.opensAt) * 1_000)
        definition.queue = QueueTerms(turn: shape.turn, mostPerSecond: 500)
        decide(.define(definition))
        let secret = (0..<QueueDraw.secretBytes).map { _ in UInt8(chance.number(in: 0...255)) }
        queue(.open(secret: secret))
        for person in 0..<shape.people {
            let places = party()
            join(person, wanting: places)
            if shape.secondTabs > 0, chance.chance(shape.secondTabs) { join(person, wanting: places) }
        }
        for bot in 0..<shape.bots {
            for _ in 0..<Self.joinsOfBot { join(shape.people + bot, wanting: shape.parties.count) }
        }
        if shape.fixedPerMinute != nil { queue(.adjust(QueueAdjustment(isPaused: true))) }
        second = 0
        while case .queue(.attended(let view, isMoreDue: true)) = queue(.attend()) {
            guard let count = view.count, let beacon = view.beacon else { continue }
            let seed = QueueDraw.seed(secret: view.secret, count: Int(count), event: event, beacon: beacon.text)
            order = QueueDraw.positions(seed: seed, count: Int(count))
            break
        }
        at = Array(repeating: 0, count: owner.count)
        waits = Array(repeating: false, count: owner.count)
        for (entry, position) in order.enumerated() {
            at[Int(position)] = entry
            waits[Int(position)] = isBot(entry) || chance.chance(shape.present)
            if shape.leaving > 0, !isBot(entry), chance.chance(shape.leaving) {
                plan(.leave, entry, in: chance.number(in: 60...1_800))
            }
        }
    }

    private mutating func join(_ person: Int, wanting places: Int) {
        queue(.join())
        owner.append(person)
        wanted.append(places)
        holds.append(nil)
        turnEnds.append(0)
    }

    private func isBot(_ entry: Int) -> Bool { owner[entry] >= shape.people }

    private mutating func party() -> Int {
        var dice = chance.number(in: 1...100)
        for (size, share) in shape.parties.enumerated() {
            dice -= share
            if dice <= 0 { return size + 1 }
        }
        return shape.parties.count
    }

    /// Moves the head, and lets everybody who is passed learn of it within five seconds.
    private mutating func letIn() {
        if let rate = shape.fixedPerMinute {
            queue(.attend(report()))
            let people = rate * (second + 1) / 60 - rate * second / 60
            queue(.adjust(QueueAdjustment(lettingIn: people)))
        } else {
            queue(.attend(report()))
        }
        guard let view = office.queue(of: event, at: moment) else { return }
        for position in head..<max(head, min(Int(view.head), waits.count)) where waits[position] {
            waits[position] = false
            plan(.look, at[position], in: chance.number(in: 0...5))
        }
        head = Int(view.head)
    }

    private func report() -> PresenceReport {
        // As far ahead as a second could let in.
        let width = max(1, min(16, owner.count / PresenceReport.slices))
        let counts = (0..<PresenceReport.slices).map { slice -> UInt32 in
            let from = min(waits.count, head + slice * width)
            let to = min(waits.count, from + width)
            return waits[from..<to].reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        return PresenceReport(
            first: UInt32(head), width: UInt32(width), counts: counts, present: counts.reduce(0, +), isComplete: true)
    }

    private mutating func act(_ what: Event, _ entry: Int) {
        switch what {
        case .look: look(entry)
        case .reload:
            guard let ends = seconds(lookedAt: entry) else { return }
            if ends != turnEnds[entry] { result.movedTurns += 1 }
            if second + 30 < turnEnds[entry] { plan(.reload, entry, in: 30) }
        case .ask: ask(entry)
        case .pay:
            guard let hold = holds[entry] else { return }
            if case .purchased = decide(.purchase(hold)) {
                result.sold += wanted[entry]
                if isBot(entry) { result.soldToBots += wanted[entry] }
            }
            if result.sold >= shape.places, result.soldOutAfter == nil { result.soldOutAfter = second }
        case .giveBack: if let hold = holds[entry] { decide(.release(hold)) }
        case .leave:
            let position = Int(order[entry])
            guard waits[position] else { return }
            waits[position] = false
            result.left += 1
            queue(.leave(EntryNumber(UInt32(entry))))
        }
    }

    private mutating func look(_ entry: Int) {
        let known = seconds(lookedAt: entry)
        if shape.dropped > 0, chance.chance(shape.dropped) { return plan(.look, entry, in: chance.number(in: 5...30)) }
        guard let known else {
            // It is over; somebody may give places back.
            if isWaiting(entry) { plan(.look, entry, in: 60) }
            return
        }
        result.called += 1
        turnEnds[entry] = known
        if shape.reloading > 0, chance.chance(shape.reloading) { plan(.reload, entry, in: 5) }
        if isBot(entry) { return plan(.ask, entry, in: 1) }
        if chance.chance(shape.asking) { plan(.ask, entry, in: chance.number(in: 5...40)) }
    }

    /// When the turn of an entry ends that looks now, in seconds; `nil` if it has none.
    private mutating func seconds(lookedAt entry: Int) -> Int? {
        let look = QueueCommand.look(EntryNumber(UInt32(entry)), position: order[entry])
        guard case .queue(.looked(let shown)) = queue(look), let endsAt = shown.turnEndsAt else { return nil }
        return Int(endsAt.milliseconds / 1_000) - Self.opensAt
    }

    private mutating func isWaiting(_ entry: Int) -> Bool {
        let look = QueueCommand.look(EntryNumber(UInt32(entry)), position: order[entry])
        guard case .queue(.looked(let shown)) = queue(look) else { return false }
        return shown.state == .waiting
    }

    private mutating func ask(_ entry: Int) {
        if !isBot(entry), isServed[owner[entry]] { return }
        let minimum = isBot(entry) || chance.chance(shape.takingFewer) ? 1 : wanted[entry]
        let line = Line(type: type, quantity: wanted[entry], minimum: minimum)
        let pass = QueuePass(number: EntryNumber(UInt32(entry)), position: order[entry], joinedAt: moment.wall)
        switch decide(.hold(HoldRequest(event: event, lines: OneOrMore(line), pass: pass))) {
        case .held(let view, _):
            result.asked += 1
            holds[entry] = view.id
            if !isBot(entry) { isServed[owner[entry]] = true }
            wanted[entry] = view.lines.reduce(0) { $0 + Int($1.quantity) }
            if isBot(entry) || chance.chance(shape.buying) {
                plan(.pay, entry, in: chance.number(in: 20...180))
            } else if chance.chance(30) {
                plan(.giveBack, entry, in: chance.number(in: 20...200))
            }
        case .refused:
            // Held by others, or fewer than wanted: they try again as long as the turn lasts.
            if second + 10 < turnEnds[entry] { return plan(.ask, entry, in: 10) }
            result.asked += 1
            result.inVain += 1
        default: break
        }
    }

    private mutating func plan(_ what: Event, _ entry: Int, in seconds: Int) {
        let then = second + seconds
        if then < due.count { due[then].append((what, entry)) }
    }

    private mutating func note() {
        let free = office.availability(of: event, at: moment)?.free ?? 0
        let inside = Int(office.queue(of: event, at: moment)?.admission.inside ?? 0)
        result.series.append((second, head, inside, free, result.inVain))
    }

    private var moment: Moment {
        let milliseconds = Int64(Self.opensAt + second) * 1_000
        return Moment(office: Timestamp(milliseconds: milliseconds), wall: WallTime(milliseconds: milliseconds))
    }

    /// Until the draw everything but attending happens before the sale opens.
    @discardableResult
    private mutating func decide(_ command: Command) -> Outcome {
        let now =
            order.isEmpty && !isAttending(command)
            ? Moment(office: .zero, wall: WallTime(milliseconds: Int64(Self.opensAt) * 1_000 - 1)) : moment
        return (try? office.decide(command, at: now).outcome) ?? .refused(.unknownHold)
    }

    private func isAttending(_ command: Command) -> Bool {
        if case .queue(_, .attend) = command { true } else { false }
    }

    @discardableResult
    private mutating func queue(_ command: QueueCommand) -> Outcome {
        decide(.queue(event, command))
    }
}
