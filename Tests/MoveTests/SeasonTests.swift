import BoxOffice
import EmbeddedStore
import StoreContract
import Testing
import TicketStore

/// The whole life of a season, with an account that the test keeps by itself (R51 Moving a sale).
@Suite("A season of forty evenings moves to Redis and back, and its books agree", .serialized)
struct SeasonTests {
    private static let rounds = 150
    private static let movesToRedis = 75
    private static let movesBack = 125

    @Test(
        "Books, reports, lists and recounts are those of the test's account on both stores, before and after each move")
    func season() async throws {
        var season = Season(subject: try MovingStore(limits: Limits(), comesBack: true))
        try await season.open()
        for round in 0..<Self.rounds {
            if round == Self.movesToRedis || round == Self.movesBack {
                try await season.check("before the move in round \(round)")
                try await season.subject.restart()
                try await season.check("after the move in round \(round)")
            }
            try await season.play(round)
        }
        try await season.close(after: Self.rounds)
        try await season.check("at the end")
        #expect(season.subject.moves == 2)
        // What a season has to have, or it would prove little.
        let account = season.accounts.reduce(into: Account()) { $0.add($1) }
        #expect(account.purchases > 3_500 && account.returned > 300 && account.late > 50, "\(account)")
        #expect(
            account.erased > 20 && account.corrected > 80 && account.released > 300 && account.cancelled > 30,
            "\(account)")
        #expect(account.soldOut > 50 && account.atDoor > 50 && !season.debts.isEmpty, "\(account)")
        try await season.subject.stop()
        #expect(try LedgerAudit.recount(path: season.subject.directory + "/ledger.sqlite").broken == nil)
    }
}

/// What an event sold, as the answers said.
private struct Account {
    var holds = 0
    var released = 0
    var purchases = 0
    var late = 0
    var sold = 0
    var returned = 0
    var gross: Int64 = 0
    var returnedAmount: Int64 = 0
    var erased = 0
    var corrected = 0
    var atDoor = 0
    var soldOut = 0
    /// Requests that were refused since the event was cancelled.
    var cancelled = 0
    /// Tickets that are sold and were not returned, by pool.
    var kept: [String: Int] = [:]

    mutating func add(_ other: Account) {
        purchases += other.purchases
        late += other.late
        returned += other.returned
        erased += other.erased
        corrected += other.corrected
        atDoor += other.atDoor
        soldOut += other.soldOut
        released += other.released
        cancelled += other.cancelled
    }
}

private enum Codes {
    static func code(_ text: String) throws -> Code { try #require(Code(text)) }
}

/// One hold of the season, and what becomes of it.
private struct Sale: Sendable {
    let event: Int
    let round: Int
    let type: String
    let quantity: Int
    let isForGuests: Bool
    /// It was taken at the door, past the sale window (R43 Override).
    let isAtDoor: Bool
    var hold = HoldID(0)
    var left = 0

    var code: Code {
        get throws {
            let (type, guests) = (try Codes.code(type), try Codes.code("guests"))
            return isForGuests ? Code(type, allocation: guests) : type
        }
    }
    var payment: String { "pay-\(round)-\(event)" }
    var fate: Int { (round * 7 + event * 13) % 10 }
    var isReleased: Bool { fate == 0 }
    /// Nobody pays in time.
    var expires: Bool { fate == 1 || fate == 2 }
    var isPaidLate: Bool { fate == 2 }
    var isReturned: Bool { (round + event) % 11 == 0 }
    var isReturnedInPart: Bool { (round + event) % 11 == 5 && quantity > 1 }
    var isErased: Bool { (round + event) % 97 == 0 }
    var isCorrected: Bool { (round + event) % 31 == 7 && !isErased }
    var buyer: String { "buyer-\(round % 50)" }
}

private struct Season {
    let subject: MovingStore
    var accounts = [Account](repeating: Account(), count: events)
    /// The holds of payments that are owed back.
    var debts: [String: HoldID] = [:]
    private var sales: [Sale] = []

