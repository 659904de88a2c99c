// The queue of an event: who joins, whose turn it is, and how many are let in (Q1 Phases to Q10 One decision).

extension BoxOffice {
    mutating func queue(_ event: Code, _ command: QueueCommand, at now: Moment) -> Decision {
        guard let index = eventIndexes[event] else { return refuse(.unknownEvent) }
        guard let terms = events[index].definition.queue else { return refuse(.queue(.none)) }
        // What is free decides, and is shown.
        events[index].settle(at: clock)
        if case .open(let secret) = command { return open(secret, terms, in: index, at: now) }
        if case .join(let buyer, let key) = command { return join(buyer, key, terms, in: index, at: now) }
        guard queues[index] != nil else { return refuse(.queue(notOpen(index, at: now))) }
        switch command {
        case .open, .join: preconditionFailure("decided above")
        case .look(let number, let position): return look(number, position, terms, in: index, at: now)
        case .attend(let report): return attend(report, terms, in: index, at: now)
        case .beacon(let name, let value): return beacon(name, value, terms, in: index, at: now)
        case .leave(let number): return leave(number, in: index)
        case .adjust(let change): return adjust(change, terms, in: index, at: now)
        }
    }

    /// Changes the queue of an event, in place.
    private mutating func change<Result>(_ index: Int, _ body: (inout EventQueue) -> Result) -> Result {
        // Taken out, so that it is changed where it lies and not copied.
        guard var queue = queues.removeValue(forKey: index) else {
            preconditionFailure("a queue that changes was opened")
        }
        defer { queues[index] = queue }
        return body(&queue)
    }

    private func opened(_ index: Int) -> EventQueue {
        guard let queue = queues[index] else { preconditionFailure("a queue that decides was opened") }
        return queue
    }

    private func notOpen(_ index: Int, at now: Moment) -> QueueRefusal {
        .notOpen(opensAt: events[index].definition.queueOpensAt.flatMap { now.wall < $0 ? $0 : nil })
    }

    private mutating func make(_ fact: QueueFact, in index: Int) -> RecordedFact {
        make(.queue(event: UInt32(index), fact))
    }

    /// What forbids that the event gets another definition: an open queue keeps what its entries belong to, and the beacon that
    /// it announced for its draw, or that there is none. After the draw, the name says which value that was.
    func obstacles(ofQueueTo next: EventDefinition, in index: Int) -> [Mistake] {
        guard let queue = queues[index] else { return [] }
        var found: [Mistake] = []
        if let terms = next.queue, terms.identity != queue.identity { found.append(.queueIdentity(queue.identity)) }
        let isDrawn = queue.stage == .moving || queue.stage == .over
        let current = events[index].definition.queue
        // After the draw the event can do without its queue.
        let stays = !isDrawn || queue.count != nil && next.queue != nil && current != nil
        if stays, next.queue?.beacon != current?.beacon { found.append(.queueBeacon) }
        return found
    }

    // MARK: Joining

    /// A queue that was opened before stays as it is: its secret is committed to.
    private mutating func open(_ secret: [UInt8], _ terms: QueueTerms, in index: Int, at now: Moment) -> Decision {
        precondition(secret.count == QueueDraw.secretBytes, "a secret has 32 bytes")
        if queues[index] != nil {
            return (.queue(.changed(view(of: index, terms, at: now), repeated: true)), nil)
        }
        if events[index].cancelledAt != nil { return refuse(.eventCancelled(refundRequired: false)) }
        let refusal = notOpen(index, at: now)
        guard refusal == .notOpen(opensAt: nil) else { return refuse(.queue(refusal)) }
        if let refusal = refusalOfEnded(index, at: now) { return refuse(refusal) }
        let gathers = events[index].terms.opensAt.map { now.wall < $0 } ?? false
        let fact = make(.opened(secret: secret, gathers: gathers, terms.identity), in: index)
        return (.queue(.changed(view(of: index, terms, at: now), repeated: false)), fact)
    }

