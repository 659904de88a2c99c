// Decisions about a hold that exists: extend, release, purchase, pay back, look.

extension BoxOffice {
    mutating func extend(_ id: HoldID, key: IdempotencyKey?) throws(NotAtHand) -> Decision {
        let keyFact = key.map { KeyFact(key: $0, fingerprint: Fingerprint.ofExtending(id)) }
        if let keyFact, let use = use(of: keyFact.key), let answer = try replay(use, keyFact, isExtending: true) {
            return answer
        }
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        switch record.state {
        case .purchased: return refuse(.alreadyPurchased)
        case .returned: return refuse(.purchaseReturned(refundRequired: false))
        case .released: return refuse(.holdReleased(refundRequired: false))
        case .held: break
        }
        guard record.isLive(at: clock) else { return refuseExpired(record) }
        if endedWithItsEvent(record) { return refuse(.eventCancelled(refundRequired: false)) }
        let terms = promised(to: record)
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
        case .returned: return refuse(.purchaseReturned(refundRequired: false))
        case .released: return (.released(view(id), repeated: true), nil)
        case .held: break
        }
        guard record.isLive(at: clock) else {
            let reached = recordExpiry(of: record)
            return (.released(view(id), repeated: true), reached)
        }
        let fact = make(.released(id))
        return (.released(view(id), repeated: false), fact)
    }

    mutating func purchase(
        _ id: HoldID, _ payment: PaymentReference?, by completer: Completer, at now: Moment
    ) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        if payments.hasErased, let payment, let erased = erasedName(of: payment) {
            return try purchase(id, erased, by: completer, at: now)
        }
        if !completer.isKey, events[Int(record.event)].terms.completion == .shop {
            return refuse(.completedByShop)
        }
        let bought = payment.flatMap { payments.bought($0) }
        if let payment {
            let isSpent = bought.map { $0 != id } ?? (payments.paidBack(payment) != nil)
            if isSpent { return refuse(.paymentConflict(refundRequired: false)) }
        }
        switch record.state {
        case .purchased:
            // The same reference, or none, repeats the purchase. A reference that bought nothing is a second payment.
            guard let payment, bought == nil else {
                if payment == nil, isSale(record, ofAnotherThan: completer) { return refuse(.alreadyPurchased) }
                return (.purchased(view(id), late: record.late, repeated: true), nil)
            }
            let refusal = Refusal.paymentConflict(refundRequired: true)
            return owe(id, record, payment, .alreadyPurchased, by: completer, refusal)
        case .returned:
            guard let payment, bought == nil else { return refuse(.purchaseReturned(refundRequired: false)) }
            return owe(id, record, payment, .returned, by: completer, .purchaseReturned(refundRequired: true))
        case .released:
            guard let payment else { return refuse(.holdReleased(refundRequired: false)) }
            return owe(id, record, payment, .released, by: completer, .holdReleased(refundRequired: true))
        case .held: break
        }
        if events[Int(record.event)].cancelledAt != nil {
            return purchaseOfCancelled(id, record, payment, by: completer)
        }
        guard record.isLive(at: clock) else { return purchaseLate(id, record, payment, by: completer, at: now) }
        return purchased(id, payment, late: false, by: completer)
    }

    /// Whether another seller sold what a shop completes (R48 Operator keys). An answer would show it what that one sold.
    private func isSale(_ record: HoldRecord, ofAnotherThan completer: Completer) -> Bool {
        guard case .seller(let seller, isShop: true) = completer, let known = sellers.name(of: record.seller) else {
            return false
        }
        return known != seller
    }

    mutating func payBack(_ id: HoldID, _ payment: PaymentReference) -> Decision {
        guard holds.wasGiven(id) else { return refuse(.unknownHold) }
        let payment = payments.hasErased ? erasedName(of: payment) ?? payment : payment
        if payments.paidBack(payment) == id { return (.paidBack(id, repeated: true), nil) }
        guard debt(payment)?.hold == id else { return refuse(.unknownDebt) }
        return (.paidBack(id, repeated: false), make(.paidBack(id, payment: payment)))
    }

    mutating func look(_ id: HoldID) throws(NotAtHand) -> Decision {
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        let isSold = record.state == .purchased || record.state == .returned
        if !isSold, !record.isLive(at: clock), record.deadline.advanced(by: limits.endedHoldsShown) <= clock {
            return refuse(.unknownHold)
        }
        let isOwed = payments.hasConfirmedDebt(of: id)
        if endedWithItsEvent(record) { return refuse(.eventCancelled(refundRequired: isOwed)) }
        let isExpired = record.state == .held && !record.isLive(at: clock)
        let reached = isExpired ? recordExpiry(of: record) : nil
        var payment: SeenPayment = record.late ? .late : []
        if isOwed { payment.insert(.owed) }
        if payments.hasPaidBack(for: id), !record.isErased { payment.insert(.paidBack) }
        if record.state == .held, promised(to: record).latePayment == .strict { payment.insert(.neverLate) }
        return (.looked(view(id), payment: payment), reached)
    }

    /// A payment after the deadline (R9 Late payment): one attempt to get the same places at the same price, else a debt.
    private mutating func purchaseLate(
        _ id: HoldID, _ record: HoldRecord, _ payment: PaymentReference?, by completer: Completer, at now: Moment
    ) -> Decision {
        guard let payment else { return refuseExpired(record) }
        let refusal = Refusal.holdExpired(refundRequired: true)
        guard promised(to: record).latePayment == .reacquire else {
            return owe(id, record, payment, .late, by: completer, refusal)
        }
        let event = Int(record.event)
        if events[event].isRemoved { return owe(id, record, payment, .eventRemoved, by: completer, refusal) }
        let lines = holds.lines(id, record)
        let code = holds.code(of: id)
        guard sells(lines, with: code, at: now, in: event) else {
            return owe(id, record, payment, .notOnSale, by: completer, refusal)
        }
        // A debt of this hold stays a debt, whatever comes free: the operator may have paid it back by now. But a debt
        // that a token alone reported does not stop a key.
        let isOwed = debt(payment).map { $0.hold == id && ($0.isConfirmed || !completer.isKey) } ?? false
        // Nobody can tell any more whose limit the tickets of an erased hold would count for.
        guard !isOwed, !record.isErased, fitsLimit(id, record), fitsTypeLimits(lines, of: record.buyer, in: event),
            fitsCode(code, lines, in: event), fitsEntry(id, record), refusalOfPools(lines, in: event) == nil
        else { return owe(id, record, payment, .placesGone, by: completer, refusal) }
        return purchased(id, payment, late: true, by: completer)
    }

    @inline(__always)
    private mutating func purchased(
        _ id: HoldID, _ payment: PaymentReference?, late: Bool, by completer: Completer
    ) -> Decision {
        let settles = payment.map { debt($0) != nil } ?? false
        let fact = make(
            .purchased(id, payment: payment, late: late, settles: settles, seller: completer.seller))
        return (.purchased(view(id), late: late, repeated: false), fact)
    }

    /// Whether the tickets of an expired hold still fit the buyer's limit. A buyer who let a hold expire and used up the
    /// limit with another one must not get both.
    private func fitsLimit(_ id: HoldID, _ record: HoldRecord) -> Bool {
        let event = Int(record.event)
        guard let account = record.buyer.index, let most = events[event].terms.ticketsPerBuyer else { return true }
        return taken(by: events[event].buyers.accounts[account]).tickets + quantity(id, record) <= most
    }

    /// Records a payment that buys nothing, whatever the reason (R23 Debts). A payment has one debt at the most. A
    /// confirmed debt stays as it is, and so does any debt that a token reports again.
    mutating func owe(
        _ id: HoldID, _ record: HoldRecord, _ payment: PaymentReference, _ reason: DebtReason, by completer: Completer,
        _ refusal: Refusal
    ) -> Decision {
        let known = debt(payment)
        let isConfirmed = completer.isKey
        var isNew = known.map { isConfirmed && !$0.isConfirmed } ?? true
        if !isConfirmed {
            payments.forget(before: clock, kept: limits.unconfirmedDebtsKept)
            isNew = isNew && payments.hasRoom(for: id, of: record.event, limits: limits)
        }
        if isNew {
            return (.refused(refusal), make(.refundOwed(id, payment: payment, reason, isConfirmed: isConfirmed)))
        }
        let isExpired = record.state == .held && !record.isLive(at: clock)
        return (.refused(refusal), isExpired ? recordExpiry(of: record) : nil)
    }

    private func debt(_ payment: PaymentReference) -> Debt? {
        payments.debt(payment, at: clock, kept: limits.unconfirmedDebtsKept)
    }

    mutating func refuseExpired(_ record: HoldRecord) -> Decision {
        (.refused(.holdExpired(refundRequired: false)), recordExpiry(of: record))
    }

    /// A fact that the clock reached the deadline, unless an earlier fact says so. It is recorded before the caller learns
    /// of the expiry, so that no restart turns the clock back behind that answer (R7 Restart).
    mutating func recordExpiry(of record: HoldRecord) -> RecordedFact? {
        lastFactAt < record.deadline ? make(.clockReached) : nil
    }

    /// The hold with this number; `nil` if there is none.
    func record(of id: HoldID) throws(NotAtHand) -> HoldRecord? {
        if let record = holds.record(id) { return record }
        if holds.wasGiven(id) { throw NotAtHand(hold: id) }
        return nil
    }

    /// The terms that the hold was made under (R11 Terms of a hold).
    func promised(to record: HoldRecord) -> Event.HoldTerms {
        events[Int(record.event)].holdTerms[Int(record.terms)]
    }

    /// The hold as answers show it. It must be in memory. It changes nothing, see `BoxOffice+Holding.swift`.
    mutating func view(_ id: HoldID) -> HoldView {
        guard let record = holds.record(id) else { preconditionFailure("a hold that is shown is in memory") }
        let terms = promised(to: record)
        let state: HoldView.State =
            switch record.state {
            case .held: record.isLive(at: clock) ? .held : .expired
            case .purchased: .purchased
            case .released: .released
            case .returned: .returned
            }
        return HoldView(
            id: id, event: record.event, state: state, terms: record.terms, lines: holds.lines(id, record),
            expiresAt: terms.expiresAt(record.deadline),
            extensionsRemaining: max(0, terms.maximumExtensions - Int(record.extensions)))
    }
}