    private static let events = 40
    /// The last event is a festival: its pass takes a place of each day.
    private static let festival = 39
    private static let cancelled = 13
    private static let cancelledIn = 100
    private static let start: Int64 = 1_700_000_000_000
    private static let round = Duration.seconds(60)
    /// The early bird by time ends in this round.
    private static let earlyRounds = 60

    private static let prices: [String: Int64] = [
        "EARLY": 1_500, "NOW": 1_800, "GA": 2_000, "D1": 3_000, "D2": 3_500, "PASS": 5_000,
    ]
    private static let pools = [
        "EARLY": ["hall", "early"], "NOW": ["hall"], "GA": ["hall"], "D1": ["day1"], "D2": ["day2"],
        "PASS": ["day1", "day2"],
    ]

    init(subject: MovingStore) {
        self.subject = subject
    }

    private static func name(_ event: Int) -> String { "night-\(event)" }

    private static func moment(_ round: Int) -> Moment {
        let passed = Int64(round + 1) * Self.round.inMilliseconds
        return Moment(office: Timestamp(milliseconds: passed), wall: WallTime(milliseconds: start + passed))
    }

    // MARK: Playing

    func open() async throws {
        try await subject.advance(to: Self.moment(-1))
        for event in 0..<Self.events {
            let isFestival = event == Self.festival
            let names = isFestival ? ["D1", "D2", "PASS"] : ["EARLY", "NOW", "GA"]
            let pools: [EventDefinition.Pool] =
                isFestival
                ? [.init(code: try code("day1"), capacity: 150), .init(code: try code("day2"), capacity: 150)]
                : [
                    .init(
                        code: try code("hall"), capacity: 170,
                        allocations: [.init(code: try code("guests"), places: 6)]),
                    .init(code: try code("early"), capacity: 25),
                ]
            var definition = EventDefinition(
                id: try code(Self.name(event)), pools: pools,
                types: try names.map { name in
                    .init(
                        code: try code(name), price: Self.prices[name] ?? 0,
                        pools: try (Self.pools[name] ?? []).map(code))
                })
            if !isFestival { definition.types[1].closesAt = Self.moment(Self.earlyRounds).wall }
            guard case .decided(.eventChanged, _) = await subject.store.perform(.define(definition)) else {
                Issue.record("event \(event) was not defined")
                return
            }
        }
    }

    mutating func play(_ round: Int) async throws {
        try await subject.advance(to: Self.moment(round))
        if round == Self.cancelledIn {
            _ = await subject.store.perform(.cancel(event: try code(Self.name(Self.cancelled))))
        }
        try await hold(in: round)
        try await complete { $0.round == round && !$0.isReleased && !$0.expires }
        // The holds of six rounds ago have ended.
        try await complete { $0.round == round - 6 && $0.isPaidLate }
        let release = sales.filter { $0.round == round && $0.isReleased }
        for (sale, outcome) in zip(release, await decide(release) { .release($0.hold) }) {
            if case .released = outcome { accounts[sale.event].released += 1 }
        }
        try await correct(in: round)
        try await takeBack(from: round - 1)
        let erased = sales.filter { $0.round == round - 2 && $0.isErased && $0.left > 0 }
        for (sale, outcome) in zip(erased, await decide(erased) { .erase(ErasureRequest(hold: $0.hold)) }) {
            if case .erased = outcome { accounts[sale.event].erased += 1 } else { Issue.record("\(sale): \(outcome)") }
        }
    }

