internal import BoxOffice
internal import NIOCore
internal import Synchronization
internal import TicketStore

// Holds, and late payments, that one part of their event could not serve. All who wait share one look at the parts, so
// that a crowd at a sold-out event costs a look a part and round trip, whatever its size. Nobody is refused before every
// part was asked, or seen by a look that was sent after the command came in.

extension RedisStore {
    /// Lets a command wait for a look at all parts of its event.
    func search(_ waiting: Foyer.Waiting, of number: UInt64) {
        let (event, isFirst) = foyer.withLock { foyer in
            let event = foyer.programme.event(of: number)
            return (event, foyer.search(waiting, of: event))
        }
        if isFirst { begin(.search(event)) }
    }

    /// Of commands whose call failed and that were certainly not decided: the holds that another part may serve.
    func holdsForOtherParts(
        _ waiting: [Foyer.Waiting], at number: UInt64, _ failure: StoreFailure
    ) -> [Foyer.Waiting] {
        guard case .suspended = failure, foyer.withLock({ $0.programme.entries[number]?.parts ?? 1 > 1 }) else {
            return []
        }
        return waiting.filter(\.isHold)
    }

    /// Serves those who wait for a look at an event, and those who come meanwhile.
    func search(_ event: UInt64) async {
        while let waiting = foyer.withLock({ $0.takeSearch(of: event) }) { await serve(waiting, of: event) }
    }

    private func serve(_ waiting: [Foyer.Waiting], of event: UInt64) async {
        let latest = waiting.map(\.arrived).max() ?? .now()
        var whole: JointNumbers
        do {
            whole = try await settled(event, since: latest)
        } catch {
            return fail(waiting, error == .outcomeUnknown ? .suspended(.unreachable) : error)
        }
        // The same without what is spoken for, so that not all of them go where one place is.
        var left = whole
        for one in waiting {
            // Places that are brought from elsewhere take a call after the other, and a replica that is away makes each slow.
            if let failure = foyer.withLock({ $0.condition }) == .closing ? StoreFailure.closing : one.isOverdue() {
                fail([one], failure)
                continue
            }
            switch turn(of: one, in: whole, left) {
            case .send(let part, let needs):
                left.speak(for: needs, in: part)
                send(one, to: part, of: event)
            case .gather(let needs, let target):
                do {
                    try await gather(needs, to: target, of: event, whole)
                    var one = one
                    one.part.isWhole = false
                    send(one, to: target, of: event)
                } catch {
                    fail([one], error == .outcomeUnknown ? .suspended(.unreachable) : error)
                }
                whole = foyer.withLock { $0.programme.joint(event) }
                left = whole
            case .give(let final):
                send(final, to: Int(final.part.number - event), of: event)
            case .tell(let refusal, let moment):
                one.box.deliver([TicketedReply(ticket: one.ticket, reply: .decided(.refused(refusal), at: moment))])
            case .fail(let failure): fail([one], failure)
            }
        }
    }

    private func send(_ waiting: Foyer.Waiting, to part: Int, of event: UInt64) {
        take(foyer.withLock { $0.send(waiting, to: event + UInt64(part)) })
    }

    /// Moves what a part lacks there, from all others at once.
    private func gather(
        _ needs: [JointNumbers.Need], to target: Int, of event: UInt64, _ joint: JointNumbers
    ) async throws(StoreFailure) {
        for (part, places) in joint.gathering(needs, to: target).sorted(by: { $0.key < $1.key }) {
            try await carry(places, from: part, to: target, of: event)
        }
    }

    // MARK: What is to be done

    private enum Turn {
        /// That part has what is needed, or had when it was seen.
        case send(part: Int, needs: [JointNumbers.Need])
        /// No part has it, and together they do.
        case gather([JointNumbers.Need], to: Int)
        /// A late payment that finds no places in any part: it is decided so.
        case give(final: Foyer.Waiting)
        case tell(Refusal, at: Moment)
        case fail(StoreFailure)
    }

