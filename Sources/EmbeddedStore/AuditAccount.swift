internal import BoxOffice
internal import GRDB
internal import HeapModule
internal import TicketStore

/// The dull account of a recount: each fact is entered in its order and held against the rules.
struct AuditAccount {
    private enum State {
        case held, purchased, released, returned, refundOwed
    }

    private struct Hold {
        var event: Int64
        var lines: [Line]
        var deadline: Int64
        var buyer: String?
        var state = State.held
        var extensions = 0
        /// Its places are counted as held.
        var isCounted = true
    }

    private struct Line {
        var type: Int64
        var quantity: Int
        var price: Int64
    }

    private struct Pool {
        var capacity = 0
        var held = 0
        var sold = 0
    }

    private struct Ending: Comparable {
        var deadline: Int64
        var hold: Int64

        static func < (left: Self, right: Self) -> Bool {
            (left.deadline, left.hold) < (right.deadline, right.hold)
        }
    }

    var report = AuditReport()
    private var now: Int64 = 0
    private var definitions: [Int64: EventDefinition] = [:]
    private var paused: Set<Int64> = []
    /// By event and index, from the readable tables.
    private let poolCodes: [Int64: [String]]
    private let typeCodes: [Int64: [String]]
    private let draws: [Int64: [[Int]]]
    private var pools: [Int64: [Pool]] = [:]
    private var holds: [Int64: Hold] = [:]
    private var endings = Heap<Ending>()
    private var payments: [String: Int64] = [:]
    private let moreLines: [Int64: [Line]]
    private let firstLines: Cursor
    private let clockMark: Int64

    init(_ db: Database) throws {
        func texts(_ sql: String) throws -> [Int64: [String]] {
            var found: [Int64: [String]] = [:]
            let rows = try Cursor(db, sql)
            while try rows.next() { found[rows.int(0), default: []].append(rows.text(1) ?? "") }
            return found
        }
        poolCodes = try texts("SELECT event, code FROM event_pools ORDER BY event, pool")
        typeCodes = try texts("SELECT event, code FROM ticket_types ORDER BY event, type")
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
        for (event, codes) in poolCodes { pools[event] = Array(repeating: Pool(), count: codes.count) }
        var more: [Int64: [Line]] = [:]
        let lines = try Cursor(db, "SELECT hold, type, quantity, price FROM hold_lines ORDER BY hold, line")
        while try lines.next() {
            more[lines.int(0), default: []]
                .append(Line(type: lines.int(1), quantity: Int(lines.int(2)), price: lines.int(3)))
        }
        moreLines = more
        firstLines = try Cursor(db, "SELECT id, type, quantity, price, more_lines FROM holds ORDER BY id")
        clockMark = try Int64.fetchOne(db, sql: "SELECT at FROM clock_mark") ?? 0
    }

    mutating func enter(_ fact: AuditFact) throws {
        report.facts += 1
        try expect(
            fact.sequence == Int64(report.facts), "fact \(report.facts) is missing, number \(fact.sequence) follows")
        try expect(fact.at >= now, "rule 5: the clock ran backwards at fact \(fact.sequence)")
        passTime(to: fact.at)
        switch fact.kind {
        case .definition: try define(fact)
        case .hold: try hold(fact)
        case .lengthening: try extend(fact)
        case .release: try release(fact)
        case .purchase: try purchase(fact)
        case .givingBack: try takeBack(fact)
        case .refund: try oweRefund(fact)
        case .recovery: recover(fact)
        case .removal: try remove(fact)
        }
    }

    mutating func finish() throws {
        try expect(try !firstLines.next(), "a hold has no number in the order of facts")
        passTime(to: max(now, clockMark))
    }

    /// Takes back what has expired by `moment`.
    mutating func passTime(to moment: Int64) {
        now = max(now, moment)
        while let first = endings.min, first.deadline <= now {
            endings.removeMin()
            // An entry of a deadline that was moved since, or of a hold that ended otherwise, says nothing.
            guard let hold = holds[first.hold], hold.isCounted, hold.deadline == first.deadline else { continue }
            count(first.hold, held: -1)
            holds[first.hold]?.isCounted = false
        }
    }

    func counts() -> [PoolCount] {
        definitions.keys.sorted().flatMap { event -> [PoolCount] in
            zip(poolCodes[event] ?? [], pools[event] ?? []).compactMap { code, pool in
                guard let id = definitions[event]?.id, let code = Code(code) else { return nil }
                let promised = pool.held + pool.sold
                return PoolCount(
                    event: id, pool: code, capacity: pool.capacity, free: max(0, pool.capacity - promised),
                    held: pool.held, sold: pool.sold, oversubscribed: max(0, promised - pool.capacity),
                    isClosed: false)
            }
        }
    }