    private func refusalOfEnded(_ index: Int, at now: Moment) -> Refusal? {
        guard let closesAt = events[index].terms.closesAt, now.wall >= closesAt else { return nil }
        return .saleEnded(closedAt: closesAt)
    }

    private mutating func join(
        _ buyer: Buyer?, _ key: IdempotencyKey?, _ terms: QueueTerms, in index: Int, at now: Moment
    ) -> Decision {
        if events[index].cancelledAt != nil { return refuse(.eventCancelled(refundRequired: false)) }
        guard queues[index] != nil else { return refuse(.queue(notOpen(index, at: now))) }
        if (buyer != nil) != (terms.identity == .buyer) {
            return refuse(.invalid([buyer == nil ? .queueNeedsBuyer : .queueTakesNoBuyer]))
        }
        let digest = buyer.map { digester.digest($0) }
        let known = digest.flatMap { opened(index).numbers[$0] }
        if let key, let number = opened(index).keys.number(of: key, at: clock) {
            if digest != nil, known != number { return refuse(.keyReused) }
            return joined(number, terms, isRepeated: true, in: index)
        }
        if let known { return joined(known, terms, isRepeated: true, in: index) }
        if let refusal = refusalOfEnded(index, at: now) { return refuse(refusal) }
        // No copy of the queue lives on while it changes: its tables would be copied.
        let (issued, numbered) = (opened(index).issued, opened(index).numbered)
        guard issued < Limits.queueEntries else { return refuse(.queue(.full)) }
        let number = EntryNumber(issued)
        if let digest {
            let fact = make(.joined(number, digest), in: index)
            if let key { change(index) { $0.keys.remember(key, number, at: now.office) } }
            return joined(number, terms, isRepeated: false, fact, in: index)
        }
        let fact =
            issued == numbered
            ? make(.numbered(end: numbered + EventQueue.block), in: index)
            : turnAtOnce(number, terms, in: index, at: now)
        if opened(index).issued == issued { change(index) { $0.giveNumber() } }
        if let key { change(index) { $0.keys.remember(key, number, at: now.office) } }
        return joined(number, terms, isRepeated: false, fact, in: index)
    }

    /// Lets an entry in as it joins, if nobody waits and there is room for one more.
    private mutating func turnAtOnce(
        _ number: EntryNumber, _ terms: QueueTerms, in index: Int, at now: Moment
    ) -> RecordedFact? {
        guard opened(index).stage == .moving, opened(index).head == opened(index).issued,
            room(in: index, terms, at: now, atMost: 1) == 1
        else { return nil }
        spend(1, terms, in: index)
        let endsAt = clock.advanced(by: terms.turn)
        return make(
            .began(number, position: number.value, endsAt: endsAt, head: number.value + 1), in: index)
    }

    private mutating func joined(
        _ number: EntryNumber, _ terms: QueueTerms, isRepeated: Bool, _ fact: RecordedFact? = nil, in index: Int
    ) -> Decision {
        let queue = opened(index)
        let entry = entry(number, at: queue.position(of: number, drawn: nil), terms, in: index)
        // What a buyer or a turn at once has is recorded by a fact of its own, which may not be durable yet.
        let isOwn = fact != nil || isRepeated && (queue.identity == .buyer || entry.turnEndsAt != nil)
        let recordedBy = isOwn ? nextSequence - 1 : queue.numberedBy
        return (.queue(.joined(entry, repeated: isRepeated, recordedBy: recordedBy)), fact)
    }

    // MARK: Looking

