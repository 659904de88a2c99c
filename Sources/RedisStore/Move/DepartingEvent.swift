internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// An event of a sale that leaves (R51 Moving a sale), with the numbers of its types and terms in the new store.
///
/// Redis keeps an event's last definition, and of earlier ones what holds refer to: types that are no longer sold, and
/// terms. So it makes up definitions that give another store the same types and terms.
struct DepartingEvent: Sendable {
    /// What was promised to some holds (R11 Terms of a hold).
    private struct Terms {
        var life: Duration
        var grace: Duration
        var extensions: Int
        var reacquires: Bool
        var currency: String
    }

    let number: EventNumber
    let entry: EventDirectory.Entry
    let isCancelled: Bool
    /// The event's clock. It stands.
    var office: Timestamp
    /// The server's clock then.
    let ticks: Int
    let wall: WallTime
    private let terms: [Terms]
    /// Every batch of access codes that holds may refer to, by its number (R46 Access codes).
    private let batches: [Code]

    /// The number of the event in the new store.
    private(set) var index: UInt32 = 0
    /// By the number of a type here.
    private var typeIndexes: [UInt16] = []
    /// By the number of terms here.
    private var termsIndexes: [UInt16] = []

    var code: Code { entry.catalogue.code }

    /// - Parameter reply: of `close_event` (`Lua/leave.lua`).
    init(_ number: EventNumber, _ entry: EventDirectory.Entry, _ reply: ByteBuffer) throws(PackedMistake) {
        self.number = number
        self.entry = entry
        var reader = PackedReader(reply)
        office = Timestamp(milliseconds: Int64(try reader.number()))
        ticks = try reader.number()
        wall = WallTime(milliseconds: Int64(try reader.number()))
        isCancelled = try reader.byte() == 1
        var terms: [Terms] = []
        for _ in 0..<(try reader.short()) {
            let (life, grace, extensions) = (try reader.number(), try reader.number(), try reader.number())
            let (reacquires, currency) = (try reader.byte() == 1, try reader.text())
            terms.append(
                Terms(
                    life: .milliseconds(life), grace: .milliseconds(grace), extensions: extensions,
                    reacquires: reacquires,
                    // An earlier release kept the currency only in the document.
                    currency: currency.isEmpty ? entry.reading.definition.currency : currency))
        }
        self.terms = terms
        var batches: [Code] = []
        for _ in 0..<(try reader.short()) {
            guard let name = Code(try reader.text()) else { throw PackedMistake() }
            batches.append(name)
        }
        self.batches = batches
    }

    // MARK: Definitions

    /// Enters the event in `office`, which stands for the new store, and returns the definitions for it, the last one
    /// last.
    ///
    /// - Throws: ``MoveError`` if the new store would lack a type of a hold.
    mutating func enter(in office: inout BoxOffice, sequence: inout UInt64) throws -> [EventDefinition] {
        let last = entry.reading.definition
        var definitions = formerBatches + formerTypes
        for definition in definitions { enter(definition, in: &office, &sequence) }
        for promised in terms {
            var definition = last
            definition.holdTime = promised.life - promised.grace
            definition.clientGrace = promised.grace
            definition.maximumExtensions = promised.extensions
            definition.latePayment = promised.reacquires ? .reacquire : .strict
            definition.currency = promised.currency
            enter(definition, in: &office, &sequence)
            definitions.append(definition)
            guard let event = office.catalogue(of: code)?.event, let found = office.terms(of: event, at: sequence)
            else {
                throw MoveError.refused("event \(code) cannot be defined")
            }
            (index, termsIndexes) = (event, termsIndexes + [found])
        }
        if definitions.last != last {
            enter(last, in: &office, &sequence)
            definitions.append(last)
        }
        try findTypes(office.catalogue(at: index))
        if entry.isRemoved { _ = office.restoreRemoval(of: index) }
        return definitions
    }

    private func enter(_ definition: EventDefinition, in office: inout BoxOffice, _ sequence: inout UInt64) {
        office.restore(definition, paused: entry.reading.isPaused, sequence: sequence)
        sequence += 1
    }