    private func turn(of waiting: Foyer.Waiting, in whole: JointNumbers, _ left: JointNumbers) -> Turn {
        guard let known = whole.parts.compactMap({ $0 }).first else { return .fail(.suspended(.unreachable)) }
        if let lines = waiting.part.lines {
            let needs = JointNumbers.needs(
                lines.map { (type: Int($0.type), quantity: Int($0.quantity)) }.map { $0 }, known.catalogue)
            return turn(ofPayment: waiting, needs, in: whole)
        }
        guard case .hold(let request) = waiting.command else { return .fail(.outcomeUnknown) }
        guard waiting.part.tries < Foyer.tries else { return .fail(.overloaded) }
        var lines: [(type: Int, quantity: Int, minimum: Int)] = []
        for line in request.lines {
            // One that was replaced meanwhile is the function's to refuse.
            guard let type = known.catalogue.types.lastIndex(where: { $0.code == line.type && !$0.isRetired }) else {
                return .send(part: whole.parts.firstIndex { $0 != nil } ?? 0, needs: [])
            }
            lines.append((type, line.quantity, line.minimum))
        }
        let needs = JointNumbers.needs(lines.map { ($0.type, $0.quantity) }, known.catalogue)
        if let turn = turn(needs, in: whole, left) { return turn }
        guard whole.unreached.isEmpty else { return .fail(.suspended(.unreachable)) }
        guard let refusal = whole.refusal(of: needs) else { return gathering(needs, in: whole) }
        guard lines.contains(where: { $0.minimum < $0.quantity }) else {
            return .tell(refusal, at: known.numbers.moment)
        }
        let fewer = whole.fewer(lines, known.catalogue)
        if let refusal = fewer.refusal { return .tell(refusal, at: known.numbers.moment) }
        return gathering(fewer.needs, in: whole)
    }

    /// Where there is enough: first where it is nobody else's by now, then where it was.
    private func turn(_ needs: [JointNumbers.Need], in whole: JointNumbers, _ left: JointNumbers) -> Turn? {
        let part =
            left.parts.indices.first { left.has(needs, in: $0) }
            ?? whole.parts.indices.first { whole.has(needs, in: $0) }
        return part.map { .send(part: $0, needs: needs) }
    }

    private func gathering(_ needs: [JointNumbers.Need], in whole: JointNumbers) -> Turn {
        whole.bestTarget(for: needs).map { .gather(needs, to: $0) } ?? .fail(.overloaded)
    }

    /// A payment is its hold's, which stays in its part.
    private func turn(
        ofPayment waiting: Foyer.Waiting, _ needs: [JointNumbers.Need], in whole: JointNumbers
    ) -> Turn {
        guard whole.unreached.isEmpty, let first = whole.parts.first.flatMap({ $0 }) else {
            return .fail(.suspended(.unreachable))
        }
        let part = Int(waiting.part.number - UInt64(first.catalogue.event) - 1)
        if whole.refusal(of: needs) == nil {
            // Others were faster each time; there are places, so nothing is owed.
            guard waiting.part.tries < Foyer.tries else { return .fail(.overloaded) }
            return whole.has(needs, in: part) ? .send(part: part, needs: needs) : .gather(needs, to: part)
        }
        var final = waiting
        final.part.isFinal = true
        return .give(final: final)
    }
}

extension Foyer.Waiting {
    /// Why it waits no longer for its turn; nothing was decided.
    fileprivate func isOverdue(at now: NIODeadline = .now()) -> StoreFailure? {
        arrived + LookTimes.searched <= now ? .overloaded : nil
    }

    var isHold: Bool {
        if case .hold = command { true } else { false }
    }
}

extension Refusal {
    /// Whether there are too few places in a part, which another one may have.
    var isForWantOfPlaces: Bool {
        switch self {
        case .temporarilyHeld, .soldOut, .insufficientQuantity, .poolClosed: true
        default: false
        }
    }
}
