public import BoxOffice

/// Sums up holds, one after the other, to a report (R50 Reports).
public struct ReportAccount: Sendable {
    /// The most rows by type and price, and by day. What comes in further rows is summed up in one row.
    public static let mostPrices = 1_000
    /// Eleven years.
    public static let mostDays = 4_000

    private struct PriceKey: Hashable {
        var type: String?
        var price: Int64?
        var currency: String
    }

    private struct DayKey: Hashable {
        var day: Int64?
        var currency: String
    }

    private static let dayLength: Int64 = 86_400_000

    private var account: SalesReport
    private var totals: [String: SalesReport.Sum] = [:]
    private var prices: [PriceKey: SalesReport.Sum] = [:]
    private var days: [DayKey: SalesReport.Sum] = [:]

    /// - Parameter offset: where a day begins, in minutes east of UTC.
    public init(event: Code, utcOffset offset: Int, at: WallTime) {
        account = SalesReport(event: event, at: at, utcOffset: offset)
    }

    public mutating func take(_ entry: SaleEntry) {
        account.holds.made += 1
        switch entry.state {
        case .held:
            account.holds.held += 1
            account.ticketsHeld += entry.lines.reduce(0) { $0 + $1.quantity }
        case .released: account.holds.released += 1
        case .expired: account.holds.expired += 1
        case .purchased, .returned: account.holds.purchased += 1
        }
        guard let purchasedAt = entry.purchasedAt else { return }
        account.waits.add(milliseconds: purchasedAt.milliseconds - entry.heldAt.milliseconds)
        let currency = entry.currency
        totals[currency, default: .init()].purchases += 1
        days[dayKey(purchasedAt, currency), default: .init()].purchases += 1
        for key in Set(entry.lines.map { priceKey($0, currency) }) { prices[key, default: .init()].purchases += 1 }
        for line in entry.lines {
            add(line, currency, at: purchasedAt) { sum in
                sum.sold += line.quantity
                sum.gross += line.total
            }
        }
        for part in entry.returned {
            for line in part.lines {
                add(line, currency, at: part.at) { sum in
                    sum.returned += line.quantity
                    sum.returnedAmount += line.total
                }
            }
        }
    }

    /// The report of everything that was taken.
    public var report: SalesReport {
        var report = account
        report.totals = totals.sorted { $0.key < $1.key }.map { .init(currency: $0.key, sum: $0.value) }
        report.prices = prices.map { .init(type: $0.type, price: $0.price, currency: $0.currency, sum: $1) }
            .sorted { Self.rank($0) < Self.rank($1) }
        report.days = days.map { .init(day: $0.day, currency: $0.currency, sum: $1) }
            .sorted { ($0.day ?? .max, $0.currency) < ($1.day ?? .max, $1.currency) }
        return report
    }

    /// The row of the rest comes last.
    private static func rank(_ row: SalesReport.Price) -> (Int, String, Int64, String) {
        (row.type == nil ? 1 : 0, row.type ?? "", row.price ?? 0, row.currency)
    }

    /// Changes each sum that a line belongs to.
    private mutating func add(
        _ line: SoldLine, _ currency: String, at moment: WallTime, _ change: (inout SalesReport.Sum) -> Void
    ) {
        change(&totals[currency, default: .init()])
        change(&prices[priceKey(line, currency), default: .init()])
        change(&days[dayKey(moment, currency), default: .init()])
    }

    private func priceKey(_ line: SoldLine, _ currency: String) -> PriceKey {
        let key = PriceKey(type: line.type, price: line.price, currency: currency)
        let isRoom = prices.count < Self.mostPrices || prices[key] != nil
        return isRoom ? key : PriceKey(type: nil, price: nil, currency: currency)
    }

    private func dayKey(_ moment: WallTime, _ currency: String) -> DayKey {
        let local = moment.milliseconds + Int64(account.utcOffset) * 60_000
        let day = local >= 0 ? local / Self.dayLength : (local + 1) / Self.dayLength - 1
        let key = DayKey(day: day, currency: currency)
        let isRoom = days.count < Self.mostDays || days[key] != nil
        return isRoom ? key : DayKey(day: nil, currency: currency)
    }
}
