internal import BoxOffice
internal import GRDB
internal import HeapModule
internal import TicketStore

/// The recount's own account of a ledger. It takes the facts in their order and checks each against the rules.
///
/// It shares no code with the box office on purpose, so that a mistake there is not repeated here.
struct AuditAccount {
    enum State {
        case held, purchased, released, returned
    }

    struct Hold {
        var event: Int64
        var first: AuditLine
        /// The other lines; most holds have none.
        var more: [AuditLine]
        var deadline: Int64
        /// The index of its buyer's tally; `nil` if it names no buyer.
        var tally: Int?
        var state = State.held
        var extensions = 0
        /// From the definition that was in force when it was made (R11 Terms of a hold).
        var mostExtensions: Int
        var latePayment: EventDefinition.LatePayment
        /// Whether its places are counted as held.
        var isCounted = true
        var isErased = false

        /// Without those that were returned.
        var tickets: Int { more.reduce(first.quantity) { $0 + $1.quantity } }

        func line(_ position: Int) -> AuditLine { position == 0 ? first : more[position - 1] }
    }

    /// What forbids the removal of an event.
    struct Standing {
        var live = 0
        var everSold = 0
    }

    struct Pool {
        var capacity = 0
        var held = 0
        var sold = 0
    }

    var report = AuditReport()
    var now: Int64 = 0
    var definitions: [Int64: EventDefinition] = [:]
    private var paused: Set<Int64> = []
    /// By event and index, from the readable tables.
    var poolCodes: [Int64: [String]] = [:]
    private(set) var typeCodes: [Int64: [String]] = [:]
    var draws: [Int64: [[Int]]] = [:]
    var pools: [Int64: [Pool]] = [:]
    /// By number, from 1, without gaps.
    var holds: [Hold] = []
    var tallies: [Tally] = []
    var tallyOf: [BuyerOfEvent: Int] = [:]
    var standings: [Int64: Standing] = [:]
    /// By event, as long as it is cancelled.
    var cancelledAt: [Int64: Int64] = [:]
    /// Cancelled events of which something was paid back since.
    var paidBack: Set<Int64> = []
    private var endings = Heap<HoldEnding>()
    var debts = AuditDebts()
    var timeOfDay = AuditTimeOfDay()
    var codes = AuditCodes()
    /// By event.
    var queues: [Int64: AuditQueue] = [:]
    /// By hold: the entry of the queue that made it.
    var entries: [Int64: Int64] = [:]

    /// The last of the facts that came from a store of another kind (R51 Moving a sale); 0 if none did.
    private(set) var movedThrough: Int64 = 0

    /// The number of the last fact that was entered.
    private(set) var lastFact: Int64 = 0
    /// The last fact before each lost time, and the last number that was left out for it (R63 Backup).
    private var losses: [Int64: Int64] = [:]
    /// The number of the last hold that was entered.
    var lastHold: Int64 { Int64(holds.count) }

    /// Reads the codes of pools and types. It is called again before later facts, which may have added some.
    mutating func readNames(_ db: Database) throws {
        func texts(_ sql: String) throws -> [Int64: [String]] {
            var found: [Int64: [String]] = [:]
            let rows = try Cursor(db, sql)
            while try rows.next() { found[rows.int(0), default: []].append(rows.text(1) ?? "") }
            return found
        }
        debts.secret = try LedgerSource.secret(db)
        movedThrough = try MovedNumbers.lastFact(db)
        let left = try Cursor(db, "SELECT seq, through FROM losses")
        while try left.next() { losses[left.int(0)] = left.int(1) }
        // What belongs to an allocation has its name behind the code, as `floor/guests`.
        let name = "code || coalesce('/' || allocation, '')"
        poolCodes = try texts("SELECT event, \(name) FROM event_pools ORDER BY event, pool")
        typeCodes = try texts("SELECT event, \(name) FROM ticket_types ORDER BY event, type")
        try timeOfDay.read(Cursor(db, "SELECT at, ahead FROM wall_clock ORDER BY at"))
        var draws: [Int64: [[Int]]] = [:]
        for (event, types) in typeCodes { draws[event] = Array(repeating: [], count: types.count) }
        let drawn = try Cursor(db, "SELECT event, type, pool FROM draws ORDER BY event, type, pool")
        while try drawn.next() {
            let (event, type, pool) = (drawn.int(0), Int(drawn.int(1)), Int(drawn.int(2)))
            guard draws[event]?.indices.contains(type) ?? false, poolCodes[event]?.indices.contains(pool) ?? false
            else { throw LedgerError.damaged("type \(type) of event \(event) draws from an unknown pool") }
            draws[event]?[type].append(pool)
        }
        self.draws = draws
        for (event, codes) in poolCodes {
            let known = pools[event] ?? []
            pools[event] = known + Array(repeating: Pool(), count: max(0, codes.count - known.count))
        }
    }

