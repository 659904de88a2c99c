internal import RedisWire
public import TicketStore

/// What the servers are set to, and what an answer is worth with that.
///
/// A value: it is given what `INFO` and `CONFIG GET` said of each master, and decides.
public struct ServerCheck: Sendable, Equatable {
    /// What one master says of itself. What it does not tell (a managed server may keep its settings to itself) is `nil`.
    public struct Master: Sendable, Equatable {
        public var name: String
        public var version: String?
        public var appendOnly: Bool?
        /// `always`, `everysec` or `no`.
        public var appendFsync: String?
        public var evictionPolicy: String?
        /// 0 for no bound.
        public var maxMemory: Int?
        public var replicas: Int?

        public init(name: String) {
            self.name = name
        }
    }

    /// Why the promises of the rules would be void, each in a sentence; empty if they are kept.
    public private(set) var objections: [String] = []
    /// What an operator should know though nothing is void.
    public private(set) var warnings: [String] = []
    /// What an answered purchase means, in one sentence.
    public private(set) var promise = ""

    public init(_ masters: [Master], durability: Durability, waitReplicas: Int) {
        for master in masters {
            objectToEviction(master)
            objectToVersion(master)
            if let known = master.maxMemory, known == 0 {
                warnings.append(
                    "\(master.name) has no maxmemory: a machine without memory left ends it with what it knows")
            }
        }
        switch durability {
        case .full where waitReplicas > 0: promiseReplicas(masters, waitReplicas)
        case .full: promiseDisk(masters)
        case .relaxed:
            promise =
                "relaxed: an answered purchase is in the memory of the server that took it; what happens to that in a "
                + "crash or failover is as the server's own settings say"
        }
    }

    private mutating func objectToEviction(_ master: Master) {
        switch master.evictionPolicy {
        case "noeviction"?: break
        case let policy?:
            objections.append(
                "\(master.name) throws keys away when it is full (maxmemory-policy \(policy)): holds and purchases "
                    + "would be lost; set it to noeviction")
        case nil:
            warnings.append("\(master.name) does not tell its maxmemory-policy; it must be noeviction")
        }
    }

    private mutating func objectToVersion(_ master: Master) {
        guard let version = master.version else {
            objections.append("\(master.name) does not say what it is; Redis 6.2 or later, or Valkey, is needed")
            return
        }
        let numbers = version.split(separator: ".").map { Int($0) ?? 0 }
        if numbers.lexicographicallyPrecedes([6, 2]) {
            objections.append("\(master.name) is Redis \(version); 6.2 is the oldest that the functions run on")
        }
    }

    private mutating func promiseReplicas(_ masters: [Master], _ waitReplicas: Int) {
        for master in masters {
            guard let replicas = master.replicas, replicas < waitReplicas else { continue }
            objections.append(
                "\(master.name) has \(replicas) replicas and \(waitReplicas) are to acknowledge each answer: none "
                    + "would ever be positive")
        }
        promise =
            "full: an answered purchase is in the memory of its server and of \(waitReplicas) "
            + (waitReplicas == 1 ? "replica" : "replicas")
            + "; one that too few acknowledged in time is told as unknown"
    }

    private mutating func promiseDisk(_ masters: [Master]) {
        for master in masters {
            switch (master.appendOnly, master.appendFsync) {
            case (true?, "always"?): break
            case (nil, _), (_, nil):
                warnings.append(
                    "\(master.name) does not tell how it writes to disk; it must have appendonly yes and "
                        + "appendfsync always")
            case (false?, _):
                objections.append(
                    "\(master.name) writes nothing to disk before it answers (appendonly no): set appendonly yes and "
                        + "appendfsync always, or have replicas acknowledge, or choose durability relaxed")
            case (true?, let policy?):
                objections.append(
                    "\(master.name) answers before it has synced (appendfsync \(policy)): set it to always, or have "
                        + "replicas acknowledge, or choose durability relaxed")
            }
        }
        promise = "full: an answered purchase is on the disk of the server that took it"
    }
}

extension ServerCheck {
    /// Asks every master that the client knows.
    static func masters(of client: RedisClient) async throws(RedisStoreError) -> [Master] {
        var masters: [Master] = []
        for answer in await client.callEachMaster(RedisCommand("INFO", isRepeatable: true)) {
            switch answer.outcome {
            case .success(let reply):
                var master = Master(name: "\(answer.node)")
                let info = fields((try? reply.text()) ?? "")
                master.version = info["valkey_version"] ?? info["redis_version"]
                master.appendOnly = info["aof_enabled"].map { $0 == "1" }
                master.evictionPolicy = info["maxmemory_policy"]
                master.maxMemory = info["maxmemory"].flatMap { Int($0) }
                master.replicas = info["connected_slaves"].flatMap { Int($0) }
                masters.append(master)
            case .failure(let failure): throw .unreachable(failure)
            }
        }
        // Servers of others may not tell their settings; then nothing is known, which is said.
        let command = RedisCommand("CONFIG", "GET", "appendfsync", isRepeatable: true)
        for answer in await client.callEachMaster(command) {
            guard case .success(let reply) = answer.outcome, let value = try? reply.value(under: "appendfsync"),
                let policy = try? value.text(),
                let index = masters.firstIndex(where: { $0.name == "\(answer.node)" })
            else { continue }
            masters[index].appendFsync = policy
        }
        return masters
    }

    /// `name:value`, a line each.
    private static func fields(_ info: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return fields
    }
}
