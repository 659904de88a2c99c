internal import Logging
internal import NIOCore
internal import RedisWire

/// Tries, before anything is sold, whether the Redis user may do all that a node does. A decision asks again before its
/// first write (`Lua/writes.lua`), since rights may change and another master may have other rights.
struct RightsCheck: Sendable {
    let caller: FunctionCaller
    let keyspace: Keyspace
    let waitReplicas: Int
    let logger: Logger

    /// The commands that nodes run besides the functions, in a form that changes nothing.
    private static func tries(on key: String, waitReplicas: Int) -> [RedisCommand] {
        var commands = [
            RedisCommand("GET", key, isRepeatable: true), RedisCommand("HGET", key, "tried", isRepeatable: true),
            RedisCommand("HVALS", key, isRepeatable: true),
            RedisCommand("LRANGE", key + ":list", "0", "0", isRepeatable: true),
            RedisCommand("ZRANGEBYSCORE", key + ":set", "0", "0", isRepeatable: true),
            RedisCommand("ZREVRANGEBYSCORE", key + ":set", "0", "0", isRepeatable: true),
        ]
        if waitReplicas > 0 { commands.append(RedisCommand("WAIT", "0", "1", isRepeatable: true)) }
        return commands
    }

    /// Throws if the user lacks a right on any server.
    ///
    /// Each server has its own rights. So in a cluster it tries all slots of claims; the chance that they miss a master
    /// is one in millions.
    func run() async throws(RedisStoreError) {
        var missing: Set<String> = []
        for slot in ClaimSlot.all.prefix(keyspace.isCluster ? ClaimSlot.all.count : 1) {
            let key = "\(keyspace.prefix):{\(slot.tag)}:tried"
            let command = caller.command(.tryCommands, keys: [key])
            let outcomes = await caller.client.pipeline(
                [command] + Self.tries(on: key, waitReplicas: waitReplicas), for: keyspace.route(to: slot)
            )
            for outcome in outcomes {
                switch outcome {
                case .success(let reply):
                    for name in (try? reply.array()) ?? [] { if let name = try? name.text() { missing.insert(name) } }
                case .failure(.refused(let error)) where error.isAboutRights:
                    missing.insert(Self.command(in: error.message) ?? error.message)
                case .failure(let failure) where failure.passes || failure == .unavailable(.outOfMemory): break
                case .failure(.refused(let error)):
                    logger.warning("A command could not be tried", metadata: ["error": "\(error)"])
                case .failure(let failure): throw .unreachable(failure)
                }
            }
        }
        guard missing.isEmpty else {
            throw .unfit(
                "the Redis user may not run \(missing.sorted().joined(separator: ", ")); docs/redis.md lists what it must "
                    + "be allowed")
        }
    }

    /// The command that a refusal names in quotation marks.
    private static func command(in message: String) -> String? {
        let parts = message.split(separator: "'")
        return parts.count > 1 ? parts[1].uppercased() : nil
    }
}
