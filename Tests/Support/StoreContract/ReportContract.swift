internal import BoxOffice
internal import TicketStore
internal import Workload

/// The contract of every store's reports (R50 Reports): after random traffic they say what lists, looks and counts say.
public struct ReportContract {
    public var commands = 1_500

    public init() {}

    /// What one event's holds came to, as looks and lists say.
    private struct Expected: Equatable {
        var holds = SalesReport.Holds()
        var ticketsHeld = 0
        var totals: [String: [Int64]] = [:]
        /// By type, price and currency.
        var rows: [String: [Int64]] = [:]
    }

    /// Runs the traffic of `seed`; returns a sentence for each difference.
    public func breaches(of subject: any ContractSubject, seed: UInt64) async throws -> [String] {
        guard let store = subject.store as? any TicketStore & SalesLedger else { return ["the store has no lists"] }
        var traffic = RandomTraffic(seed: seed)
        var made: [HoldID] = []
        for _ in 0..<commands {
            let (moment, command) = traffic.next()
            try await subject.advance(to: moment)
            guard case .decided(let outcome, _) = await store.perform(command) else { return ["the store failed"] }
            traffic.learn(outcome, of: command)
            if case .held(let view, replayed: false) = outcome { made.append(view.id) }
        }
        var expected = try await looked(at: made, in: store)
        var breaches: [String] = []
        for event in store.events.map(\.definition.id) {
            let want = try await listed(event, in: store, into: expected.removeValue(forKey: event) ?? Expected())
            // In one page, and in pages of seven.
            for stretch in [SalePage.stretch, 7] {
                let report = try await store.report(of: event, utcOffset: 0, stretch: stretch)
                let found = Self.expected(report)
                if found != want { breaches.append("seed \(seed), \(event): \(found) reported, and there is \(want)") }
                let days = report.days.reduce(0) { $0 + $1.sum.keptAmount }
                if days != report.totals.reduce(0, { $0 + $1.sum.keptAmount }) {
                    breaches.append("seed \(seed), \(event): the days' sum is \(days)")
                }
                if report.waits.count != report.holds.purchased {
                    breaches.append("seed \(seed), \(event): \(report.waits.count) waits")
                }
            }
        }
        if made.count < commands / 100 { breaches.append("seed \(seed): only \(made.count) holds") }
        return breaches
    }

    /// What became of the holds. A look cannot tell of holds of removed events, whose code leads nowhere.
    private func looked(at made: [HoldID], in store: any TicketStore) async throws -> [Code: Expected] {
        var expected: [Code: Expected] = [:]
        for id in made {
            guard case .decided(.looked(let view, _), _) = await store.perform(.look(id)) else { continue }
            let code = store.catalogue(at: view.event).code
            expected[code, default: Expected()].holds.made += 1
            switch view.state {
            case .held:
                expected[code]?.holds.held += 1
                expected[code]?.ticketsHeld += view.lines.reduce(0) { $0 + Int($1.quantity) }
            case .released: expected[code]?.holds.released += 1
            case .expired: expected[code]?.holds.expired += 1
            case .purchased, .returned: expected[code]?.holds.purchased += 1
            }
        }
        return expected
    }

    /// Adds what the list of purchases says.
    private func listed(
        _ event: Code, in store: any SalesLedger, into known: Expected
    ) async throws -> Expected {
        var expected = known
        for purchase in try await store.purchases(of: event, after: nil, limit: 100_000) {
            for line in purchase.lines {
                let figures = [Int64(line.quantity), Int64(line.returned), line.total, line.returnedTotal]
                for (index, figure) in figures.enumerated() {
                    let key = "\(line.type) \(line.price) \(purchase.currency)"
                    expected.rows[key, default: [0, 0, 0, 0]][index] += figure
                    expected.totals[purchase.currency, default: [0, 0, 0, 0]][index] += figure
                }
            }
        }
        return expected
    }

    private static func expected(_ report: SalesReport) -> Expected {
        func figures(_ sum: SalesReport.Sum) -> [Int64] {
            [Int64(sum.sold), Int64(sum.returned), sum.gross, sum.returnedAmount]
        }
        var found = Expected()
        found.holds = report.holds
        found.ticketsHeld = report.ticketsHeld
        for total in report.totals { found.totals[total.currency] = figures(total.sum) }
        for row in report.prices {
            found.rows["\(row.type ?? "") \(row.price ?? 0) \(row.currency)"] = figures(row.sum)
        }
        return found
    }
}
