import BoxOffice
import EmbeddedStore
import Foundation
import Logging
import NIOPosix
import RedisServers
import RedisStore
import RedisWire
import StoreContract
import Synchronization
import Testing
import TicketStore

/// R51 Moving a sale, from a data directory to Redis.
@Suite("A sale moves from a data directory to Redis", .serialized)
struct MoveTests {
    @Test("A store that moves in the middle decides as one that stays", arguments: UInt64(601)...604)
    func contract(seed: UInt64) async throws {
        var contract = StoreContract()
        contract.commands = 360
        contract.restartsEvery = 120
        // With a longer grace than the shortest hold, a younger hold on Redis would live as long as the older ones.
        contract.limits.recoveryGrace = .seconds(1)
        let subject = try MovingStore(limits: contract.limits)
        let breaches = try await contract.breaches(of: subject, seed: seed)
        #expect(breaches == [])
        #expect(subject.isMoved)
        try await subject.stop()
    }

    @Test("Lists, debts, audit and what tokens are bound to say the same afterwards")
    func lists() async throws {
        let subject = try MovingStore(limits: Limits())
        func done(_ command: Command, _ note: AuditNote? = nil) async throws {
            let reply = await subject.store.perform(command, note: note)
            guard case .decided = reply else { throw StoreFailure.outcomeUnknown }
        }
        func pay(_ text: String) throws -> PaymentReference { try #require(PaymentReference(text)) }
        let note = AuditNote(key: "k", name: "Anna", action: "purchase.return", subject: "P4")
        try await done(.define(hall(50, id: "one")))
        try await done(.define(hall(50, id: "two") { $0.currency = "JPY" }))
        for number in 1...6 { try await done(holdGA(2, event: number % 2 == 0 ? "two" : "one", buyer: "b\(number)")) }
        for number in [1, 2, 4] as [UInt64] { try await done(.purchase(HoldID(number), pay("pay-\(number)"))) }
        try await done(.returnPurchase(HoldID(4)), note)
        try await done(.release(HoldID(5)))
        try await done(.purchase(HoldID(5), pay("owed"), by: .key))
        try await done(.purchase(HoldID(5), pay("perhaps")))
        try await done(.purchase(HoldID(5), pay("back"), by: .key))
        try await done(.payBack(HoldID(5), pay("back")))
        try await done(.define(hall(40, id: "one")))
        let before = try await Books(subject.ledger, events: ["one", "two"])
        let identity = subject.identity
        try await subject.restart()
        let after = try await Books(subject.ledger, events: ["one", "two"])
        #expect(after == before)
        #expect(before.purchases.map(\.hold.number) == [1, 2, 4])
        #expect(before.owed.map(\.payment) == ["owed"])
        #expect(before.unconfirmed.map(\.payment) == ["perhaps"])
        #expect(before.notes == [note])
        #expect(subject.identity == identity)
        #expect(subject.redis?.series.count == 1)
        // A page goes on behind a number that buyers know.
        let rest = try await subject.ledger.purchases(of: code("two"), after: HoldID(2), limit: 9)
        #expect(rest.map(\.hold.number) == [4])
        try await subject.stop()
    }

    /// A stopped sale of one live hold, and its archive.
    private func sold() async throws -> (subject: MovingStore, file: String) {
        let subject = try MovingStore(limits: Limits())
        _ = await subject.store.perform(.define(try hall(5)))
        _ = await subject.store.perform(try holdGA())
        return (subject, try subject.export())
    }

    @Test("A move into a place that has events changes nothing there")
    func taken() async throws {
        let (subject, file) = try await sold()
        let node = try await subject.open()
        _ = await node.store.perform(.define(try hall(7, id: "other")))
        let keys = try subject.keys()
        await #expect(throws: MoveError.notEmpty(prefix: "holdfast")) {
            _ = try await SaleMove(into: node.store).take(ArchivedSale(file))
        }
        #expect(try subject.keys() == keys)
        withExtendedLifetime(node) {}
    }

    @Test("A move that finds a difference at its end leaves nothing behind")
    func refused() async throws {
        let (subject, file) = try await sold()
        let node = try await subject.open()
        let sale = Miscounted(sale: try ArchivedSale(file))
        let difference = "pool floor of hall has 1 held and 0 sold of 5, and had 2 and 0 of 5"
        await #expect(throws: MoveError.differs(difference)) { _ = try await SaleMove(into: node.store).take(sale) }
        #expect(try subject.keys() == [])
        withExtendedLifetime(node) {}
    }

    @Test("No node starts on a move that broke off; the next move begins again")
    func brokenOff() async throws {
        let (subject, file) = try await sold()
        try subject.breakOff()
        await #expect(throws: RedisStoreError.self) { _ = try await subject.open() }
        try await subject.removeLeftovers()
        #expect(try subject.keys() == [])
        let node = try await subject.open()
        let pools = try await SaleMove(into: node.store).take(ArchivedSale(file))
        #expect(pools.map(\.held) == [1])
        withExtendedLifetime(node) {}
    }
}

/// What operators read of a store.
private struct Books: Equatable {
    var purchases: [PurchaseRecord] = []
    var owed: [RefundRecord] = []
    var unconfirmed: [RefundRecord] = []
    var notes: [AuditNote] = []
    var totals: [[SalesReport.Total]] = []

    init(_ ledger: any SalesLedger, events: [String]) async throws {
        for event in try events.map(code) {
            purchases += try await ledger.purchases(of: event, after: nil, limit: 99)
            totals.append(try await ledger.report(of: event, utcOffset: 0).totals)
        }
        purchases.sort { $0.hold < $1.hold }
        owed = try await ledger.refundsOwed(of: nil, confirmed: true, after: nil, limit: 99)
        unconfirmed = try await ledger.refundsOwed(of: nil, confirmed: false, after: nil, limit: 99)
        // Each store numbers the entries of this list in its own way.
        for index in owed.indices { owed[index].sequence = 0 }
        for index in unconfirmed.indices { unconfirmed[index].sequence = 0 }
        notes = try await ledger.audit(of: nil, after: nil, limit: 99).map(\.note)
    }
}

/// An archive whose pools are counted wrongly.
private struct Miscounted: MovedSale {
    let sale: ArchivedSale

    var identity: [UInt8] { sale.identity }
    var keySecret: [UInt8] { sale.keySecret }
    var series: [HoldSeries] { sale.series }
    var tokenKeys: [UInt8: [UInt8]] { sale.tokenKeys }
    var pools: [PoolCount] {
        sale.pools.map { pool in
            var pool = pool
            pool.held += 1
            return pool
        }
    }

    func changes() throws -> [MovedChange] { try sale.changes() }
    func holds(after hold: HoldID, limit: Int) throws -> [MovedHold] { try sale.holds(after: hold, limit: limit) }
    func debts(after sequence: UInt64, limit: Int) throws -> [MovedDebt] {
        try sale.debts(after: sequence, limit: limit)
    }
    func keys(after sequence: UInt64, limit: Int) throws -> [MovedKey] { try sale.keys(after: sequence, limit: limit) }
    func notes(after sequence: UInt64, limit: Int) throws -> [AuditRecord] {
        try sale.notes(after: sequence, limit: limit)
    }
    func report(of event: Code) throws -> SalesReport? { try sale.report(of: event) }
}
