public import Logging

/// The configuration of a box office, checked, with the origin of each value.
///
/// A field here has the default of its setting; ``Setting/all`` has its key, its bounds and what it means.
/// ``load(flags:environment:directory:)`` reads flags, environment and file, ``init(_:)`` takes values from a program.
/// Both check every value against the table, so a `Settings` that exists is valid.
public struct Settings: Sendable {
    public internal(set) var config: String?
    /// Only this machine: an operator decides to open a box office to the world.
    public internal(set) var host = "127.0.0.1"
    public internal(set) var port = 8000
    /// As it is written; ``listening`` has what it means.
    var listen: [String] = []
    /// Owner and group: a proxy on the same machine gets the group.
    var socketMode = "0660"
    /// The origin at which browsers reach the service; `nil` if it is not known.
    public internal(set) var publicURL: String?
    /// A relative path begins at the working directory.
    public internal(set) var data = "holdfast-data"
    /// Relative paths begin at the working directory, also those in a configuration file that is elsewhere.
    public internal(set) var events: [String] = []
    public internal(set) var classic = Classic()
    public internal(set) var durability = Durability.full
    public internal(set) var recoveryGrace: Duration = .seconds(60)
    public internal(set) var log = Log()
    public internal(set) var accessLog = AccessLog()
    public internal(set) var metrics = Metrics()
    public internal(set) var traces = Traces()
    public internal(set) var limits = Limits()
    public internal(set) var quota = Quota()
    public internal(set) var timeouts = Timeouts()
    public internal(set) var threads = 0
    public internal(set) var store = Store.embedded
    public internal(set) var redis = Redis()
    public internal(set) var tokenKeys: String?
    public internal(set) var proxies = Proxies()
    public internal(set) var cors = CORS()
    public internal(set) var tls = TLS()
    /// The secret that signs what browsers carry to shops' pages for payments; `nil` if there are none.
    public internal(set) var checkoutSecretFile: String?
    public internal(set) var pages = Pages()

    /// Each value in force and its origin, in the order of the table.
    private(set) var readings: [Reading]

    /// The defaults.
    static let standard = Settings(unchecked: [])

    /// Settings with these values, and the defaults for the others.
    ///
    /// - Throws: ``SettingsError`` if a value is not allowed.
    public init(_ values: [Setting: SettingValue] = [:]) throws(SettingsError) {
        try self.init(
            try Setting.all.map { setting throws(SettingsError) in
                guard let value = values[setting] else {
                    return Reading(setting: setting, value: setting.standard, origin: .standard)
                }
                return try Reading(checking: value, of: setting, from: .code)
            })
    }

    /// Settings from one checked reading for each key.
    ///
    /// - Throws: ``SettingsError`` if two of them contradict each other.
    init(_ readings: [Reading]) throws(SettingsError) {
        self.init(unchecked: readings)
        try reconcileListeners()
        try checkListening()
    }

    private init(unchecked readings: [Reading]) {
        self.readings = readings
        for reading in readings {
            if let value = reading.value { reading.setting.set(&self, value) }
        }
    }

    /// Lowers the default of `limits.listeners` to half of the connections, so that there are always some for buying.
    private mutating func reconcileListeners() throws(SettingsError) {
        guard let index = readings.firstIndex(where: { $0.setting == .listeners }),
            let connections = readings.first(where: { $0.setting == .connections })
        else { return }
        if readings[index].origin == .standard {
            limits.listeners = min(limits.listeners, limits.connections / 2)
            readings[index] = Reading(setting: .listeners, value: .number(limits.listeners), origin: .standard)
        } else if limits.listeners > limits.connections {
            throw .contradiction(
                readings[index], connections, "is more than", because: "each listener has a connection")
        }
    }
}

extension Settings {
    /// The three classic calls.
    public struct Classic: Sendable, Equatable {
        /// `nil` for the first event that is given, or known.
        public internal(set) var event: String?
        public internal(set) var status = ClassicStatus.exact
    }

    /// The status of a classic call that is refused.
    public enum ClassicStatus: String, Sendable, CaseIterable {
        /// The status that says why.
        case exact
        /// 403 for every refusal, as older clients expect it.
        case forbidden = "403"
    }

    /// When an answer leaves.
    public enum Durability: String, Sendable, CaseIterable {
        /// When the disk has its fact: a power cut loses nothing that was answered.
        case full
        /// When the kernel has its fact: a crash of the process loses nothing, a power cut may.
        case relaxed
    }

    /// Where holds and purchases are kept.
    public enum Store: Sendable, Equatable {
        /// In the memory of this process, every fact in its ledger.
        case embedded
        /// On Redis or Valkey. The address may contain a password.
        case redis(address: String)
    }

