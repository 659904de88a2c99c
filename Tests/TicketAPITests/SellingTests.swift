import BoxOffice
import Logging
import Testing
import TicketAPI
import TicketStore

@Suite("What a shop may return and correct")
struct SellingTests {
    /// A hold that the ledger knows, perhaps as a purchase.
    struct Known: Sendable, CustomTestStringConvertible {
        var event = "stall"
        var state: HoldView.State?
        var soldBy: String?
        /// Whether the shop `north` sold it, as far as anybody knows.
        var isOurs: Bool

        var testDescription: String {
            "\(event), \(state.map { "\($0)" } ?? "unknown"), by \(soldBy ?? "nobody known")"
        }
    }

    @Test(
        "It is what the ledger says that it sold; before the ledger has the sale, nothing is (R48 Operator keys)",
        arguments: [
            // The store has completed these for another shop; the ledger does not say so yet.
            Known(state: nil, isOurs: false), Known(state: .held, isOurs: false),
            Known(event: "main", state: .held, isOurs: false),
            Known(state: .expired, isOurs: false), Known(state: .released, isOurs: false),
            Known(state: .purchased, soldBy: "north", isOurs: true),
            Known(state: .returned, soldBy: "north", isOurs: true),
            Known(event: "main", state: .purchased, soldBy: "north", isOurs: true),
            Known(state: .purchased, soldBy: "south", isOurs: false),
            Known(state: .returned, soldBy: "south", isOurs: false),
            // Completed with a token, or by an earlier release: every shop's where shops complete.
            Known(state: .purchased, isOurs: true), Known(state: .returned, isOurs: true),
            Known(event: "main", state: .purchased, isOurs: false),
            Known(event: "gone", state: .purchased, isOurs: false),
        ])
    func sold(_ known: Known) async throws {
        let store = try CoreStore(events: ["main"])
        let stall = try #require(Code("stall"))
        let (floor, general) = (try #require(Code("floor")), try #require(Code("GA")))
        let south = try #require(Seller("south"))
        _ = await store.perform(
            .define(
                EventDefinition(
                    id: stall, holdTime: .seconds(60), clientGrace: .seconds(2), completion: .shop,
                    pools: [.init(code: floor, capacity: 9)],
                    types: [.init(code: general, price: 1_000, pools: [floor])])))
        let line = Line(type: general, quantity: 1)
        guard
            case .decided(.held(let hold, _), _) = await store.perform(
                .hold(HoldRequest(event: stall, lines: OneOrMore(line)))),
            case .decided(.purchased, _) = await store.perform(.purchase(hold.id, by: .seller(south, isShop: true)))
        else {
            Issue.record("Nothing was sold")
            return
        }
        let sales = try known.state.map { [try record(of: hold.id, $0, known)] } ?? []
        let secret = [UInt8](repeating: 7, count: 32)
        let service = ServiceContext(
            store: store, keyring: TestKeyring(),
            configuration: ServiceConfiguration(
                classicEvent: stall, worth: DurabilityPromise(purchases: "nothing", holds: "nothing")),
            mint: TokenMint(keys: [TokenKey(number: 1, secret: secret)], ledger: secret),
            keys: KeyDigester(secret: secret), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let authorizer = OperatorAuthorizer(service, ledger: TestLedger(sales: sales))
        let key = OperatorKey(
            id: "abcd1234", .init(name: "north", role: .shop), madeAt: WallTime(milliseconds: 0))
        #expect(try await authorizer.sells(key, hold.id) == known.isOurs)
    }

    private func record(of hold: HoldID, _ state: HoldView.State, _ known: Known) throws -> SaleRecord {
        let moment = WallTime(milliseconds: 1_795_000_000_000)
        var purchase: PurchaseRecord?
        if state == .purchased || state == .returned {
            purchase = PurchaseRecord(
                hold: hold, event: known.event, currency: "EUR", buyer: nil, payment: nil, isLate: false,
                purchasedAt: moment, returnedAt: state == .returned ? moment : nil,
                soldBy: try known.soldBy.map { try #require(Seller($0)) })
        }
        return SaleRecord(
            hold: hold, event: known.event, state: state, currency: "EUR", lines: [], buyer: nil, heldAt: moment,
            expiresAt: moment, purchase: purchase)
    }
}