    private mutating func look(
        _ number: EntryNumber, _ drawn: UInt32?, _ terms: QueueTerms, in index: Int, at now: Moment
    ) -> Decision {
        guard opened(index).wasGiven(number) else { return refuse(.queue(.unknownEntry)) }
        let begun = opened(index).entries[number].flatMap { $0.endsAt > .zero ? $0.position : nil }
        let position = begun ?? opened(index).position(of: number, drawn: drawn)
        guard let position, mayBegin(number, position, terms, in: index, at: now) else {
            return (.queue(.looked(entry(number, at: position, terms, in: index))), nil)
        }
        let endsAt = clock.advanced(by: terms.turn)
        let fact = make(.began(number, position: position, endsAt: endsAt, head: 0), in: index)
        return (.queue(.looked(entry(number, at: position, terms, in: index))), fact)
    }

    /// Whether the next look of an entry begins its turn (Q5 Turn). While nothing can be held, no turn is used up.
    private func mayBegin(
        _ number: EntryNumber, _ position: UInt32, _ terms: QueueTerms, in index: Int, at now: Moment
    ) -> Bool {
        let queue = opened(index)
        guard queue.stage == .moving, position < queue.head, queue.entries[number] == nil,
            let returnEnds = queue.returnEnds(position, terms), clock < returnEnds
        else { return false }
        return sells(index, at: now)
    }

    /// Whether the event as a whole sells at this moment.
    private func sells(_ index: Int, at now: Moment) -> Bool {
        events[index].cancelledAt == nil
            && refusalOfSale(events[index].terms, isPaused: events[index].isPaused, at: now) == nil
    }

    /// An entry as answers show it.
    func entry(_ number: EntryNumber, at position: UInt32?, _ terms: QueueTerms, in index: Int) -> QueueEntry {
        let queue = opened(index)
        var shown = QueueEntry(number: number, position: position, state: .waiting)
        guard let entry = queue.entries[number] else {
            guard let position else { return shown }
            if position >= queue.head {
                shown.ahead = position - queue.head
            } else {
                shown.ahead = 0
                // The time to return stands while nobody can.
                let isStanding = queue.stage == .over || events[index].isPaused
                let isLate = queue.returnEnds(position, terms).map { clock >= $0 } ?? true
                if isLate, !isStanding { shown.state = .passedBy }
            }
            return shown
        }
        if entry.hasLeft {
            (shown.state, shown.position) = (.closed, nil)
            return shown
        }
        shown.position = entry.position
        shown.ahead = 0
        shown.turnEndsAt = queue.saleClock.moment(of: entry.endsAt, at: clock)
        if entry.purchases >= terms.purchasesPerEntry {
            shown.state = .done
        } else if isLive(entry.hold) {
            shown.state = .inside
        } else if queue.isRunning(entry, at: clock) {
            shown.state = .called
        } else {
            shown.state = entry.purchases > 0 ? .done : .passedBy
        }
        return shown
    }

    private func isLive(_ hold: HoldID?) -> Bool {
        hold.flatMap { holds.record($0)?.isLive(at: clock) } ?? false
    }

    private mutating func leave(_ number: EntryNumber, in index: Int) -> Decision {
        guard opened(index).wasGiven(number) else { return refuse(.queue(.unknownEntry)) }
        let left = QueueEntry(number: number, state: .closed)
        if opened(index).entries[number]?.hasLeft == true { return (.queue(.looked(left)), nil) }
        return (.queue(.looked(left)), make(.left(number), in: index))
    }

    // MARK: Holding

    /// Why the queue does not let a hold through (Q6 Pass); `nil` if it does. It is asked before everything else of the event
    /// (Q10 One decision).
    func refusalOfQueue(_ request: HoldRequest, in index: Int) -> Refusal? {
        guard !request.override.contains(.queue), let terms = events[index].definition.queue else { return nil }
        guard let pass = request.pass else { return .queue(.passRequired) }
        guard let queue = queues[index] else {
            return .queue(.notYourTurn(position: pass.position, ahead: pass.position))
        }
        // Somebody else may have the number by now.
        if queue.lives.haveLost(pass.number, joinedAt: pass.joinedAt) { return .queue(.unknownEntry) }
        guard let entry = queue.entries[pass.number], entry.endsAt > .zero || entry.hasLeft else {
            let ahead = pass.position > queue.head ? pass.position - queue.head : 0
            return .queue(.notYourTurn(position: pass.position, ahead: ahead))
        }
        if entry.hasLeft || !queue.isRunning(entry, at: clock) { return .queue(.turnOver) }
        if entry.purchases >= terms.purchasesPerEntry || isLive(entry.hold) { return .queue(.passUsed) }
        if terms.identity == .buyer, request.buyer.map({ queue.numbers[digester.digest($0)] }) != pass.number {
            return .queue(.otherBuyer)
        }
        return nil
    }