    private mutating func hold(in round: Int) async throws {
        let asked = (0..<Self.events).map { event in
            let types = event == Self.festival ? ["D1", "D2", "PASS"] : ["EARLY", "NOW", "GA", "GA", "GA"]
            return Sale(
                event: event, round: round, type: types[round % types.count], quantity: 1 + (round + event) % 2,
                isForGuests: event != Self.festival && round % 25 == 12,
                isAtDoor: event != Self.festival && round % 25 == 11)
        }
        let commands = try asked.map { sale in
            let line = Line(type: try sale.code, quantity: sale.quantity)
            return Command.hold(
                HoldRequest(
                    event: try code(Self.name(sale.event)), lines: OneOrMore(line),
                    buyer: Buyer(sale.buyer),
                    key: IdempotencyKey(named: sale.payment), override: sale.isAtDoor ? .window : []))
        }
        for (sale, outcome) in zip(asked, await decide(commands)) {
            switch outcome {
            case .held(let view, replayed: false):
                var sale = sale
                sale.hold = view.id
                sales.append(sale)
                accounts[sale.event].holds += 1
                if sale.type == "NOW", round >= Self.earlyRounds { accounts[sale.event].atDoor += 1 }
            case .refused(.soldOut), .refused(.insufficientQuantity), .refused(.temporarilyHeld):
                accounts[sale.event].soldOut += 1
            case .refused(.typeSaleEnded):
                #expect(sale.type == "NOW" && round >= Self.earlyRounds && !sale.isAtDoor)
            case .refused(.eventCancelled):
                #expect(sale.event == Self.cancelled && round >= Self.cancelledIn)
                accounts[sale.event].cancelled += 1
            default: Issue.record("\(sale): \(outcome)")
            }
        }
    }

    private mutating func complete(_ which: (Sale) -> Bool) async throws {
        let indexes = sales.indices.filter { which(sales[$0]) }
        let commands = indexes.map { Command.purchase(sales[$0].hold, PaymentReference(sales[$0].payment), by: .key) }
        for (index, outcome) in zip(indexes, await decide(commands)) {
            let sale = sales[index]
            switch outcome {
            case .purchased(_, let late, repeated: false):
                sales[index].left = sale.quantity
                count(sale, sale.quantity, sign: 1)
                accounts[sale.event].purchases += 1
                if late { accounts[sale.event].late += 1 }
            case .refused(.holdExpired(refundRequired: true)), .refused(.eventCancelled(refundRequired: true)):
                debts[sale.payment] = sale.hold
            default: Issue.record("\(sale): \(outcome)")
            }
        }
    }

    private mutating func takeBack(from round: Int) async throws {
        let whole = sales.indices.filter { sales[$0].round == round && sales[$0].isReturned && sales[$0].left > 0 }
        try await takeBack(whole)
        let parts = sales.indices.filter {
            sales[$0].round == round && sales[$0].isReturnedInPart && sales[$0].left > 0
        }
        let commands = try parts.map { index in
            let line = try #require(PartReturn.Line(type: sales[index].code, quantity: 1))
            return Command.returnPart(
                sales[index].hold,
                PartReturn(
                    lines: OneOrMore(line), reason: nil, key: IdempotencyKey(named: "back-\(sales[index].payment)")))
        }
        for (index, outcome) in zip(parts, await decide(commands)) {
            guard case .returned(_, repeated: false) = outcome else {
                Issue.record("\(sales[index]): \(outcome)")
                continue
            }
            sales[index].left -= 1
            count(sales[index], 1, sign: -1)
        }
    }

    private mutating func correct(in round: Int) async throws {
        let wrong = sales.filter { $0.round == round && $0.isCorrected && $0.left > 0 }
        let outcomes = await decide(wrong) { sale in
            let right = Correction.State(buyer: Buyer("right-\(sale.buyer)"), note: SaleNote("moved up"))
            return .correct(sale.hold, Correction(from: Correction.State(buyer: Buyer(sale.buyer)), to: right))
        }
        for (sale, outcome) in zip(wrong, outcomes) {
            if case .corrected = outcome {
                accounts[sale.event].corrected += 1
            } else {
                Issue.record("\(sale): \(outcome)")
            }
        }
    }

    private mutating func takeBack(_ indexes: [Int]) async throws {
        let commands = indexes.map { Command.returnPurchase(sales[$0].hold) }
        for (index, outcome) in zip(indexes, await decide(commands)) {
            guard case .returned(_, repeated: false) = outcome else {
                Issue.record("\(sales[index]): \(outcome)")
                continue
            }
            count(sales[index], sales[index].left, sign: -1)
            sales[index].left = 0
        }
    }