    // MARK: Facts

    private mutating func define(_ fact: AuditFact) throws {
        let definition: EventDefinition
        do {
            definition = try EventDocument.readKept(Array((fact.text ?? "").utf8))
        } catch {
            throw BrokenRule("fact \(fact.sequence): the definition cannot be read: \(error)")
        }
        let event = fact.subject
        definitions[event] = definition
        if fact.value == 0 { paused.remove(event) } else { paused.insert(event) }
        let capacities = Dictionary(uniqueKeysWithValues: definition.pools.map { ($0.code.text, $0.capacity) })
        for (index, code) in (poolCodes[event] ?? []).enumerated() {
            pools[event]?[index].capacity = capacities[code] ?? 0
        }
    }

    private mutating func remove(_ fact: AuditFact) throws {
        try expect(definitions[fact.subject] != nil, "fact \(fact.sequence) removes an event that there is not")
        for hold in holds.values where hold.event == fact.subject {
            try expect(
                hold.state != .purchased && hold.state != .returned && !hold.isCounted,
                "rule 1: event \(fact.subject) was removed with places held or sold")
        }
        definitions[fact.subject] = nil
    }

    private mutating func hold(_ fact: AuditFact) throws {
        report.holds += 1
        let name = "hold \(fact.subject)"
        try expect(fact.subject == Int64(report.holds), "hold \(report.holds) is missing, \(name) follows")
        try expect(try firstLines.next() && firstLines.int(0) == fact.subject, "\(name) is out of its order")
        let first = Line(
            type: firstLines.int(1), quantity: Int(firstLines.int(2)), price: firstLines.int(3))
        let lines = [first] + (moreLines[fact.subject] ?? [])
        try expect(lines.count == Int(firstLines.int(4)) + 1, "\(name) lacks lines")
        guard let definition = definitions[fact.event] else { throw BrokenRule("\(name) is of an unknown event") }
        try expect(!paused.contains(fact.event), "rule 3: \(name) was given while the sale was paused")
        for line in lines { try check(line, of: fact.event, definition, name) }
        let tickets = lines.reduce(0) { $0 + $1.quantity }
        try expect(tickets <= definition.ticketsPerHold, "rule 21: \(name) has \(tickets) tickets")
        try expect(
            fact.value == fact.at + definition.life.inMilliseconds, "rule 6: \(name) has another deadline")
        try checkBuyer(fact, definition, tickets, name)
        holds[fact.subject] = Hold(event: fact.event, lines: lines, deadline: fact.value, buyer: fact.text)
        endings.insert(Ending(deadline: fact.value, hold: fact.subject))
        count(fact.subject, held: 1)
        try checkPools(of: fact.subject, name)
    }

    private func check(_ line: Line, of event: Int64, _ definition: EventDefinition, _ name: String) throws {
        let index = Int(line.type)
        guard let code = typeCodes[event].flatMap({ $0.indices.contains(index) ? $0[index] : nil }),
            let type = definition.types.first(where: { $0.code.text == code }), let drawn = draws[event]?[index]
        else { throw BrokenRule("\(name) is of a ticket type that was not for sale") }
        let codes = drawn.compactMap { poolCodes[event]?[$0] }
        try expect(
            Set(codes) == Set(type.pools.map(\.text)), "\(name) draws from other pools than its type's definition")
        try expect(type.price == line.price, "rule 11: \(name) has another price than the moment of holding")
        try expect(line.quantity >= 1, "\(name) has a line of \(line.quantity) tickets")
    }

    private func checkBuyer(
        _ fact: AuditFact, _ definition: EventDefinition, _ tickets: Int, _ name: String
    ) throws {
        guard definition.needsBuyer else { return }
        guard let buyer = fact.text else { throw BrokenRule("\(name) names no buyer, and its event limits buyers") }
        // Dull and slow: only events that limit buyers pay for it.
        let theirs = holds.values.filter { $0.buyer == buyer && $0.event == fact.event }
        let live = theirs.filter(\.isCounted)
        if let most = definition.holdsPerBuyer {
            try expect(live.count < most, "rule 21: \(name) is one hold too many for its buyer")
        }
        if let most = definition.ticketsPerBuyer {
            let had = (live + theirs.filter { $0.state == .purchased }).reduce(0) { sum, hold in
                sum + hold.lines.reduce(0) { $0 + $1.quantity }
            }
            try expect(had + tickets <= most, "rule 21: \(name) gives its buyer \(had + tickets) tickets")
        }
    }

