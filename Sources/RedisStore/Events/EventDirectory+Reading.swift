internal import BoxOffice
internal import NIOCore
internal import TicketStore

extension EventDirectory.Entry {
    /// Reads the reply of `details`.
    init(
        _ bytes: ByteBuffer, of event: EventNumber, keys: Keyspace.EventKeys, limits: Limits, received now: NIODeadline
    ) throws {
        self.keys = keys
        var reply = try CallReply(bytes)
        guard reply.status == .decided else { throw PackedMistake() }
        let flags = try reply.reader.byte()
        isRemoved = try reply.reader.byte() == 1
        _ = try reply.reader.count()
        _ = try reply.reader.count()
        guard let code = Code(try reply.reader.text()) else { throw PackedMistake() }
        var pools = try Self.pools(&reply)
        let types = try Self.types(&reply, poolCount: pools.count)
        var currencies: [String] = []
        for _ in 0..<(try reply.reader.short()) { currencies.append(try reply.reader.text()) }
        for _ in 0..<(try reply.reader.short()) { batches.append(try reply.reader.text()) }
        let definition = try EventDocument.read(Array(reply.reader.rest().readableBytesView), limits: limits)
        for index in pools.indices {
            guard let name = pools[index].allocation else { continue }
            let allocations = definition.pools.first { $0.code == pools[index].code }?.allocations ?? []
            // Behind the pool are more places than anybody can take (`EventDefinition.uncounted`).
            pools[index].capacity = isRemoved ? 0 : allocations.first { $0.code == name }?.places ?? 0
        }
        reading = EventReading(
            definition, isPaused: flags & 1 != 0, isCancelled: flags & 2 != 0, revision: reply.revision)
        since = reply.since
        catalogue = EventCatalogue(
            event: event.index, code: code, revision: reply.revision,
            // An earlier release kept the currency only in the document.
            currencies: currencies.map { $0.isEmpty ? definition.currency : $0 }, pools: pools, types: types)
        numbers = .init(
            version: reply.version, pools: reply.pools, moment: reply.moment, at: now)
    }

    private static func pools(_ reply: inout CallReply) throws -> [EventCatalogue.Pool] {
        let count = Int(try reply.reader.short())
        guard count == reply.pools.count else { throw PackedMistake() }
        var pools: [EventCatalogue.Pool] = []
        for index in 0..<count {
            guard let code = Code(kept: try reply.reader.text()) else { throw PackedMistake() }
            pools.append(
                .init(code: code.whole, allocation: code.allocation, capacity: reply.pools[index].capacity))
        }
        return pools
    }

    private static func types(_ reply: inout CallReply, poolCount: Int) throws -> [EventCatalogue.TicketType] {
        var types: [EventCatalogue.TicketType] = []
        for _ in 0..<(try reply.reader.short()) {
            guard let code = Code(kept: try reply.reader.text()) else { throw PackedMistake() }
            let name = try reply.reader.text()
            let price = Int64(try reply.reader.number())
            let isRetired = try reply.reader.byte() == 1
            var drawn: [Int] = []
            for _ in 0..<(try reply.reader.byte()) {
                let pool = Int(try reply.reader.short())
                guard pool < poolCount else { throw PackedMistake() }
                drawn.append(pool)
            }
            types.append(
                .init(
                    code: code.whole, allocation: code.allocation, name: name, price: price, isRetired: isRetired,
                    pools: drawn))
        }
        return types
    }
}
