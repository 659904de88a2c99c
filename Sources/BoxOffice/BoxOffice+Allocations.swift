// Whether pools with allocations can give the lines of a hold (R45 Allocations).

extension BoxOffice {
    /// What a hold needs of one pool, or of one allocation.
    private struct Need {
        /// Places in all.
        var places = 0
        /// Places that are drawn past every allocation.
        var open = 0
    }

    /// Why `lines` name an allocation that was released; `nil` if they name none.
    func refusalOfReleased(_ lines: OneOrMore<HeldLine>, in index: Int) -> Refusal? {
        for line in lines {
            if let name = events[index].releasedAllocation(ofType: Int(line.type), at: wall) {
                return .unknownAllocation(name)
            }
        }
        return nil
    }

    /// Why the pools of an event with allocations cannot give `lines`; `nil` if they can. Lines that draw on the same pool
    /// are added up.
    mutating func refusalOfAllocated(_ lines: OneOrMore<HeldLine>, in index: Int) -> Refusal? {
        // What is kept back follows from what was taken, so every number counts.
        events[index].settle(at: clock)
        let event = events[index]
        let kept = event.allocations.filter { !$0.isReleased(at: wall) }
        var needs: [Int: Need] = [:]
        for line in lines {
            let drawn = event.offers[Int(line.type)].pools
            for pool in drawn {
                // What a released allocation counts is no bound.
                if event.pools[pool].isOfAllocation, !kept.contains(where: { $0.counter == pool }) { continue }
                needs[pool, default: Need()].places += Int(line.quantity)
                if kept.contains(where: { $0.pool == pool && drawn.contains($0.counter) }) { continue }
                needs[pool]?.open += Int(line.quantity)
            }
        }
        for pool in needs.keys.sorted() where event.pools[pool].isClosed { return .poolClosed(event.pools[pool].code) }
        var shortage = Shortage()
        for (pool, need) in needs {
            let counted = event.pools[pool]
            if let allocation = kept.first(where: { $0.counter == pool }) {
                shortage.compare(need.places, event.left(of: allocation), counted.held, counted.earliestExpiry)
                continue
            }
            if need.open > 0 {
                let left = event.open(pool: pool, at: wall)
                shortage.compare(need.open, left, event.openHeld(pool: pool, at: wall), counted.earliestExpiry)
            }
            if need.places > need.open {
                shortage.compare(need.places, counted.free, counted.held, counted.earliestExpiry)
            }
        }
        return shortage.refusal
    }

    /// Adds up why places are short. The most final reason is given: sold out, then held by others, then too few (R17
    /// Refusals are answers).
    private struct Shortage {
        private var isSoldOut = false
        private var earliest: Timestamp?
        private var fewest: Int?

        var refusal: Refusal? {
            if isSoldOut { return .soldOut }
            if let earliest { return .temporarilyHeld(earliest: earliest) }
            return fewest.map { .insufficientQuantity(available: $0) }
        }

        mutating func compare(_ need: Int, _ left: Int, _ held: Int, _ next: Timestamp?) {
            guard left < need else { return }
            if left > 0 {
                fewest = min(fewest ?? left, left)
            } else if held > 0, let next {
                earliest = max(earliest ?? next, next)
            } else {
                isSoldOut = true
            }
        }
    }
}
