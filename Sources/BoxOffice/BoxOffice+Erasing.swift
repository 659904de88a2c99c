// Erasing who had a hold and how it was paid (R41 Erasure).

extension BoxOffice {
    mutating func erase(_ request: ErasureRequest) throws(NotAtHand) -> Decision {
        let id = request.hold
        guard let record = try record(of: id) else { return refuse(.unknownHold) }
        let isSold = record.state == .purchased || record.state == .returned
        guard isSold || !request.onlyPurchase else { return refuse(.notPurchased) }
        guard !record.isLive(at: clock) else { return refuse(.holdIsLive) }
        // From here on the answer tells of an expiry.
        let isExpired = record.state == .held
        if payments.hasConfirmedDebt(of: id) {
            return (.refused(.holdHasDebt), isExpired ? recordExpiry(of: record) : nil)
        }
        let isRepeat = record.isErased && !owedSinceErasure.contains(id)
        guard !isRepeat, !request.isTrial else {
            return (.erased(id, repeated: isRepeat), isExpired ? recordExpiry(of: record) : nil)
        }
        return (.erased(id, repeated: false), make(.erased(id, references: request.references)))
    }

    mutating func applyErased(_ id: HoldID, _ references: [PaymentReference]) {
        let record = atHand(id)
        if record.state == .purchased { addBought(Self.kept(holds.lines(id, record)), record, sign: -1) }
        events[Int(record.event)].buyers.leave(record.buyer)
        holds.update(id) { $0.buyer = .erased }
        holds.setNote(nil, of: id)
        for debt in payments.dropDebts(of: id) { noteEnded(debt) }
        // Memory may know some of them by their erased names already, and others belong to another hold by now.
        for payment in references where payments.isUsed(payment, for: id) {
            payments.rename(payment, to: digester.erased(payment))
        }
        owedSinceErasure.remove(id)
        if let number = holds.entry(of: id).number { queues[Int(record.event)]?.forgetBuyer(of: number) }
    }

    /// Notes that a payment was reported for an erased hold, while a ledger is restored.
    public mutating func restoreOwedSinceErasure(_ hold: HoldID) {
        owedSinceErasure.insert(hold)
    }

    /// The name under which an erased payment is known; `nil` if this payment was not erased.
    func erasedName(of payment: PaymentReference) -> PaymentReference? {
        guard !payment.isErased, !payments.isKnown(payment) else { return nil }
        let name = digester.erased(payment)
        return payments.isKnown(name) ? name : nil
    }
}