    /// The entry that a hold is made by; none if its caller goes past the queue.
    func entry(of request: HoldRequest) -> HeldEntry {
        guard let pass = request.pass, !request.override.contains(.queue) else { return .none }
        return HeldEntry(pass.number)
    }

    /// Whether a late payment for a hold of an entry still fits into what the entry may buy.
    func fitsEntry(_ id: HoldID, _ record: HoldRecord) -> Bool {
        let index = Int(record.event)
        guard let number = holds.entry(of: id).number, let entry = queues[index]?.entries[number],
            let terms = events[index].definition.queue
        else { return true }
        let live: UInt32 = entry.hold != id && isLive(entry.hold) ? 1 : 0
        return Int(entry.purchases + live) < terms.purchasesPerEntry
    }

    // MARK: Operators

    private mutating func adjust(
        _ asked: QueueAdjustment, _ terms: QueueTerms, in index: Int, at now: Moment
    ) -> Decision {
        var mistakes: [Mistake] = []
        if let rate = asked.mostPerSecond, rate != 0, !Limits.queueRates.contains(rate) {
            mistakes.append(.outside(Limits.queueRates, at: "/most_per_second"))
        }
        if let people = asked.lettingIn, !Limits.queueLetIn.contains(people) {
            mistakes.append(.outside(Limits.queueLetIn, at: "/let_in"))
        } else if asked.lettingIn ?? 0 > 0, opened(index).stage != .moving {
            mistakes.append(.queueStands)
        }
        guard mistakes.isEmpty else { return refuse(.invalid(mistakes)) }
        let (wasPaused, oldRate, oldHead) = (opened(index).isPaused, opened(index).ownRate, opened(index).head)
        let isPaused = asked.isPaused ?? wasPaused
        let rate = asked.mostPerSecond ?? oldRate
        let (head, people) = opened(index).reach(for: asked.lettingIn ?? 0)
        if isPaused == wasPaused, rate == oldRate, head == oldHead {
            return (.queue(.changed(view(of: index, terms, at: now), repeated: true)), nil)
        }
        spend(0, terms, in: index)
        let fact = make(
            .adjusted(
                isPaused: isPaused, mostPerSecond: rate, head: head, people: people,
                isKnown: opened(index).presence.isComplete), in: index)
        return (.queue(.changed(view(of: index, terms, at: now), repeated: false)), fact)
    }

    /// The announced value, once, after the count was published (Q3 Draw). It makes the draw.
    private mutating func beacon(
        _ name: BeaconText, _ value: BeaconText, _ terms: QueueTerms, in index: Int, at now: Moment
    ) -> Decision {
        guard let announced = terms.beacon else { return refuse(.queue(.noBeacon)) }
        guard BeaconText(announced.name) == name else { return refuse(.queue(.otherBeacon)) }
        switch opened(index).stage {
        case .gathering: return refuse(.queue(.beaconEarly))
        case .moving, .over:
            guard opened(index).beacon == .given(value) else { return refuse(.queue(.beaconLate)) }
            return (.queue(.changed(view(of: index, terms, at: now), repeated: true)), nil)
        case .drawing:
            if opened(index).lostDraw != nil { return refuse(.queue(.beaconLate)) }
            let fact = make(.drawn(.given(value)), in: index)
            return (.queue(.changed(view(of: index, terms, at: now), repeated: false)), fact)
        }
    }
}
