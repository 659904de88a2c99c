// What the recount knows of erasures (R41 Erasure).

extension AuditAccount {
    mutating func erase(_ fact: AuditFact) throws {
        guard let hold = entry(fact.subject) else { throw BrokenRule("hold \(fact.subject) was erased but never made") }
        try expect(!hold.isCounted, "R41 Erasure: hold \(fact.subject) was erased while it was live")
        try expect(
            !debts.dropOwed(for: fact.subject), "R41 Erasure: hold \(fact.subject) was erased with a confirmed debt")
        try expect(fact.value == 0, "R41 Erasure: hold \(fact.subject) was erased, and a queue still has its buyer")
        change(fact.subject) { $0.isErased = true }
    }
}
