public import BoxOffice
internal import NIOCore
public import RedisWire
internal import StrictJSON
public import TicketStore

/// Moves a sale into an empty store (R51 Moving a sale).
///
/// Until everything is there and counted, a mark lets no node start on these keys. If the move fails, what it wrote is
/// removed; if its process dies, the mark stays, and the next move begins by removing what is there.
public struct SaleMove: Sendable {
    /// Runs of numbers in one element of their list: half a megabyte.
    static let runsOfElement = 20_000
    /// What the layout says during a move.
    static let mark = "move under way"

    private let store: RedisStore
    private var caller: FunctionCaller { store.caller }
    private var keyspace: Keyspace { store.keyspace }
    private var limits: Limits { store.configuration.limits }

    /// - Parameter store: an empty store that was opened for the move and sells nothing.
    public init(into store: RedisStore) {
        self.store = store
    }

    /// Removes what an earlier move left behind if its process died. Called before the store is opened.
    public static func removeLeftovers(prefix: String, isCluster: Bool, _ client: RedisClient) async throws {
        let keyspace = Keyspace(isCluster: isCluster, prefix: prefix)
        let layout = try await client.call(RedisCommand("GET", keyspace.layout), for: keyspace.eventsRoute)
        guard !layout.isNull, String(buffer: try layout.bytes()) == mark else { return }
        try await remove(keyspace, client)
    }

    /// Moves the sale, and counts it again.
    ///
    /// - Returns: the pools, as the store counts them.
    /// - Throws: ``MoveError`` or a failure of the store; the store is empty again then.
    public func take(_ sale: any MovedSale) async throws -> [PoolCount] {
        guard try await isEmpty() else { throw MoveError.notEmpty(prefix: keyspace.prefix) }
        try await set(keyspace.layout, Array(Self.mark.utf8))
        do {
            try await takeEvents(of: sale)
            let claims = MovedClaims(store, secret: sale.keySecret)
            let (numbering, hasErased) = try await takeHolds(of: sale, claims)
            try await takeDebts(of: sale, numbering, claims)
            try await claims.finish()
            try await takeKeys(of: sale, numbering)
            try await takeNotes(of: sale)
            try await takeBindings(of: sale, numbering)
            if hasErased { try await nameErased(with: sale.keySecret) }
            let pools = try await check(sale)
            try await set(keyspace.layout, Array(keyspace.layoutName.utf8))
            return pools
        } catch {
            try? await Self.remove(keyspace, store.client)
            throw error
        }
    }

    private func isEmpty() async throws -> Bool {
        let answer = try await caller.ask(
            RedisCommand("EXISTS", keyspace.events, isRepeatable: true), to: keyspace.eventsRoute)
        return try answer.integer() == 0
    }

    private static func remove(_ keyspace: Keyspace, _ client: RedisClient) async throws {
        let next = try await client.call(RedisCommand("HGET", keyspace.events, "next"), for: keyspace.eventsRoute)
        let last = next.isNull ? 1 : UInt64(String(buffer: try next.bytes())) ?? 1
        for number in 1...max(1, last) {
            let keys = keyspace.keys(of: EventNumber(number))
            for key in keys.all + [keys[.keys] + ":order", keys[.keys] + ":kept"] {
                _ = try await client.call(RedisCommand("UNLINK", key), for: keys.route)
            }
        }
        for slot in keyspace.isCluster ? ClaimSlot.all : [] {
            _ = try await client.call(RedisCommand("UNLINK", keyspace.claims(slot)), for: keyspace.route(to: slot))
        }
        for key in [
            keyspace.events, keyspace.identity, keyspace.keySecret, keyspace.tokenKeys, keyspace.series,
            keyspace.numbering, keyspace.layout,
        ] {
            _ = try await client.call(RedisCommand("UNLINK", key), for: keyspace.eventsRoute)
        }
    }

    private func set(_ key: String, _ value: [UInt8]) async throws {
        var command = RedisCommand("SET", key)
        command.append(value)
        _ = try await caller.ask(command, to: keyspace.eventsRoute)
    }

    // MARK: Events and holds