    /// Checks and counts the next fact.
    ///
    /// - Parameter lines: the lines of the hold, if the fact is one.
    mutating func enter(_ fact: AuditFact, lines: AuditLines? = nil) throws {
        leaveOut(before: fact.sequence)
        report.facts += 1
        lastFact += 1
        try expect(fact.sequence == lastFact, "fact \(lastFact) is missing, number \(fact.sequence) follows")
        if fact.sequence <= movedThrough { return try enterMoved(fact, lines) }
        try expect(fact.at >= now, "R5 The store's clock: it ran backwards at fact \(fact.sequence)")
        passTime(to: fact.at)
        switch fact.kind {
        case .definition: try define(fact)
        case .hold: try hold(fact, lines)
        case .lengthening: try extend(fact)
        case .release: try release(fact)
        case .purchase: try purchase(fact)
        case .givingBack: try takeBack(fact)
        case .refund: try oweRefund(fact)
        case .recovery: recover(fact)
        case .removal: try remove(fact)
        case .partialReturn: try takeBackPart(fact)
        case .repayment:
            try debts.payBack(fact.text ?? "", for: fact.subject)
            if let hold = entry(fact.subject) { notePaidBack(hold.event) }
        case .cancellation: try cancel(fact)
        case .erasure: try erase(fact)
        case .correction: try correct(fact)
        case .queue: try queue(fact)
        }
    }

    /// Goes over numbers of facts that were left out before the fact `next`. The audit of a moved sale may have had more notes
    /// than there are facts of the move. In lost time facts may have been decided that this ledger does not have.
    mutating func leaveOut(before next: Int64) {
        if movedThrough > 0, next > movedThrough, lastFact < movedThrough {
            lastFact = movedThrough
            report.facts = UInt64(movedThrough)
        }
        while let through = losses[lastFact], through > lastFact, next > through {
            lastFact = through
            loseQueueFacts()
        }
    }

    /// Counts holds as expired whose deadline is at `moment` or before.
    mutating func passTime(to moment: Int64) {
        now = max(now, moment)
        while let first = endings.min, first.deadline <= now {
            endings.removeMin()
            // The deadline may have moved since, or the hold may have ended otherwise.
            guard let hold = entry(first.hold), hold.isCounted, hold.deadline == first.deadline else { continue }
            stopCounting(first.hold)
        }
    }

    mutating func schedule(_ hold: Int64, until deadline: Int64) {
        endings.insert(HoldEnding(deadline: deadline, hold: hold))
    }

    func counts() -> [PoolCount] {
        definitions.keys.sorted().flatMap { event -> [PoolCount] in
            zip(poolCodes[event] ?? [], pools[event] ?? []).compactMap { code, pool in
                guard let id = definitions[event]?.id, let code = Code(kept: code) else { return nil }
                return PoolCount(
                    event: id, pool: code, capacity: pool.capacity, held: pool.held, sold: pool.sold, isClosed: false)
            }
        }
    }

    // MARK: Facts

