import BoxOffice

// Judging answers to requests for a hold by all earlier answers.

extension Oracle {
    mutating func judgeHold(_ request: Ask, _ heard: Heard, _ span: ClosedRange<Int64>) {
        guard case .hold(let event, let written, let buyer, let override, let code, _) = request.asked else { return }
        let lines = drawn(written, with: code, in: event)
        let known = request.key.flatMap { uses[$0] }
        let mustRemember = known.map { isRemembered($0, span) } ?? false
        if let known, mustRemember, !isReplay(heard, of: known, request.asked) {
            breach(.keys, "\(request.asked) with its key again was answered \(heard), and \(known.hold) before")
        }
        switch heard {
        case .held(let hold, let told, let got):
            forgetGhosts(of: request.key)
            open(hold, request, told, got, span, isNew: true)
        case .again(let hold, let state, let told, let got):
            guard let key = request.key else { return breach(.keys, "\(hold) was replayed to no key") }
            if let known, known.hold != hold { breach(.keys, "\(hold) was replayed, answered was \(known.hold)") }
            if known == nil, !ghosts.contains(where: { $0.value.key == key }) {
                breach(.keys, "\(hold) was replayed to a key never used")
            }
            forgetGhosts(of: key)
            if accounts[hold] == nil { open(hold, request, told, got, span, isNew: false) }
            judgeAgain(hold, state, told, span)
        case .soldOut, .temporarilyHeld, .insufficient:
            guard isSequential, let needs = needs(of: lines.map { $0.taking($0.minimum) }, in: event) else { return }
            judgeShortage(heard, needs, event, span)
        case .buyerLimit where override.contains(.limits), .typeLimit where override.contains(.limits):
            breach(.override, "\(request.asked) goes past limits, and was answered \(heard)")
        case .buyerLimit(let remaining):
            guard isSequential else { return }
            judgeLimit(remaining, buyer, lines.reduce(0) { $0 + $1.taking($1.minimum).bounded }, event, span)
        case .eventCancelled(let refund):
            if refund || isSequential && !cancelled.contains(event) {
                breach(.cancelled, "\(request.asked) was refused as if the event were cancelled")
            }
        case .codeUsedUp(let remaining):
            guard isSequential else { return }
            judgeUsedUp(remaining, code, lines.reduce(0) { $0 + $1.taking($1.minimum).bounded }, event, span)
        case .typeLimit(let type, let remaining):
            guard isSequential else { return }
            judgeTypeLimit(type, remaining, buyer, lines.map { $0.taking($0.minimum) }, event, span)
        case .keyReused:
            guard let key = request.key else { return breach(.keys, "reused was said of a request without a key") }
            if let known = uses[key], known.asked != request.asked { return }
            if isSequential { breach(.keys, "\(request.asked) was called another request under its key") }
        case .refused: break
        default: breach(nil, "\(request.asked) was answered \(heard), which is not an answer to it")
        }
    }

    private mutating func forgetGhosts(of key: String?) {
        guard let key else { return }
        for (id, ghost) in ghosts where ghost.key == key { ghosts[id] = nil }
    }

    /// Whether the store must still know a used key: for a day if its hold lives or was purchased, else for an hour.
    func isRemembered(_ use: Use, _ span: ClosedRange<Int64>) -> Bool {
        if span.upperBound <= use.answeredAt + endedKeyRetention { return true }
        guard span.upperBound <= use.answeredAt + keyRetention, let account = accounts[use.hold] else { return false }
        let states = states(of: account, span)
        return states == [.held] || account.isLate == false && states.isSubset(of: [.purchased, .returned])
    }

    /// A replay must show the hold as it is now.
    mutating func judgeAgain(
        _ hold: String, _ state: Heard.State, _ told: ClosedRange<Int64>, _ span: ClosedRange<Int64>
    ) {
        guard let account = accounts[hold] else { return }
        look(hold, states(of: account, span), state)
        let grace = definitions[account.event]?.clientGrace.inMilliseconds ?? 0
        let end = (told.lowerBound + grace)...(told.upperBound + grace)
        let isExtending = account.pending.values.contains { if case .extend = $0 { true } else { false } }
        if state == .held, !isExtending, !end.overlaps(account.end) {
            breach(.keys, "\(hold) was replayed with its end at \(end), and it ends at \(account.end)")
        }
    }

