public import Logging

/// What a box office is configured with: checked, and with the origin of every value.
///
/// Made by ``load(flags:environment:directory:)`` from flags, environment and file, or by ``init(_:)`` in
/// programs and tests that say themselves what they want. Both check every value against the one table
/// ``Setting/all``, so a `Settings` that exists is right.
public struct Settings: Sendable {
    /// The configuration file that was read; none by default, and `config.json` if it is in the working directory.
    public let config: String?

    /// The address or host name to listen on. Default: 127.0.0.1, so that only this machine can buy.
    public let host: String

    /// The port to listen on, 0 for any free one. Default: 8000.
    public let port: Int

    /// The directory of the ledger; relative ones begin at the working directory. Default: `holdfast-data`.
    public let data: String

    /// Where holds and purchases are kept. Default: `embedded`.
    public let store: Store

    /// How Redis is used, where it is the store.
    public let redis: Redis

    /// The file of the keys that sign tokens. Default: none, and `token.keys` in ``data`` is.
    public let tokenKeys: String?

    /// Files with the definitions of events, in the order given; relative ones begin at the working directory,
    /// also those named in a file that is elsewhere. Default: none.
    public let events: [String]

    /// The three classic calls.
    public let classic: Classic

    /// When an answer is given. Default: `full`.
    public let durability: Durability

    /// How long every live hold lives on at least after a restart. Default: 60 seconds.
    public let recoveryGrace: Duration

    /// What is logged, and how.
    public let log: Log

    /// What a client may ask of the server's memory.
    public let limits: Limits

    /// How often one caller may ask.
    public let quota: Quota

    /// How long the server waits for others.
    public let timeouts: Timeouts

    /// The number of event loops, 0 for one fewer than there are cores, but one at least. Default: 0.
    public let threads: Int

    /// Every value in force and where it came from, in the order of the table.
    let readings: [Reading]

    /// Settings with these values, and the defaults for the others.
    ///
    /// - Throws: ``SettingsError`` if a value is not allowed.
    public init(_ values: [Setting: SettingValue] = [:]) throws(SettingsError) {
        try self.init(
            try Readings { setting throws(SettingsError) in
                guard let value = values[setting] else {
                    return Reading(setting: setting, value: setting.standard, origin: .standard)
                }
                return try Reading(checking: value, of: setting, from: .code)
            })
    }

    /// Settings from one checked reading for every key.
    ///
    /// - Throws: ``SettingsError`` if two of them contradict each other.
    init(_ readings: Readings) throws(SettingsError) {
        let read = try readings.agreeing()
        config = read.textIfSet(.config)
        host = read.text(.host)
        port = read.number(.port)
        data = read.text(.data)
        store = read.text(.store) == "embedded" ? .embedded : .redis(address: read.text(.store))
        redis = Redis(
            prefix: read.text(.redisPrefix), passwordFile: read.textIfSet(.redisPasswordFile),
            caFile: read.textIfSet(.redisCAFile), waitReplicas: read.number(.redisWaitReplicas),
            waitTime: .milliseconds(read.number(.redisWaitMilliseconds)), holds: read.word(.redisHolds),
            unfit: read.word(.redisUnfit))
        tokenKeys = read.textIfSet(.tokenKeys)
        events = read.list(.event)
        classic = Classic(event: read.textIfSet(.classicEvent), status: read.word(.classicStatus))
        durability = read.word(.durability)
        recoveryGrace = read.seconds(.recoveryGrace)
        log = Log(level: read.word(.logLevel), format: read.word(.logFormat))
        limits = Limits(
            connections: read.number(.limitsConnections),
            connectionsPerCaller: read.number(.limitsConnectionsPerCaller),
            listeners: read.number(.limitsListeners),
            headerBytes: read.number(.limitsHeaderBytes),
            bodyBytes: read.number(.limitsBodyBytes),
            keys: read.number(.limitsKeys),
            liveHolds: read.number(.limitsLiveHolds))
        quota = Quota(
            perSecond: read.number(.quotaPerSecond),
            burst: read.number(.quotaBurst),
            listeners: read.number(.quotaListeners))
        timeouts = Timeouts(
            idle: read.seconds(.timeoutsIdle),
            request: read.seconds(.timeoutsRequest),
            write: read.seconds(.timeoutsWrite),
            lameDuck: read.seconds(.timeoutsLameDuck),
            drain: read.seconds(.timeoutsDrain))
        threads = read.number(.threads)
        self.readings = read.all
    }
}

extension Settings {
    /// The three classic calls.
    public struct Classic: Sendable, Equatable {
        /// The event that they sell, 1 to 32 of `A-Za-z0-9_-`. Default: none; whoever serves decides.
        public let event: String?

