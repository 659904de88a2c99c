internal import BoxOffice
internal import RedisWire
internal import Synchronization

/// Claims the payments of a sale that moves into a cluster, so that no other event uses them (`Lua/claims.lua`). On one
/// server it does nothing.
///
/// It gathers payments by their slots, since a page of holds has some of each.
final class MovedClaims: Sendable {
    /// Claims of one call: some milliseconds of the server.
    private static let batch = 1_000

    private let store: RedisStore
    /// Under which erased payments get their names.
    private let secret: [UInt8]
    private let gathered = Mutex<[ClaimSlot: [(event: EventNumber, name: String)]]>([:])
    private let hasErased = Mutex(false)

    init(_ store: RedisStore, secret: [UInt8]) {
        self.store = store
        self.secret = secret
    }

    func add(_ payments: [PaymentReference], usedBy event: EventNumber) async throws {
        guard store.keyspace.isCluster else { return }
        for payment in payments {
            let name = PaymentClaims.name(of: payment)
            // An erased payment is looked for in the slot of the name that it had, which nobody knows any more.
            if payment.isErased { hasErased.withLock { $0 = true } }
            for slot in payment.isErased ? ClaimSlot.all : [ClaimSlot(of: name)] {
                let full = gathered.withLock { gathered in
                    gathered[slot, default: []].append((event, name))
                    return gathered[slot]?.count == Self.batch ? gathered.removeValue(forKey: slot) : nil
                }
                if let full { try await claim(full, in: slot) }
            }
        }
    }

    /// Claims what is left.
    func finish() async throws {
        for (slot, some) in gathered.withLock({ $0 }) { try await claim(some, in: slot) }
        guard hasErased.withLock({ $0 }) else { return }
        for slot in ClaimSlot.all {
            var command = RedisCommand("HSET", store.keyspace.claims(slot), "erased")
            command.append(secret)
            _ = try await store.caller.ask(command, to: store.keyspace.route(to: slot))
        }
    }

    private func claim(_ some: [(event: EventNumber, name: String)], in slot: ClaimSlot) async throws {
        var command = store.caller.command(
            .claim, keys: [store.keyspace.claims(slot)], capacity: 512 + 64 * some.count)
        for (event, name) in some {
            command.append(Int(event.value))
            command.append(name)
        }
        _ = try await store.claims.ask(command, to: store.keyspace.route(to: slot))
    }
}
