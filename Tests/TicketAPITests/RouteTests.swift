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
        var configuration = ServiceConfiguration(
            classicEvent: main, worth: DurabilityPromise(purchases: "nothing", holds: "nothing"))
        configuration.log = TestLog()
        let service = ServiceContext(
            store: try CoreStore(), keyring: TestKeyring(), configuration: configuration,
            mint: TokenMint(keys: [TokenKey(number: 1, secret: secret)], ledger: secret),
            keys: KeyDigester(secret: secret), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return Routes(service, ledger: TestLedger(), keyring: TestKeyring(), notice: StopNotice())
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
            "/v1/events/:event/queue": .queue(11..<13), "/v1/queue-entries/:entry": .queueEntry(18..<20),
            "/v1/holds/:hold/purchase": .purchase(10..<12), "/v1/invariants": .recount,
        ]
        let table = try Self.routes().paths
        #expect(Set(known.keys).isSubset(of: table.map(\.path)))
        for (path, methods) in table {
            let segments = path.split(separator: "/").map { $0.hasPrefix(":") ? "X1" : $0 }
            let target = "/" + segments.joined(separator: "/")
            #expect(RequestTarget(target).path == known[path] ?? .other, "\(path)")
            if let fast = RequestTarget(target).path.methods {
                #expect("\(fast)".split(separator: ", ").sorted() == methods.map { $0[...] }.sorted(), "\(path)")
            }
        }
        for target in [
            "/", "", "*", "/remaining_tickets2", "/remaining_tickets/x", "/buy_ticket", "/buy_ticket/A/B",
            "/buy_ticket//A",
            "/complete_purchase/a/b", "/v1", "/v1/holds", "/v1/holds/H1/purchase/x", "/v1/holds//purchase",
            "/v1/events//holds", "/v1/events/E/holds/x", "/v1/events/E/availabilit", "/V1/holds/H1",
            "/v1/queue-entries", "/v1/queue-entries//receipt", "/v1/queue-entries/E1.main/receipts",
            "/v1/invariants/x", "/health/live/x", "/health", "/health/liv",
        ] {
            #expect(RequestTarget(target).path == .other, "\(target)")
        }
    }

    private final class TestLog: LogControl {
        var level: Logger.Level {
            get { .info }
            set {}
        }
    }
}
