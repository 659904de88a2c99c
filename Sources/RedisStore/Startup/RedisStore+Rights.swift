internal import Logging
internal import NIOCore
internal import RedisWire

// Whether the user of the servers may do all that a node does there, tried before anything is sold. A decision asks again
// before its first write (`Lua/writes.lua`): rights may change, and another master may have others.

extension RedisStore {
    /// Commands that nodes run besides the functions, each tried so that it changes nothing.
    private static func tries(on key: String, waitReplicas: Int) -> [RedisCommand] {
        var commands = [
            RedisCommand("GET", key, isRepeatable: true), RedisCommand("HGET", key, "tried", isRepeatable: true),
            RedisCommand("HVALS", key, isRepeatable: true),
            RedisCommand("LRANGE", key + ":list", "0", "0", isRepeatable: true),
            RedisCommand("ZRANGEBYSCORE", key + ":set", "0", "0", isRepeatable: true),
        ]
        if waitReplicas > 0 { commands.append(RedisCommand("WAIT", "0", "1", isRepeatable: true)) }
        return commands
    }

    /// Throws where the user lacks a right on any server.
    ///
    /// Rights are each server's own, so in a cluster as many slots are tried as claims are spread over: no master is left
    /// out but by a chance in millions.
    func checkRights() async throws(RedisStoreError) {
        var missing: Set<String> = []
        for part in 0..<(keyspace.isCluster ? Keyspace.claimParts : 1) {
            let tag = Keyspace.tag(ofClaims: part)
            let key = "\(keyspace.prefix):{\(tag)}:tried"
            let command = library.call(.tryCommands, calling, keys: [key])
            let outcomes = await client.pipeline(
                [command] + Self.tries(on: key, waitReplicas: configuration.waitReplicas), for: RedisKey(tag))
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

    /// The command that a refusal names, between quotation marks.
    private static func command(in message: String) -> String? {
        let parts = message.split(separator: "'")
        return parts.count > 1 ? parts[1].uppercased() : nil
    }
}
