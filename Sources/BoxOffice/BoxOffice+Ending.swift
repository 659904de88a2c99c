// Deciding what becomes of a hold that was given: extended, released, purchased, returned.

extension BoxOffice {
    mutating func extend(_ id: HoldID, key: IdempotencyKey?) throws(NotAtHand) -> Decision {
        let keyFact = key.map { KeyFact(key: $0, fingerprint: Fingerprint.ofExtending(id)) }
        if let keyFact, let use = use(of: keyFact.key), let answer = try replay(use, keyFact, isExtending: true) {
            return answer
        }
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        switch record.state {
        case .purchased: return refuse(.alreadyPurchased)
        case .returned: return refuse(.purchaseReturned)
        case .released: return refuse(.holdReleased)
        case .refundOwed: return sayExpired(record)
        case .held: break
        }
        guard record.isLive(at: clock) else { return sayExpired(record) }
        let terms = events[Int(record.event)].terms
        guard record.extensions < terms.maximumExtensions else {
            return refuse(.extensionDenied(limit: terms.maximumExtensions))
        }
        let deadline = max(record.deadline, clock.advanced(by: terms.life))
        let fact = make(.extended(id, deadline: deadline, key: keyFact))
        return (.extended(view(id), replayed: false), fact)
    }

    mutating func release(_ id: HoldID) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        switch record.state {
        case .purchased: return refuse(.alreadyPurchased)
        case .returned: return refuse(.purchaseReturned)
        case .released, .refundOwed: return (.released(view(id), repeated: true), nil)
        case .held: break
        }
        guard record.isLive(at: clock) else {
            let reached = recordExpiry(of: record)
            return (.released(view(id), repeated: true), reached)
        }
        let fact = make(.released(id))
        return (.released(view(id), repeated: false), fact)
    }

    mutating func purchase(_ id: HoldID, _ payment: PaymentReference?) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        if let payment, let other = payments[payment], other != id { return refuse(.paymentConflict) }
        switch record.state {
        case .purchased:
            // The same reference, or none, asks again; a reference not yet known is a second payment.
            if let payment, payments[payment] == nil { return refuse(.paymentConflict) }
            return (.purchased(view(id), late: record.late, repeated: true), nil)
        case .returned: return refuse(.purchaseReturned)
        case .released: return refuse(.holdReleased)
        case .refundOwed: return oweRefund(id, payment)
        case .held: break
        }
        guard record.isLive(at: clock) else { return purchaseLate(id, record, payment) }
        let fact = make(.purchased(id, payment: payment, late: false))
        return (.purchased(view(id), late: false, repeated: false), fact)
    }

    mutating func returnPurchase(_ id: HoldID) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        switch record.state {
        case .returned: return (.returned(view(id), repeated: true), nil)
        case .held, .released, .refundOwed: return refuse(.notPurchased)
        case .purchased: break
        }
        let fact = make(.returned(id))
        return (.returned(view(id), repeated: false), fact)
    }

    mutating func look(_ id: HoldID) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        if !record.isLive(at: clock), record.deadline.advanced(by: limits.endedHoldsShown) <= clock {
            return refuse(.unknownHold)
        }
        let isExpired = record.state == .held && !record.isLive(at: clock)
        let reached = isExpired ? recordExpiry(of: record) : nil
        return (.looked(view(id)), reached)
    }

    /// Paid after the deadline (rule 9): one try for the same places at the same price, or money is owed.
    private mutating func purchaseLate(_ id: HoldID, _ record: HoldRecord, _ payment: PaymentReference?) -> Decision {
        let policy = events[Int(record.event)].terms.latePayment
        guard let payment, policy == .reacquire else { return sayExpired(record) }
        guard fitsLimit(id, record), refusalOfPools(holds.lines(id, record), in: Int(record.event)) == nil else {
            return oweRefund(id, payment)
        }
        let fact = make(.purchased(id, payment: payment, late: true))
        return (.purchased(view(id), late: true, repeated: false), fact)
    }

    /// Whether the buyer may still have the tickets of a hold that is counted no more: a buyer who let a hold expire
    /// and took the limit again must not pay for both.
    private func fitsLimit(_ id: HoldID, _ record: HoldRecord) -> Bool {
        let event = Int(record.event)
        guard record.buyer > 0, let most = events[event].terms.ticketsPerBuyer else { return true }
        return taken(by: events[event].buyers.accounts[Int(record.buyer - 1)]).tickets + quantity(id, record) <= most
    }

    /// Once told that money is owed for a payment, that stays so, whatever comes free later: it may be paid back by
    /// now.
    private mutating func oweRefund(_ id: HoldID, _ payment: PaymentReference?) -> Decision {
        guard let payment else { return refuse(.holdExpired(refundRequired: false)) }
        let fact = payments[payment] == nil ? make(.refundOwed(id, payment: payment)) : nil
        return (.refused(.holdExpired(refundRequired: true)), fact)
    }

    private mutating func sayExpired(_ record: HoldRecord) -> Decision {
        (.refused(.holdExpired(refundRequired: false)), recordExpiry(of: record))
    }

    /// A fact that the clock reached the deadline, if none says so yet: before anyone is told of an expiry it must be
    /// certain that no restart turns the clock back behind it.
    mutating func recordExpiry(of record: HoldRecord) -> RecordedFact? {
        lastFactAt < record.deadline ? make(.clockReached) : nil
    }

    /// The hold of that number; `nil` if none was given.
    private func record(of id: HoldID) throws(NotAtHand) -> HoldRecord? {
        if let record = holds.record(id) { return record }
        if holds.wasGiven(id) { throw NotAtHand(hold: id) }
        return nil
    }

    /// - Precondition: the hold is at hand.
    func view(_ id: HoldID) -> HoldView {
        guard let record = holds.record(id) else { preconditionFailure("a hold that is shown is at hand") }
        let terms = events[Int(record.event)].terms
        let state: HoldView.State =
            switch record.state {
            case .held: record.isLive(at: clock) ? .held : .expired
            case .purchased: .purchased
            case .released: .released
            case .returned: .returned
            case .refundOwed: .expired
            }
        return HoldView(
            id: id, event: record.event, state: state, lines: holds.lines(id, record),
            expiresAt: terms.told(record.deadline),
            extensionsRemaining: max(0, terms.maximumExtensions - Int(record.extensions)))
    }
}