        /// What they answer to who gets nothing. Default: `exact`.
        public let status: ClassicStatus
    }

    /// The status of a classic call that is refused.
    public enum ClassicStatus: String, Sendable, CaseIterable {
        /// The status that says why.
        case exact
        /// 403 for every refusal, as older clients expect it.
        case forbidden = "403"
    }

    /// When an answer is given.
    public enum Durability: String, Sendable, CaseIterable {
        /// When the disk has it: a power cut forgets nothing that was answered.
        case full
        /// When the kernel has it: a crash of the process forgets nothing, a power cut may.
        case relaxed
    }

    /// Where holds and purchases are kept.
    public enum Store: Sendable, Equatable {
        /// In the memory of this process, every fact in its ledger.
        case embedded
        /// On Redis or Valkey. There may be a password in the address.
        case redis(address: String)
    }

    /// How Redis is used.
    public struct Redis: Sendable, Equatable {
        /// What every key begins with. Default: `holdfast`.
        public let prefix: String

        /// The file whose first line is the password. Default: none.
        public let passwordFile: String?

        /// The file of certificates that are trusted. Default: none, and the system's are.
        public let caFile: String?

        /// Replicas that acknowledge before an answer leaves, 0 to 16. Default: 0.
        public let waitReplicas: Int

        /// How long they may take. Default: 1 second.
        public let waitTime: Duration

        /// Whether holds wait for them, too. Default: `full`, they do.
        public let holds: Durability

        /// What to do about servers that may lose what was answered. Default: `refuse`.
        public let unfit: UnfitServers
    }

    /// What to do about servers whose settings make the promises void.
    public enum UnfitServers: String, Sendable, CaseIterable {
        /// Not to start.
        case refuse
        /// To start, and to say so in the log.
        case warn
    }

    /// What is logged, and how.
    public struct Log: Sendable, Equatable {
        /// The least serious lines that are written. Default: `info`.
        public let level: Logger.Level

        /// Their form. Default: `auto`.
        public let format: LogFormat
    }

    /// The form of the log lines.
    public enum LogFormat: String, Sendable, CaseIterable {
        /// Text if the log goes to a terminal, JSON otherwise.
        case auto
        /// A line for people.
        case text
        /// A JSON object a line, for programs.
        case json
    }

    /// What a client may ask of the server's memory.
    public struct Limits: Sendable, Equatable {
        /// Open connections at most, 1 to 1,000,000. Default: 10,000.
        public let connections: Int

        /// Connections of one caller at most, 0 to 1,000,000; 0 for no bound but that for all. Default: 0.
        public let connectionsPerCaller: Int

        /// Connections among them that listen to a stream at most, 0 to ``connections``. Default: 5,000, or half of
        /// ``connections`` where that is less.
        public let listeners: Int

        /// Bytes of a request's first line and headers at most, 1,024 to 1,048,576. Default: 16,384.
        public let headerBytes: Int

        /// Bytes of a request's body at most, 0 to 16,777,216. Default: 65,536.
        public let bodyBytes: Int

        /// Idempotency keys that there is room for, 1,000 to 1,000,000,000. Default: 4,000,000.
        public let keys: Int

        /// Live holds of one event at most, 1 to 100,000,000. Default: 2,000,000.
        public let liveHolds: Int
    }

    /// How often one caller may ask: one IPv4 address, or one 64-bit network of IPv6.
    public struct Quota: Sendable, Equatable {
        /// Requests a second, 0 to 1,000,000; 0 for no bound. Default: 0.
        public let perSecond: Int

        /// Requests at once, 0 to 1,000,000; 0 for as many as in a second. Default: 0.
        public let burst: Int

        /// Streams at once, 0 to 1,000,000; 0 for no bound but that for all. Default: 0.
        public let listeners: Int
    }

    /// How long the server waits for others.
    public struct Timeouts: Sendable, Equatable {
        /// How long a connection may be open without a request. Default: 75 seconds.
        public let idle: Duration

        /// How long a request may take from its first byte until it is whole. Default: 10 seconds.
        public let request: Duration

        /// How long a connection may take nothing of what it asked for. Default: 30 seconds.
        public let write: Duration

        /// How long a stop goes on serving while it says that it is not ready. Default: 0 seconds.
        public let lameDuck: Duration

        /// How long a stop waits for what is under way. Default: 10 seconds.
        public let drain: Duration
    }
}

extension Setting {
    /// The words for the levels of the log.
    static let levels = Logger.Level.allCases.map(\.rawValue)
}
