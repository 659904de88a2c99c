internal import DequeModule

/// The state of each payment that a request ever named: it bought a hold, it is owed back, or it was paid back.
struct PaymentTable: Sendable, Equatable {
    /// The number of the hold that the payment bought or, with the highest bit set, for which it was paid back.
    private var uses: [PaymentReference: UInt64] = [:]
    private var debts: [PaymentReference: Debt] = [:]
    private var unconfirmed = UnconfirmedDebts()
    /// The payments that are owed back for a hold.
    private var owedFor: [HoldID: [PaymentReference]] = [:]
    /// The holds for which a payment was paid back.
    private var paidBackFor: Set<HoldID> = []
    /// Whether some payments are known only by their erased names (R41 Erasure).
    private(set) var hasErased = false

    private static let paidBack: UInt64 = 1 << 63

    /// The hold that the payment bought.
    func bought(_ payment: PaymentReference) -> HoldID? {
        guard let use = uses[payment], use & Self.paidBack == 0 else { return nil }
        return HoldID(use)
    }

    /// The hold for which the payment was paid back. Such a payment buys nothing (R10 One payment, one hold).
    func paidBack(_ payment: PaymentReference) -> HoldID? {
        guard let use = uses[payment], use & Self.paidBack != 0 else { return nil }
        return HoldID(use & ~Self.paidBack)
    }

    /// The debt of a payment; `nil` if it is not owed back, or is unconfirmed and expired at `moment`.
    func debt(_ payment: PaymentReference, at moment: Timestamp, kept: Duration) -> Debt? {
        guard !debts.isEmpty, let debt = debts[payment] else { return nil }
        return debt.isConfirmed || moment < debt.at.advanced(by: kept) ? debt : nil
    }

    /// Records that the payment bought the hold.
    ///
    /// - Returns: the debt that this settles.
    @discardableResult
    mutating func buy(_ payment: PaymentReference, _ hold: HoldID) -> Debt? {
        uses[payment] = hold.number
        if payment.isErased { hasErased = true }
        return debts.isEmpty ? nil : end(payment)
    }

    /// Records that the payment was paid back.
    ///
    /// - Returns: the debt that this settles.
    @discardableResult
    mutating func payBack(_ payment: PaymentReference, _ hold: HoldID) -> Debt? {
        uses[payment] = hold.number | Self.paidBack
        paidBackFor.insert(hold)
        if payment.isErased { hasErased = true }
        return end(payment)
    }

    /// Records a debt.
    ///
    /// - Returns: the debt that it replaces.
    @discardableResult
    mutating func owe(_ payment: PaymentReference, _ debt: Debt) -> Debt? {
        let before = end(payment)
        debts[payment] = debt
        owedFor[debt.hold, default: []].append(payment)
        if !debt.isConfirmed { unconfirmed.add(payment, debt) }
        return before
    }

    /// Whether the bounds allow one more unconfirmed debt of `hold` (R23 Debts).
    func hasRoom(for hold: HoldID, of event: UInt32, limits: Limits) -> Bool {
        unconfirmed.count(of: event) < limits.unconfirmedDebtsPerEvent
            && unconfirmed.count(of: hold) < limits.unconfirmedDebtsPerHold
    }

    /// Drops expired unconfirmed debts. It costs one step for each of them.
    mutating func forget(before moment: Timestamp, kept: Duration) {
        while let payment = unconfirmed.takeExpired(at: moment, kept: kept) {
            if let debt = debts[payment], !debt.isConfirmed, debt.at.advanced(by: kept) <= moment { end(payment) }
        }
    }

    // MARK: Erasing (R41 Erasure)

    func isKnown(_ payment: PaymentReference) -> Bool {
        uses[payment] != nil || debts[payment] != nil
    }

    /// Whether the payment bought the hold, or was paid back for it.
    func isUsed(_ payment: PaymentReference, for hold: HoldID) -> Bool {
        uses[payment].map { $0 & ~Self.paidBack == hold.number } ?? false
    }

    func hasConfirmedDebt(of hold: HoldID) -> Bool {
        !owedFor.isEmpty && (owedFor[hold] ?? []).contains { debts[$0]?.isConfirmed ?? false }
    }

    /// Whether a payment was paid back for the hold.
    func hasPaidBack(for hold: HoldID) -> Bool {
        !paidBackFor.isEmpty && paidBackFor.contains(hold)
    }

    /// Drops all debts of a hold, and returns them.
    mutating func dropDebts(of hold: HoldID) -> [Debt] {
        (owedFor[hold] ?? []).compactMap { end($0) }
    }

    /// Keeps what became of the payment under another name.
    mutating func rename(_ payment: PaymentReference, to erased: PaymentReference) {
        guard let use = uses.removeValue(forKey: payment) else { return }
        uses[erased] = use
        hasErased = true
    }

    @discardableResult
    private mutating func end(_ payment: PaymentReference) -> Debt? {
        guard let debt = debts.removeValue(forKey: payment) else { return nil }
        owedFor[debt.hold]?.removeAll { $0 == payment }
        if owedFor[debt.hold]?.isEmpty ?? false { owedFor[debt.hold] = nil }
        if !debt.isConfirmed { unconfirmed.remove(debt) }
        return debt
    }
}

/// Counts unconfirmed debts by hold and by event, and finds those that expire next.
private struct UnconfirmedDebts: Sendable, Equatable {
    private struct Entry: Sendable, Equatable {
        var payment: PaymentReference
        var at: Timestamp
    }

    /// In the order of their moments. Some are settled or confirmed by now.
    private var order = Deque<Entry>()
    private var ofHold: [HoldID: Int] = [:]
    private var ofEvent: [UInt32: Int] = [:]

    func count(of hold: HoldID) -> Int { ofHold[hold] ?? 0 }
    func count(of event: UInt32) -> Int { ofEvent[event] ?? 0 }

    mutating func add(_ payment: PaymentReference, _ debt: Debt) {
        order.append(Entry(payment: payment, at: debt.at))
        ofHold[debt.hold, default: 0] += 1
        ofEvent[debt.event, default: 0] += 1
    }

    mutating func remove(_ debt: Debt) {
        let left = count(of: debt.hold) - 1
        ofHold[debt.hold] = left > 0 ? left : nil
        ofEvent[debt.event] = count(of: debt.event) - 1
    }

    mutating func takeExpired(at moment: Timestamp, kept: Duration) -> PaymentReference? {
        guard let first = order.first, first.at.advanced(by: kept) <= moment else { return nil }
        return order.removeFirst().payment
    }
}
