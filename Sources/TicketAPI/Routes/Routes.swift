internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import StrictJSON
package import TicketStore

/// Every path of the service: what may be done there, by whom, and who answers. The one table of them.
package struct Routes: Sendable {
    private let service: ServiceContext
    private let ledger: any SalesLedger
    private let keyring: any OperatorKeyring
    private let notice: StopNotice
    private let sessions = OperatorSessions()

    /// - Parameter notice: once it is given, readiness is refused.
    package init(
        _ service: ServiceContext, ledger: any SalesLedger, keyring: any OperatorKeyring, notice: StopNotice
    ) {
        self.service = service
        self.ledger = ledger
        self.keyring = keyring
        self.notice = notice
    }

    /// Paths, with the methods that work there.
    package var paths: [(path: String, methods: [String])] { table.map { ($0.path, $0.methods) } }
    /// Those that show pages to people.
    package var pagePaths: [String] { table.filter(\.isPage).map(\.path) }

    func responder() -> RouteResponder {
        RouteResponder(
            routes: table, authorizer: authorizer, pages: pages, figures: service.figures, origins: service.origins)
    }

    private var pages: PageWriter { PageWriter(service.configuration) }

    private var pageContext: PageContext {
        PageContext(
            reader: RequestReader(service), writer: pages, mint: service.mint,
            checkout: CheckoutSigner(service.configuration), queues: service.queues)
    }

    private var table: [Route] {
        let reader = RequestReader(service)
        let buyers = BuyerRoutes(
            calls: BuyerCalls(reader: reader, mint: service.mint, queues: service.queues), authorizer: authorizer)
        let classic = ClassicRoutes(service, authorizer: authorizer)
        let events = EventRoutes(reader: reader, configuration: service.configuration)
        let sales = SalesRoutes(reader: reader, ledger: ledger, mint: service.mint.codes)
        let reports = ReportRoutes(reader: reader, ledger: ledger, figures: service.figures)
        let pulses = PulseRoutes(service, ledger: ledger)
        let metrics = MetricsRoutes(service)
        let audit = AuditRoutes(ledger: ledger, keyring: keyring)
        let keys = KeyRoutes(reader: reader, keyring: keyring)
        let search = SearchRoutes(
            reader: reader, ledger: ledger, mint: service.mint.codes, authorizer: authorizer)
        let corrections = CorrectionRoutes(reader: reader, ledger: ledger, mint: service.mint.codes)
        let codes = CodeRoutes(reader: reader, ledger: ledger, mint: service.mint.codes)
        let erasures = ErasureRoutes(reader: reader, ledger: ledger)
        let page: Set<String> = ["cursor", "limit"]
        let api =
            [
                // Balancers ask with whatever they like behind the path.
                Route("/health/live", query: nil, (.get, .anyone { _ in live() })),
                Route("/health/ready", query: nil, (.get, .anyone { _ in ready() })),

                Route("/remaining_tickets", (.get, .fastPath)),
                Route("/buy_ticket/:type", (.post, .fastPath)),
                Route("/complete_purchase/:token", (.post, .anyone(classic.complete))),

                Route("/v1/events", (.get, .anyone(buyers.events))),
                Route(
                    "/v1/events/:event", takesReason: true, (.get, .anyone(buyers.event)),
                    (.put, .operators(.changeEvents, events.put)),
                    (.patch, .operators(.changeEvents, events.patch)),
                    (.delete, .operators(.changeEvents, events.remove))),
                Route(
                    "/v1/events/:event/cancel", takesReason: true, (.post, .operators(.changeEvents, events.cancel))),
                Route(
                    "/v1/events/:event/reinstate", takesReason: true,
                    (.post, .operators(.changeEvents, events.reinstate))),
                Route(
                    "/v1/events/:event/codes", query: page.union(["batch"]),
                    (.get, .operators(.changeEvents, codes.list))),
                Route("/v1/events/:event/availability", (.get, .anyone(buyers.availability))),
                Route("/v1/events/:event/availability/stream", (.get, .anyone(buyers.refuseStream))),
                Route(
                    "/v1/events/:event/holds", query: SearchQuery.membersOfEvent,
                    (.get, .operators(.readLists, search.holds)), (.post, .anyone(buyers.hold))),
                Route(
                    "/v1/holds/:hold", takesReason: true, (.get, .anyone(buyers.look)),
                    (.patch, .operators(.correct, corrections.correctHold)), (.delete, .anyone(buyers.release))),
                Route("/v1/holds/:hold/extend", (.post, .anyone(buyers.extend))),
                Route("/v1/holds/:hold/purchase", (.post, .anyone(buyers.purchase))),

                Route(
                    "/v1/search", query: SearchQuery.members, isNarrowed: true,
                    (.get, .operators(.readLists, search.search))),
                Route("/v1/events/:event/pulse", (.get, .operators(.readLists, pulses.pulse))),
                Route("/v1/events/:event/counts", (.get, .operators(.readLists, search.counts))),
                Route(
                    "/v1/purchases/:purchase", takesReason: true, (.get, .operators(.readPurchases, search.purchase)),
                    (.patch, .operators(.correct, corrections.correctPurchase))),
                Route(
                    "/v1/events/:event/report", query: ["utc_offset"],
                    (.get, .operators(.readLists, reports.report))),
                Route(
                    "/v1/events/:event/purchases", query: page.union(["formulas"]),
                    (.get, .operators(.readPurchases, sales.purchases))),
                Route(
                    "/v1/events/:event/reconciliation", query: page,
                    (.get, .operators(.readLists) { call, _ in try await sales.eventDebts(call, confirmed: true) })),
                Route(
                    "/v1/events/:event/reconciliation/unconfirmed", query: page,
                    (.get, .operators(.readLists) { call, _ in try await sales.eventDebts(call, confirmed: false) })),
                Route(
                    "/v1/reconciliation", query: page,
                    (.get, .operators(.readLists) { call, _ in try await sales.debts(call, confirmed: true) })),
                Route(
                    "/v1/reconciliation/unconfirmed", query: page,
                    (.get, .operators(.readLists) { call, _ in try await sales.debts(call, confirmed: false) })),
                Route("/v1/holds/:hold/paid-back", takesReason: true, (.post, .operators(.payBack, sales.payBack))),
                Route("/v1/purchases/:purchase/return", (.post, .operators(.returnPurchases, sales.giveBack))),
                Route("/v1/purchases/:purchase/erase", (.post, .operators(.erase, erasures.erasePurchase))),
                Route("/v1/erasures", (.post, .operators(.erase, erasures.erase))),
                Route(
                    "/v1/audit", query: page.union(["event", "key", "since", "order", "formulas"]), isNarrowed: true,
                    (.get, .operators(.readLists, audit.list))),
                Route(
                    "/v1/keys", query: page.union(["order", "state"]), takesReason: true,
                    (.get, .operators(.manageKeys, keys.list)),
                    (.post, .operators(.manageKeys, keys.make))),
                Route("/v1/keys/:key", takesReason: true, (.delete, .operators(.manageKeys, keys.revoke))),
                Route("/v1/invariants", (.get, .operators(.readLists, sales.invariants))),
            ] + QueueRoutes(reader: reader, queues: service.queues, authorizer: authorizer).routes
        let calls = APICalls(
            responder: RouteResponder(routes: api, authorizer: authorizer, pages: pages, figures: nil),
            logger: service.logger)
        // Where they have a listener of their own, the public's knows nothing of them.
        let monitoring = service.configuration.metricsListen == nil ? metrics.routes : []
        let running = service.configuration.log.map {
            ServiceRoutes(reader: reader, log: $0, logger: service.logger).routes
        }
        let operate = OperatePages(
            sessions: sessions, calls: calls, reader: reader, keys: service.known, writer: pages,
            queues: service.queues)
        return api + monitoring + (running ?? []) + DocumentRoutes().routes + PageRoutes(context: pageContext).routes
            + operate.routes
            + OperateQueuePages(pages: operate).routes
            + OperateEventPages(pages: operate, pulses: pulses).routes + OperateSalesPages(pages: operate).routes
            + OperateRecordPages(pages: operate).routes + OperateTypePages(pages: operate).routes
            + OperateNewEventPages(pages: operate).routes
    }

    private var authorizer: OperatorAuthorizer {
        OperatorAuthorizer(service, ledger: ledger)
    }

    private func live() -> Response {
        // That this runs is the answer.
        json(.ok, Array(#"{"status":"live"}"#.utf8))
    }

    private func ready() -> Response {
        if notice.isGiven { return Refused(.notReady, "The service is about to stop.").response(traceID: nil) }
        let reason: String
        switch service.store.condition {
        case .selling: return json(.ok, readiness(service.store.concerns))
        case .suspended(let why): reason = why.rawValue
        case .closing: reason = "closing"
        }
        return Refused(.notReady, "The store takes no facts: \(reason).").response(traceID: nil)
    }

    /// That the service sells, what its answers promise, and what an operator should do something about (R32 Readiness).
    /// The status is 200 in any case: one closed pool must not take every node out of a balancer.
    private func readiness(_ concerns: [StoreConcern]) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        writer.object { document in
            document.member("status", concerns.isEmpty ? "ready" : "degraded")
            if !concerns.isEmpty { document.concerns(concerns) }
            document.durability(service.configuration.worth)
        }
        return writer.bytes
    }
}

extension JSONWriter {
    /// What an operator should look into.
    mutating func concerns(_ concerns: [StoreConcern]) {
        member("concerns") { value in
            value.array { list in
                for concern in concerns.prefix(StoreConcern.most) {
                    list.object { item in
                        item.member("code", concern.kind.rawValue)
                        item.member("detail", concern.detail)
                    }
                }
            }
        }
    }

    /// What answers are worth.
    mutating func durability(_ promise: DurabilityPromise) {
        member("durability") { value in
            value.object { durability in
                durability.member("purchases", promise.purchases)
                durability.member("holds", promise.holds)
            }
        }
    }
}

func json(_ status: HTTPResponse.Status, _ body: [UInt8]) -> Response {
    Response(
        status: status,
        headers: [.contentType: "application/json", .cacheControl: "no-store"],
        body: .init(byteBuffer: ByteBuffer(bytes: body)))
}