    /// The cancelled evening is paid back, and half of the debts.
    mutating func close(after rounds: Int) async throws {
        try await subject.advance(to: Self.moment(rounds + 20))
        try await takeBack(sales.indices.filter { sales[$0].event == Self.cancelled && sales[$0].left > 0 })
        for (payment, hold) in debts.sorted(by: { $0.key < $1.key }).prefix(debts.count / 2) {
            let back = try #require(PaymentReference(payment))
            guard case .decided(.paidBack, _) = await subject.store.perform(.payBack(hold, back)) else {
                Issue.record("\(payment) was not paid back")
                continue
            }
            debts[payment] = nil
        }
    }

    private mutating func count(_ sale: Sale, _ quantity: Int, sign: Int) {
        let amount = Int64(quantity) * (Self.prices[sale.type] ?? 0)
        for pool in Self.pools[sale.type] ?? [] { accounts[sale.event].kept[pool, default: 0] += sign * quantity }
        if sign > 0 {
            accounts[sale.event].sold += quantity
            accounts[sale.event].gross += amount
        } else {
            accounts[sale.event].returned += quantity
            accounts[sale.event].returnedAmount += amount
        }
    }

    private func decide(_ sales: [Sale], _ command: (Sale) -> Command) async -> [Outcome] {
        await decide(sales.map(command))
    }

    /// Lets the store decide all commands side by side.
    private func decide(_ commands: [Command]) async -> [Outcome] {
        let store = subject.store
        return await withTaskGroup(of: (Int, Outcome?).self) { group in
            for (index, command) in commands.enumerated() {
                group.addTask {
                    guard case .decided(let outcome, _) = await store.perform(command) else { return (index, nil) }
                    return (index, outcome)
                }
            }
            var outcomes = [Outcome](repeating: .refused(.unknownHold), count: commands.count)
            for await (index, outcome) in group { if let outcome { outcomes[index] = outcome } }
            return outcomes
        }
    }

    // MARK: Checking

    func check(_ when: String) async throws {
        let recount = try await subject.ledger.recount()
        #expect(recount.broken == nil, "\(when)")
        for event in 0..<Self.events { try await check(event, recount.pools, when) }
        let owed = try await subject.ledger.refundsOwed(of: nil, confirmed: true, after: nil, limit: 10_000)
        #expect(Set(owed.map(\.payment)) == Set(debts.keys), "\(when)")
        #expect(Dictionary(uniqueKeysWithValues: owed.map { ($0.payment, $0.hold) }) == debts, "\(when)")
    }

    private func check(_ event: Int, _ pools: [PoolCount], _ when: String) async throws {
        let (account, name) = (accounts[event], try code(Self.name(event)))
        let place = Comment(rawValue: "\(name) \(when)")
        let report = try await subject.ledger.report(of: name, utcOffset: 0)
        let sum = report.totals.first?.sum ?? SalesReport.Sum()
        #expect(report.totals.count <= 1, place)
        #expect([sum.purchases, sum.sold, sum.returned] == [account.purchases, account.sold, account.returned], place)
        #expect([sum.gross, sum.returnedAmount] == [account.gross, account.returnedAmount], place)
        #expect([report.holds.made, report.holds.released] == [account.holds, account.released], place)
        let list = try await subject.ledger.purchases(of: name, after: nil, limit: 10_000)
        #expect(list.count == account.purchases, place)
        #expect(
            list.flatMap(\.lines).reduce(0) { $0 + $1.total - $1.returnedTotal } == account.gross
                - account.returnedAmount, place)
        #expect(list.count { $0.erasedAt != nil } == account.erased, place)
        let corrected = list.filter { $0.note == "moved up" && $0.buyer?.hasPrefix("right-buyer-") == true }
        #expect(corrected.count == account.corrected, place)
        #expect(
            list.allSatisfy { ($0.erasedAt != nil) == ($0.buyer == nil) && ($0.buyer == nil) == ($0.payment == nil) },
            place)
        for pool in pools where pool.event == name && account.kept[pool.pool.text] != nil {
            #expect(pool.sold == account.kept[pool.pool.text], place)
        }
    }
}
