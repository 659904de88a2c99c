internal import BoxOffice
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// Writes an operator's change as the functions read it (`Lua/change.lua`).
enum ChangeWriter {
    private static let longest = Duration.seconds(1_000_000_000)

    /// The JSON for `change`; `nil` if the command changes no event.
    static func write(_ command: Command, revision: UInt64, mistakes: [Mistake], limits: Limits) -> [UInt8]? {
        var writer = JSONWriter(reserving: 1_024)
        switch command {
        case .define(let definition, let paused, let expecting):
            writer.object { asked in
                asked.member("kind", "define")
                asked.member("revision", revision)
                asked.member("recovery_grace", limits.recoveryGrace.inMilliseconds)
                if let expecting { asked.member("expecting", expecting) }
                if let paused { asked.member("paused", paused) }
                asked.member("has_mistakes", !mistakes.isEmpty)
                asked.member("most_pools", limits.poolsEverPerEvent)
                asked.member("most_types", limits.typesPerEvent)
                asked.member("most_terms", limits.termsPerEvent)
                asked.member("most_batches", limits.codeBatchesEverPerEvent)
                write(definition, to: &asked)
            }
        case .pause(let code): writeKind("pause", code, revision, nil, limits, to: &writer)
        case .resume(let code): writeKind("resume", code, revision, nil, limits, to: &writer)
        case .cancel(let code): writeKind("cancel", code, revision, nil, limits, to: &writer)
        case .reinstate(let code): writeKind("reinstate", code, revision, nil, limits, to: &writer)
        case .remove(let code, let expecting):
            writeKind("remove", code, revision, expecting, limits, to: &writer)
        case .hold, .extend, .release, .purchase, .returnPurchase, .returnPart, .correct, .payBack, .erase,
            .look, .queue:
            return nil
        }
        return writer.bytes
    }

    private static func writeKind(
        _ kind: String, _ code: Code, _ revision: UInt64, _ expecting: UInt64?, _ limits: Limits,
        to writer: inout JSONWriter
    ) {
        writer.object { asked in
            asked.member("kind", kind)
            asked.member("code", code.text)
            asked.member("revision", revision)
            asked.member("recovery_grace", limits.recoveryGrace.inMilliseconds)
            asked.member("undone_within", Limits.cancellationUndone.inMilliseconds)
            if let expecting { asked.member("expecting", expecting) }
        }
    }

    private static func write(_ definition: EventDefinition, to asked: inout JSONWriter) {
        asked.member("code", definition.id.text)
        // A definition with mistakes, which is refused, may have times beyond what milliseconds can count.
        asked.member("life", min(definition.life, longest).inMilliseconds)
        asked.member("grace", min(definition.clientGrace, longest).inMilliseconds)
        asked.member("extensions", definition.maximumExtensions)
        asked.member("tickets_per_hold", definition.ticketsPerHold)
        if let most = definition.ticketsPerBuyer { asked.member("tickets_per_buyer", most) }
        if let most = definition.holdsPerBuyer { asked.member("holds_per_buyer", most) }
        if let opensAt = definition.opensAt { asked.member("opens_at", opensAt.milliseconds) }
        if let closesAt = definition.closesAt { asked.member("closes_at", closesAt.milliseconds) }
        if definition.types.contains(where: \.hasTerms) { asked.member("types_have_terms", true) }
        if definition.typesLimitBuyers { asked.member("types_limit_buyers", true) }
        asked.member("reacquires", definition.latePayment == .reacquire)
        asked.member("currency", definition.currency)
        asked.member("finds_buyers", definition.buyerSearch == .index)
        asked.member("shop_completes", definition.completion == .shop)
        asked.member("pools") { value in
            value.array { pools in
                for pool in definition.everyPool {
                    pools.object { writer in
                        writer.member("code", pool.code.text)
                        writer.member("capacity", pool.capacity)
                    }
                }
            }
        }
        writeAllocations(of: definition, to: &asked)
        writeCodes(of: definition, to: &asked)
        writeQueue(of: definition, to: &asked)
        asked.member("types") { value in
            value.array { types in
                for type in definition.everyType { write(type, of: definition, to: &types) }
            }
        }
    }

    /// A ticket type, with those of its terms that it has of its own (R44 Terms of a type).
    private static func write(
        _ type: EventDefinition.TicketType, of definition: EventDefinition, to types: inout JSONWriter
    ) {
        types.object { writer in
            writer.member("code", type.code.text)
            writer.member("name", type.name)
            writer.member("price", type.price)
            writer.member("pools") { value in
                value.array { pools in
                    for pool in type.pools { pools.value(pool.text) }
                }
            }
            guard type.hasTerms else { return }
            if let opensAt = type.opensAt { writer.member("opens_at", opensAt.milliseconds) }
            if let closesAt = type.closesAt { writer.member("closes_at", closesAt.milliseconds) }
            let least = type.leastPerHold ?? 1
            writer.member("least", least)
            writer.member("most", max(least, min(type.mostPerHold ?? .max, definition.ticketsPerHold)))
            if let most = type.ticketsPerBuyer { writer.member("per_buyer", most) }
        }
    }
}

