import APIDocs
import BoxOffice
import Foundation
import Logging
import Testing
import TicketAPI
import TicketStore

@Suite("One table has every path and its methods")
struct RouteTests {
    private static func routes() throws -> Routes {
        struct NoCode: Error {}
        guard let main = Code("main") else { throw NoCode() }
        let secret = [UInt8](repeating: 7, count: 32)
        let service = ServiceContext(
            store: try CoreStore(), keyring: TestKeyring(),
            configuration: ServiceConfiguration(
                classicEvent: main, worth: DurabilityPromise(purchases: "nothing", holds: "nothing")),
            mint: TokenMint(keys: [TokenKey(number: 1, secret: secret)], ledger: secret),
            keys: KeyDigester(secret: secret), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return Routes(service, ledger: NoLedger(), keyring: TestKeyring(), notice: StopNotice())
    }

    @Test(
        "The OpenAPI document has these paths and methods, without the pages for people and those about itself, and no others"
    )
    func document() throws {
        let document = try JSONSerialization.jsonObject(with: Data(APIDocs.openAPI.bytes)) as? [String: Any]
        let paths = try #require(document?["paths"] as? [String: [String: Any]])
        let methods: Set<String> = ["GET", "PUT", "PATCH", "DELETE", "POST"]
        let documented = paths.mapValues { methods.intersection($0.keys.map { $0.uppercased() }) }
        let documents = ["/openapi.json", "/docs", "/problems"]
        var known: [String: Set<String>] = [:]
        let routes = try Self.routes()
        let pages = Set(routes.pagePaths)
        for (path, methods) in routes.paths
        where !pages.contains(path) && !documents.contains(where: { path.hasPrefix($0) }) {
            let segments = path.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : $0 }
            known["/" + segments.joined(separator: "/")] = Set(methods).subtracting(["HEAD"])
        }
        #expect(documented == known)
    }

    @Test("The fast path knows the calls of these routes, and leaves every other one to the router")
    func fastPath() throws {
        let known: [String: RequestPath] = [
            "/health/live": .probe, "/health/ready": .probe, "/remaining_tickets": .remaining,
            "/buy_ticket/:type": .buy(12..<14), "/complete_purchase/:token": .complete(19..<21),
            "/v1/events/:event/availability": .availability(11..<13), "/v1/events/:event/holds": .holds(11..<13),
            "/v1/events/:event/availability/stream": .stream(11..<13), "/v1/holds/:hold": .hold(10..<12),
            "/v1/holds/:hold/purchase": .purchase(10..<12), "/v1/invariants": .recount,
        ]
        let table = try Self.routes().paths
        #expect(Set(known.keys).isSubset(of: table.map(\.path)))
        for (path, _) in table {
            let segments = path.split(separator: "/").map { $0.hasPrefix(":") ? "X1" : $0 }
            let target = "/" + segments.joined(separator: "/")
            #expect(RequestTarget(target).path == known[path] ?? .other, "\(path)")
        }
        for target in [
            "/", "", "*", "/remaining_tickets2", "/remaining_tickets/x", "/buy_ticket", "/buy_ticket/A/B",
            "/buy_ticket//A",
            "/complete_purchase/a/b", "/v1", "/v1/holds", "/v1/holds/H1/purchase/x", "/v1/holds//purchase",
            "/v1/events//holds", "/v1/events/E/holds/x", "/v1/events/E/availabilit", "/V1/holds/H1",
            "/v1/invariants/x", "/health/live/x", "/health", "/health/liv",
        ] {
            #expect(RequestTarget(target).path == .other, "\(target)")
        }
    }

    private struct NoLedger: SalesLedger {
        func sale(of event: Code, from first: HoldID?, stretch: Int) async throws -> SalePage {
            throw StoreFailure.closing
        }
        func purchases(of event: Code, after hold: HoldID?, limit: Int) async throws -> [PurchaseRecord] { [] }
        func refundsOwed(
            of event: Code?, confirmed: Bool, after sequence: UInt64?, limit: Int
        ) async throws -> [RefundRecord] { [] }
        func audit(of events: [Code]?, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] { [] }
        func erasable(_ scope: ErasureScope, after hold: HoldID?) async throws -> ErasurePage {
            throw StoreFailure.closing
        }
        func recount() async throws -> Recount { throw StoreFailure.closing }
        func search(_ query: SalesQuery) async throws -> SalesPage { SalesPage(records: [], next: nil) }
        func salesCounts(of event: Code) async throws -> [SalesCount] { [] }
        func codes(of batch: Code, in event: Code, after: Int, limit: Int) async throws -> [CodeCount]? { nil }
    }
}
