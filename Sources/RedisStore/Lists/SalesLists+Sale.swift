internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

extension SalesLists {
    /// A page of an event's holds (R50 Reports).
    ///
    /// - Parameter standing: the moment at which the event's clock stands; `nil` if it goes.
    func sale(of event: Code, from first: HoldID?, stretch: Int, at standing: Timestamp? = nil) async throws -> SalePage
    {
        let known = state.withLock { state in
            state.directory.number(of: event).flatMap { number in
                state.directory.entries[number].map { (number: number, entry: $0) }
            }
        }
        let nothing = SalePage(entries: [], next: nil, last: HoldID(0), readAt: WallTime(milliseconds: 0))
        guard let (number, entry) = known else { return nothing }
        let keys = keyspace.keys(of: number)
        var command = caller.command(.pageOfSale, keys: keys.all)
        command.append(Int(first?.numberWithinEvent ?? 1))
        command.append(stretch)
        let items = try await caller.ask(command, to: keys.route).array()
        guard let head = items.first else { return nothing }
        var reader = PackedReader(try head.bytes())
        let (next, last) = (try reader.count(), try reader.count())
        let moment = try reader.moment()
        let entries = try items.dropFirst().map {
            try Self.sold($0.bytes(), at: number, entry, standing ?? moment.office)
        }
        return SalePage(
            entries: entries, next: next == 0 ? nil : HoldID(event: number, hold: next),
            last: HoldID(event: number, hold: last), readAt: moment.wall)
    }

    private static func sold(
        _ bytes: ByteBuffer, at event: EventNumber, _ entry: EventDirectory.Entry, _ now: Timestamp
    ) throws(PackedMistake) -> SaleEntry {
        var reader = PackedReader(bytes)
        let number = try reader.count()
        let deadline = try reader.number()
        let record = try PackedRecord(&reader)
        let lines = record.soldLines(of: entry)
        let isSold = record.state == .purchased || record.state == .returned
        let state: HoldView.State =
            switch record.state {
            case .held: now.milliseconds < Int64(deadline) ? .held : .expired
            case .purchased: .purchased
            case .released: .released
            case .returned: .returned
            }
        return SaleEntry(
            id: HoldID(event: event, hold: number), state: state,
            currency: entry.catalogue.currency(ofTerms: record.terms), lines: lines, heldAt: record.heldAt,
            purchasedAt: isSold ? record.endedAt : nil,
            returned: SaleEntry.returned(
                of: lines, parts: record.returns.map { ($0.at, $0.quantities.map { Int($0) }) },
                rest: record.returnedAt))
    }
}
