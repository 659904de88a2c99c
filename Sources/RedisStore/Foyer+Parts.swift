internal import BoxOffice
internal import NIOCore
internal import TicketStore

// Events in parts: where a hold begins, and who waits because the part that was asked could not serve.

extension Foyer {
    /// A command and the parts of its event.
    struct PartOfEvent: Sendable {
        /// Where it was asked last.
        var number: UInt64 = 0
        /// How often it was sent on to a part, after the first time.
        var tries = 0
        /// A hold: as many as asked for, or none.
        var isWhole = false
        /// A late payment: no part has the places.
        var isFinal = false
        /// A late payment: the lines that its part has too few places for.
        var lines: OneOrMore<HeldLine>?
    }

    /// Those whom one part could not serve. Their event is looked at as a whole by one task at a time.
    struct Search: Sendable {
        var waiting: [Waiting] = []
        var isUnderWay = false
    }

    /// How often a command is sent on before its caller is asked to come again.
    static let tries = 8

    /// Which part a hold is asked of first: by its key, so that it meets itself when it comes again, else by its buyer,
    /// else in turn; from there on the first that seems to have enough.
    mutating func firstPart(for request: HoldRequest, of event: UInt64, _ parts: Int) -> UInt64 {
        let start: UInt64
        if let name = request.key?.text ?? request.buyer?.text {
            var print = Fingerprint()
            print.add(name)
            start = print.value
        } else {
            nextPart &+= 1
            start = nextPart
        }
        let all = (0..<UInt64(parts)).map { event + (start &+ $0) % UInt64(parts) }
        return all.first { programme.entries[$0]?.seemsToHave(request.lines.first) ?? false }
            ?? all
            .first { programme.entries[$0] != nil } ?? event
    }

    /// Lets a command wait for a look at all parts of its event.
    ///
    /// - Returns: whether a task is to begin with that.
    mutating func search(_ waiting: Waiting, of event: UInt64) -> Bool {
        searches[event, default: Search()].waiting.append(waiting)
        waitingCount += 1
        guard searches[event]?.isUnderWay == false else { return false }
        searches[event]?.isUnderWay = true
        return true
    }

    /// Those who wait for a look at the event; `nil` if nobody does, and the task has ended.
    mutating func takeSearch(of event: UInt64) -> [Waiting]? {
        guard let waiting = searches[event]?.waiting, !waiting.isEmpty else {
            searches[event] = nil
            return nil
        }
        searches[event]?.waiting = []
        waitingCount -= waiting.count
        return waiting
    }

    /// Sends a command on to a part of its event.
    mutating func send(_ waiting: Waiting, to part: UInt64) -> Step {
        var waiting = waiting
        // A claim is one event's; for another part the name is claimed anew.
        if part != waiting.part.number { waiting.claim = nil }
        waiting.moves = 0
        waiting.part.tries += 1
        return place(waiting, at: part)
    }

    /// Events whose parts did not fit together for longer than a change takes.
    mutating func eventsToTidy(at now: NIODeadline) -> [UInt64] {
        var found: [UInt64] = []
        for event in programme.order where programme.entries[event]?.parts ?? 1 > 1 && !tidied.contains(event) {
            guard programme.isUntidy(event) else {
                untidySince[event] = nil
                continue
            }
            let since = untidySince[event] ?? now
            untidySince[event] = since
            if since + LookTimes.untidy <= now {
                untidySince[event] = nil
                tidied.insert(event)
                found.append(event)
            }
        }
        return found
    }
}

extension Programme {
    /// The numbers of all parts of an event, its own first; one for an event that is not split.
    func parts(of event: UInt64) -> Range<UInt64> {
        event..<event + UInt64(entries[event]?.parts ?? 1)
    }

    /// The event that a number belongs to.
    func event(of number: UInt64) -> UInt64 {
        number - UInt64(entries[number]?.part ?? 0)
    }

    /// Whether `number` is a part of an event other than its first.
    func isLaterPart(_ number: UInt64) -> Bool {
        let most = UInt64(Limits().partsPerEvent)
        return (1..<most).contains { step in
            step < number && UInt64(entries[number - step]?.parts ?? 1) > step
        }
    }

    /// What the parts of an event have together, as last heard.
    func joint(_ event: UInt64) -> JointNumbers {
        JointNumbers(parts(of: event).map { entries[$0] })
    }

    /// Whether something is to be done about an event's parts that a node began and did not end.
    func isUntidy(_ event: UInt64) -> Bool {
        let joint = joint(event)
        return !joint.isComplete || !joint.underWay.isEmpty || joint.mayResume || joint.balance != nil
    }
}

extension Programme.Entry {
    /// Whether this part had enough for a line when it was last heard of.
    func seemsToHave(_ line: Line) -> Bool {
        guard let type = catalogue.types.last(where: { $0.code == line.type && !$0.isRetired }) else { return true }
        return type.pools.allSatisfy { index in
            guard numbers.pools.indices.contains(index) else { return false }
            let pool = numbers.pools[index]
            return !pool.isClosed && !pool.isStopped && pool.free >= line.quantity
        }
    }
}
