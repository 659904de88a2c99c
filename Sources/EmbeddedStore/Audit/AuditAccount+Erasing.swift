// What the recount knows of erasures (R41 Erasure).

extension AuditAccount {
    mutating func erase(_ fact: AuditFact) throws {
        guard let hold = entry(fact.subject) else { throw BrokenRule("hold \(fact.subject) was erased but never made") }
        try expect(!hold.isCounted, "R41 Erasure: hold \(fact.subject) was erased while it was live")
        try expect(
            !debts.dropOwed(for: fact.subject), "R41 Erasure: hold \(fact.subject) was erased with a confirmed debt")
        change(fact.subject) { $0.isErased = true }
    }
}
