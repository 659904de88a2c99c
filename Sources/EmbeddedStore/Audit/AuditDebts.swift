internal import BoxOffice

/// The dull account of payments: what each bought, and which are owed back (R10 One payment, one hold, and R23 Debts).
struct AuditDebts {
    private struct Owed {
        var hold: Int64
        var event: Int64
        var isConfirmed: Bool
    }

    /// The hold that each payment bought.
    private var bought: [String: Int64] = [:]
    private var owed: [String: Owed] = [:]
    private var paidBack: Set<String> = []

    mutating func buy(_ payment: String, _ hold: Int64) throws {
        let before = bought.updateValue(hold, forKey: payment)
        try expect(
            before == nil || before == hold, "rule 10: one payment is for holds \(before ?? 0) and \(hold)")
        try expect(!paidBack.contains(payment), "R23 Debts: payment \(payment) bought a hold after it was paid back")
        owed[payment] = nil
    }

    mutating func owe(_ payment: String, for hold: Int64, of event: Int64, isConfirmed: Bool) throws {
        try expect(
            bought[payment] == nil && !paidBack.contains(payment) && owed[payment]?.isConfirmed != true,
            "R23 Debts: payment \(payment) is owed back, and bought a hold or is owed already")
        owed[payment] = Owed(hold: hold, event: event, isConfirmed: isConfirmed)
    }

    mutating func payBack(_ payment: String, for hold: Int64) throws {
        let debt = owed.removeValue(forKey: payment)
        try expect(debt?.hold == hold, "R23 Debts: payment \(payment) was paid back and not owed")
        paidBack.insert(payment)
    }

    func hasConfirmed(of event: Int64) -> Bool {
        owed.values.contains { $0.event == event && $0.isConfirmed }
    }

    /// Holds the list of debts, which a start reads, against the facts.
    func compare(with list: Cursor) throws {
        var left = owed
        while try list.next() {
            let (payment, hold) = (list.text(0) ?? "", list.int(1))
            let known = left.removeValue(forKey: payment)
            try expect(
                known?.hold == hold && known?.isConfirmed == (list.int(2) != 0),
                "R23 Debts: the list of debts has payment \(payment) of hold \(hold), the facts say otherwise")
        }
        if let missed = left.keys.min() {
            throw BrokenRule("R23 Debts: payment \(missed) is owed back and is not on the list of debts")
        }
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw BrokenRule(what()) }
    }
}
