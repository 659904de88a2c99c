import BoxOffice

// Adding up: which states a hold can be in, and the sums for a pool or a buyer.

extension Oracle {
    /// Every state that a hold can be in at some moment of `span`, whether the requests under way have happened or not.
    func states(of account: Account, _ span: ClosedRange<Int64>) -> Set<State> {
        var states = account.possible
        if states.contains(.held), span.upperBound >= account.end.lowerBound { states.insert(.expired) }
        if !account.pending.isEmpty {
            var before = 0
            while before != states.count {
                before = states.count
                for asked in account.pending.values {
                    switch asked {
                    case .release: if states.contains(.held) { states.insert(.released) }
                    case .returnPurchase: if states.contains(.purchased) { states.insert(.returned) }
                    case .returnPart:
                        if states.contains(.purchased), account.kept.lowerBound == 0 { states.insert(.returned) }
                    case .purchase(_, let payment, _, _):
                        if states.contains(.held) { states.insert(.purchased) }
                        if states.contains(.expired), payment != nil { states.insert(.purchased) }
                    case .extend, .look, .hold, .payBack, .erase, .correct: break
                    }
                }
            }
        }
        let isExtending = account.pending.values.contains { if case .extend = $0 { true } else { false } }
        if span.lowerBound >= account.end.upperBound, !isExtending { states.remove(.held) }
        return states
    }

    /// Every pool of `event` within `span`.
    mutating func tally(of event: String, _ span: ClosedRange<Int64>) -> [String: Tally] {
        var tallies: [String: Tally] = [:]
        for (pool, sold) in soldForSure[event] ?? [:] {
            tallies[pool] = Tally(soldLeast: sold, soldMost: sold, promisedLeast: sold, promisedMost: sold)
        }
        for hold in open[event] ?? [] {
            guard var account = accounts[hold] else { continue }
            let states = states(of: account, span)
            for (pool, places) in account.needs {
                tallies[pool, default: Tally()].add(places, sold: account.sold(of: pool, places), states)
            }
            if states == [.expired], account.pending.isEmpty {
                account.possible = states
                accounts[hold] = account
                rest(hold)
            }
        }
        for ghost in ghosts.values where ghost.event == event && span.lowerBound < ghost.latestEnd {
            for (pool, places) in ghost.needs where places > 0 {
                tallies[pool, default: Tally()].heldMost += places
                tallies[pool, default: Tally()].promisedMost += places
            }
        }
        return tallies
    }

    /// The least and the most that `buyer` can have: tickets, held or bought, and live holds.
    func taken(
        by buyer: String, in event: String, _ span: ClosedRange<Int64>, except: String? = nil
    ) -> (tickets: ClosedRange<Int>, live: ClosedRange<Int>) {
        var (least, most, liveLeast, liveMost) = (0, 0, 0, 0)
        for hold in boughtBy[event]?[buyer] ?? [] where hold != except {
            guard let account = accounts[hold] else { continue }
            let states = states(of: account, span)
            if states.isSubset(of: [.held, .purchased]) {
                least += states.contains(.purchased) ? account.kept.lowerBound : account.tickets
            }
            if !states.isDisjoint(with: [.held, .purchased]) {
                most += states.contains(.held) ? account.tickets : account.kept.upperBound
            }
            if states == [.held] { liveLeast += 1 }
            if states.contains(.held) { liveMost += 1 }
        }
        for ghost in ghosts.values where ghost.event == event && ghost.buyer == buyer {
            if span.lowerBound < ghost.latestEnd {
                most += ghost.tickets
                liveMost += 1
            }
        }
        return (least...most, liveLeast...liveMost)
    }

    /// Stops adding up a hold one by one if it can no longer change by itself.
    mutating func rest(_ hold: String) {
        guard let account = accounts[hold], account.pending.isEmpty, account.possible.isDisjoint(with: [.held]),
            open[account.event]?.contains(hold) ?? false
        else { return }
        if account.possible == [.purchased] {
            guard account.kept.count == 1 else { return }
            for (pool, places) in account.needs {
                soldForSure[account.event, default: [:]][pool, default: 0] += account.sold(of: pool, places).lowerBound
            }
        } else if account.possible.contains(.purchased) {
            return
        }
        open[account.event]?.remove(hold)
    }

    mutating func unrest(_ hold: String) {
        guard let account = accounts[hold], open[account.event, default: []].insert(hold).inserted else { return }
        if account.possible == [.purchased] {
            for (pool, places) in account.needs {
                soldForSure[account.event, default: [:]][pool, default: 0] -= account.sold(of: pool, places).lowerBound
            }
        }
    }
}

extension Oracle.Tally {
    /// - Parameter sold: the places if the hold was purchased, less those that were returned.
    fileprivate mutating func add(_ places: Int, sold: ClosedRange<Int>, _ states: Set<Oracle.State>) {
        if states == [.held] { heldLeast += places }
        if states.contains(.held) { heldMost += places }
        if states == [.purchased] { soldLeast += sold.lowerBound }
        if states.contains(.purchased) { soldMost += sold.upperBound }
        if states.isSubset(of: [.held, .purchased]) {
            promisedLeast += states.contains(.purchased) ? sold.lowerBound : places
        }
        if !states.isDisjoint(with: [.held, .purchased]) {
            promisedMost += states.contains(.held) ? places : sold.upperBound
        }
    }
}