    private func takeEvents(of sale: any MovedSale) async throws {
        for change in try await sale.changes() {
            let command: Command
            switch change {
            case .defined(let definition, let paused): command = .define(definition, paused: paused, expecting: nil)
            case .removed(let code): command = .remove(event: code, expecting: nil)
            case .cancelled(let code): command = .cancel(event: code)
            case .reinstated(let code): command = .reinstate(event: code)
            }
            switch await store.perform(command) {
            case .decided(.eventChanged, _), .decided(.eventRemoved, _): break
            case .decided(let outcome, _): throw MoveError.refused("\(outcome)")
            case .failed(let failure): throw failure
            }
        }
        for event in store.events where event.isCancelled { try await makeFinal(event.definition.id) }
    }

    /// The hour within which a cancellation is undone, and what was paid back in it, are not moved: it is final.
    private func makeFinal(_ code: Code) async throws {
        guard let event = store.state.withLock({ $0.directory.number(of: code) }) else { return }
        let keys = keyspace.keys(of: event)
        var command = RedisCommand("HSET", keys[.event])
        command.append("paid_back")
        command.append("1")
        _ = try await caller.ask(command, to: keys.route)
    }

    /// - Returns: the numbers that the holds have now, and whether something of them was erased.
    private func takeHolds(
        of sale: any MovedSale, _ claims: MovedClaims
    ) async throws -> (HoldNumbering, hasErased: Bool) {
        var numbering = HoldNumbering()
        var hasErased = false
        try await sale.holds { holds in
            hasErased = hasErased || holds.contains { $0.erasedAt != nil }
            var kept: [HoldID: HoldID] = [:]
            for (event, some) in Dictionary(grouping: holds, by: { EventNumber(index: $0.event) }) {
                let first = try await adopt(event, holds: some.map(Self.packed))
                try await claims.add(some.compactMap(\.payment), usedBy: event)
                for (index, hold) in some.enumerated() {
                    kept[hold.id] = HoldID(event: event, hold: first + UInt64(index))
                }
            }
            for hold in holds { if let new = kept[hold.id] { numbering.add(hold.id, as: new) } }
        }
        numbering.finish()
        return (numbering, hasErased)
    }

    /// Where erased payments are known, the functions need the secret of their names (`Lua/erased.lua`).
    private func nameErased(with secret: [UInt8]) async throws {
        let events = store.state.withLock { state in keyspace.isCluster ? Array(state.directory.entries.keys) : [1] }
        for event in events {
            let keys = keyspace.keys(of: event)
            var command = RedisCommand("HSET", keys.payments, "\u{1}")
            command.append(secret)
            _ = try await caller.ask(command, to: keys.route)
        }
    }

    /// A hold as `pack_record` writes it (`Lua/holds.lua`), with the time until its deadline in place of the deadline.
    private static func packed(_ hold: MovedHold) -> ByteBuffer {
        var bytes = ByteBuffer()
        let hasTerms = hold.terms > 0
        var head = hold.state.rawValue
        if hasTerms { head += RecordMark.withTerms.rawValue }
        if !hold.parts.isEmpty { head += RecordMark.returns.rawValue }
        if hold.note != nil { head += RecordMark.note.rawValue }
        if hold.erasedAt != nil { head += RecordMark.erased.rawValue }
        if !hold.code.isNone { head += RecordMark.code.rawValue }
        bytes.writeInteger(head)
        bytes.writeInteger((hold.isLate ? 1 as UInt8 : 0) | hold.override.rawValue << 4)
        bytes.writeInteger(hold.extensions)
        bytes.writePacked(Double(hold.left.inMilliseconds))
        bytes.writePacked(Double(hold.heldAt.milliseconds))
        bytes.writePacked(short: hold.buyer?.text ?? "")
        bytes.writeInteger(UInt8(clamping: hold.lines.count))
        for line in hold.lines {
            bytes.writeInteger(line.type, endianness: .little)
            bytes.writeInteger(UInt16(clamping: line.quantity), endianness: .little)
            bytes.writePacked(Double(line.price))
        }
        // Lua counts from 1.
        if hasTerms { bytes.writeInteger(hold.terms + 1, endianness: .little) }
        if !hold.parts.isEmpty { write(hold.parts, ofLines: hold.lines.count, to: &bytes) }
        if let note = hold.note { bytes.writePacked(long: note.text) }
        if let erasedAt = hold.erasedAt {
            bytes.writePacked(Double(max(1, erasedAt.milliseconds)))
            // No entry of the list of debts is older: entries with erased payments are not moved.
            bytes.writePacked(UInt64(0))
        }
        if !hold.code.isNone { bytes.writeInteger(hold.code.packed, endianness: .little) }
        guard hold.state == .purchased || hold.state == .returned else { return bytes }
        bytes.writePacked(Double(hold.purchasedAt?.milliseconds ?? 0))
        bytes.writePacked(Double(hold.returnedAt?.milliseconds ?? 0))
        bytes.writePacked(short: hold.payment?.text ?? "")
        if let seller = hold.seller { bytes.writePacked(long: seller.text) }
        return bytes
    }