    mutating func define(_ fact: AuditFact) throws {
        let definition: EventDefinition
        do {
            definition = try EventDocument.readKept(Array((fact.text ?? "").utf8))
        } catch {
            throw BrokenRule("fact \(fact.sequence): the definition cannot be read: \(error)")
        }
        let event = fact.subject
        definitions[event] = definition
        codes.define(definition, event)
        if fact.value != 0 {
            if paused.insert(event).inserted { queues[event]?.pausedAt = fact.at }
        } else if paused.remove(event) != nil {
            queues[event]?.goOn(at: fact.at)
        }
        var capacities = Dictionary(uniqueKeysWithValues: definition.pools.map { ($0.code.text, $0.capacity) })
        for pool in definition.pools {
            for allocation in pool.allocations { capacities["\(pool.code)/\(allocation.code)"] = allocation.places }
        }
        for (index, code) in (poolCodes[event] ?? []).enumerated() {
            pools[event]?[index].capacity = capacities[code] ?? 0
        }
    }

    private mutating func remove(_ fact: AuditFact) throws {
        try expect(definitions[fact.subject] != nil, "fact \(fact.sequence) removes an event that there is not")
        let standing = standings[fact.subject] ?? Standing()
        try expect(
            standing.live == 0 && standing.everSold == 0,
            "R1 Conservation: event \(fact.subject) was removed with places held or sold")
        try expect(
            !debts.hasConfirmed(of: fact.subject),
            "R23 Debts: event \(fact.subject) was removed with a confirmed debt")
        definitions[fact.subject] = nil
    }

    private mutating func hold(_ fact: AuditFact, _ lines: AuditLines?) throws {
        report.holds += 1
        let name = "hold \(fact.subject)"
        try expect(fact.subject == Int64(report.holds), "hold \(report.holds) is missing, \(name) follows")
        guard let lines else { throw BrokenRule("\(name) lacks lines") }
        guard let definition = definitions[fact.event] else { throw BrokenRule("\(name) is of an unknown event") }
        try expectNotCancelled(fact.event, "\(name) was made")
        try expect(
            !paused.contains(fact.event) || fact.goesPast(.pause),
            "R3 One decision per hold: \(name) was made while the sale was paused")
        try checkPass(of: fact, definition, name)
        let batch = try lines.code.map { try check($0, lines, of: fact.event, definition, name) }
        try checkWindows(lines, fact, definition, name, opensEarly: batch?.opensAt != nil)
        for line in [lines.first] + lines.more {
            try check(line, of: fact.event, definition, name, price: batch?.price)
        }
        let tickets = lines.more.reduce(lines.first.quantity) { $0 + $1.quantity }
        try expect(tickets <= definition.ticketsPerHold, "R21 Bounds: \(name) has \(tickets) tickets")
        try expect(
            fact.value == fact.at + definition.life.inMilliseconds, "R6 Deadline: \(name) has another deadline")
        var tally: Int?
        if let buyer = fact.text { tally = findTally(of: buyer, in: fact.event) }
        // It is not known whose limit an erased hold counted for.
        if !fact.isErased {
            if !fact.goesPast(.limits) { try checkBuyer(tally, definition, tickets, name) }
            try checkTypes(lines, tally, fact, definition, name)
        }
        holds.append(
            Hold(
                event: fact.event, first: lines.first, more: lines.more, deadline: fact.value, tally: tally,
                mostExtensions: definition.maximumExtensions, latePayment: definition.latePayment))
        endings.insert(HoldEnding(deadline: fact.value, hold: fact.subject))
        if let code = lines.code { codes.enter(code, of: fact.subject) }
        count(fact.subject, held: 1)
        standings[fact.event, default: Standing()].live += 1
        if let tally {
            tallies[tally].live += 1
            tallies[tally].liveTickets += tickets
            tallies[tally].holds.append(fact.subject)
        }
        try checkPools(of: fact.subject, name)
        try checkCode(of: fact.subject, in: fact.event, name)
    }

    /// - Parameter price: that of the hold's access code, if it has one of its own.
    private func check(
        _ line: AuditLine, of event: Int64, _ definition: EventDefinition, _ name: String, price: Int64?
    ) throws {
        let index = Int(line.type)
        guard let code = typeCodes[event].flatMap({ $0.indices.contains(index) ? $0[index] : nil }),
            let (type, pools) = AuditAllocations.draws(of: code, in: definition), let drawn = draws[event]?[index]
        else { throw BrokenRule("\(name) is of a ticket type that was not for sale") }
        let codes = drawn.compactMap { poolCodes[event]?[$0] }
        try expect(Set(codes) == pools, "\(name) draws from other pools than its type's definition")
        try expect(
            price ?? type.price == line.price, "R11 Terms of a hold: \(name) has another price than its definition")
        try expect(line.quantity >= 1, "\(name) has a line of \(line.quantity) tickets")
    }