    private mutating func extend(_ fact: AuditFact) throws {
        let hold = try live(fact, "extended")
        let most = definitions[hold.event]?.maximumExtensions ?? 0
        try expect(hold.extensions < most, "rule 13: hold \(fact.subject) was extended too often")
        try expect(fact.value >= hold.deadline, "rule 13: hold \(fact.subject) was shortened")
        holds[fact.subject]?.deadline = fact.value
        holds[fact.subject]?.extensions += 1
        endings.insert(Ending(deadline: fact.value, hold: fact.subject))
    }

    private mutating func release(_ fact: AuditFact) throws {
        _ = try live(fact, "released")
        end(fact.subject, .released)
    }

    private mutating func purchase(_ fact: AuditFact) throws {
        report.purchases += 1
        try take(payment: fact.text, fact)
        if fact.value == 0 {
            // What was promised is kept, also where the capacity was lowered since: nothing to check.
            _ = try live(fact, "purchased")
            end(fact.subject, .purchased)
            count(fact.subject, sold: 1)
        } else {
            guard let hold = holds[fact.subject], hold.state == .held, !hold.isCounted else {
                throw BrokenRule("rule 9: hold \(fact.subject) was purchased late without having expired")
            }
            try expect(fact.text != nil, "rule 9: hold \(fact.subject) was purchased late without a payment")
            holds[fact.subject]?.state = .purchased
            count(fact.subject, sold: 1)
            try checkPools(of: fact.subject, "the late purchase P\(fact.subject)")
        }
    }

    private mutating func takeBack(_ fact: AuditFact) throws {
        report.returns += 1
        try expect(
            holds[fact.subject]?.state == .purchased, "rule 14: hold \(fact.subject) was returned, not being purchased")
        count(fact.subject, sold: -1)
        holds[fact.subject]?.state = .returned
    }

    private mutating func oweRefund(_ fact: AuditFact) throws {
        report.refundsOwed += 1
        try take(payment: fact.text, fact)
        let state = holds[fact.subject]?.state
        try expect(
            state == .refundOwed || state == .held && holds[fact.subject]?.isCounted == false,
            "rule 9: a refund is owed for hold \(fact.subject), which did not expire")
        holds[fact.subject]?.state = .refundOwed
    }

    private mutating func recover(_ fact: AuditFact) {
        for (number, hold) in holds where hold.event == fact.subject && hold.isCounted && hold.deadline < fact.value {
            holds[number]?.deadline = fact.value
            endings.insert(Ending(deadline: fact.value, hold: number))
        }
    }

    // MARK: Counting

    private mutating func take(payment: String?, _ fact: AuditFact) throws {
        guard let payment else { return }
        let before = payments.updateValue(fact.subject, forKey: payment)
        try expect(
            before == nil || before == fact.subject,
            "rule 10: one payment is for holds \(before ?? 0) and \(fact.subject)")
    }

    private func live(_ fact: AuditFact, _ verb: String) throws -> Hold {
        guard let hold = holds[fact.subject] else {
            throw BrokenRule("hold \(fact.subject) was \(verb) and never given")
        }
        try expect(
            hold.state == .held && hold.isCounted, "rule 6: hold \(fact.subject) was \(verb) after it had ended")
        return hold
    }

    private mutating func end(_ number: Int64, _ state: State) {
        count(number, held: -1)
        holds[number]?.state = state
        holds[number]?.isCounted = false
    }

    /// Adds the places of a hold to what is held or sold, that many times.
    private mutating func count(_ number: Int64, held: Int = 0, sold: Int = 0) {
        guard let hold = holds[number] else { return }
        for line in hold.lines {
            for pool in draws[hold.event]?[Int(line.type)] ?? [] {
                pools[hold.event]?[pool].held += held * line.quantity
                pools[hold.event]?[pool].sold += sold * line.quantity
            }
        }
    }

    private func checkPools(of number: Int64, _ name: String) throws {
        guard let hold = holds[number] else { return }
        for line in hold.lines {
            for index in draws[hold.event]?[Int(line.type)] ?? [] {
                guard let pool = pools[hold.event]?[index] else { continue }
                try expect(
                    pool.held + pool.sold <= pool.capacity,
                    """
                    rule 2: with \(name), \(pool.held + pool.sold) places of pool \
                    \(poolCodes[hold.event]?[index] ?? "") are promised, there are \(pool.capacity)
                    """)
            }
        }
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw BrokenRule(what()) }
    }
}
