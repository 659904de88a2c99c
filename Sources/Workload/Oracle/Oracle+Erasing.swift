import BoxOffice

// Judging erasures (R41 Erasure). The oracle keeps every payment as it was sent: an erased one must lead to the same
// answers as before.

extension Oracle {
    mutating func judgeErasure(_ hold: String, _ was: Set<State>, _ request: Ask, _ heard: Heard) {
        guard case .erase(_, let onlyPurchase, let isTrial) = request.asked, let account = accounts[hold] else {
            return breach(nil, "\(request.asked) was answered \(heard), which is not an answer to it")
        }
        switch heard {
        case .isLive: expect(hold, was, [.held], request, heard)
        case .hasDebt:
            if isSequential, !hasConfirmedDebt(hold) {
                breach(.erasure, "\(hold) was not erased for an open debt, and has none")
            }
        case .erased(let repeated):
            let sold: Set<State> = [.purchased, .returned]
            expect(hold, was, onlyPurchase ? sold : sold.union([.expired, .released]), request, heard)
            guard isSequential else { return }
            if hasConfirmedDebt(hold) { breach(.erasure, "\(hold) was erased, and a payment is owed back for it") }
            if repeated != (account.isErased && !account.wasOwedSinceErasure) {
                breach(.erasure, "\(hold) was erased, repeated \(repeated), and it should be the other way")
            }
            if !isTrial, !repeated { erase(hold, account) }
        default: break
        }
    }

    private mutating func erase(_ hold: String, _ account: Account) {
        accounts[hold]?.isErased = true
        accounts[hold]?.wasOwedSinceErasure = false
        // Its tickets count for nobody's limit any more.
        if let buyer = account.buyer { boughtBy[account.event]?[buyer]?.remove(hold) }
        accounts[hold]?.buyer = nil
        accounts[hold]?.note = nil
        // What only a token reported goes as well.
        debts = debts.filter { $0.value.hold != hold || $0.value.isPaidBack }
    }

    func hasConfirmedDebt(_ hold: String) -> Bool {
        debts.values.contains { $0.hold == hold && $0.isConfirmed && !$0.isPaidBack }
    }
}