    private mutating func extend(_ fact: AuditFact) throws {
        let hold = try live(fact, "extended")
        try expectNotCancelled(hold.event, "hold \(fact.subject) was extended")
        try expect(hold.extensions < hold.mostExtensions, "R13 Extension: hold \(fact.subject) was extended too often")
        try expect(fact.value >= hold.deadline, "R13 Extension: hold \(fact.subject) was shortened")
        change(fact.subject) {
            $0.deadline = fact.value
            $0.extensions += 1
        }
        endings.insert(HoldEnding(deadline: fact.value, hold: fact.subject))
    }

    private mutating func release(_ fact: AuditFact) throws {
        _ = try live(fact, "released")
        end(fact.subject, .released)
    }

    private mutating func purchase(_ fact: AuditFact) throws {
        report.purchases += 1
        if let hold = entry(fact.subject) { try expectNotCancelled(hold.event, "hold \(fact.subject) was purchased") }
        if let payment = fact.text { try debts.buy(payment, fact.subject) }
        if let hold = entry(fact.subject) { try countPurchase(of: fact.subject, in: hold.event) }
        if fact.value == 0 {
            // The hold has its places, even if the capacity was lowered since, so the pools need no check.
            _ = try live(fact, "purchased")
            end(fact.subject, .purchased)
            countSale(fact.subject)
        } else {
            guard let hold = entry(fact.subject), hold.state == .held, !hold.isCounted else {
                throw BrokenRule("R9 Late payment: hold \(fact.subject) was purchased late but had not expired")
            }
            try expect(!hold.isErased, "R41 Erasure: hold \(fact.subject) was purchased late after it was erased")
            try expect(fact.text != nil, "R9 Late payment: hold \(fact.subject) was purchased late without a payment")
            try expect(
                hold.latePayment == .reacquire, "R9 Late payment: hold \(fact.subject) is strict and was purchased late"
            )
            change(fact.subject) { $0.state = .purchased }
            countSale(fact.subject)
            try checkPools(of: fact.subject, "the late purchase P\(fact.subject)")
            try checkCode(of: fact.subject, in: hold.event, "the late purchase P\(fact.subject)")
        }
    }

    private mutating func oweRefund(_ fact: AuditFact) throws {
        report.refundsOwed += 1
        let payment = fact.text ?? ""
        guard let hold = entry(fact.subject), let reason = DebtReason(rawValue: UInt8(clamping: fact.value / 2)) else {
            throw BrokenRule("fact \(fact.sequence) is a debt of an unknown hold, or has an unknown reason")
        }
        let fits =
            switch reason {
            case .placesGone, .late, .eventRemoved, .notOnSale: hold.state == .held && !hold.isCounted
            case .eventCancelled: hold.state == .held && cancelledAt[hold.event] != nil
            case .alreadyPurchased: hold.state == .purchased
            case .released: hold.state == .released
            case .returned: hold.state == .returned
            }
        try expect(fits, "R23 Debts: payment \(payment) is owed back as \(reason), and hold \(fact.subject) is not")
        try debts.owe(
            payment,
            AuditDebts.Owed(
                hold: fact.subject, event: hold.event, at: fact.at, isConfirmed: fact.value % 2 != 0))
    }

    private mutating func recover(_ fact: AuditFact) {
        // Every live hold has an entry here, and there are few others.
        for ending in endings.unordered {
            guard let hold = entry(ending.hold), hold.event == fact.subject, hold.isCounted, hold.deadline < fact.value
            else { continue }
            change(ending.hold) { $0.deadline = fact.value }
            endings.insert(HoldEnding(deadline: fact.value, hold: ending.hold))
        }
        prolongTurns(of: fact.subject, until: fact.value)
    }
}