    private func isReplay(_ heard: Heard, of use: Use, _ asked: Asked) -> Bool {
        switch heard {
        case .again(let hold, _, _, _): use.asked == asked && use.hold == hold
        case .keyReused: use.asked != asked
        case .eventCancelled: use.asked == asked
        case .refused: true
        default: false
        }
    }

    /// Opens an account for a hold that was given, and judges whether the store could give it.
    private mutating func open(
        _ hold: String, _ request: Ask, _ told: ClosedRange<Int64>, _ got: [Int], _ span: ClosedRange<Int64>,
        isNew: Bool
    ) {
        guard case .hold(let event, let written, let buyer, let override, let code, _) = request.asked else { return }
        let asked = drawn(written, with: code, in: event)
        guard accounts[hold] == nil else { return breach(.oneAnswer, "\(hold) was the answer to two requests") }
        guard got.count == asked.count, zip(asked, got).allSatisfy({ $0.minimum <= $1 && $1 <= $0.quantity }) else {
            return breach(.minimum, "\(hold) has \(got) tickets for \(asked)")
        }
        let lines = zip(asked, got).map { $0.taking($1) }
        guard let definition = definitions[event], let needs = needs(of: lines, in: event) else {
            return breach(.oneDecision, "\(hold) was given for \(request.asked), which is not for sale")
        }
        let tickets = lines.reduce(0) { $0 + $1.bounded }
        if lines.contains(where: { $0.quantity < 1 }) || tickets > definition.ticketsPerHold {
            breach(.bounds, "\(hold) was given for \(tickets) tickets at once")
        }
        let grace = definition.clientGrace.inMilliseconds
        let end = (told.lowerBound + grace)...(told.upperBound + grace)
        if isNew {
            let time = (definition.holdTime + definition.clientGrace).inMilliseconds
            if !end.overlaps((span.lowerBound + time)...(span.upperBound + time)) {
                breach(.deadline, "\(hold) of \(span) ends at \(end), its hold time is \(time) ms")
            }
            if cancelled.contains(event) { breach(.cancelled, "\(hold) was given after its event was cancelled") }
            if paused.contains(event), !override.contains(.pause) {
                breach(.oneDecision, "\(hold) was given while the sale was paused")
            }
        }
        let now = span.upperBound...span.upperBound
        if isNew, !override.contains(.limits) { judgeLimits(of: hold, tickets, buyer, definition, now) }
        if isNew { judgeTerms(of: hold, lines, buyer, override, code, definition, now) }
        if isNew, let code { judgeCode(of: hold, code, lines, event, now) }
        accounts[hold] = Account(
            event: event, promised: definition, needs: needs, tickets: tickets, ofTypes: Self.ofTypes(lines),
            buyer: buyer, code: code, end: end)
        if let code { withCode[event, default: [:]][code, default: []].insert(hold) }
        self.open[event, default: []].insert(hold)
        if let buyer { boughtBy[event, default: [:]][buyer, default: []].insert(hold) }
        if let key = request.key {
            uses[key] = Use(asked: request.asked, hold: hold, answeredAt: span.lowerBound)
        }
        guard isNew else { return }
        judgePlaces(of: hold, needs, definition, now)
        if isSequential, zip(asked, got).contains(where: { $0.quantity > $1 }) {
            if isUsedUp(code, event, now) { return }
            judgeFewer(hold, asked, got, override.contains(.limits) ? nil : buyer, definition, now)
        }
    }

    /// R25 Buyer limits of a new hold.
    private mutating func judgeLimits(
        of hold: String, _ tickets: Int, _ buyer: String?, _ definition: EventDefinition, _ now: ClosedRange<Int64>
    ) {
        guard definition.needsBuyer else { return }
        guard let buyer else {
            return breach(.buyerLimits, "\(hold) was given without a buyer, and the event limits buyers")
        }
        let event = definition.id.text
        let taken = taken(by: buyer, in: event, now)
        if let limit = definition.ticketsPerBuyer, taken.tickets.lowerBound + tickets > limit {
            breach(.buyerLimits, "\(hold) gives \(buyer) more than \(limit) tickets of \(event)")
        }
        if let limit = definition.holdsPerBuyer, taken.live.lowerBound + 1 > limit {
            breach(.buyerLimits, "\(hold) gives \(buyer) more than \(limit) live holds of \(event)")
        }
    }