    /// How Redis is used.
    public struct Redis: Sendable, Equatable {
        public internal(set) var prefix = "holdfast"
        public internal(set) var passwordFile: String?
        public internal(set) var caFile: String?
        public internal(set) var waitReplicas = 0
        public internal(set) var waitTime: Duration = .seconds(1)
        /// A lost hold costs its buyer another try, a lost purchase costs money.
        public internal(set) var holds = Durability.full
        public internal(set) var unfit = UnfitServers.refuse
    }

    /// What pages look like, and where they may be shown.
    public struct Pages: Sendable, Equatable {
        public internal(set) var theme = Theme()
        /// A path. A relative one begins at the working directory.
        public internal(set) var images: String?
        /// None: a page that anybody could embed could be laid under another one.
        public internal(set) var embedOrigins: [String] = []
    }

    /// An operator's own name, logo, colour and links for the pages.
    public struct Theme: Sendable, Equatable {
        public internal(set) var name: String?
        /// A path. A relative one begins at the working directory.
        public internal(set) var logo: String?
        public internal(set) var accent: String?
        public internal(set) var imprint: String?
        public internal(set) var privacy: String?
    }

    /// What to do about servers whose settings break the promises of the service.
    public enum UnfitServers: String, Sendable, CaseIterable {
        /// Do not start.
        case refuse
        /// Start, and log a warning.
        case warn
    }

    /// What is logged, and how.
    public struct Log: Sendable, Equatable {
        public internal(set) var level = Logger.Level.info
        public internal(set) var format = LogFormat.auto
    }

    /// Which requests have a line of their own.
    public struct AccessLog: Sendable, Equatable {
        public internal(set) var mode = AccessMode.off
        public internal(set) var sample = 100
        public internal(set) var format = AccessFormat.json
        /// `nil` for standard output.
        public internal(set) var file: String?
    }

    /// Which requests are in the access log.
    public enum AccessMode: String, Sendable, CaseIterable {
        case off
        /// One of ``Settings/AccessLog/sample``, by chance.
        case sampled
        case all
    }

    /// The form of the access log.
    public enum AccessFormat: String, Sendable, CaseIterable {
        /// A JSON object a line.
        case json
        /// The Common Log Format.
        case common
    }

    /// Where spans go.
    public struct Traces: Sendable, Equatable {
        /// `nil` for nowhere.
        public internal(set) var endpoint: String?
        public internal(set) var sample = 100
    }

    /// What a monitor can read.
    public struct Metrics: Sendable, Equatable {
        /// An address at which the service gives its metrics to all who can connect, without a key; `nil`: on its own
        /// port, with a key.
        public internal(set) var listen: HostAndPort?
        /// Keeps an answer to a monitor below 200 KB.
        public internal(set) var events = 100
    }

    /// The form of the log lines.
    public enum LogFormat: String, Sendable, CaseIterable {
        /// Text on a terminal, JSON otherwise.
        case auto
        /// A line for people.
        case text
        /// A JSON object per line, for programs.
        case json
    }

    /// What clients may use of the server's memory.
    public struct Limits: Sendable, Equatable {
        /// Keeps one process below the usual limit of open files after raising it.
        public internal(set) var connections = 10_000
        /// Off, because behind a proxy that is not trusted all callers have its address.
        public internal(set) var connectionsPerCaller = 0
        public internal(set) var listeners = 5_000
        /// What common servers and proxies take.
        public internal(set) var headerBytes = 16_384
        /// The longest useful body is an event's definition.
        public internal(set) var bodyBytes = 65_536
        /// 128 MiB when all are used: an hour of 1,100 holds a second that are all released.
        public internal(set) var keys = 4_000_000
        public internal(set) var liveHolds = 2_000_000
    }

    /// How often one caller may ask: one IPv4 address, or one 64-bit network of IPv6. Off, because behind a
    /// proxy that is not trusted all callers have its address.
    public struct Quota: Sendable, Equatable {
        public internal(set) var perSecond = 0
        public internal(set) var burst = 0
        public internal(set) var listeners = 0
    }

    /// How long the server waits for others.
    public struct Timeouts: Sendable, Equatable {
        /// Longer than the minute for which load balancers commonly keep a connection.
        public internal(set) var idle: Duration = .seconds(75)
        public internal(set) var request: Duration = .seconds(10)
        /// No longer than common proxies wait.
        public internal(set) var write: Duration = .seconds(30)
        /// None, because only a load balancer needs it.
        public internal(set) var lameDuck: Duration = .zero
        public internal(set) var drain: Duration = .seconds(10)
    }

    /// ``store`` as it is written: `embedded`, or the address of Redis.
    var storeText: String {
        get {
            switch store {
            case .embedded: "embedded"
            case .redis(let address): address
            }
        }
        set { store = newValue == "embedded" ? .embedded : .redis(address: newValue) }
    }
}
