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
        #expect(subject.moves == 1)
        try await subject.stop()
    }

    @Test(
        "A store that moves to Redis and back, again and again, decides as one that stays", arguments: UInt64(611)...614
    )
    func back(seed: UInt64) async throws {
        var contract = StoreContract()
        contract.commands = 480
        contract.restartsEvery = 80
        contract.limits.recoveryGrace = .seconds(1)
        let subject = try MovingStore(limits: contract.limits, comesBack: true)
        let breaches = try await contract.breaches(of: subject, seed: seed)
        #expect(breaches == [])
        #expect(subject.moves == 6)
        try await subject.stop()
    }

    @Test("A purchase within a recovery grace keeps its deadline through moves, and a cancellation becomes final")
    func deadlines() async throws {
        let subject = try MovingStore(limits: Limits(), comesBack: true)
        var comparison = CoreComparison()
        var moment = Moment(office: Timestamp(milliseconds: 1_000_000), wall: WallTime(milliseconds: 1_700_000_000_000))
        func say(_ command: Command) async throws {
            _ = try await comparison.compare(command, at: moment, with: subject)
        }
        func move() async throws {
            // Both know the moment before they grant the grace.
            try await say(.look(HoldID(3)))
            try await subject.restart()
            comparison.restart(moved: true)
        }
        try await say(.define(hall(9)))
        for _ in 1...3 { try await say(holdGA()) }
        try await say(.purchase(HoldID(1)))
        try await say(.release(HoldID(2)))
        moment = Moment(
            office: moment.office.advanced(by: .seconds(30)),
            wall: WallTime(milliseconds: moment.wall.milliseconds + 30_000))
        for _ in 1...2 {
            try await move()
            for number in 1...3 { try await say(.look(HoldID(UInt64(number)))) }
        }
        try await say(.cancel(event: code("hall")))
        try await move()
        try await say(.reinstate(event: code("hall")))
        #expect(comparison.breaches == [])
        #expect(subject.moves == 3)
        try await subject.stop()
    }

    @Test("Lists, debts, audit and what tokens are bound to say the same afterwards")
    func lists() async throws {
        let subject = try MovingStore(limits: Limits(), comesBack: true)
        func done(_ command: Command, _ note: AuditNote? = nil) async throws {
            let reply = await subject.store.perform(command, note: note)
            guard case .decided = reply else { throw StoreFailure.outcomeUnknown }
        }
        func pay(_ text: String) throws -> PaymentReference { try #require(PaymentReference(text)) }
        let note = AuditNote(key: "k", name: "Anna", action: "purchase.return", subject: "P4")
        try await done(.define(hall(50, id: "one")))
        let (club, former) = (try code("club"), try code("former"))
        for batches in [[former, club], [club]] {
            let codes = batches.map { EventDefinition.CodeBatch(name: $0, count: 3, tickets: 3) }
            try await done(.define(hall(50, id: "two") { ($0.currency, $0.codes) = ("JPY", codes) }))
        }
        for number in 1...6 {
            guard case .hold(var request) = try holdGA(2, event: number % 2 == 0 ? "two" : "one", buyer: "b\(number)")
            else { return }
            if number == 1 { request.override = [.pause, .limits] }
            if number == 2 || number == 6 { request.code = AccessCode(batch: club, number: number / 2) }
            try await done(.hold(request))
        }
        // Of each code its number, and how many tickets are held and sold.
        func taken() async throws -> [[Int]]? {
            try await subject.ledger.codes(of: club, in: code("two"), after: 0, limit: 9)?.map {
                [$0.number, $0.held, $0.sold]
            }
        }
        let seller = try #require(Seller("webshop"))
        for (number, completer) in [1: .token, 2: .seller(seller, isShop: true), 4: .key] as [UInt64: Completer] {
            try await done(.purchase(HoldID(number), pay("pay-\(number)"), by: completer))
        }
        let says = Correction.State(buyer: Buyer("b1"))
        let corrected = Correction.State(buyer: Buyer("ann"), note: SaleNote("aisle"))
        try await done(.correct(HoldID(1), Correction(from: says, to: corrected)))
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
        #expect(after.purchases.map(\.note) == ["aisle", nil, nil])
        #expect(after.purchases.map(\.soldBy) == [nil, seller, nil])
        #expect(after.purchases.map(\.code) == [nil, SaleCode(batch: "club", number: 1), nil])
        #expect(after.purchases.map(\.override) == [[.pause, .limits], [], []])
        #expect(try await taken() == [[1, 0, 2], [2, 0, 0], [3, 2, 0]])
        guard case .hold(var more) = try holdGA(2, event: "two") else { return }
        more.code = AccessCode(batch: club, number: 3)
        let refused = await subject.store.perform(.hold(more))
        guard case .decided(.refused(.codeUsedUp(remaining: 1)), _) = refused else {
            Issue.record("\(refused)")
            return
        }
        #expect(after.purchases.first?.buyer == "ann")
        #expect(before.owed.map(\.payment) == ["owed"])
        #expect(before.unconfirmed.map(\.payment) == ["perhaps"])
        #expect(before.notes == [note])
        #expect(subject.identity == identity)
        #expect(subject.redis?.series.count == 1)
        // A page has the numbers that buyers know, and the next one goes on behind it.
        let first = try await subject.ledger.purchases(of: code("two"), soldBy: nil, after: nil, limit: 1)
        let rest = try await subject.ledger.purchases(of: code("two"), soldBy: nil, after: first.next, limit: 9)
        #expect(first.records.map(\.hold.number) == [2] && first.next != nil)
        #expect(rest.records.map(\.hold.number) == [4] && rest.next == nil)
        // And back in a data directory.
        try await subject.restart()
        #expect(try await Books(subject.ledger, events: ["one", "two"]) == before)
        #expect(try await taken() == [[1, 0, 2], [2, 0, 0], [3, 2, 0]])
        #expect(subject.identity == identity)
        #expect(try LedgerAudit.recount(path: subject.directory + "/ledger.sqlite").broken == nil)
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

    @Test(
        "An export from Redis closes the sale for nodes that run and that start, until it is undone; a failed one does not"
    )
    func closed() async throws {
        let (subject, file) = try await sold()
        let first = try await subject.open()
        _ = try await SaleMove(into: first.store).take(ArchivedSale(file))
        let running = try await subject.open()
        let look = Command.look(running.store.numbering.kept(HoldID(1)))
        #expect(await running.store.perform(look).outcome?.isRefusal == false)
        func export(_ path: String) async throws -> AuditReport {
            let node = try await subject.open()
            let sale = try await DepartingSale(closing: node.store)
            do {
                return try await SaleArchive.write(sale, to: path)
            } catch {
                try await sale.reopen()
                throw error
            }
        }
        // There is a file already.
        await #expect(throws: ArchiveError.exists(path: file)) { _ = try await export(file) }
        let held = await running.store.perform(try holdGA())
        #expect(held.outcome?.isRefusal == false)
        let report = try await export(file + "-2")
        #expect(report.holds == 2)
        #expect(await running.store.perform(try holdGA()).outcome == nil)
        #expect(await running.store.perform(look).outcome == nil)
        #expect(await running.store.perform(.pause(event: try code("hall"))).outcome == nil)
        await #expect(throws: RedisStoreError.self) { _ = try await subject.open() }
        #expect(try await subject.undo())
        #expect(try await !subject.undo())
        let node = try await subject.open()
        #expect(await node.store.perform(look).outcome?.isRefusal == false)
        #expect(await node.store.perform(try holdGA()).outcome?.isRefusal == false)
        withExtendedLifetime((first, running)) {}
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

extension StoreReply {
    /// `nil` if the store failed.
    fileprivate var outcome: Outcome? {
        if case .decided(let outcome, _) = self { outcome } else { nil }
    }
}

extension Outcome {
    fileprivate var isRefusal: Bool {
        if case .refused = self { true } else { false }
    }
}

/// What operators read of a store.
struct Books: Equatable {
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

    var exportedAt: WallTime { sale.exportedAt }

    func changes() async throws -> [MovedChange] { try sale.changes() }
    func holds(_ take: ([MovedHold]) async throws -> Void) async throws { try await sale.holds(take) }
    func debts(_ take: ([MovedDebt]) async throws -> Void) async throws { try await sale.debts(take) }
    func keys(_ take: ([MovedKey]) async throws -> Void) async throws { try await sale.keys(take) }
    func notes(_ take: ([AuditRecord]) async throws -> Void) async throws { try await sale.notes(take) }
    func report(of event: Code) throws -> SalesReport? { try sale.report(of: event) }
}
