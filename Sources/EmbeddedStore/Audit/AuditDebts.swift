internal import BoxOffice
internal import Cryptography

/// The recount's own account of payments: what each bought, and which are owed back (R10 One payment, one hold;
/// R23 Debts).
struct AuditDebts {
    struct Owed {
        var hold: Int64
        var event: Int64
        var at: Int64
        var isConfirmed: Bool
    }

    /// The hold that each payment bought.
    private var bought: [String: Int64] = [:]
    private var owed: [String: Owed] = [:]
    private var paidBack: Set<String> = []
    /// The ledger's secret. From the first erased name on, all payments go by their erased names: an erasure changes
    /// only some of the rows that have a payment.
    var secret: [UInt8] = []
    private var hasErased = false

    mutating func buy(_ named: String, _ hold: Int64) throws {
        let payment = known(named)
        let before = bought.updateValue(hold, forKey: payment)
        try expect(
            before == nil || before == hold,
            "R10 One payment, one hold: one payment is for holds \(before ?? 0) and \(hold)")
        try expect(!paidBack.contains(payment), "R23 Debts: payment \(payment) bought a hold after it was paid back")
        owed[payment] = nil
    }

    mutating func owe(_ named: String, _ debt: Owed) throws {
        let payment = known(named)
        try expect(
            bought[payment] == nil && !paidBack.contains(payment) && owed[payment]?.isConfirmed != true,
            "R23 Debts: payment \(payment) is owed back, and bought a hold or is owed already")
        owed[payment] = debt
    }

    mutating func payBack(_ named: String, for hold: Int64) throws {
        let payment = known(named)
        let debt = owed.removeValue(forKey: payment)
        try expect(debt?.hold == hold, "R23 Debts: payment \(payment) was paid back and not owed")
        paidBack.insert(payment)
    }

    func hasConfirmed(of event: Int64) -> Bool {
        owed.values.contains { $0.event == event && $0.isConfirmed }
    }

    /// Compares the facts with the list of open debts, which a start reads.
    ///
    /// - Parameters:
    ///   - list: payment, hold, confirmed and moment of each open debt.
    ///   - expiry: unconfirmed debts of this moment or before have expired. The list may have them or not.
    mutating func compare(with list: Cursor, expiry: Int64) throws {
        func counts(isConfirmed: Bool, at moment: Int64) -> Bool { isConfirmed || moment > expiry }
        var left = owed.filter { counts(isConfirmed: $0.value.isConfirmed, at: $0.value.at) }
        while try list.next() {
            let (payment, hold, isConfirmed) = (known(list.text(0) ?? ""), list.int(1), list.int(2) != 0)
            guard counts(isConfirmed: isConfirmed, at: list.int(3)) else { continue }
            let known = left.removeValue(forKey: payment)
            try expect(
                known?.hold == hold && known?.isConfirmed == isConfirmed,
                "R23 Debts: the list of debts has payment \(payment) of hold \(hold), the facts say otherwise")
        }
        if let missed = left.keys.min() {
            throw BrokenRule("R23 Debts: payment \(missed) is owed back and is not on the list of debts")
        }
    }

    /// A hold was erased.
    ///
    /// - Returns: whether a confirmed debt of it was open.
    mutating func dropOwed(for hold: Int64) -> Bool {
        let theirs = owed.filter { $0.value.hold == hold }
        for payment in theirs.keys { owed[payment] = nil }
        return theirs.values.contains { $0.isConfirmed }
    }

    /// The name by which a payment goes here.
    private mutating func known(_ payment: String) -> String {
        if !hasErased, isErased(payment) {
            hasErased = true
            bought = Dictionary(bought.map { (erased($0.key), $0.value) }) { first, _ in first }
            owed = Dictionary(owed.map { (erased($0.key), $0.value) }) { first, _ in first }
            paidBack = Set(paidBack.map(erased))
        }
        return hasErased ? erased(payment) : payment
    }

    private func isErased(_ payment: String) -> Bool { payment.utf8.first == 1 }

    private func erased(_ payment: String) -> String {
        if isErased(payment) { return payment }
        let length = withUnsafeBytes(of: UInt32(payment.utf8.count).littleEndian) { Array($0) }
        let hash = SHA1.hash(secret + length + payment.utf8).prefix(16)
        return "\u{1}" + hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw BrokenRule(what()) }
    }
}
