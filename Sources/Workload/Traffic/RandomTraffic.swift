public import BoxOffice

/// Commands that follow from a seed, about a few small events, so that places are always short.
///
/// The traffic adapts to the answers. It asks about holds that it got, uses keys and payments again, rightly and
/// wrongly, and moves time to just before, at and just after deadlines.
public struct RandomTraffic: Sendable {
    /// The sizes and shares of the traffic.
    public struct Shape: Sendable {
        public var events = 2
        /// The most places of a pool.
        public var capacity = 12
        /// How many of 100 commands change a definition.
        public var changes = 5
        /// How many of 100 commands about a hold are about any earlier hold and not one of the latest.
        public var oldHolds = 20
        /// The longest hold time in seconds; the shortest is 1.
        public var holdSeconds = 30
        /// How many of 100 commands are for queues. Without any, no event has one.
        public var queues = 0

        public init() {}
    }

    struct Given: Sendable {
        var id: HoldID
        var event: Int
        var end: Timestamp
        /// The event's grace when the hold was given (R11 Terms of a hold).
        var clientGrace: Duration
        var payment: PaymentReference?
        /// Its buyer and the note about it (R40 Corrections).
        var says: Correction.State
        /// Purchased or released. Whether it expired follows from the time.
        var isOver = false
    }

    public let seed: UInt64
    let shape: Shape
    var chance: SeededGenerator
    var definitions: [EventDefinition] = []
    var cancelled: Set<Code> = []
    var queues: [Code: KnownQueue] = [:]
    private var undefined: [EventDefinition] = []
    var given: [Given] = []
    /// The keys that were used. A key's scope includes the event, so no key is used for two events.
    private var keyed: [(key: IdempotencyKey, event: Code, command: Command)] = []
    private var extended: [Command] = []
    private var payments: [PaymentReference] = []
    /// Partial returns that were asked for, to be asked for again.
    var partReturns: [Command] = []
    private var office = Timestamp(milliseconds: 1_000_000)
    private var wallOffset: Int64 = 1_700_000_000_000
    private var last: Command?
    var made = 0

    public init(seed: UInt64, shape: Shape = Shape()) {
        self.seed = seed
        self.shape = shape
        chance = SeededGenerator(seed: seed)
        for index in 0..<shape.events {
            var definition = newDefinition(index)
            if shape.queues > 0 { newQueue(of: &definition) }
            undefined.append(definition)
        }
        definitions = undefined
        undefined.reverse()
    }

    /// The next command and its moment, never before an earlier one.
    public mutating func next() -> (Moment, Command) {
        made += 1
        if let definition = undefined.popLast() { return (now, remember(.define(definition))) }
        step()
        let dice = chance.number(in: 1...100)
        if dice <= shape.changes { return (now, remember(change())) }
        if shape.queues > 0, chance.chance(shape.queues), let command = queueCommand() {
            return (now, remember(command))
        }
        if dice <= 45 || given.isEmpty { return (now, remember(hold())) }
        return (now, remember(ending()))
    }

    /// Learns the outcome of a command; without one, of the command that ``next()`` returned last.
    public mutating func learn(_ outcome: Outcome, of command: Command? = nil) {
        let command = command ?? last
        switch outcome {
        case .held(let view, replayed: false):
            let index = Int(view.event)
            let grace = definitions[index].clientGrace
            var says = Correction.State()
            if case .hold(let request) = command { says.buyer = request.buyer }
            given.append(
                Given(
                    id: view.id, event: index, end: view.expiresAt.advanced(by: grace), clientGrace: grace, says: says))
        case .corrected(let view, _):
            if case .correct(_, let asked) = command { learnCorrection(view.id, asked.to) }
        case .erased(let id, _):
            if case .erase(let request) = command, !request.isTrial { learnCorrection(id, Correction.State()) }
        case .extended(let view, replayed: false):
            guard let position = given.firstIndex(where: { $0.id == view.id }) else { return }
            given[position].end = view.expiresAt.advanced(by: given[position].clientGrace)
        case .purchased(let view, _, repeated: false):
            guard let position = given.firstIndex(where: { $0.id == view.id }) else { return }
            given[position].isOver = true
            if case .purchase(_, let payment, _) = command { given[position].payment = payment }
        case .released(let view, repeated: false):
            guard let position = given.firstIndex(where: { $0.id == view.id }) else { return }
            given[position].isOver = true
        case .queue(let outcome): if case .queue(let event, _) = command { learn(outcome, of: event) }
        case .eventChanged(let event, _):
            if case .cancel = command { cancelled.insert(event) }
            if case .reinstate = command { cancelled.remove(event) }
            guard case .define(let definition, _, _) = command,
                let position = definitions.firstIndex(where: { $0.id == definition.id })
            else { return }
            definitions[position] = definition
        default: break
        }
    }

    var now: Moment {
        Moment(office: office, wall: WallTime(milliseconds: office.milliseconds + wallOffset))
    }

    private mutating func remember(_ command: Command) -> Command {
        last = command
        return command
    }

