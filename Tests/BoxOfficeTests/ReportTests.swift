import BoxOffice
import Testing
import TicketStore

/// R50 Reports, as sums of holds.
@Suite("A report sums up what an event sold")
struct ReportTests {
    private static let day: Int64 = 86_400_000

    private func account(utcOffset: Int = 0) throws -> ReportAccount {
        ReportAccount(
            event: try #require(Code("hall")), utcOffset: utcOffset, at: WallTime(milliseconds: 9 * Self.day))
    }

    private func entry(
        _ state: HoldView.State, _ lines: [SoldLine], currency: String = "EUR", held: Int64 = 0, bought: Int64? = nil,
        returned: [SaleEntry.Returned] = []
    ) -> SaleEntry {
        SaleEntry(
            id: HoldID(1), state: state, currency: currency, lines: lines, heldAt: WallTime(milliseconds: held),
            purchasedAt: bought.map { WallTime(milliseconds: $0) }, returned: returned)
    }

    private func line(_ type: String, _ quantity: Int, _ price: Int64) -> SoldLine {
        SoldLine(type: type, quantity: quantity, price: price)
    }

    @Test("Every hold is counted once, as what it is now")
    func holds() throws {
        var account = try account()
        #expect(account.report.conversion == nil)
        account.take(entry(.held, [line("GA", 2, 100), line("VIP", 1, 900)]))
        account.take(entry(.released, [line("GA", 4, 100)]))
        account.take(entry(.expired, [line("GA", 5, 100)]))
        account.take(entry(.expired, [line("GA", 6, 100)]))
        account.take(entry(.purchased, [line("GA", 7, 100)], bought: 5))
        account.take(entry(.returned, [line("GA", 8, 100)], bought: 5))
        let report = account.report
        let holds = report.holds
        #expect([holds.made, holds.held, holds.released, holds.expired, holds.purchased] == [6, 1, 1, 2, 2])
        #expect(report.ticketsHeld == 3)
        #expect(report.conversion == 333)
    }

    @Test("Gross is what was bought, kept is gross without what was returned; currencies and prices stay apart")
    func money() throws {
        var account = try account()
        account.take(entry(.purchased, [line("GA", 3, 100), line("VIP", 1, 900), line("GA", 2, 80)], bought: 5))
        let back = SaleEntry.Returned(at: WallTime(milliseconds: 7), lines: [line("GA", 2, 100)])
        account.take(entry(.purchased, [line("GA", 4, 100)], bought: 6, returned: [back]))
        account.take(entry(.purchased, [line("GA", 1, 100)], currency: "JPY", bought: 6))
        let report = account.report
        #expect(report.totals.map(\.currency) == ["EUR", "JPY"])
        let euros = report.totals[0].sum
        #expect([euros.purchases, euros.sold, euros.returned, euros.kept] == [2, 10, 2, 8])
        #expect([euros.gross, euros.returnedAmount, euros.keptAmount] == [1_760, 200, 1_560])
        let rows = report.prices.map {
            "\($0.type ?? "") \($0.price ?? 0) \($0.currency) \($0.sum.sold) \($0.sum.kept)"
        }
        #expect(rows == ["GA 80 EUR 2 2", "GA 100 EUR 7 5", "GA 100 JPY 1 1", "VIP 900 EUR 1 1"])
        #expect(report.prices.map(\.sum.purchases) == [1, 2, 1, 1])
        for currency in ["EUR", "JPY"] {
            let total = report.totals.first { $0.currency == currency }?.sum.keptAmount
            #expect(total == report.prices.filter { $0.currency == currency }.reduce(0) { $0 + $1.sum.keptAmount })
            #expect(total == report.days.filter { $0.currency == currency }.reduce(0) { $0 + $1.sum.keptAmount })
        }
    }

    @Test("A sale belongs to its day and a return to its own, counted from where the offset says that days begin")
    func days() throws {
        func days(utcOffset: Int) throws -> [String] {
            var account = try account(utcOffset: utcOffset)
            let back = SaleEntry.Returned(at: WallTime(milliseconds: 2 * Self.day), lines: [line("GA", 1, 100)])
            account.take(entry(.returned, [line("GA", 1, 100)], bought: Self.day - 1, returned: [back]))
            account.take(entry(.purchased, [line("GA", 1, 100)], bought: Self.day))
            account.take(entry(.purchased, [line("GA", 1, 100)], bought: -1))
            return account.report.days.map { "\($0.day ?? 0): \($0.sum.sold) \($0.sum.returned)" }
        }
        #expect(try days(utcOffset: 0) == ["-1: 1 0", "0: 1 0", "1: 1 0", "2: 0 1"])
        #expect(try days(utcOffset: 1) == ["0: 1 0", "1: 2 0", "2: 0 1"])
        #expect(try days(utcOffset: -1) == ["-1: 1 0", "0: 2 0", "1: 0 1"])
    }

    @Test("Rows beyond the bound are summed up in one row, so nothing is missing and memory is bounded")
    func bounded() throws {
        var account = try account()
        for price in 0..<Int64(ReportAccount.mostPrices + 7) {
            account.take(entry(.purchased, [line("GA", 1, price)], bought: 0))
        }
        for day in 0..<Int64(ReportAccount.mostDays + 7) {
            account.take(entry(.purchased, [line("GA", 1, 0)], bought: day * Self.day))
        }
        let report = account.report
        #expect(report.prices.count == ReportAccount.mostPrices + 1)
        #expect(report.prices.last?.type == nil)
        #expect(report.prices.last?.sum.sold == 7)
        #expect(report.days.count == ReportAccount.mostDays + 1)
        #expect(report.days.last?.day == nil)
        #expect(report.days.last?.sum.sold == 7)
        #expect(report.prices.reduce(0) { $0 + $1.sum.gross } == report.totals[0].sum.gross)
        #expect(report.days.reduce(0) { $0 + $1.sum.sold } == report.totals[0].sum.sold)
    }

    @Test("A percentile of waits is never too low, and at most a thirty-second too high")
    func waits() {
        var waits = WaitHistogram()
        #expect(waits.percentile(50) == nil)
        for wait in 1...1_000 as ClosedRange<Int64> { waits.add(milliseconds: wait) }
        for (share, exact) in [(1, 10), (50, 500), (90, 900), (99, 990), (100, 1_000)] as [(UInt64, Int64)] {
            let found = waits.percentile(share) ?? 0
            #expect((exact...exact + exact / 32).contains(found), "\(share) %: \(found)")
        }
        for power in 0..<40 {
            for wait in [(1 << power) - 1, 1 << power, (1 << power) + 1] as [Int64] {
                var one = WaitHistogram()
                one.add(milliseconds: wait)
                let found = one.percentile(50) ?? 0
                #expect((wait...wait + wait / 32).contains(found), "\(wait): \(found)")
            }
        }
        var edges = WaitHistogram()
        edges.add(milliseconds: -5)
        #expect(edges.percentile(99) == 0)
        edges.add(milliseconds: .max)
        #expect(edges.percentile(50) == 0)
        #expect(edges.count == 2)
    }
}
