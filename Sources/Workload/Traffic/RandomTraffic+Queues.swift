internal import BoxOffice

// Random queues (Q1 Phases to Q10 One decision), where the traffic's shape asks for them.

/// What the traffic knows of a queue.
struct KnownQueue: Sendable {
    var isOpen = false
    var joined: UInt32 = 0
    var head: UInt32 = 0
    /// The positions that were drawn.
    var drawn: [UInt32]?
    /// Entries whose turn was seen to begin, with their positions.
    var turns: [QueuePass] = []

    func position(of number: EntryNumber) -> UInt32? {
        drawn.flatMap { Int(number.value) < $0.count ? $0[Int(number.value)] : nil }
    }
}

extension RandomTraffic {
    mutating func newQueue(of definition: inout EventDefinition) {
        guard chance.chance(80) else {
            definition.queue = nil
            return
        }
        var terms = QueueTerms(
            identity: chance.chance(70) ? .device : .buyer, turn: .seconds(chance.number(in: 10...60)),
            returning: .seconds(chance.number(in: 0...90)), purchasesPerEntry: chance.number(in: 1...2),
            mostPerSecond: chance.one(of: [1, 5, 500]) ?? 1)
        if chance.chance(40) { terms.beacon = .init(name: "dice") }
        definition.queue = terms
        if chance.chance(50) {
            definition.opensAt = WallTime(milliseconds: now.wall.milliseconds + Int64(chance.number(in: 0...3_000)))
        }
    }

    mutating func queueCommand() -> Command? {
        guard let event = chance.one(of: definitions.filter { $0.queue != nil || chance.chance(5) })?.id else {
            return nil
        }
        guard let known = queues[event], known.isOpen else {
            if chance.chance(10) { return .queue(event, .join()) }
            return .queue(event, .open(secret: (0..<32).map { _ in UInt8(chance.number(in: 0...255)) }))
        }
        switch chance.number(in: 1...100) {
        case 1...22:
            let isByBuyer = definitions.first { $0.id == event }?.queue?.identity == .buyer
            let buyer = isByBuyer != chance.chance(3) ? Buyer("buyer-\(chance.number(in: 1...9))") : nil
            let key = chance.chance(20) ? IdempotencyKey(named: "join \(chance.number(in: 1...9))") : nil
            return .queue(event, .join(buyer: buyer, key: key))
        case 23...52:
            let number = EntryNumber(someNumber(of: known))
            return .queue(event, .look(number, position: known.position(of: number)))
        case 53...86: return .queue(event, .attend(report(of: known)))
        case 87...89:
            guard let name = BeaconText(chance.chance(90) ? "dice" : "lottery"),
                let value = BeaconText("\(chance.number(in: 1...6))")
            else { return nil }
            return .queue(event, .beacon(name: name, value: value))
        case 90...92: return .queue(event, .leave(EntryNumber(someNumber(of: known))))
        default:
            return .queue(
                event,
                .adjust(
                    QueueAdjustment(
                        isPaused: chance.chance(30) ? chance.chance(30) : nil,
                        mostPerSecond: chance.chance(30) ? chance.one(of: [0, 1, 50, -1]) : nil,
                        lettingIn: chance.chance(40) ? chance.number(in: 0...4) : nil)))
        }
    }

    /// Mostly of one of the entries at the head.
    private mutating func someNumber(of known: KnownQueue) -> UInt32 {
        if let drawn = known.drawn, chance.chance(50),
            let near = drawn.indices.filter({ Int(drawn[$0]) + 4 > Int(known.head) }).min(by: { drawn[$0] < drawn[$1] })
        {
            return UInt32(near)
        }
        if chance.chance(40), known.head > 0 { return UInt32(chance.number(in: 0...Int(known.head))) }
        return UInt32(chance.number(in: 0...Int(known.joined)))
    }

    private mutating func report(of known: KnownQueue) -> PresenceReport {
        guard chance.chance(80) else { return PresenceReport() }
        let counts = (0..<16).map { _ in UInt32(chance.chance(70) ? chance.number(in: 0...2) : 0) }
        return PresenceReport(
            first: known.head, width: UInt32(chance.number(in: 1...2)), counts: counts, present: counts.reduce(0, +),
            isComplete: true)
    }

    /// Mostly the pass of an entry whose turn began.
    mutating func somePass(for event: Code) -> QueuePass? {
        guard let known = queues[event], chance.chance(90) else { return nil }
        if chance.chance(92), let pass = chance.one(of: Array(known.turns.suffix(6))) { return pass }
        let number = someNumber(of: known)
        return QueuePass(
            number: EntryNumber(number), position: known.position(of: EntryNumber(number)) ?? number,
            joinedAt: now.wall)
    }

    mutating func learn(_ outcome: QueueOutcome, of event: Code) {
        var known = queues[event] ?? KnownQueue()
        switch outcome {
        case .joined(let entry, _, _), .looked(let entry):
            known.joined = max(known.joined, entry.number.value + 1)
            if entry.state == .called, let position = entry.position {
                let pass = QueuePass(number: entry.number, position: position, joinedAt: now.wall)
                if !known.turns.contains(where: { $0.number == pass.number }) { known.turns.append(pass) }
            }
        case .attended(let view, _), .changed(let view, _):
            (known.isOpen, known.joined, known.head) = (true, view.joined, view.head)
            if known.drawn == nil, let count = view.count, let beacon = view.beacon {
                let seed = QueueDraw.seed(secret: view.secret, count: Int(count), event: event, beacon: beacon.text)
                known.drawn = QueueDraw.positions(seed: seed, count: Int(count))
            }
        }
        queues[event] = known
    }
}