    /// Moves time: often not at all, often to a near deadline, rarely far.
    private mutating func step() {
        let dice = chance.number(in: 1...100)
        if dice <= 50 { return }
        if dice <= 83 { return advance(by: chance.number(in: 1...400)) }
        if dice <= 95 {
            let ahead = given.suffix(24).filter { !$0.isOver }.map(\.end).filter { $0 >= office }.sorted()
            guard !ahead.isEmpty else { return }
            let end = ahead[min(ahead.count - 1, chance.chance(70) ? 0 : chance.number(in: 0...3))]
            let target = end.milliseconds + Int64(chance.number(in: -1...1))
            return advance(by: Int(max(0, target - office.milliseconds)))
        }
        if dice <= 98 { return advance(by: chance.number(in: 1...shape.holdSeconds * 500)) }
        // The time of day may be set back; the store's own clock never goes back.
        if chance.chance(20) { wallOffset -= Int64(chance.number(in: 0...60_000)) }
        // Past the time for which keys of ended holds are kept, and past the time of all keys.
        switch chance.number(in: 1...100) {
        case 1...5: advance(by: 25 * 3_600_000)
        case 6...15: advance(by: 3_600_000 + chance.number(in: -10_000...1))
        default: break
        }
    }

    private mutating func advance(by milliseconds: Int) {
        office = Timestamp(milliseconds: office.milliseconds + Int64(milliseconds))
    }

    private mutating func hold() -> Command {
        if chance.chance(12), let used = chance.one(of: keyed) {
            if chance.chance(60) { return used.command }
            if case .hold(var request) = used.command {
                if chance.chance(80) {
                    request.lines.first.quantity &+= 1
                } else {
                    request.override.formSymmetricDifference(.pause)
                }
                return .hold(request)
            }
        }
        guard let definition = chance.one(of: definitions) else { return change() }
        var lines: [Line] = []
        for _ in 0..<(chance.chance(70) ? 1 : chance.number(in: 2...4)) {
            lines.append(Line(type: someType(of: definition), quantity: chance.number(in: 1...3)))
        }
        if chance.chance(25) {
            for index in lines.indices { lines[index].minimum = chance.number(in: 1...lines[index].quantity) }
        }
        if chance.chance(1) { lines[0].minimum = chance.one(of: [0, -1, 9, .max, .min]) ?? 0 }
        if chance.chance(2) { lines[0].quantity = chance.one(of: [0, -1, 1_000, .max, .min]) ?? 0 }
        if chance.chance(1) { lines[0].type = code("NO", 0) }
        let buyer = chance.chance(90) ? Buyer("buyer-\(chance.number(in: 1...4))") : nil
        let key = chance.chance(30) ? newKey() : nil
        let event = chance.chance(1) ? code("nowhere", 0) : definition.id
        guard let all = OneOrMore(lines) else { return change() }
        let override = chance.chance(8) ? Override(rawValue: UInt8(chance.number(in: 1...15))) : []
        let command = Command.hold(
            HoldRequest(
                event: event, lines: all, buyer: buyer, key: key, override: override, code: someCode(of: definition),
                pass: shape.queues > 0 ? somePass(for: definition.id) : nil))
        if let key { keyed.append((key, event, command)) }
        return command
    }

    /// A command about a hold that was given or, rarely, was not.
    private mutating func ending() -> Command {
        if chance.chance(6), let used = chance.one(of: Array(extended.suffix(4))) { return used }
        let recent = Array(given.suffix(12))
        let live = recent.filter { !$0.isOver && $0.end.advanced(by: .milliseconds(2)) >= office }
        let isOld = chance.chance(shape.oldHolds)
        let choice = isOld ? given : chance.chance(60) && !live.isEmpty ? live : recent
        let target = chance.one(of: choice)
        var id = target?.id ?? HoldID(1)
        if chance.chance(2) { id = HoldID(chance.one(of: [0, UInt64(given.count) + 1, .max]) ?? 0) }
        switch chance.number(in: 1...100) {
        case 1...42: return .purchase(id, payment(for: target), by: completer())
        case 43...45:
            guard let payment = chance.one(of: Array(payments.suffix(6))) else { return .look(id) }
            return .payBack(id, payment)
        case 46...60: return .release(id)
        case 61...78:
            let event = definitions[target?.event ?? 0].id
            if chance.chance(15), let used = chance.one(of: keyed.filter { $0.event == event }), target?.id == id {
                return .extend(id, key: used.key)
            }
            let key = chance.chance(40) && target?.id == id ? newKey() : nil
            if let key {
                keyed.append((key, event, .extend(id, key: key)))
                extended.append(.extend(id, key: key))
            }
            return .extend(id, key: key)
        case 79...82: return .returnPurchase(id)
        case 83...88: return returnPart(id, of: definitions[target?.event ?? 0])
        case 89...92: return erasing(id, target)
        case 93...96: return correction(id, target)
        default: return .look(id)
        }
    }

    /// Mostly with all its payments, as a caller reads them from the store, and sometimes without.
    private mutating func erasing(_ id: HoldID, _ target: Given?) -> Command {
        var references = target?.payment.map { [$0] } ?? []
        references += payments.suffix(6).filter { _ in chance.chance(80) }
        return .erase(
            ErasureRequest(
                hold: id, references: chance.chance(80) ? references : [], onlyPurchase: chance.chance(30),
                isTrial: chance.chance(20)))
    }

    private mutating func payment(for target: Given?) -> PaymentReference? {
        let dice = chance.number(in: 1...100)
        if dice <= 20 { return nil }
        if dice <= 40, let payment = target?.payment { return payment }
        if dice <= 50, let payment = chance.one(of: payments) { return payment }
        guard let payment = PaymentReference("payment-\(payments.count + 1)") else { return nil }
        payments.append(payment)
        return payment
    }

    func newKey() -> IdempotencyKey {
        IdempotencyKey(named: "key-\(keyed.count + 1)-\(made)")
    }
}
