internal import BoxOffice
internal import NIOCore
internal import RedisWire
public import TicketStore

// The holds and the payments of a sale that leaves Redis.

extension DepartingSale {
    /// Holds that ``holds(_:)`` gives at once.
    private static let batch = 500
    /// Holds of all events together that are in memory, in pages of bounded size.
    private static let mostInMemory = 50_000

    /// The holds of one event, in the order of their numbers.
    private struct EventHolds {
        let event: DepartingEvent
        var page: [MovedHold] = []
        var position = 0
        /// The number that the next page begins with; `nil` at the end.
        var from: UInt64? = 1

        var next: MovedHold? { position < page.count ? page[position] : nil }
    }

    /// All events side by side, each read in pages: of the next holds of all events, the oldest comes first.
    public func holds(_ take: ([MovedHold]) async throws -> Void) async throws {
        let length = min(1_000, max(20, Self.mostInMemory / max(1, events.count)))
        var all = events.map { EventHolds(event: $0) }
        for index in all.indices { try await fill(&all[index], length) }
        // Positions in `all`, the one with the oldest hold last.
        var order = all.indices.filter { all[$0].next != nil }.sorted { Self.isOlder(all[$1], all[$0]) }
        var batch: [MovedHold] = []
        while let index = order.popLast() {
            if let hold = all[index].next { batch.append(hold) }
            all[index].position += 1
            if all[index].next == nil { try await fill(&all[index], length) }
            if all[index].next != nil {
                var (low, high) = (0, order.count)
                while low < high {
                    let middle = (low + high) / 2
                    if Self.isOlder(all[index], all[order[middle]]) { low = middle + 1 } else { high = middle }
                }
                order.insert(index, at: low)
            }
            if batch.count == Self.batch {
                try await take(batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        if !batch.isEmpty { try await take(batch) }
    }

    private static func isOlder(_ left: EventHolds, _ right: EventHolds) -> Bool {
        guard let one = left.next, let other = right.next else { return false }
        return (one.heldAt.milliseconds, one.id.number) < (other.heldAt.milliseconds, other.id.number)
    }

    /// Reads pages until there is a hold, or the end.
    private func fill(_ holds: inout EventHolds, _ length: Int) async throws {
        let keys = keyspace.keys(of: holds.event.number)
        while holds.next == nil, let from = holds.from {
            var command = caller.command(.pageOfSale, keys: keys.all)
            command.append(Int(from))
            command.append(length)
            let items = try await caller.ask(command, to: keys.route).array()
            guard let head = items.first else { throw PackedMistake() }
            var reader = PackedReader(try head.bytes())
            let next = try reader.count()
            holds.page = try items.dropFirst().map { item in
                var reader = PackedReader(try item.bytes())
                let number = HoldID(event: holds.event.number, hold: try reader.count())
                let deadline = try reader.number()
                let record = try PackedRecord(&reader)
                return try holds.event.moved(record, known: store.numbering.known(number), deadline: deadline)
            }
            (holds.position, holds.from) = (0, next == 0 ? nil : next)
        }
    }

    // MARK: Payments

    /// Debts and payments that were paid back, oldest first. Memory holds all of them.
    ///
    /// On a cluster each event has payments of its own. A payment that went over to another event bought something
    /// there, or is owed there (`Lua/claims.lua`), and the first event may still have its debt.
    public func debts(_ take: ([MovedDebt]) async throws -> Void) async throws {
        var found: [PaymentReference: MovedDebt] = [:]
        try await payments { payment, use in
            guard let debt = try debt(payment, use), Self.counts(debt, before: found[payment]) else { return }
            found[payment] = debt
        }
        if keyspace.isCluster {
            try await payments { payment, use in if try Self.hasBought(use) { found[payment] = nil } }
        }
        let all = found.values.sorted {
            ($0.askedAt.milliseconds, $0.hold.number) < ($1.askedAt.milliseconds, $1.hold.number)
        }
        for start in stride(from: 0, to: all.count, by: Self.batch) {
            try await take(Array(all[start..<min(start + Self.batch, all.count)]))
        }
    }

    /// Whether a debt counts more than the one that another event has of the same payment.
    private static func counts(_ debt: MovedDebt, before other: MovedDebt?) -> Bool {
        guard let other, !debt.isPaidBack else { return true }
        return !other.isPaidBack && (debt.isConfirmed || !other.isConfirmed)
    }

    /// Calls `take` with each payment and what became of it.
    private func payments(_ take: (PaymentReference, ByteBuffer) throws -> Void) async throws {
        for event in keyspace.isCluster ? events.map(\.number) : [1] {
            let keys = keyspace.keys(of: event)
            try await scan(keys.payments, keys.route) { found in
                for (name, use) in found {
                    // One field is the secret of erased names.
                    guard name.readableBytes > 1 || name.readableBytesView.first != 1,
                        let payment = PaymentReference(kept: String(buffer: name))
                    else { continue }
                    try take(payment, use)
                }
            }
        }
    }

    private static func hasBought(_ use: ByteBuffer) throws -> Bool {
        try use.readableBytesView.first != UInt8(ascii: "x") && PackedDebt(use) == nil
    }

    /// - Parameter use: what became of the payment (`Lua/debts.lua`).
    private func debt(_ payment: PaymentReference, _ use: ByteBuffer) throws -> MovedDebt? {
        if let debt = try PackedDebt(use) {
            guard let event = events.first(where: { $0.number == debt.event }) else { return nil }
            let age = Duration.milliseconds(event.ticks - debt.ticks)
            guard debt.isConfirmed || age < store.configuration.limits.unconfirmedDebtsKept else { return nil }
            return MovedDebt(
                hold: store.numbering.known(HoldID(event: debt.event, hold: debt.hold)), payment: payment,
                reason: debt.reason, isConfirmed: debt.isConfirmed, isPaidBack: false, askedAt: debt.wall, age: age)
        }
        guard use.readableBytesView.first == UInt8(ascii: "x"), let hold = try SalesLists.hold(of: use) else {
            return nil
        }
        // When it was asked for, and why, is not kept.
        return MovedDebt(
            hold: store.numbering.known(hold), payment: payment, reason: .placesGone, isConfirmed: true,
            isPaidBack: true,
            askedAt: exportedAt, age: .zero)
    }
}