    /// Definitions that give each batch of access codes the number that it has here: what counts is the order of their
    /// names.
    private var formerBatches: [EventDefinition] {
        let most = Limits.codeBatchesPerEvent
        return stride(from: 0, to: batches.count, by: most).map { first in
            var definition = entry.reading.definition
            definition.codes = batches[first..<min(first + most, batches.count)].map {
                .init(name: $0, count: Limits.codesPerBatch, tickets: 1)
            }
            return definition
        }
    }

    /// A definition for each type that is no longer sold, or was sold from other pools.
    private var formerTypes: [EventDefinition] {
        let pools = entry.catalogue.pools
        var seen: Set<[String]> = []
        return entry.catalogue.types.filter(\.isRetired).compactMap { type in
            let drawn = type.pools.map { pools[$0] }
            guard seen.insert([type.code.text, type.allocation?.text ?? ""] + drawn.map(\.name.text)).inserted else {
                return nil
            }
            var definition = entry.reading.definition
            // They refer to types and allocations that this definition does not have.
            definition.codes = []
            let own = drawn.filter { $0.allocation == nil }
            definition.pools = own.map { pool in
                let kept = drawn.filter { $0.code == pool.code }.compactMap(\.allocation)
                let now = entry.reading.definition.pools.first { $0.code == pool.code }
                return EventDefinition.Pool(
                    code: pool.code, capacity: max(1, now?.capacity ?? 1),
                    allocations: kept.map { .init(code: $0, places: 1) })
            }
            definition.types = [
                EventDefinition.TicketType(code: type.code, name: type.name, price: type.price, pools: own.map(\.code))
            ]
            return definition
        }
    }

    private mutating func findTypes(_ other: EventCatalogue) throws {
        let pools = entry.catalogue.pools
        typeIndexes = try entry.catalogue.types.map { type in
            let drawn = type.pools.map { pools[$0].name }
            let found = other.types.lastIndex { one in
                one.code == type.code && one.allocation == type.allocation
                    && one.pools.map { other.pools[$0].name } == drawn
            }
            guard let found else { throw MoveError.refused("type \(type.code) of \(code) cannot be defined") }
            return UInt16(clamping: found)
        }
    }

    // MARK: Holds

    /// - Parameters:
    ///   - known: the number that buyers know.
    ///   - deadline: when the hold ends, by the event's clock.
    func moved(_ record: PackedRecord, known: HoldID, deadline: Int) throws -> MovedHold {
        let lines = try record.lines.map { line in
            guard typeIndexes.indices.contains(Int(line.type)) else { throw PackedMistake() }
            return HeldLine(
                type: typeIndexes[Int(line.type)], quantity: line.quantity, price: line.price, returned: line.returned)
        }
        guard let lines = OneOrMore(lines), termsIndexes.indices.contains(Int(record.terms)) else {
            throw PackedMistake()
        }
        let isSold = record.state == .purchased || record.state == .returned
        var moved = MovedHold(
            id: known, event: index, terms: termsIndexes[Int(record.terms)], lines: lines, state: record.state,
            isLate: record.isLate, extensions: record.extensions, buyer: record.buyer.flatMap(Buyer.init),
            payment: isSold ? record.payment.flatMap(PaymentReference.init(kept:)) : nil,
            left: Timestamp(milliseconds: Int64(deadline)).since(office), heldAt: record.heldAt,
            purchasedAt: isSold ? record.endedAt : nil, returnedAt: record.returnedAt,
            parts: record.returns.compactMap(Self.moved), erasedAt: record.erasedAt,
            note: record.note.flatMap(SaleNote.init), code: record.code, seller: isSold ? record.seller : nil)
        moved.override = record.override
        return moved
    }

    private static func moved(_ part: PackedReturn) -> MovedReturn? {
        let shares = part.quantities.enumerated().filter { $0.element > 0 }.map { line, quantity in
            PartReturnFact.Share(line: UInt8(clamping: line), quantity: Int32(quantity))
        }
        return OneOrMore(shares).map {
            MovedReturn(at: part.at, part: PartReturnFact(lines: $0, key: part.key, reason: nil))
        }
    }
}
