extension Setting {
    /// Every key, in the order in which people are shown them.
    ///
    /// A key that is declared below and missing here stops the first start: `Settings` asks for each of them.
    public static let all: [Setting] = [
        .config, .host, .port, .data, .event, .classicEvent, .classicStatus, .durability, .recoveryGrace,
        .logLevel, .logFormat, .limitsConnections, .limitsConnectionsPerCaller, .limitsListeners, .limitsHeaderBytes,
        .limitsBodyBytes, .limitsKeys, .limitsLiveHolds, .quotaPerSecond, .quotaBurst, .quotaListeners, .timeoutsIdle,
        .timeoutsRequest, .timeoutsWrite, .timeoutsLameDuck, .timeoutsDrain, .threads,
        .store, .redisPrefix, .redisPasswordFile, .redisCAFile, .redisWaitReplicas, .redisWaitMilliseconds, .redisHolds,
        .redisUnfit, .tokenKeys,
    ]

    /// What the commands that ask a running service take from the environment. No settings: the service has no use
    /// for them, and no file may hold a key.
    public static let clientVariables = ["HOLDFAST_KEY", "HOLDFAST_URL"]

    /// The configuration file.
    public static let config = Setting(
        "config", .path, default: nil, isInFile: false,
        "Configuration file (JSON); unset: config.json in the working directory, if it is there")

    /// Where to listen. Only this machine by default: opening a box office to the world is a decision.
    public static let host = Setting(
        "host", .host, default: "127.0.0.1",
        "Address or host name to listen on; 0.0.0.0 for every address of this machine")

    /// The port to listen on.
    public static let port = Setting(
        "port", .number(0...65535), default: 8000,
        "Port to listen on; 0 for any free one")

    /// Where the ledger is.
    public static let data = Setting(
        "data", .path, default: "holdfast-data",
        "Directory of the ledger; made if it is not there")

    /// Where holds and purchases are kept: in the ledger of this one process, or on Redis for any number of them.
    public static let store = Setting(
        "store", .store, default: "embedded",
        "Where holds and purchases are kept: embedded in this process, or on Redis or Valkey for many")

    /// What is sold.
    public static let event = Setting(
        "event", .paths(upTo: 1000), default: [],
        "Files with the definitions of events to sell; in the environment with commas between them")

    /// Which event the classic calls speak for.
    public static let classicEvent = Setting(
        "classic.event", .code(upTo: 32), default: nil,
        "Event that the three classic calls sell")

    /// How the classic calls refuse.
    public static let classicStatus = Setting(
        "classic.status", .choice(words(of: Settings.ClassicStatus.self)), default: "exact",
        "Status of a refused classic call: the one that says why, or 403 for every refusal")

    /// When an answer is given.
    public static let durability = Setting(
        "durability", .choice(words(of: Settings.Durability.self)), default: "full",
        "full: answer when the disk has it; relaxed: a power cut may lose the last moments")

    /// The extra time that holds get after a restart.
    public static let recoveryGrace = Setting(
        "recovery_grace_seconds", .number(0...86400), default: 60,
        "Seconds that every live hold has left at least after a restart")

    /// How much is logged.
    public static let logLevel = Setting(
        "log.level", .choice(levels), default: "info",
        "Least serious log lines that are written")

    /// How it is logged.
    public static let logFormat = Setting(
        "log.format", .choice(words(of: Settings.LogFormat.self)), default: "auto",
        "Form of the log lines; auto: text on a terminal, JSON otherwise")

    /// How many clients at once. The default keeps one process below the usual limit of open files after raising it.
    public static let limitsConnections = Setting(
        "limits.connections", .number(1...1_000_000), default: 10000,
        "Open connections at most; beyond them only /health/live and /health/ready are answered")

    /// How many of them one caller may have. Off by default: behind a proxy all callers have its address.
    public static let limitsConnectionsPerCaller = Setting(
        "limits.connections_per_caller", .number(0...1_000_000), default: 0,
        "Open connections that one caller (IPv4 address, or 64-bit IPv6 network) may have; 0 for no bound but that for all"
    )

    /// How many listen to streams. Half of the connections, so that there are always some for buying.
    public static let limitsListeners = Setting(
        "limits.listeners", .number(0...1_000_000), default: 5000,
        "Open connections that listen to an availability stream at most; unset: no more than half of limits.connections"
    )

    /// How long a request's head may be. 16 KiB is what common servers and proxies take.
    public static let limitsHeaderBytes = Setting(
        "limits.header_bytes", .number(1024...1_048_576), default: 16384,
        "Bytes of a request's first line and headers at most")

    /// How long a request's body may be. The longest body with a meaning is an event definition.
    public static let limitsBodyBytes = Setting(
        "limits.body_bytes", .number(0...16_777_216), default: 65536,
        "Bytes of a request's body at most")

