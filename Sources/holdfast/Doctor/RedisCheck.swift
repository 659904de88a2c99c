internal import RedisStore
internal import RedisWire
internal import Settings
internal import TicketStore

/// Whether the Redis servers keep what is answered, and how fast they answer.
struct RedisCheck {
    /// Round trips that are measured; their median counts.
    private static let calls = 32
    /// With slower round trips each buyer waits noticeably.
    private static let slow: Duration = .milliseconds(10)

    let settings: Settings
    let address: String

    func findings() async -> [Finding] {
        do {
            var found: [Finding] = []
            try await RedisAccess.with(settings, address: address) { client, isCluster in
                let configuration = OpenedStore.redisConfiguration(settings)
                let (masters, check) = try await RedisStore.examine(client, configuration)
                found = servers(masters, isCluster) + promises(check) + [await latency(client)]
            }
            return found
        } catch {
            return [.wrong("redis", "\(error)", "see that the server runs, and that store names it")]
        }
    }

    private func servers(_ masters: [ServerCheck.Master], _ isCluster: Bool) -> [Finding] {
        masters.filter { $0.absence == nil }.map { master in
            let fields = [
                master.version.map { "version \($0)" },
                master.evictionPolicy.map { "maxmemory-policy \($0)" },
                master.appendOnly.map { "appendonly \($0 ? "yes" : "no")" },
                master.appendFsync.map { "appendfsync \($0)" },
                master.replicas.map { "\($0) replicas" },
            ]
            return .fine(
                "redis",
                "\(master.name) answers: " + fields.compactMap(\.self).joined(separator: ", ")
                    + (isCluster ? " (of a cluster)" : ""))
        }
    }

    private func promises(_ check: ServerCheck) -> [Finding] {
        let promise = Finding.fine("answers", check.promise)
        let objections = check.objections.map {
            Finding.wrong("redis", $0, "change the server's setting; `redis.unfit = warn` starts all the same")
        }
        let warnings = check.warnings.map { Finding.look("redis", $0, "see docs/redis.md") }
        return objections + warnings + (objections.isEmpty ? [promise] : [])
    }

    private func latency(_ client: RedisClient) async -> Finding {
        var times: [Duration] = []
        for _ in 0..<Self.calls {
            let began = ContinuousClock.now
            _ = await client.callEachMaster(RedisCommand("PING", isRepeatable: true))
            times.append(ContinuousClock.now - began)
        }
        times.sort()
        let median = times[times.count / 2]
        let text =
            "a round trip takes \(median.milliseconds) ms (the slowest of \(times.count): "
            + "\(times[times.count - 1].milliseconds) ms)"
        return median > Self.slow
            ? .look(
                "redis latency", text, "run the nodes beside the servers: each answer waits for a round trip or more")
            : .fine("redis latency", text)
    }
}