    /// R22 Minimum quantity: fewer tickets than asked are right only if not one more of any line would have fit.
    ///
    /// - Parameter buyer: whose limits count.
    private mutating func judgeFewer(
        _ hold: String, _ asked: [Asked.Line], _ got: [Int], _ buyer: String?, _ definition: EventDefinition,
        _ now: ClosedRange<Int64>
    ) {
        if let buyer, let limit = definition.ticketsPerBuyer,
            taken(by: buyer, in: definition.id.text, now).tickets.upperBound >= limit
        {
            return
        }
        let tally = tally(of: definition.id.text, now)
        for (line, got) in zip(asked, got) where line.quantity > got {
            let type = definition.types.first { $0.code.text == line.type }
            let needs = needs(of: [line.taking(1)], in: definition.id.text) ?? [:]
            let isShort =
                bounds(of: needs, definition, tally).contains { $0.promised.upperBound >= $0.places.lowerBound }
                || isTypeLimitReached(type, buyer, definition.id.text, now)
            if !isShort { breach(.minimum, "\(hold) has \(got) of \(line), and more were free") }
        }
    }

    /// A sentence if more places of a pool are certainly promised than it has.
    func overdrawn(_ needs: [String: Int], _ definition: EventDefinition, _ tally: [String: Tally]) -> String? {
        for bound in bounds(of: needs, definition, tally) where bound.isCertain {
            let (promised, places) = (bound.promised.lowerBound, bound.places.upperBound)
            if promised > places { return "\(promised) of \(places) places of \(bound.name) are promised" }
        }
        return nil
    }

    mutating func judgePlaces(
        of hold: String, _ needs: [String: Int], _ definition: EventDefinition, _ now: ClosedRange<Int64>
    ) {
        let tally = tally(of: definition.id.text, now)
        if let finding = overdrawn(needs, definition, tally) { breach(.neverTwice, "with \(hold), \(finding)") }
    }

    private mutating func judgeShortage(
        _ heard: Heard, _ needs: [String: Int], _ event: String, _ span: ClosedRange<Int64>
    ) {
        let tally = tally(of: event, span)
        var (canBeSoldOut, mustBeSoldOut, canBeHeld, canBeFew, mustBeNone) = (false, false, false, false, false)
        for bound in definitions[event].map({ bounds(of: needs, $0, tally) }) ?? [] {
            let (promised, held, places) = (bound.promised, bound.held, bound.places)
            if promised.upperBound >= places.lowerBound, held.lowerBound <= 0 { canBeSoldOut = true }
            if bound.isCertain, promised.lowerBound >= places.upperBound, held.upperBound <= 0 { mustBeSoldOut = true }
            if promised.upperBound >= places.lowerBound, held.upperBound > 0 { canBeHeld = true }
            if bound.isCertain, promised.lowerBound >= places.upperBound { mustBeNone = true }
            if case .insufficient(let available) = heard, available > 0, available < bound.need,
                places.lowerBound - promised.upperBound <= available,
                available <= places.upperBound - promised.lowerBound
            {
                canBeFew = true
            }
        }
        let isRight =
            switch heard {
            case .soldOut: canBeSoldOut
            case .temporarilyHeld: canBeHeld && !mustBeSoldOut
            default: canBeFew && !mustBeNone
            }
        if !isRight { breach(.refusals, "\(needs) of \(event) were refused as \(heard), answered were \(tally)") }
    }

    private mutating func judgeLimit(
        _ remaining: Int, _ buyer: String?, _ asked: Int, _ event: String, _ span: ClosedRange<Int64>
    ) {
        guard let definition = definitions[event], let buyer else {
            return breach(.buyerLimits, "a request without a buyer was refused for a buyer's limit")
        }
        let taken = taken(by: buyer, in: event, span)
        let isFull = definition.holdsPerBuyer.map { taken.live.upperBound >= $0 } ?? false
        let limit = definition.ticketsPerBuyer ?? .max
        let left = max(0, limit - taken.tickets.upperBound)...max(0, limit - taken.tickets.lowerBound)
        let isOver = taken.tickets.upperBound + asked > limit && left.contains(remaining)
        if !isOver, !(isFull && remaining == 0) {
            breach(
                .buyerLimits,
                "\(buyer) was refused \(asked) more of \(event), with \(taken.tickets) and \(remaining) left")
        }
    }
}