    /// Room for idempotency keys. The default takes 128 MiB when it is used up, and an hour of 1,100 keyed holds a second
    /// that are all given back.
    public static let limitsKeys = Setting(
        "limits.keys", .number(1000...1_000_000_000), default: 4_000_000,
        "Idempotency keys that there is room for, 32 bytes each; beyond it those of ended holds are forgotten sooner")

    /// How many holds of an event live at once.
    public static let limitsLiveHolds = Setting(
        "limits.live_holds", .number(1...100_000_000), default: 2_000_000,
        "Live holds of one event at most; more are refused until some end")

    /// How often one caller may ask. Off by default: behind a proxy all callers have its address.
    public static let quotaPerSecond = Setting(
        "quota.per_second", .number(0...1_000_000), default: 0,
        "Requests a second that one caller (IPv4 address, or 64-bit IPv6 network) may make; 0 for no bound")

    /// How much of it may be asked at once.
    public static let quotaBurst = Setting(
        "quota.burst", .number(0...1_000_000), default: 0,
        "Requests that such a caller may make at once; 0 for as many as in a second")

    /// How many streams one caller may listen to. Off by default, for the same reason.
    public static let quotaListeners = Setting(
        "quota.listeners", .number(0...1_000_000), default: 0,
        "Availability streams that such a caller may listen to at once; 0 for no bound but limits.listeners")

    /// How long a connection may be silent. Longer than the minute that load balancers commonly keep theirs.
    public static let timeoutsIdle = Setting(
        "timeouts.idle_seconds", .number(1...3600), default: 75,
        "Seconds without a request after which a connection is closed")

    /// How long a request may take to arrive.
    public static let timeoutsRequest = Setting(
        "timeouts.request_seconds", .number(1...3600), default: 10,
        "Seconds from the first byte of a request until it is whole")

    /// How long a client may take nothing of what it asked for. As long as common proxies wait, or less.
    public static let timeoutsWrite = Setting(
        "timeouts.write_seconds", .number(1...3600), default: 30,
        "Seconds without a byte of an answer being taken after which a connection is closed")

    /// How long a service that was asked to stop goes on serving. None by default: without a balancer nobody needs it.
    public static let timeoutsLameDuck = Setting(
        "timeouts.lame_duck_seconds", .number(0...600), default: 0,
        "Seconds that a stop goes on as before but for /health/ready, which is 503, so that balancers turn away first")

    /// How long a stop waits.
    public static let timeoutsDrain = Setting(
        "timeouts.drain_seconds", .number(0...600), default: 10,
        "Seconds that a stop waits for what is under way")

    /// How many event loops.
    public static let threads = Setting(
        "threads", .number(0...256), default: 0,
        "Event loops; 0 for one fewer than there are cores, but one at least")
}

extension Setting {
    /// What our keys in Redis begin with.
    public static let redisPrefix = Setting(
        "redis.prefix", .code(upTo: 32), default: "holdfast",
        "What every key in Redis begins with; one for each service that shares a server")

    /// The password, out of sight of whoever lists processes or reads the configuration.
    public static let redisPasswordFile = Setting(
        "redis.password_file", .path, default: nil,
        "File whose first line is the password for Redis; read anew for each connection")

    /// Whom to trust.
    public static let redisCAFile = Setting(
        "redis.ca_file", .path, default: nil,
        "File of certificates (PEM) that are trusted with rediss; unset: the system's")

    /// How many replicas must have an answer before it leaves.
    public static let redisWaitReplicas = Setting(
        "redis.wait_replicas", .number(0...16), default: 0,
        "Replicas that acknowledge before an answer leaves, with durability full; 0: the server's own disk counts")

    /// How long they may take.
    public static let redisWaitMilliseconds = Setting(
        "redis.wait_ms", .number(1...60000), default: 1000,
        "Milliseconds that are waited for them; after that the outcome is told as unknown")

    /// Whether holds wait for the replicas, too. A lost hold costs its buyer another try, a lost purchase money.
    public static let redisHolds = Setting(
        "redis.holds", .choice(words(of: Settings.Durability.self)), default: "full",
        "relaxed: holds do not wait for the replicas that purchases and returns wait for")

    /// Whether to sell on servers whose settings make the promises void.
    public static let redisUnfit = Setting(
        "redis.unfit", .choice(words(of: Settings.UnfitServers.self)), default: "refuse",
        "What to do about servers that may lose what was answered: refuse to start, or only warn")

    /// The keys that sign tokens. Nodes that share a store must share them.
    public static let tokenKeys = Setting(
        "token_keys", .path, default: nil,
        "File of the keys that sign tokens, the same for every node; unset: token.keys in the data directory")
}

/// The words of a choice, in the order of its cases.
private func words<Choice: CaseIterable & RawRepresentable<String>>(of choice: Choice.Type) -> [String] {
    choice.allCases.map(\.rawValue)
}
