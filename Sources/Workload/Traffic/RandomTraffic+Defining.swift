internal import BoxOffice

// Random events and random changes of them.

extension RandomTraffic {
    mutating func newDefinition(_ index: Int) -> EventDefinition {
        let pools = (0..<chance.number(in: 1...5)).map { pool in
            EventDefinition.Pool(
                code: code("pool", pool), capacity: chance.number(in: 1...shape.capacity),
                allocations: chance.chance(25) ? newAllocations() : [])
        }
        let types = (0..<chance.number(in: 1...4)).map { newType($0, pools) }
        var definition = EventDefinition(
            id: code("event", index),
            holdTime: .seconds(chance.number(in: chance.chance(20) ? 1...shape.holdSeconds : 5...shape.holdSeconds)),
            clientGrace: .seconds(chance.number(in: 0...2)),
            maximumExtensions: chance.number(in: 0...3),
            latePayment: chance.chance(75) ? .reacquire : .strict,
            completion: chance.chance(85) ? .token : .shop,
            ticketsPerHold: chance.number(in: 2...8),
            ticketsPerBuyer: chance.chance(40) ? chance.number(in: 1...6) : nil,
            holdsPerBuyer: chance.chance(30) ? chance.number(in: 1...3) : nil,
            pools: pools, types: types)
        if chance.chance(40) { definition.codes = newCodes(of: definition) }
        definition.checkout = Self.checkout(of: definition)
        return definition
    }

    /// A page for payments where the shop completes, as R55 Checkout demands; it decides nothing about holds.
    private static func checkout(of definition: EventDefinition) -> EventDefinition.Checkout? {
        definition.completion == .shop ? .url("https://pay.example/\(definition.id)") : nil
    }

    private mutating func newType(_ number: Int, _ pools: [EventDefinition.Pool]) -> EventDefinition.TicketType {
        var left = pools.map(\.code)
        var drawn: [Code] = []
        for _ in 0..<chance.number(in: 1...min(4, pools.count)) {
            drawn.append(left.remove(at: chance.number(in: 0...(left.count - 1))))
        }
        var type = EventDefinition.TicketType(
            code: code("T", number), price: Int64(chance.number(in: 0...90)) * 100, pools: drawn)
        if chance.chance(20) { giveTerms(to: &type) }
        return type
    }

    /// Terms of its own, of one kind or several (R44 Terms of a type).
    private mutating func giveTerms(to type: inout EventDefinition.TicketType) {
        if chance.chance(30) { (type.opensAt, type.closesAt) = newWindow() }
        if chance.chance(30) { type.leastPerHold = chance.number(in: 1...2) }
        if chance.chance(30) { type.mostPerHold = chance.number(in: 1...4) }
        if chance.chance(50) { type.ticketsPerBuyer = chance.number(in: 1...5) }
    }

    /// A sale window whose bounds lie near the present time.
    mutating func newWindow() -> (opensAt: WallTime?, closesAt: WallTime?) {
        let wall = now.wall.milliseconds
        let opensAt = wall + Int64(chance.number(in: -20_000...20_000))
        let closesAt = max(wall, opensAt) + Int64(chance.number(in: 1...60_000))
        return (
            chance.chance(70) ? WallTime(milliseconds: opensAt) : nil,
            chance.chance(70) ? WallTime(milliseconds: closesAt) : nil
        )
    }

    /// Changes the terms of a type.
    private mutating func changeTerms(of definition: inout EventDefinition) {
        let type = chance.number(in: 0...(definition.types.count - 1))
        switch chance.number(in: 1...6) {
        case 1: (definition.types[type].opensAt, definition.types[type].closesAt) = newWindow()
        case 2: (definition.types[type].opensAt, definition.types[type].closesAt) = (nil, nil)
        case 3: definition.types[type].ticketsPerBuyer = chance.number(in: 1...5)
        case 4: definition.types[type].ticketsPerBuyer = nil
        case 5:
            (definition.types[type].leastPerHold, definition.types[type].mostPerHold) = (nil, chance.number(in: 1...4))
        default: (definition.opensAt, definition.closesAt) = chance.chance(40) ? newWindow() : (nil, nil)
        }
    }

