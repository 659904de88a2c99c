internal import BoxOffice
public import RedisWire
public import TicketStore

/// The servers' settings, and what an answer means with them (R19 Durable before positive).
///
/// A value: it gets what `INFO` and `CONFIG GET` said about each master, and judges it.
public struct ServerCheck: Sendable, Equatable {
    /// What one master says about itself. What it does not say is `nil`: a managed server may not show its settings.
    public struct Master: Sendable, Equatable {
        /// Host and port.
        public var name: String
        /// As `INFO` has it: `7.0.15`.
        public var version: String?
        public var appendOnly: Bool?
        /// `always`, `everysec` or `no`.
        public var appendFsync: String?
        /// `maxmemory-policy`, for example `noeviction`.
        public var evictionPolicy: String?
        /// In bytes; 0 for no limit.
        public var maxMemory: Int?
        /// Replicas that have all its data.
        public var replicas: Int?
        /// How far its clock is certainly ahead of this node's; negative if it is behind.
        public var clockAhead: Duration?
        /// Replicas that are still loading its data.
        public var replicasOnTheWay = 0
        /// It reads its data from its disk.
        public var isLoading = false
        /// It is a replica.
        public var isReplica = false
        /// Why it does not answer while other masters of its cluster do. It may be replaced soon.
        public var absence: String?

        public init(name: String) {
            self.name = name
        }
    }

    /// How the settings break a promise of the rules, a sentence each; empty if they do not.
    public private(set) var objections: [String] = []
    /// The objections that are likely to pass by themselves.
    public private(set) var waits: [String] = []
    /// What an operator should know though no promise is broken.
    public private(set) var warnings: [String] = []
    /// What an answered purchase means, in one sentence.
    public private(set) var promise = ""
    /// What an answered hold means, in one sentence.
    public private(set) var holdPromise = ""

