public import BoxOffice
internal import Dispatch
internal import Synchronization
public import TicketStore

extension EmbeddedStore: SalesLedger {
    public func purchases(
        of event: Code, soldBy seller: Seller?, after hold: HoldID?, limit: Int
    ) async throws -> PurchasePage {
        // One more says whether there is a next page.
        var found = try await queries.purchases(of: event, soldBy: seller, after: hold, limit: limit + 1)
        guard found.count > limit else { return PurchasePage(records: found, next: nil) }
        found.removeLast(found.count - limit)
        return PurchasePage(records: found, next: found.last?.hold)
    }

    public func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord] {
        let kept = Duration.zero - configuration.limits.unconfirmedDebtsKept
        return try await queries.refundsOwed(
            of: event, confirmed: confirmed, since: now.office.advanced(by: kept), after: sequence, limit: limit)
    }

    public func audit(of events: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        try await queries.audit(of: events, after: sequence, limit: limit)
    }

    public func newestAudit(
        of events: [Code]?, before sequence: UInt64?, limit: Int
    ) async throws -> [AuditRecord] {
        try await queries.newestAudit(of: events, before: sequence, limit: limit)
    }

    public func codes(of batch: Code, in event: Code, after: Int, limit: Int) async throws -> [CodeCount]? {
        state.withLock { $0.codes(of: batch, in: event, after: after, limit: limit) }
    }

    public func sale(of event: Code, from first: HoldID?, stretch: Int) async throws -> SalePage {
        try await queries.sale(of: event, from: first, stretch: stretch, at: now.office)
    }

    public func erasable(_ scope: ErasureScope, after hold: HoldID?) async throws -> ErasurePage {
        try await queries.erasable(scope, after: hold)
    }

    /// Recounts on a thread of its own, beside the writer, and compares the result with the numbers in memory. It takes
    /// memory for every hold, so a second recount at the same time is refused as overload.
    public func recount() async throws -> Recount {
        let isFree = isRecounting.withLock { isRecounting in
            defer { isRecounting = true }
            return !isRecounting
        }
        guard isFree else { throw StoreFailure.overloaded }
        defer { isRecounting.withLock { $0 = false } }
        let mark = try await mark()
        let path = ledgerPath
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global(qos: .utility).async {
                    continuation.resume(
                        with: Result {
                            let report = try LedgerAudit.recount(
                                path: path, through: mark, isCancelled: { cancellation.isCancelled })
                            return Recount(facts: report.facts, pools: report.pools, broken: report.broken)
                        })
                }
            }
        } onCancel: {
            cancellation.cancel()
        }
    }

    /// A moment whose facts are all in the ledger.
    private func mark() async throws -> LedgerMark {
        let found = await withCheckedContinuation { continuation in
            let wakesCommitter = state.withLock { $0.requestMark { continuation.resume(returning: $0) } }
            if wakesCommitter { work.signal() }
        }
        return try found.get()
    }
}

/// Whether the task that waits for a thread was cancelled.
private final class Cancellation: Sendable {
    private let flag = Mutex(false)

    var isCancelled: Bool { flag.withLock { $0 } }

    func cancel() {
        flag.withLock { $0 = true }
    }
}
