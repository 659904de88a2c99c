import BoxOffice

// Judging what a look says about payments (R55 Checkout).

extension Oracle {
    mutating func judgeLook(_ hold: String, _ was: Set<State>, _ state: Heard.State, _ payment: SeenPayment) {
        look(hold, was, state)
        // Answers that were lost, or came in another order, may have made a debt or settled one.
        guard isSequential else { return }
        if let isLate = accounts[hold]?.isLate { compare(payment.contains(.late), isLate, "bought late", hold) }
        compare(payment.contains(.owed), hasConfirmedDebt(hold), "owed back", hold)
        let isPaidBack = debts.values.contains { $0.hold == hold && $0.isPaidBack }
        // An erased hold says nothing of it (R41 Erasure).
        compare(payment.contains(.paidBack), isPaidBack && accounts[hold]?.isErased != true, "paid back", hold)
        let mayBeStrict = state == .held || state == .expired
        if let promised = accounts[hold]?.promised {
            let isStrict = mayBeStrict && promised.latePayment == .strict
            compare(payment.contains(.neverLate), isStrict, "never to be won late", hold)
        }
    }

    /// To a look, a hold that ended with its event says only whether a payment is owed back for it (R42 Cancelled event).
    mutating func judgeRefundOfCancelled(
        _ hold: String, _ refund: Bool, _ account: Account, _ request: Ask, _ span: ClosedRange<Int64>
    ) {
        guard case .look = request.asked else { return judgeRefund(hold, refund, account, request, span) }
        if isSequential { compare(refund, hasConfirmedDebt(hold), "owed back", hold) }
    }

    private mutating func compare(_ said: Bool, _ isSo: Bool, _ what: String, _ hold: String) {
        guard said != isSo else { return }
        breach(.checkout, "a look says that \(hold) has something \(what): \(said), and it should be the other way")
    }
}