extension ChangeWriter {
    /// What the pools keep back: the pool, the pool that counts it, and its places.
    private static func writeAllocations(of definition: EventDefinition, to asked: inout JSONWriter) {
        guard definition.pools.contains(where: { !$0.allocations.isEmpty }) else { return }
        asked.member("allocations") { value in
            value.array { allocations in
                for pool in definition.pools {
                    for allocation in pool.allocations {
                        allocations.object { writer in
                            writer.member("pool", pool.code.text)
                            writer.member("counter", Code(pool.code, allocation: allocation.code).text)
                            writer.member("places", allocation.places)
                            if let releasedAt = allocation.releasedAt {
                                writer.member("released_at", releasedAt.milliseconds)
                            }
                        }
                    }
                }
            }
        }
    }
}

extension ChangeWriter {
    /// How buyers queue (`Lua/queue.lua`).
    private static func writeQueue(of definition: EventDefinition, to asked: inout JSONWriter) {
        guard let queue = definition.queue else { return }
        asked.member("queue") { value in
            value.object { writer in
                if let opensAt = definition.queueOpensAt { writer.member("opens_at", opensAt.milliseconds) }
                writer.member("by_buyer", queue.identity == .buyer)
                writer.member("turn", min(queue.turn, longest).inMilliseconds)
                writer.member("returning", min(queue.returning, longest).inMilliseconds)
                writer.member("purchases", queue.purchasesPerEntry)
                writer.member("rate", queue.mostPerSecond)
                guard let beacon = queue.beacon else { return }
                writer.member("beacon") { value in
                    value.object { writer in
                        writer.member("name", beacon.name)
                        writer.member("wait", min(beacon.wait, longest).inMilliseconds)
                    }
                }
            }
        }
    }

    /// The batches of access codes (`Lua/codes.lua`).
    private static func writeCodes(of definition: EventDefinition, to asked: inout JSONWriter) {
        guard !definition.codes.isEmpty else { return }
        asked.member("batches") { value in
            value.array { batches in
                for batch in definition.codes { batches.object { write(batch, to: &$0) } }
            }
        }
    }

    private static func write(_ batch: EventDefinition.CodeBatch, to writer: inout JSONWriter) {
        writer.member("name", batch.name.text)
        writer.member("count", batch.count)
        writer.member("tickets", batch.tickets)
        if !batch.types.isEmpty {
            writer.member("types") { value in
                value.array { types in for type in batch.types { types.value(type.text) } }
            }
        }
        if let allocation = batch.allocation { writer.member("allocation", allocation.text) }
        if let opensAt = batch.opensAt { writer.member("opens_at", opensAt.milliseconds) }
        if let closesAt = batch.closesAt { writer.member("closes_at", closesAt.milliseconds) }
        if let price = batch.price { writer.member("price", price) }
        if batch.isRevoked {
            writer.member("revoked", true)
        } else if !batch.revoked.isEmpty {
            writer.member("revoked") { value in
                value.array { numbers in for number in batch.revoked { numbers.value(Int64(number)) } }
            }
        }
    }
}

/// The reply of `change`.
struct ChangeReply {
    enum Result: UInt8, CaseIterable {
        case changed = 0
        case unchanged
        /// The event already has the revision that was to be its next one: look the next one up again.
        case stale
        case revisionMismatch
        /// There are mistakes or obstacles.
        case invalid
        case hasSales
        /// The event was removed meanwhile, or never made.
        case gone
        /// Another event has taken the number.
        case otherEvent
        /// More holds had ended than one call counts: call again.
        case unsettled
        /// The event gets its first limit per buyer, and what its buyers already have must be counted first.
        case uncounted
        /// Payments for its holds are still owed back.
        case hasDebts
        /// A cancellation that can no longer be undone.
        case final
    }

    var result: Result
    var moment: Moment
    var code: String
    var revision: UInt64
    var isRemoved: Bool
    var obstacles: [Mistake] = []

    init(_ bytes: ByteBuffer, limits: Limits) throws(PackedMistake) {
        var reader = PackedReader(bytes)
        guard let result = Result(rawValue: try reader.byte()) else { throw PackedMistake() }
        self.result = result
        let office = try reader.number()
        moment = Moment(
            office: Timestamp(milliseconds: Int64(office)),
            wall: WallTime(milliseconds: Int64(try reader.number())))
        code = try reader.text()
        revision = try reader.count()
        _ = try reader.byte()
        isRemoved = try reader.byte() == 1
        guard result == .invalid else { return }
        for _ in 0..<(try reader.short()) { obstacles.append(try Self.obstacle(&reader, limits)) }
    }

    private static func obstacle(
        _ reader: inout PackedReader, _ limits: Limits
    ) throws(PackedMistake) -> Mistake {
        guard let kind = ObstacleCode(rawValue: try reader.byte()) else { throw PackedMistake() }
        let code = try reader.text()
        switch kind {
        case .pool:
            guard let code = Code(code) else { throw PackedMistake() }
            return .poolInUse(code)
        case .pools: return .pools(most: limits.poolsEverPerEvent)
        case .types: return .types(most: limits.typesPerEvent)
        case .terms: return .terms(most: limits.termsPerEvent)
        case .batches: return .codeBatches(most: limits.codeBatchesEverPerEvent)
        case .queueByDevice: return .queueIdentity(.device)
        case .queueByBuyer: return .queueIdentity(.buyer)
        case .queueBeacon: return .queueBeacon
        }
    }
}
