// The decision about a new hold, in the order of R3 One decision per hold: a key that was used before; the queue (Q10 One decision); event, types and
// quantities; sale window and pause; the buyer's limits; every pool; the bound on live holds. The edge has already
// checked that the caller may ask. An override (R43 Override) is looked at only where one of the checks would refuse.
//
// Some functions on the way of every decision are `mutating` and change nothing. They work on the box office where it lies;
// a function that is not would be given a copy of it, which has more than five hundred bytes.

extension BoxOffice {
    mutating func hold(_ request: HoldRequest, at now: Moment) throws(NotAtHand) -> Decision {
        let key = request.key.map { KeyFact(key: $0, fingerprint: request.fingerprint) }
        if let key, let use = use(of: key.key), let answer = try replay(use, key, isExtending: false) { return answer }
        guard let index = eventIndex(of: request.event) else { return refuse(.unknownEvent) }
        if events[index].cancelledAt != nil { return refuse(.eventCancelled(refundRequired: false)) }
        if events[index].terms.hasQueue, let refusal = refusalOfQueue(request, in: index) { return refuse(refusal) }
        if let code = request.code { return hold(request, with: code, key, in: index, at: now) }
        var lines: OneOrMore<HeldLine>
        do { lines = try checked(request.lines, in: index) } catch { return refuse(error.refusal) }
        let terms = events[index].terms
        if terms.typesHaveTerms, let refusal = refusalOfTypeQuantities(request.lines, lines, in: index) {
            return refuse(refusal)
        }
        if terms.keepsPlaces, let refusal = refusalOfReleased(lines, in: index) { return refuse(refusal) }
        let isPaused = events[index].isPaused
        if let refusal = refusalOfSale(terms, isPaused: isPaused, at: now, past: request.override) {
            return refuse(refusal)
        }
        if terms.typesHaveTerms, let refusal = refusalOfTypeSales(lines, at: now, in: index),
            !request.override.contains(.window)
        {
            return refuse(refusal)
        }
        if let refusal = refusalOfPlaces(lines, request, terms, in: index) {
            guard request.takesFewer else { return refuse(refusal) }
            if let refusal = fewer(&lines, request, terms, in: index) { return refuse(refusal) }
        }
        if events[index].hasHolds(limits.liveHolds, at: clock) { return refuse(.tooManyHolds) }
        return grant(lines, request, with: .none, key, terms, in: index)
    }

    @inline(__always)
    mutating func grant(
        _ lines: OneOrMore<HeldLine>, _ request: HoldRequest, with code: HeldCode, _ key: KeyFact?,
        _ terms: Event.Terms, in index: Int
    ) -> Decision {
        let promised = events[index].holdTerms[Int(terms.ofHolds)]
        let deadline = clock.advanced(by: promised.life)
        let id = HoldID(holds.next)
        let entry = terms.hasQueue ? entry(of: request) : .none
        let fact = makeHeld(
            id,
            HeldFact(
                event: UInt32(index), code: code, lines: lines, deadline: deadline, buyer: request.buyer, key: key,
                override: request.override, entry: entry))
        let view = HoldView(
            id: id, event: UInt32(index), state: .held, terms: terms.ofHolds, lines: lines,
            expiresAt: promised.expiresAt(deadline), extensionsRemaining: promised.maximumExtensions)
        return (.held(view, replayed: false), fact)
    }

    /// The index of an event. In an on-sale nearly every hold is for the event of the hold before, so that one is compared
    /// before anything is hashed.
    private mutating func eventIndex(of code: Code) -> Int? {
        if events.indices.contains(lastHeldEvent), events[lastHeldEvent].definition.id == code,
            !events[lastHeldEvent].isRemoved
        {
            return lastHeldEvent
        }
        guard let index = eventIndexes[code] else { return nil }
        lastHeldEvent = index
        return index
    }

    /// The answer to a request whose key was used before: the hold in its present state (R15 Idempotency keys).
    ///
    /// - Returns: `nil` if the event of that hold was removed, because its keys went with it.
    mutating func replay(_ use: KeyTable.Use, _ key: KeyFact, isExtending: Bool) throws(NotAtHand) -> Decision? {
        guard let record = holds.record(use.hold) else { throw NotAtHand(hold: use.hold) }
        if !isExtending, events[Int(record.event)].isRemoved { return nil }
        guard use.fingerprint == key.folded else { return refuse(.keyReused) }
        if endedWithItsEvent(record) { return refuse(.eventCancelled(refundRequired: false)) }
        let isExpired = record.state == .held && !record.isLive(at: clock)
        let reached = isExpired ? recordExpiry(of: record) : nil
        let view = view(use.hold)
        return (isExtending ? .extended(view, replayed: true) : .held(view, replayed: true), reached)
    }