    /// - Parameter holds: whether holds wait for the replicas as well.
    public init(_ masters: [Master], durability: Durability, waitReplicas: Int, holds: Durability = .full) {
        for case (let name, let absence?) in masters.map({ ($0.name, $0.absence) }) {
            isAwaited = true
            wait("\(name) cannot be asked: \(absence)")
        }
        let masters = masters.filter { $0.absence == nil }
        for master in masters {
            objectToState(master)
            objectToEviction(master)
            objectToVersion(master)
            warnOfClock(master)
            if let known = master.maxMemory, known == 0 {
                warnings.append(
                    "\(master.name) has no maxmemory: if its machine runs out of memory, the server is killed")
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
        holdPromise = Self.promise(ofHolds: holds, durability, waitReplicas)
    }

    /// Whether the start waits for a server that cannot answer yet.
    public private(set) var isAwaited = false

    /// Both promises, for operators.
    public var durability: DurabilityPromise { DurabilityPromise(purchases: promise, holds: holdPromise) }

    private static func promise(ofHolds holds: Durability, _ durability: Durability, _ waitReplicas: Int) -> String {
        switch (durability, holds) {
        case (.relaxed, _): "relaxed, as purchases are"
        case (.full, .full): "full, as purchases are"
        case (.full, .relaxed) where waitReplicas > 0:
            "relaxed: an answered hold is in the memory of the server that took it; a failover may lose the newest, whose "
                + "buyers hold again, and nobody gets their tokens"
        case (.full, .relaxed):
            "full, as purchases are: a server with appendfsync always syncs what it answers all the same"
        }
    }

    private mutating func objectToState(_ master: Master) {
        isAwaited = isAwaited || master.isLoading
        if master.isLoading { wait("\(master.name) still reads its data from its disk; start again when it has") }
        if master.isReplica { wait("\(master.name) is a replica, which takes no writes; name its master") }
    }

    private mutating func wait(_ reason: String) {
        objections.append(reason)
        waits.append(reason)
    }

    private mutating func objectToEviction(_ master: Master) {
        switch master.evictionPolicy {
        case "noeviction"?: break
        case let policy?:
            objections.append(
                "\(master.name) evicts keys when it is full (maxmemory-policy \(policy)): holds and purchases "
                    + "would be lost; set it to noeviction")
        case nil:
            warnings.append("\(master.name) does not show its maxmemory-policy; it must be noeviction")
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

    /// Deadlines follow the server's clock, and a step of that clock ends no hold (R5 The store's clock). But sale
    /// windows and the times that people read follow its time of day, and after a failover that of another server.
    private mutating func warnOfClock(_ master: Master) {
        guard let ahead = master.clockAhead, abs(ahead.inMilliseconds) > 1_000 else { return }
        let seconds = abs(ahead.inMilliseconds) / 1_000
        warnings.append(
            "the clock of \(master.name) is \(seconds) s \(ahead < .zero ? "behind" : "ahead of") this node's: sales open "
                + "and close by the server's clock; synchronise the clocks")
    }

    private mutating func promiseReplicas(_ masters: [Master], _ waitReplicas: Int) {
        for master in masters {
            guard let replicas = master.replicas else { continue }
            if replicas > waitReplicas {
                warnings.append(
                    "\(master.name) has \(replicas) replicas and \(waitReplicas) acknowledge each answer: a failover may "
                        + "choose one that did not, and lose what the answer said; set redis.wait_replicas to \(replicas)"
                )
            }
            guard replicas < waitReplicas else { continue }
            let copying = master.replicasOnTheWay == 0 ? "" : " (\(master.replicasOnTheWay) more are still copying it)"
            wait(
                "\(master.name) has \(replicas) replicas with all its data\(copying), and \(waitReplicas) are to acknowledge "
                    + "each answer, so none could be positive; start more replicas, or lower redis.wait_replicas")
        }
        promise =
            "full: an answered purchase is in the memory of its server and of \(waitReplicas) "
            + (waitReplicas == 1 ? "replica" : "replicas")
            + "; one that too few acknowledged in time is reported as unknown"
    }

    private mutating func promiseDisk(_ masters: [Master]) {
        for master in masters {
            switch (master.appendOnly, master.appendFsync) {
            case (true?, "always"?): break
            case (nil, _), (_, nil):
                warnings.append(
                    "\(master.name) does not show how it writes to disk; it must have appendonly yes and "
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

extension RedisStore {
    /// Reads the servers' settings and judges them, as a start does. It changes nothing and waits for nothing.
    public static func examine(
        _ client: RedisClient, _ configuration: Configuration
    ) async throws(RedisStoreError) -> (masters: [ServerCheck.Master], check: ServerCheck) {
        let masters = try await ServerCheck.masters(of: client, nodeClock: configuration.nodeClock)
        let check = ServerCheck(
            masters, durability: configuration.durability, waitReplicas: configuration.waitReplicas,
            holds: configuration.holds)
        return (masters, check)
    }
}

extension ServerCheck {
    /// Asks every master that the client knows.
    ///
    /// - Parameter nodeClock: this node's time of day, to compare the masters' with.
    static func masters(
        of client: RedisClient, nodeClock: (@Sendable () -> WallTime)?
    ) async throws(RedisStoreError) -> [Master] {
        var masters: [Master] = []
        let asked = nodeClock?()
        let answers = await client.callEachMaster(RedisCommand("INFO", isRepeatable: true))
        let answered = nodeClock?()
        let isAnswered = answers.contains { if case .success = $0.outcome { true } else { false } }
        for answer in answers {
            switch answer.outcome {
            case .success(let reply):
                var master = Master(name: "\(answer.node)")
                let info = fields((try? reply.text()) ?? "")
                master.version = info["valkey_version"] ?? info["redis_version"]
                master.appendOnly = info["aof_enabled"].map { $0 == "1" }
                master.evictionPolicy = info["maxmemory_policy"]
                master.maxMemory = info["maxmemory"].flatMap { Int($0) }
                if let connected = info["connected_slaves"].flatMap({ Int($0) }) {
                    let copying = (0..<connected).count { info["slave\($0)"]?.contains("state=online") == false }
                    master.replicas = connected - copying
                    master.replicasOnTheWay = copying
                }
                if let asked, let answered, let microseconds = info["server_time_usec"].flatMap({ Int64($0) }) {
                    let shown = microseconds / 1_000
                    // The server read its clock between the question and the last answer.
                    master.clockAhead = .milliseconds(
                        max(0, shown - answered.milliseconds) + min(0, shown - asked.milliseconds))
                }
                master.isLoading = info["loading"] == "1"
                master.isReplica = info["role"] == "slave"
                masters.append(master)
            case .failure(let failure) where isAnswered:
                var master = Master(name: "\(answer.node)")
                master.absence = failure.advice
                masters.append(master)
            case .failure(let failure): throw .unreachable(failure)
            }
        }
        // A managed server may not show its settings; then a warning says that nothing is known.
        let command = RedisCommand("CONFIG", "GET", "appendfsync", isRepeatable: true)
        for answer in await client.callEachMaster(command) {
            guard let index = masters.firstIndex(where: { $0.name == "\(answer.node)" }) else { continue }
            switch answer.outcome {
            case .success(let reply):
                masters[index].appendFsync = try? reply.value(under: "appendfsync")?.text()
            case .failure(.refused): break
            case .failure(let failure): masters[index].absence = failure.advice
            }
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
