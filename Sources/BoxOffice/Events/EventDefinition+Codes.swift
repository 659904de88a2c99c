// Access codes of an event (R46 Access codes).

extension EventDefinition {
    /// Codes that an operator sends out, all alike. A code is a right and no list of it is kept: the edge makes and knows
    /// its text from the batch's name and the code's number.
    public struct CodeBatch: Sendable, Equatable {
        public var name: Code
        /// How many codes there are, numbered from 1.
        public var count: Int
        /// How many tickets one code is good for.
        public var tickets: Int
        /// The types that it is good for; empty for all.
        public var types: [Code]
        /// The allocation that its holds draw on (R45 Allocations).
        public var allocation: Code?
        /// It is good from this moment on, whether the sale of the event and its types is open by then or not; `nil` if it
        /// is good while they sell.
        public var opensAt: WallTime?
        /// It is good until this moment; `nil` is no bound.
        public var closesAt: WallTime?
        /// The price of each of its tickets; `nil` for that of the type.
        public var price: Int64?
        /// Whether none of its codes is good any more.
        public var isRevoked: Bool
        /// The numbers of single codes that are not good any more.
        public var revoked: [Int]

        public init(
            name: Code, count: Int, tickets: Int, types: [Code] = [], allocation: Code? = nil,
            opensAt: WallTime? = nil, closesAt: WallTime? = nil, price: Int64? = nil, isRevoked: Bool = false,
            revoked: [Int] = []
        ) {
            self.name = name
            self.count = count
            self.tickets = tickets
            self.types = types
            self.allocation = allocation
            self.opensAt = opensAt
            self.closesAt = closesAt
            self.price = price
            self.isRevoked = isRevoked
            self.revoked = revoked
        }

        /// Whether there is a code with this number that was not revoked.
        public func has(_ number: Int) -> Bool {
            !isRevoked && number >= 1 && number <= count && !revoked.contains(number)
        }
    }

    func mistakesOfCodes(_ limits: Limits) -> [Mistake] {
        var found: [Mistake] = []
        if codes.count > Limits.codeBatchesPerEvent {
            found.append(.count(most: Limits.codeBatchesPerEvent, of: "batches", at: "/codes"))
        }
        var known = Set<Code>()
        for batch in codes {
            let location = "/codes/\(batch.name)"
            if !known.insert(batch.name).inserted { found.append(.namedTwice(at: location)) }
            found += mistakes(of: batch, at: location)
        }
        return found
    }

    private func mistakes(of batch: CodeBatch, at location: String) -> [Mistake] {
        var found: [Mistake] = []
        let (counts, tickets) = (1...Limits.codesPerBatch, 1...Limits.ticketsPerCode)
        if !counts.contains(batch.count) { found.append(.outside(counts, at: location + "/count")) }
        if !tickets.contains(batch.tickets) { found.append(.outside(tickets, at: location + "/tickets")) }
        var named = Set<Code>()
        for (index, type) in batch.types.enumerated() {
            let location = "\(location)/types/\(index)"
            if !types.contains(where: { $0.code == type }) {
                found.append(.unknownType(at: location))
            }
            if !named.insert(type).inserted { found.append(.namedTwice(at: location)) }
        }
        if let name = batch.allocation, !pools.contains(where: { $0.allocations.contains { $0.code == name } }) {
            found.append(.unknownAllocation(at: location + "/allocation"))
        }
        if let opensAt = batch.opensAt, let closesAt = batch.closesAt, opensAt >= closesAt {
            found.append(.closesBeforeItOpens(at: location + "/closes_at"))
        }
        if let price = batch.price, !Limits.prices.contains(price) {
            found.append(.amount(Limits.prices, at: location + "/price"))
        }
        return found + mistakesOfRevoked(batch, at: location)
    }

    private func mistakesOfRevoked(_ batch: CodeBatch, at location: String) -> [Mistake] {
        var found: [Mistake] = []
        if batch.revoked.count > Limits.codesRevokedAlone {
            found.append(.count(most: Limits.codesRevokedAlone, of: "codes", at: location + "/revoked"))
        }
        var named = Set<Int>()
        for (index, number) in batch.revoked.prefix(Limits.codesRevokedAlone).enumerated() {
            let location = "\(location)/revoked/\(index)"
            if number < 1 || number > batch.count {
                found.append(.numberOfCode(most: batch.count, at: location))
            }
            if !named.insert(number).inserted { found.append(.namedTwice(at: location)) }
        }
        return found
    }
}