    struct Refused: Error {
        let refusal: Refusal
    }

    /// The lines as a hold keeps them. Throws the refusal if a type is unknown or a quantity is out of bounds.
    mutating func checked(_ lines: OneOrMore<Line>, in index: Int) throws(Refused) -> OneOrMore<HeldLine> {
        guard lines.count <= limits.linesPerHold else {
            throw Refused(refusal: .invalid([.lines(most: limits.linesPerHold)]))
        }
        let held = try lines.map { line throws(Refused) in try checked(line, in: index) }
        let most = events[index].terms.ticketsPerHold
        var total = 0
        // By position: an iterator would copy and count every line.
        for position in lines.indices {
            let (quantity, minimum) = (lines[position].quantity, lines[position].minimum)
            guard quantity >= 1, quantity <= most else {
                throw Refused(refusal: .invalid([.quantity(ofLine: position, most: most)]))
            }
            guard minimum >= 1, minimum <= quantity else {
                throw Refused(refusal: .invalid([.minimum(ofLine: position, quantity: quantity)]))
            }
            total += quantity
        }
        guard total <= most else {
            throw Refused(refusal: .invalid([.tickets(most: most)]))
        }
        return held
    }

    private mutating func checked(_ line: Line, in index: Int) throws(Refused) -> HeldLine {
        guard let type = events[index].typeIndex(of: line.type) else {
            let isKnown = line.type.allocation != nil && events[index].typeIndex(of: line.type.whole) != nil
            let name = isKnown ? line.type.allocation : nil
            throw Refused(refusal: name.map { .unknownAllocation($0) } ?? .unknownTicketType(line.type.whole))
        }
        // The caller refuses a quantity that does not fit into 32 bits.
        return HeldLine(
            type: UInt16(type), quantity: Int32(clamping: line.quantity), price: events[index].offers[type].price)
    }

    /// Why the buyer's limit, an access code or a pool refuses `lines`; `nil` if none does.
    ///
    /// - Parameter codeLeft: tickets that the request's access code is still good for (R46 Access codes).
    mutating func refusalOfPlaces(
        _ lines: OneOrMore<HeldLine>, _ request: HoldRequest, codeLeft: Int = .max, _ terms: Event.Terms,
        in index: Int
    ) -> Refusal? {
        if terms.limitsBuyers, let refusal = refusalOfBuyer(request.buyer, terms, taking: lines, in: index),
            !request.override.contains(.limits)
        {
            return refusal
        }
        if terms.typesHaveTerms, let refusal = refusalOfTypeLimits(lines, for: request.buyer, in: index),
            !request.override.contains(.limits)
        {
            return refusal
        }
        if codeLeft != .max, lines.reduce(0, { $0 + Int($1.quantity) }) > codeLeft {
            return .codeUsedUp(remaining: codeLeft)
        }
        return refusalOfPools(lines, in: index)
    }

    /// Reduces `lines` to what can be had (R22 Minimum quantity): first every line gets its minimum, then each line as
    /// many more as fit, the first line first.
    ///
    /// - Returns: why not even the minimums can be had; `nil` if they can.
    mutating func fewer(
        _ lines: inout OneOrMore<HeldLine>, _ request: HoldRequest, codeLeft: Int = .max, _ terms: Event.Terms,
        in index: Int
    ) -> Refusal? {
        for (position, line) in request.lines.enumerated() { lines[position].quantity = Int32(clamping: line.minimum) }
        if let refusal = refusalOfPlaces(lines, request, codeLeft: codeLeft, terms, in: index) { return refusal }
        let keepsLimits = !request.override.contains(.limits)
        var left = PlacesLeft(events[index], at: wall)
        var remaining = codeLeft
        if keepsLimits, let most = terms.ticketsPerBuyer, let buyer = request.buyer {
            remaining = min(
                remaining, most - (events[index].buyers.account(of: buyer).map { taken(by: $0).tickets } ?? 0))
        }
        var ofTypes =
            keepsLimits && terms.typesHaveTerms ? leftOfTypes(lines, for: request.buyer, in: index) : [:]
        for line in lines {
            remaining -= Int(line.quantity)
            left.take(Int(line.quantity), ofType: Int(line.type))
        }
        for (position, line) in request.lines.enumerated() {
            let type = lines[position].type
            let more = min(
                line.quantity - line.minimum, remaining, ofTypes[type] ?? .max, left.most(ofType: Int(type)))
            guard more > 0 else { continue }
            if let rest = ofTypes[type] { ofTypes[type] = rest - more }
            lines[position].quantity += Int32(clamping: more)
            remaining -= more
            left.take(more, ofType: Int(type))
        }
        return nil
    }

