import BoxOffice
import TicketStore

/// Has the sales that a test gives it, and nothing else.
struct TestLedger: SalesLedger {
    var sales: [SaleRecord] = []

    func search(_ query: SalesQuery) async throws -> SalesPage {
        SalesPage(records: sales.filter { $0.hold == query.hold }, next: nil)
    }

    func sale(of event: Code, from first: HoldID?, stretch: Int) async throws -> SalePage {
        throw StoreFailure.closing
    }
    func purchases(
        of event: Code, soldBy seller: Seller?, after hold: HoldID?, limit: Int
    ) async throws -> PurchasePage { PurchasePage(records: [], next: nil) }
    func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord] { [] }
    func audit(of events: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] { [] }
    func newestAudit(of events: [Code]?, before sequence: UInt64?, limit: Int) async throws -> [AuditRecord] { [] }
    func erasable(_ scope: ErasureScope, after hold: HoldID?) async throws -> ErasurePage {
        throw StoreFailure.closing
    }
    func recount() async throws -> Recount { throw StoreFailure.closing }
    func salesCounts(of event: Code) async throws -> [SalesCount] { [] }
    func codes(of batch: Code, in event: Code, after: Int, limit: Int) async throws -> [CodeCount]? { nil }
}