    /// The partial returns as `pack_returns` writes them.
    private static func write(_ parts: [MovedReturn], ofLines lines: Int, to bytes: inout ByteBuffer) {
        bytes.writeInteger(UInt16(clamping: parts.count), endianness: .little)
        for moved in parts {
            let key = moved.part.key
            for half in [key.key.high, key.key.low, key.fingerprint] { bytes.writeInteger(half) }
            bytes.writePacked(Double(moved.at.milliseconds))
            for line in 0..<lines {
                let share = moved.part.lines.first { Int($0.line) == line }
                bytes.writeInteger(UInt16(clamping: share?.quantity ?? 0), endianness: .little)
            }
        }
    }

    /// - Returns: the number of the first hold within the event.
    @discardableResult
    private func adopt(
        _ event: EventNumber, holds: [ByteBuffer] = [], debts: [ByteBuffer] = [], keys uses: [ByteBuffer] = []
    ) async throws -> UInt64 {
        let keys = keyspace.keys(of: event)
        var command = caller.command(.adoptSale, keys: keys.all, capacity: 1_024 + 128 * holds.count)
        command.append(caller.header(of: event, known: nil, limits: limits))
        for list in [holds, debts, uses] {
            var bytes = ByteBuffer()
            for item in list {
                bytes.writeInteger(UInt16(clamping: item.readableBytes), endianness: .little)
                bytes.writeImmutableBuffer(item)
            }
            command.append(bytes)
        }
        let answer = await caller.call(command, to: keys.route, acknowledgedWithin: caller.patience)
        guard answer.acknowledgement.allowsAnswer else { throw StoreFailure.suspended(.writeFailed) }
        guard let first = UInt64(String(buffer: try answer.outcome.get().bytes())), first > 0 else {
            throw MoveError.refused("event \(event) is not there")
        }
        return first
    }

    // MARK: Everything else

    private func takeDebts(
        of sale: any MovedSale, _ numbering: HoldNumbering, _ claims: MovedClaims
    ) async throws {
        try await sale.debts { debts in
            for (event, some) in Dictionary(grouping: debts, by: { numbering.kept($0.hold).event }) {
                try await claims.add(some.map(\.payment), usedBy: event)
                try await adopt(
                    event,
                    debts: some.map { debt in
                        var bytes = ByteBuffer()
                        bytes.writeInteger(debt.isPaidBack ? 1 as UInt8 : 0)
                        bytes.writePacked(numbering.kept(debt.hold).numberWithinEvent)
                        bytes.writeInteger(debt.reason.rawValue)
                        bytes.writeInteger(debt.isConfirmed ? 1 as UInt8 : 0)
                        bytes.writePacked(Double(debt.askedAt.milliseconds))
                        bytes.writePacked(Double(debt.age.inMilliseconds))
                        bytes.writePacked(short: debt.payment.text)
                        return bytes
                    })
            }
        }
    }

