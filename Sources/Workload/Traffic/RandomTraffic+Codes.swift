internal import BoxOffice

// Random access codes (R46 Access codes).

extension RandomTraffic {
    /// One or two batches, of few codes that are good for few tickets, so that they are used up.
    mutating func newCodes(of definition: EventDefinition) -> [EventDefinition.CodeBatch] {
        (0..<chance.number(in: 1...2)).map { number in
            var batch = EventDefinition.CodeBatch(
                name: code("batch", number), count: chance.number(in: 1...3), tickets: chance.number(in: 1...5))
            if chance.chance(30), let type = chance.one(of: definition.types) { batch.types = [type.code] }
            let allocations = definition.pools.flatMap(\.allocations)
            if chance.chance(40), let allocation = chance.one(of: allocations) { batch.allocation = allocation.code }
            if chance.chance(30) { (batch.opensAt, batch.closesAt) = newWindow() }
            if chance.chance(30) { batch.price = Int64(chance.number(in: 0...9)) * 50 }
            switch chance.number(in: 1...10) {
            case 1: batch.isRevoked = true
            case 2: batch.revoked = [chance.number(in: 1...batch.count)]
            default: break
            }
            return batch
        }
    }

    /// Mostly a code that there is.
    mutating func someCode(of definition: EventDefinition) -> AccessCode? {
        guard !definition.codes.isEmpty else {
            return chance.chance(1) ? AccessCode(batch: code("batch", 0), number: 1) : nil
        }
        guard chance.chance(50), let batch = chance.one(of: definition.codes) else { return nil }
        return AccessCode(
            batch: chance.chance(2) ? code("none", 0) : batch.name,
            number: chance.chance(3) ? chance.number(in: 0...5) : chance.number(in: 1...batch.count))
    }
}
