// Deciding what becomes of a hold that was given: extended, released, purchased, returned.

extension BoxOffice {
    mutating func extend(_ id: HoldID, key: IdempotencyKey?) -> Answer {
        let keyFact = key.map { KeyFact(key: $0, fingerprint: Fingerprint.ofExtending(id)) }
        if let keyFact, let answer = answer(to: keyFact) { return answer }
        return withRecord(id) { office, record in
            switch record.state {
            case .purchased: return Decision(.refused(.alreadyPurchased))
            case .returned: return Decision(.refused(.purchaseReturned))
            case .released: return Decision(.refused(.holdReleased))
            case .refundOwed: return office.sayExpired(record)
            case .held: break
            }
            guard record.isLive(at: office.clock) else { return office.sayExpired(record) }
            let terms = office.events[Int(record.event)].terms
            guard record.extensions < terms.maximumExtensions else {
                return Decision(.refused(.extensionDenied(limit: terms.maximumExtensions)))
            }
            let deadline = max(record.deadline, office.clock.advanced(by: terms.life))
            let fact = office.make(.extended(id, deadline: deadline, key: keyFact))
            return Decision(.extended(office.view(id), replayed: false), fact)
        }
    }

    mutating func release(_ id: HoldID) -> Answer {
        withRecord(id) { office, record in
            switch record.state {
            case .purchased: return Decision(.refused(.alreadyPurchased))
            case .returned: return Decision(.refused(.purchaseReturned))
            case .released, .refundOwed: return Decision(.released(office.view(id), repeated: true))
            case .held: break
            }
            guard record.isLive(at: office.clock) else {
                let clock = office.recordExpiry(of: record)
                return Decision(.released(office.view(id), repeated: true), clock)
            }
            let fact = office.make(.released(id))
            return Decision(.released(office.view(id), repeated: false), fact)
        }
    }

    mutating func purchase(_ id: HoldID, _ payment: PaymentReference?) -> Answer {
        withRecord(id) { office, record in
            if let payment, let other = office.payments[payment], other != id {
                return Decision(.refused(.paymentConflict))
            }
            switch record.state {
            case .purchased:
                // The same reference, or none, asks again; a reference not yet known is a second payment.
                if let payment, office.payments[payment] == nil { return Decision(.refused(.paymentConflict)) }
                return Decision(.purchased(office.view(id), late: record.late, repeated: true))
            case .returned: return Decision(.refused(.purchaseReturned))
            case .released: return Decision(.refused(.holdReleased))
            case .refundOwed: return office.oweRefund(id, payment)
            case .held: break
            }
            guard record.isLive(at: office.clock) else { return office.purchaseLate(id, record, payment) }
            let fact = office.make(.purchased(id, payment: payment, late: false))
            return Decision(.purchased(office.view(id), late: false, repeated: false), fact)
        }
    }

    mutating func returnPurchase(_ id: HoldID) -> Answer {
        withRecord(id) { office, record in
            switch record.state {
            case .returned: return Decision(.returned(office.view(id), repeated: true))
            case .held, .released, .refundOwed: return Decision(.refused(.notPurchased))
            case .purchased: break
            }
            let fact = office.make(.returned(id))
            return Decision(.returned(office.view(id), repeated: false), fact)
        }
    }

    mutating func look(_ id: HoldID) -> Answer {
        withRecord(id) { office, record in
            if !record.isLive(at: office.clock),
                record.deadline.advanced(by: office.limits.endedHoldsShown) <= office.clock
            {
                return Decision(.refused(.unknownHold))
            }
            let isExpired = record.state == .held && !record.isLive(at: office.clock)
            let clock = isExpired ? office.recordExpiry(of: record) : nil
            return Decision(.looked(office.view(id)), clock)
        }
    }

    /// Paid after the deadline (rule 9): one try for the same places at the same price, or money is owed.
    private mutating func purchaseLate(_ id: HoldID, _ record: HoldRecord, _ payment: PaymentReference?) -> Decision {
        let policy = events[Int(record.event)].terms.latePayment
        guard let payment, policy == .reacquire else { return sayExpired(record) }
        guard fitsLimit(id, record), refusalOfPools(holds.lines(id, record), in: Int(record.event)) == nil else {
            return oweRefund(id, payment)
        }
        let fact = make(.purchased(id, payment: payment, late: true))
        return Decision(.purchased(view(id), late: true, repeated: false), fact)
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
        guard let payment else { return Decision(.refused(.holdExpired(refundRequired: false))) }
        let fact = payments[payment] == nil ? make(.refundOwed(id, payment: payment)) : nil
        return Decision(.refused(.holdExpired(refundRequired: true)), fact)
    }

    private mutating func sayExpired(_ record: HoldRecord) -> Decision {
        Decision(.refused(.holdExpired(refundRequired: false)), recordExpiry(of: record))
    }

    /// A fact that the clock reached the deadline, if none says so yet: before anyone is told of an expiry it must be
    /// certain that no restart turns the clock back behind it.
    private mutating func recordExpiry(of record: HoldRecord) -> RecordedFact? {
        lastFactAt < record.deadline ? make(.clockReached) : nil
    }

    private mutating func withRecord(
        _ id: HoldID, _ decide: (inout BoxOffice, HoldRecord) -> Decision
    ) -> Answer {
        guard let record = holds.record(id) else {
            return holds.wasGiven(id) ? .notAtHand(id) : refuse(.unknownHold)
        }
        return .decided(decide(&self, record))
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
