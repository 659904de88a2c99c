/// The terms that a ticket type has of its own (R44 Terms of a type). Few types have any, so they stand beside what every
/// decision reads.
struct TypeTerms: Sendable, Equatable {
    let opensAt: WallTime?
    let closesAt: WallTime?
    /// Tickets of the type in one hold.
    let perHold: ClosedRange<Int>
    let ticketsPerBuyer: Int?

    /// `nil` if the type has no terms of its own.
    ///
    /// - Parameter most: the most tickets of one hold of the event.
    init?(_ type: EventDefinition.TicketType, most: Int) {
        guard type.hasTerms else { return nil }
        opensAt = type.opensAt
        closesAt = type.closesAt
        let least = type.leastPerHold ?? 1
        // A definition that an earlier release accepted cannot have a least above the most.
        perHold = least...max(least, min(type.mostPerHold ?? most, most))
        ticketsPerBuyer = type.ticketsPerBuyer
    }

    /// Whether the type's own sale is open at `now`.
    func isOpen(at now: WallTime) -> Bool {
        opensAt.map { now >= $0 } ?? true && closesAt.map { now < $0 } ?? true
    }
}

extension EventDefinition.TicketType {
    /// Whether the type has terms of its own.
    public var hasTerms: Bool {
        hasWindow || leastPerHold != nil || mostPerHold != nil || ticketsPerBuyer != nil
    }

    /// Whether the type has a sale window of its own.
    public var hasWindow: Bool {
        opensAt != nil || closesAt != nil
    }

    /// What is wrong with the terms of the type, whose document stands at `pointer`.
    func mistakesOfTerms(at pointer: String, ticketsPerHold: Int) -> [Mistake] {
        var found: [Mistake] = []
        if let opensAt, let closesAt, opensAt >= closesAt {
            found.append(.closesBeforeItOpens(at: "\(pointer)/sale/closes_at"))
        }
        let most = min(mostPerHold ?? ticketsPerHold, ticketsPerHold)
        if let leastPerHold, leastPerHold > max(most, 1) {
            found.append(.leastAboveMost(max(most, 1), at: "\(pointer)/limits/min_tickets_per_hold"))
        }
        return found
    }
}

extension EventDefinition {
    /// Whether a type has a limit per buyer of its own.
    public var typesLimitBuyers: Bool {
        types.contains { $0.ticketsPerBuyer != nil }
    }
}
