import BoxOffice

// Judging by sale windows and by the terms that ticket types have of their own (R44 Terms of a type).

extension Oracle {
    /// Tickets by type.
    static func ofTypes(_ lines: [Asked.Line]) -> [String: Int] {
        lines.reduce(into: [:]) { $0[$1.type, default: 0] += $1.bounded }
    }

    /// Whether the event or one of these types is certainly not sold at the present time of day, and whether that may
    /// be.
    ///
    /// - Parameter code: an access code, which may open the sale early (R46 Access codes).
    private func isShut(
        _ types: some Sequence<String>, _ code: String?, _ definition: EventDefinition
    ) -> (surely: Bool, perhaps: Bool) {
        let opensEarly = code.flatMap { batch(of: $0, in: definition.id.text)?.opensAt } != nil
        var windows = [(definition.opensAt, definition.closesAt)]
        for code in types {
            guard needs(of: [.init(type: code, quantity: 1)], in: definition.id.text) != nil else {
                return (true, true)
            }
            // A type has no terms of its own for lines through an allocation (R45 Allocations).
            guard let type = definition.types.first(where: { $0.code.text == code }) else { continue }
            windows.append((type.opensAt, type.closesAt))
        }
        guard let wall else {
            let hasWindow = windows.contains { $0 != nil || $1 != nil }
            return (false, hasWindow)
        }
        let isShut = windows.contains { opensAt, closesAt in
            !opensEarly && opensAt.map { wall < $0 } ?? false || closesAt.map { wall >= $0 } ?? false
        }
        return (isShut, isShut)
    }

    /// The least and the most tickets of a type that `buyer` can have.
    func taken(
        ofType type: String, by buyer: String, in event: String, _ span: ClosedRange<Int64>, except: String? = nil
    ) -> ClosedRange<Int> {
        var (least, most) = (0, 0)
        for hold in boughtBy[event]?[buyer] ?? [] where hold != except {
            guard let account = accounts[hold], let tickets = account.ofTypes[type] else { continue }
            let states = states(of: account, span)
            let kept = account.left(of: type)
            if states.isSubset(of: [.held, .purchased]) {
                least += states.contains(.purchased) ? max(0, kept.lowerBound) : tickets
            }
            if !states.isDisjoint(with: [.held, .purchased]) {
                most += states.contains(.held) ? tickets : kept.upperBound
            }
        }
        for ghost in ghosts.values where ghost.event == event && ghost.buyer == buyer {
            if span.lowerBound < ghost.latestEnd { most += ghost.ofTypes[type] ?? 0 }
        }
        return least...most
    }

    /// Judges a new hold.
    mutating func judgeTerms(
        of hold: String, _ lines: [Asked.Line], _ buyer: String?, _ override: Override, _ code: String?,
        _ definition: EventDefinition, _ now: ClosedRange<Int64>
    ) {
        let wanted = Self.ofTypes(lines)
        if !override.contains(.window), isShut(wanted.keys, code, definition).surely {
            breach(.oneDecision, "\(hold) was given outside the sale window of its event or of a type")
        }
        for type in definition.types {
            guard let tickets = wanted[type.code.text] else { continue }
            if tickets < type.leastPerHold ?? 0 || tickets > type.mostPerHold ?? .max {
                breach(.typeTerms, "\(hold) was given for \(tickets) tickets of \(type.code)")
            }
            guard let limit = type.ticketsPerBuyer, !override.contains(.limits) else { continue }
            guard let buyer else {
                breach(.typeTerms, "\(hold) was given without a buyer, and \(type.code) limits buyers")
                continue
            }
            let taken = taken(ofType: type.code.text, by: buyer, in: definition.id.text, now)
            if taken.lowerBound + tickets > limit {
                breach(.typeTerms, "\(hold) gives \(buyer) more than \(limit) tickets of \(type.code)")
            }
        }
    }

    mutating func judgeTypeLimit(
        _ type: String, _ remaining: Int, _ buyer: String?, _ lines: [Asked.Line], _ event: String,
        _ span: ClosedRange<Int64>
    ) {
        let limit = definitions[event]?.types.first { $0.code.text == type }?.ticketsPerBuyer
        guard let limit, let buyer else {
            return breach(.typeTerms, "\(lines) of \(event) were refused for a limit of \(type), which there is not")
        }
        let taken = taken(ofType: type, by: buyer, in: event, span)
        let left = max(0, limit - taken.upperBound)...max(0, limit - taken.lowerBound)
        let asked = Self.ofTypes(lines)[type] ?? 0
        if taken.upperBound + asked <= limit || !left.contains(remaining) {
            breach(.typeTerms, "\(buyer) was refused \(asked) of \(type), with \(taken) and \(remaining) left")
        }
    }

    /// Whether a type's limit may be the reason why a hold got no more tickets of it.
    func isTypeLimitReached(
        _ type: EventDefinition.TicketType?, _ buyer: String?, _ event: String, _ now: ClosedRange<Int64>
    ) -> Bool {
        guard let type, let limit = type.ticketsPerBuyer, let buyer else { return false }
        return taken(ofType: type.code.text, by: buyer, in: event, now).upperBound >= limit
    }

    /// Judges a late purchase (R9 Late payment).
    mutating func judgeLateTerms(
        of hold: String, _ account: Account, _ definition: EventDefinition, _ span: ClosedRange<Int64>
    ) {
        if isShut(account.ofTypes.keys, account.code, definition).surely {
            breach(.latePayment, "\(hold) was won back by a late payment, and is not sold any more")
        }
        judgeLateCode(of: hold, account, span)
        for type in definition.types {
            guard let tickets = account.ofTypes[type.code.text], let limit = type.ticketsPerBuyer,
                let buyer = account.buyer
            else { continue }
            let taken = taken(ofType: type.code.text, by: buyer, in: account.event, span, except: hold)
            if taken.lowerBound + tickets > limit {
                breach(.typeTerms, "\(hold), paid late, gives \(buyer) more than \(limit) tickets of \(type.code)")
            }
        }
    }

    /// Judges that a request was refused because its event is cancelled (R42 Cancelled event).
    mutating func judgeCancelled(_ event: String, _ request: Ask) {
        guard isSequential, !cancelled.contains(event) else { return }
        breach(.cancelled, "\(request.asked) was refused as if the event were cancelled")
    }

    /// Whether a late payment may lose although places are free.
    func couldLoseByTerms(
        _ account: Account, _ hold: String, _ definition: EventDefinition, _ span: ClosedRange<Int64>
    ) -> Bool {
        if cancelled.contains(account.event) || isShut(account.ofTypes.keys, account.code, definition).perhaps {
            return true
        }
        if couldLoseByCode(account, hold, span) { return true }
        return definition.types.contains { type in
            guard let tickets = account.ofTypes[type.code.text], let limit = type.ticketsPerBuyer,
                let buyer = account.buyer
            else { return false }
            let taken = taken(ofType: type.code.text, by: buyer, in: account.event, span, except: hold)
            return taken.upperBound + tickets > limit
        }
    }
}
