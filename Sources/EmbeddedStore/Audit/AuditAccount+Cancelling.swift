internal import BoxOffice

// The recount's own account of cancelled events (R42 Cancelled event).

extension AuditAccount {
    private static let undoneWithin: Int64 = 3_600_000

    mutating func cancel(_ fact: AuditFact) throws {
        let event = fact.subject
        let before = cancelledAt[event]
        if fact.value == 0 {
            try expect(before == nil, "R42 Cancelled event: event \(event) was cancelled twice")
            cancelledAt[event] = fact.at
        } else {
            try expect(
                before.map { fact.at < $0 + Self.undoneWithin } ?? false && !paidBack.contains(event),
                "R42 Cancelled event: the cancellation of event \(event) was undone, and could not be")
            cancelledAt[event] = nil
        }
        paidBack.remove(event)
    }

    /// A purchase was returned, or a payment paid back.
    mutating func notePaidBack(_ event: Int64) {
        if cancelledAt[event] != nil { paidBack.insert(event) }
    }

    func expectNotCancelled(_ event: Int64, _ what: String) throws {
        try expect(cancelledAt[event] == nil, "R42 Cancelled event: \(what) after its event was cancelled")
    }
}
