internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

/// Searches and counts (R47 Search, `Lua/find.lua`).
extension SalesLists {
    /// Holds that one call looks at: a millisecond of the server.
    private static let lookedAt = 1_000
    /// Holds that one call counts: some milliseconds of the server.
    private static let counted = 5_000
    private static let endOfNumbers: UInt64 = 1 << HoldID.bitsWithinEvent
    /// Beyond every moment that RFC 3339 can write.
    private static let endOfTime: Int64 = 1 << 50

    /// Events one after the other, the latest first, and in each of them the latest hold first.
    func search(_ query: SalesQuery) async throws -> SalesPage {
        var query = query
        if let payment = query.payment {
            guard let hold = try await hold(paidBy: payment), query.hold ?? hold == hold else {
                return SalesPage(records: [], next: nil)
            }
            query.hold = hold
        }
        var found: [SaleRecord] = []
        var calls = 0
        for (event, entry) in events(of: query) {
            var before = query.hold.map { $0.numberWithinEvent + 1 } ?? Self.endOfNumbers
            if let behind = query.behind {
                if behind.event < event { continue }
                if behind.event == event { before = min(before, behind.numberWithinEvent) }
            }
            while before > 0 {
                guard calls < Self.callsForAPage else {
                    // A number beyond the last one would be that of another event.
                    let next = HoldID(event: event, hold: min(before, Self.endOfNumbers - 1))
                    return SalesPage(records: found, next: next)
                }
                calls += 1
                let (next, records) = try await sales(of: event, entry, before: before, query)
                found += records
                if found.count > query.limit {
                    found.removeLast(found.count - query.limit)
                    return SalesPage(records: found, next: found.last?.hold)
                }
                before = query.hold == nil ? next : 0
            }
        }
        return SalesPage(records: found, next: nil)
    }

    func counts(of event: Code) async throws -> [SalesCount] {
        guard let (number, entry) = allKnown(event).last(where: { !$0.1.isRemoved }) else { return [] }
        var counts: [SalesCount] = []
        let types = entry.catalogue.types.map(\.code.text)
        var before = Self.endOfNumbers
        while before > 0 {
            let keys = keyspace.keys(of: number)
            var command = caller.command(.countSales, keys: keys.all)
            command.append(limits.recoveryGrace.inMilliseconds)
            command.append(Int(before))
            command.append(Self.counted)
            var reader = PackedReader(try await caller.ask(command, to: keys.route).bytes())
            before = try reader.count()
            while !reader.isAtEnd {
                let (type, state, terms) = (Int(try reader.short()), try Self.state(&reader), try reader.short())
                counts.append(
                    SalesCount(
                        type: types.indices.contains(type) ? types[type] : "", state: state,
                        currency: entry.catalogue.currency(ofTerms: terms), holds: try reader.number(),
                        tickets: try reader.number(), amount: Int64(try reader.number())))
            }
            counts = SalesCount.gathered(counts, types: types)
        }
        return counts
    }

    /// The events that a query means, the latest first.
    private func events(of query: SalesQuery) -> [(EventNumber, EventDirectory.Entry)] {
        let known = query.event == nil ? allKnown(nil) : allKnown(query.event).filter { !$0.1.isRemoved }
        return known.reversed().filter { query.hold == nil || query.hold?.event == $0.0 }
    }

    /// The hold that a payment bought, or for which it was sent.
    private func hold(paidBy payment: PaymentReference) async throws -> HoldID? {
        var event: EventNumber = 1
        if keyspace.isCluster {
            guard let owner = try await claims.owner(of: payment) else { return nil }
            event = owner
        }
        let keys = keyspace.keys(of: event)
        let reply = try await caller.ask(
            RedisCommand("HGET", keys.payments, payment.text, isRepeatable: true), to: keys.route)
        guard !reply.isNull else { return nil }
        return try Self.hold(of: reply.bytes())
    }

    /// The hold in the use of a payment (`Lua/debts.lua`).
    static func hold(of use: ByteBuffer) throws(PackedMistake) -> HoldID? {
        if let debt = try PackedDebt(use) { return HoldID(event: debt.event, hold: debt.hold) }
        let text = String(decoding: use.readableBytesView, as: UTF8.self)
        let parts = text.trimmingPrefix("x").split(separator: ".").map { UInt64($0) }
        guard parts.count == 2, let event = parts[0], let hold = parts[1] else { return nil }
        return HoldID(event: EventNumber(event), hold: hold)
    }

    /// Some holds of an event with smaller numbers than `before`.
    ///
    /// - Returns: below which number to go on, 0 at the end.
    private func sales(
        of event: EventNumber, _ entry: EventDirectory.Entry, before: UInt64, _ query: SalesQuery
    ) async throws -> (next: UInt64, records: [SaleRecord]) {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.findHolds, keys: keys.all)
        command.append(limits.recoveryGrace.inMilliseconds)
        command.append(Int(before))
        command.append(query.hold == nil ? Self.lookedAt : 1)
        command.append(query.state.map { Int(ViewState($0).rawValue) } ?? -1)
        command.append(query.type?.text ?? "")
        command.append(query.buyer?.text ?? "")
        command.append(query.from?.milliseconds ?? 0)
        command.append(query.to?.milliseconds ?? Self.endOfTime)
        let items = try await caller.ask(command, to: keys.route).array()
        guard let head = items.first else { return (0, []) }
        var reader = PackedReader(try head.bytes())
        let next = try reader.count()
        let records = try items.dropFirst().map { item in
            var reader = PackedReader(try item.bytes())
            let hold = HoldID(event: event, hold: try reader.count())
            let ends = WallTime(milliseconds: Int64(try reader.number()))
            let state = try Self.state(&reader)
            let record = try PackedRecord(&reader)
            return record.sale(hold, state, ends, of: entry)
        }
        return (next, records.filter { $0.fits(query) && $0.fitsBuyer(of: query) })
    }

    private static func state(_ reader: inout PackedReader) throws(PackedMistake) -> HoldView.State {
        guard let state = ViewState(rawValue: try reader.byte()) else { throw PackedMistake() }
        return state.visible
    }
}

extension PackedRecord {
    fileprivate func sale(
        _ hold: HoldID, _ state: HoldView.State, _ expiresAt: WallTime, of entry: EventDirectory.Entry
    ) -> SaleRecord {
        var sale = SaleRecord(
            hold: hold, event: entry.catalogue.code.text, state: state,
            currency: entry.catalogue.currency(ofTerms: terms), lines: soldLines(of: entry), buyer: buyer,
            note: note, heldAt: heldAt, expiresAt: expiresAt,
            purchase: state == .purchased || state == .returned ? purchase(hold, of: entry) : nil)
        (sale.code, sale.override) = (saleCode(of: entry), override)
        return sale
    }
}

extension ViewState {
    fileprivate init(_ state: HoldView.State) {
        switch state {
        case .held: self = .held
        case .purchased: self = .purchased
        case .released: self = .released
        case .returned: self = .returned
        case .expired: self = .expired
        }
    }

    fileprivate var visible: HoldView.State {
        switch self {
        case .held: .held
        case .purchased: .purchased
        case .released: .released
        case .returned: .returned
        case .expired: .expired
        }
    }
}
