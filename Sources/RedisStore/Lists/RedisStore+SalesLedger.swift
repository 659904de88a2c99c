public import BoxOffice
public import TicketStore

extension RedisStore: SalesLedger {
    var lists: SalesLists {
        SalesLists(
            caller: caller, keyspace: keyspace, limits: configuration.limits, state: state, claims: claims)
    }

    /// Walks through the holds in the order of their numbers. With many holds that are no such purchase a page may be
    /// short.
    public func purchases(
        of event: Code, soldBy seller: Seller?, after hold: HoldID?, limit: Int
    ) async throws -> PurchasePage {
        try await lists.purchases(of: event, soldBy: seller, after: hold, limit: limit)
    }

    /// Hold, purchase and payment lead straight to their hold; everything else walks through the holds, newest first,
    /// or through those of a buyer (`EventDefinition.buyerSearch`). With many holds a page may be short.
    public func search(_ query: SalesQuery) async throws -> SalesPage {
        try await lists.search(query)
    }

    /// Counts every hold, some thousand in each call, while selling goes on: each as it is when its turn comes.
    public func salesCounts(of event: Code) async throws -> [SalesCount] {
        try await lists.counts(of: event)
    }

    public func refundsOwed(
        of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
    ) async throws -> [RefundRecord] {
        try await lists.refundsOwed(of: event, confirmed: confirmed, after: sequence, limit: limit, at: now.wall)
    }

    public func audit(of events: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        try await lists.audit(of: events, after: sequence, limit: limit)
    }

    public func newestAudit(
        of events: [Code]?, before sequence: UInt64?, limit: Int
    ) async throws -> [AuditRecord] {
        try await lists.newestAudit(of: events, before: sequence, limit: limit)
    }

    public func codes(of batch: Code, in event: Code, after: Int, limit: Int) async throws -> [CodeCount]? {
        try await lists.codes(of: batch, in: event, after: after, limit: limit)
    }

    public func sale(of event: Code, from first: HoldID?, stretch: Int) async throws -> SalePage {
        try await lists.sale(of: event, from: first, stretch: stretch)
    }

    public func erasable(_ scope: ErasureScope, after hold: HoldID?) async throws -> ErasurePage {
        try await lists.erasable(scope, after: hold, isCluster: keyspace.isCluster, numbering)
    }

    /// Counts every hold of every event, as each was when its count began, while selling goes on. Of one event one
    /// count is under way at a time. Another one waits for it, and is refused as overload if that takes long.
    public func recount() async throws -> Recount {
        try await lists.recount()
    }
}