    /// - Parameter opensEarly: whether an access code opens the sale (R46 Access codes).
    func refusalOfSale(
        _ terms: Event.Terms, isPaused: Bool, opensEarly: Bool = false, at now: Moment, past override: Override = []
    ) -> Refusal? {
        if !opensEarly, let opensAt = terms.opensAt, now.wall < opensAt, !override.contains(.window) {
            return .saleNotStarted(opensAt: opensAt)
        }
        if let closesAt = terms.closesAt, now.wall >= closesAt, !override.contains(.window) {
            return .saleEnded(closedAt: closesAt)
        }
        return isPaused && !override.contains(.pause) ? .salePaused : nil
    }

    private mutating func refusalOfBuyer(
        _ buyer: Buyer?, _ terms: Event.Terms, taking lines: OneOrMore<HeldLine>, in index: Int
    ) -> Refusal? {
        guard let buyer else {
            return .invalid([.noBuyer])
        }
        guard let account = events[index].buyers.account(of: buyer) else {
            let asked = lines.reduce(0) { $0 + Int($1.quantity) }
            let most = terms.ticketsPerBuyer ?? .max
            return asked <= most ? nil : .buyerLimitReached(remaining: most)
        }
        let (live, tickets) = taken(by: account)
        let asked = lines.reduce(0) { $0 + Int($1.quantity) }
        let remaining = max(0, (terms.ticketsPerBuyer ?? .max) - tickets)
        if live >= terms.holdsPerBuyer ?? .max { return .buyerLimitReached(remaining: 0) }
        return asked <= remaining ? nil : .buyerLimitReached(remaining: remaining)
    }

    /// A buyer's live holds, and the tickets that the buyer holds and has bought.
    func taken(by account: BuyerAccounts.Account) -> (live: Int, tickets: Int) {
        var live = 0
        var tickets = account.bought
        for id in account.holds {
            guard let record = holds.record(id), record.isLive(at: clock) else { continue }
            live += 1
            tickets += quantity(id, record)
        }
        return (live, tickets)
    }

    /// Why the pools cannot give `lines`; `nil` if they can. Lines that draw on the same pool are added up.
    mutating func refusalOfPools(_ lines: OneOrMore<HeldLine>, in index: Int) -> Refusal? {
        if events[index].terms.keepsPlaces { return refusalOfAllocated(lines, in: index) }
        if lines.rest.isEmpty {
            let pools = events[index].offers[Int(lines.first.type)].pools
            return refusalOfPools(in: index, needs: SameOfEach(pools: pools, quantity: Int(lines.first.quantity)))
        }
        // Sorted by pool. There are few, so a search is faster than hashing.
        var needs: [(pool: Int, quantity: Int)] = []
        needs.reserveCapacity(lines.count * 2)
        for line in lines {
            for pool in events[index].offers[Int(line.type)].pools {
                let slot = needs.firstIndex { $0.pool >= pool } ?? needs.count
                if slot < needs.count, needs[slot].pool == pool {
                    needs[slot].quantity += Int(line.quantity)
                } else {
                    needs.insert((pool, Int(line.quantity)), at: slot)
                }
            }
        }
        return refusalOfPools(in: index, needs: needs)
    }

    /// What one line needs: the same number of places in each pool. A lazy map would allocate its captures.
    private struct SameOfEach: RandomAccessCollection {
        let pools: PoolList
        let quantity: Int

        var startIndex: Int { 0 }
        var endIndex: Int { pools.count }

        subscript(position: Int) -> (pool: Int, quantity: Int) { (pools[position], quantity) }
    }

    /// If several pools are short, the most final reason is given: sold out, then held by others, then too few.
    private mutating func refusalOfPools(
        in index: Int, needs: some Collection<(pool: Int, quantity: Int)>
    ) -> Refusal? {
        var isShort = false
        for need in needs {
            if events[index].pools[need.pool].settle(at: clock) { events[index].noteChange() }
            if events[index].pools[need.pool].isClosed { return .poolClosed(events[index].pools[need.pool].code) }
            if events[index].pools[need.pool].free < need.quantity { isShort = true }
        }
        guard isShort else { return nil }
        var earliest: Timestamp?
        var fewest = Int.max
        for need in needs {
            let pool = events[index].pools[need.pool]
            guard pool.free < need.quantity else { continue }
            if pool.free > 0 {
                fewest = min(fewest, pool.free)
            } else if pool.held > 0, let next = pool.earliestExpiry {
                earliest = max(earliest ?? next, next)
            } else {
                return .soldOut
            }
        }
        return earliest.map { .temporarilyHeld(earliest: $0) } ?? .insufficientQuantity(available: fewest)
    }

    func refuse(_ refusal: Refusal) -> Decision {
        (.refused(refusal), nil)
    }
}