    private func takeKeys(of sale: any MovedSale, _ numbering: HoldNumbering) async throws {
        try await sale.keys { keys in
            let counting = keys.filter(\.counts)
            for (event, some) in Dictionary(grouping: counting, by: { numbering.kept($0.hold).event }) {
                try await adopt(
                    event,
                    keys: some.map { use in
                        let hold = numbering.kept(use.hold)
                        var bytes = ByteBuffer()
                        bytes.writePacked(hold.numberWithinEvent)
                        bytes.writePacked(Double(use.age.inMilliseconds))
                        // The digest of a request to extend contains the hold's number.
                        bytes.writeInteger(use.isExtension ? Fingerprint.ofExtending(hold) : use.key.fingerprint)
                        bytes.writeInteger(use.key.key.high)
                        bytes.writeInteger(use.key.key.low)
                        return bytes
                    })
            }
        }
    }

    /// Notes get numbers by the time of their change, above each other.
    private func takeNotes(of sale: any MovedSale) async throws {
        var score: UInt64 = 0
        let codes = try await sale.changes().reduce(into: [String: EventNumber]()) { codes, change in
            if case .defined(let definition, _) = change, codes[definition.id.text] == nil {
                codes[definition.id.text] = EventNumber(UInt64(codes.count) + 1)
            }
        }
        try await sale.notes { notes in
            for note in notes {
                // In steps of 16 microseconds (`Lua/clock.lua`).
                score = max(UInt64(max(0, note.at.milliseconds)) * 125 / 2, score + 1)
                let keys = keyspace.keys(of: note.event.flatMap { codes[$0] } ?? 1)
                var bytes = ByteBuffer()
                bytes.writePacked(score)
                bytes.writePacked(Double(note.at.milliseconds))
                bytes.writeImmutableBuffer(CommandWriter.packed(note.note))
                var command = RedisCommand("ZADD", keys.audit, "\(score)")
                command.append(bytes)
                _ = try await caller.ask(command, to: keys.route)
            }
        }
    }

    private func takeBindings(of sale: any MovedSale, _ numbering: HoldNumbering) async throws {
        try await set(keyspace.identity, sale.identity)
        try await set(keyspace.keySecret, sale.keySecret)
        var series: [UInt8] = []
        for one in sale.series {
            for number in [one.first.number, one.mark] {
                withUnsafeBytes(of: number.littleEndian) { series += $0 }
            }
        }
        try await set(keyspace.series, series)
        for (number, fingerprint) in sale.tokenKeys {
            var command = RedisCommand("HSET", keyspace.tokenKeys, "\(number)")
            command.append(fingerprint)
            _ = try await caller.ask(command, to: keyspace.eventsRoute)
        }
        let bytes = numbering.bytes
        let step = Self.runsOfElement * HoldNumbering.runBytes
        for start in stride(from: 0, to: bytes.count, by: step) {
            var command = RedisCommand("RPUSH", keyspace.numbering)
            command.append(Array(bytes[start..<min(start + step, bytes.count)]))
            _ = try await caller.ask(command, to: keyspace.eventsRoute)
        }
    }

    /// Counts everything that was moved again, and compares it with the recount of the archive.
    private func check(_ sale: any MovedSale) async throws -> [PoolCount] {
        let recount = try await store.recount()
        if let broken = recount.broken { throw MoveError.differs(broken) }
        if let difference = sale.difference(from: recount.pools) { throw MoveError.differs(difference) }
        for event in store.events.map(\.definition.id) {
            let moved = try await store.report(of: event, utcOffset: 0)
            if let difference = try await sale.difference(of: event, from: moved) {
                throw MoveError.differs(difference)
            }
        }
        return recount.pools
    }
}

/// Why a sale was not moved.
public enum MoveError: Error, Sendable, Equatable, CustomStringConvertible {
    case notEmpty(prefix: String)
    /// There is no sale to move.
    case nothing(prefix: String)
    /// A queue was opened, and stays where it is (Q9 Fails closed).
    case queued(event: String)
    /// The store did not take a part of the sale.
    case refused(String)
    /// What is there now is not what was exported.
    case differs(String)

    public var description: String {
        switch self {
        case .notEmpty(let prefix):
            "there are events under \(prefix): in Redis already; choose another redis.prefix or an empty server"
        case .nothing(let prefix): "there are no events under \(prefix): in Redis"
        case .queued(let event): "the queue of event \(event) was opened, and such a sale stays where it is"
        case .refused(let what): "the store did not take the sale: \(what)"
        case .differs(let what): "what was moved differs from the archive: \(what)"
        }
    }
}
