public import BoxOffice
public import TicketStore

extension EmbeddedStore {
    /// Holds that one page looks at, at most: some ten milliseconds.
    private static let lookedAtForAPage = 2_000

    /// Finds holds with the search index, and reads them from the ledger.
    public func search(_ query: SalesQuery) async throws -> SalesPage {
        guard let (way, range) = try await queries.plan(query, digester) else {
            return SalesPage(records: [], next: nil)
        }
        var found: [SaleRecord] = []
        var (end, looked) = (range.upperBound, 0)
        while looked < Self.lookedAtForAPage, end > range.lowerBound {
            // One more than the page has, to know whether there is a next one.
            let limit = min(max(query.limit + 1 - found.count, looked), Self.lookedAtForAPage)
            let part = SearchIndex.Search(way: way, range: range.lowerBound..<end, limit: limit)
            let holds: [Int64]
            // A number leads to its hold without the index.
            if case .hold(let hold) = way {
                holds = range.contains(hold) ? [hold] : []
            } else {
                holds = try await follower.find(at: now.office) { try $0.find(part) }
            }
            found += try await queries.sales(holds, of: query, at: now.office)
            if found.count > query.limit {
                found.removeLast(found.count - query.limit)
                return SalesPage(records: found, next: found.last?.hold)
            }
            guard holds.count == limit, let last = holds.last else { return SalesPage(records: found, next: nil) }
            (end, looked) = (last, looked + holds.count)
        }
        return SalesPage(records: found, next: end > range.lowerBound ? HoldID(UInt64(clamping: end)) : nil)
    }

    public func salesCounts(of event: Code) async throws -> [SalesCount] {
        guard let index = try await queries.index(of: event) else { return [] }
        let counts = try await follower.find(at: now.office) { try $0.counts(of: index) }
        return try await queries.named(counts, of: index)
    }
}