    /// Changes one thing of a definition, or pauses a sale. The store must refuse some of these changes.
    mutating func change() -> Command {
        guard var next = chance.one(of: definitions) else { return .pause(event: code("event", 0)) }
        // A cancelled event has little to show, so most cancellations are soon undone.
        if cancelled.contains(next.id), chance.chance(50) { return .reinstate(event: next.id) }
        if shape.queues > 0, chance.chance(10) {
            newQueue(of: &next)
            return .define(next)
        }
        // Turns that run have to last through pauses (Q5 Turn).
        if shape.queues > 0, chance.chance(25) {
            return chance.chance(40) ? .pause(event: next.id) : .resume(event: next.id)
        }
        switch chance.number(in: 1...100) {
        case 1...30:
            let pool = chance.number(in: 0...(next.pools.count - 1))
            next.pools[pool].capacity = chance.number(in: 0...shape.capacity)
        case 31...40: changeTerms(of: &next)
        case 41...45: next.codes = chance.chance(80) ? newCodes(of: next) : []
        case 46...50:
            let type = chance.number(in: 0...(next.types.count - 1))
            next.types[type].price += 100
        case 53...58: next.types.append(newType(next.types.count, next.pools))
        case 59...62: if next.types.count > 1 { next.types.removeLast() }
        case 63...66: next.pools.append(.init(code: code("pool", next.pools.count), capacity: 3))
        case 67...69:
            let last = next.pools.removeLast().code
            for type in next.types.indices { next.types[type].pools.removeAll { $0 == last } }
        case 70...75: next.ticketsPerBuyer = chance.chance(50) ? chance.number(in: 1...6) : nil
        case 76...79: next.holdsPerBuyer = chance.chance(50) ? chance.number(in: 1...3) : nil
        case 80...83:
            next.holdTime = .seconds(
                chance.number(in: chance.chance(20) ? 1...shape.holdSeconds : 5...shape.holdSeconds))
        case 84...86: next.latePayment = next.latePayment == .strict ? .reacquire : .strict
        case 87...89: return .pause(event: next.id)
        case 51, 52, 90: next.clientGrace = .seconds(chance.number(in: 0...4))
        case 91: next.maximumExtensions = chance.number(in: 0...3)
        case 92:
            next.currency = next.currency == "EUR" ? "JPY" : "EUR"
            // Nothing depends on it.
            next.presentation.venue = next.currency
        case 93:
            next.completion = next.completion == .token ? .shop : .token
            next.checkout = Self.checkout(of: next)
        case 94...97:
            let pool = chance.number(in: 0...(next.pools.count - 1))
            next.pools[pool].allocations = chance.chance(70) ? newAllocations() : []
        case 98: return .cancel(event: next.id)
        case 99: return .reinstate(event: next.id)
        default: return .resume(event: next.id)
        }
        // What codes refer to may have gone.
        for index in next.codes.indices {
            next.codes[index].types.removeAll { type in !next.types.contains { $0.code == type } }
            let allocations = next.pools.flatMap(\.allocations).map(\.code)
            if next.codes[index].allocation.map({ !allocations.contains($0) }) ?? false {
                next.codes[index].allocation = nil
            }
        }
        return .define(next)
    }

    /// One or two allocations of a pool; time releases some of them, or has released them.
    private mutating func newAllocations() -> [EventDefinition.Allocation] {
        (0..<chance.number(in: 1...2)).map { number in
            let releasedAt =
                chance.chance(30)
                ? WallTime(milliseconds: now.wall.milliseconds + Int64(chance.number(in: -5_000...60_000))) : nil
            return EventDefinition.Allocation(
                code: code("kept", number), places: chance.number(in: 0...(shape.capacity / 2)), releasedAt: releasedAt)
        }
    }

    /// A type of `definition`, or one through an allocation, which not every type has.
    mutating func someType(of definition: EventDefinition) -> Code {
        let type = chance.one(of: definition.types)?.code ?? definition.id
        let allocates = definition.pools.contains { !$0.allocations.isEmpty }
        guard allocates ? chance.chance(30) : chance.chance(1) else { return type }
        return Code(type, allocation: code("kept", chance.number(in: 0...1)))
    }

    /// A code of a few letters and a number.
    func code(_ name: String, _ number: Int) -> Code {
        guard let code = Code("\(name)\(number)") else { preconditionFailure("a plain name is a code") }
        return code
    }
}
