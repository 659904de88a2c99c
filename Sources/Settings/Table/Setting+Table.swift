extension Setting {
    /// Every setting, in the order in which people see them. The defaults are those of ``Settings``.
    ///
    /// A new setting is a field there, and a row here; `make generate` writes its flag and its line in
    /// `docs/configuration.md`.
    public static let all: [Setting] = [
        config,
        Setting("host", .host, \.host, "Address or host name to listen on; 0.0.0.0 for every address of this machine"),
        Setting("port", 0...65535, \.port, "Port to listen on; 0 for any free one"),
        Setting(
            "listen", .addresses(upTo: 16), \.listen,
            "Addresses to listen at in place of host and port; in the environment with commas between them"),
        Setting("socket_mode", .mode, \.socketMode, "Permissions of unix sockets"),
        Setting(
            "public_url", .origin, \.publicURL,
            "Address at which browsers reach the service, as in https://tickets.example; unset: without TLS, under the address they ask"
        ),
        Setting("data", .path, \.data, "Directory of the ledger; created if it does not exist"),
        Setting(
            "event", .paths(upTo: 1000), \.events,
            "Files with the definitions of events to sell; in the environment with commas between them"),
        Setting("classic.event", .code(upTo: 32), \.classic.event, "Event that the three classic calls sell"),
        Setting(
            "classic.status", \.classic.status,
            "Status of a refused classic call: exact says why, 403 is the same for every refusal"),
        Setting(
            "durability", \.durability,
            "When an answer leaves; full: when the disk has it, relaxed: sooner, and a power cut may lose the last moments"
        ),
        Setting(
            "recovery_grace_seconds", seconds: 0...86400, \.recoveryGrace,
            "Seconds that every live hold has left at least after a restart"),
        Setting("log.level", \.log.level, "Least severe log lines that are written"),
        Setting("log.format", \.log.format, "Form of the log lines; auto: text on a terminal, JSON otherwise"),
        Setting(
            "access_log.mode", \.accessLog.mode,
            "Which requests have a line in the access log; sampled: one of access_log.sample, by chance"),
        Setting("access_log.sample", 1...1_000_000, \.accessLog.sample, "Of this many requests, one has a line"),
        Setting("access_log.format", \.accessLog.format, "Form of its lines; common: the Common Log Format"),
        Setting(
            "access_log.file", .path, \.accessLog.file,
            "File of the access log, opened anew on SIGHUP; unset: standard output"),
        Setting(
            "traces.endpoint", .url, \.traces.endpoint,
            "Collector for traces (OTLP, JSON over HTTP), as in http://127.0.0.1:4318/v1/traces; unset: none"),
        Setting(
            "traces.sample", 1...1_000_000, \.traces.sample,
            "Of this many requests, one is traced; a caller with a traceparent decides for itself"),
        Setting(
            "metrics.listen", \.metrics.listen,
            "Address on which GET /metrics needs no key, and which the public must not reach; unset: the service's own, with an operator's key"
        ),
        Setting(
            "metrics.events", 0...10_000, \.metrics.events,
            "Events that have names in the metrics; the others are summed up as other"),
        connections,
        Setting(
            "limits.connections_per_caller", 0...1_000_000, \.limits.connectionsPerCaller,
            "Open connections of one caller (IPv4 address, or 64-bit IPv6 network); 0 for no limit but limits.connections"
        ),
        listeners,
        Setting(
            "limits.header_bytes", 1024...1_048_576, \.limits.headerBytes,
            "Bytes of a request's first line and headers at most"),
        Setting("limits.body_bytes", 0...16_777_216, \.limits.bodyBytes, "Bytes of a request's body at most"),
        Setting(
            "limits.keys", 1000...1_000_000_000, \.limits.keys,
            "Idempotency keys that there is room for, 32 bytes each; beyond it, keys of ended holds are forgotten sooner"
        ),
        Setting(
            "limits.live_holds", 1...100_000_000, \.limits.liveHolds,
            "Live holds of one event at most; further ones are refused until some end"),
        Setting(
            "quota.per_second", 0...1_000_000, \.quota.perSecond,
            "Requests per second of one caller (IPv4 address, or 64-bit IPv6 network); 0 for no limit"),
        Setting(
            "quota.burst", 0...1_000_000, \.quota.burst,
            "Requests that such a caller may send at once; 0 for as many as per second"),
        Setting(
            "quota.listeners", 0...1_000_000, \.quota.listeners,
            "Availability streams of such a caller at once; 0 for no limit but limits.listeners"),
        Setting(
            "timeouts.idle_seconds", seconds: 1...3600, \.timeouts.idle,
            "Seconds without a request after which a connection is closed"),
        Setting(
            "timeouts.request_seconds", seconds: 1...3600, \.timeouts.request,
            "Seconds from the first byte of a request until it is complete"),
        Setting(
            "timeouts.write_seconds", seconds: 1...3600, \.timeouts.write,
            "Seconds after which a connection is closed whose client takes no byte of an answer"),
        Setting(
            "timeouts.lame_duck_seconds", seconds: 0...600, \.timeouts.lameDuck,
            "Seconds that a stopping service goes on serving while /health/ready says 503, so that balancers turn away"),
        Setting(
            "timeouts.drain_seconds", seconds: 0...600, \.timeouts.drain,
            "Seconds that a stop waits for requests under way"),
        Setting(
            "proxies.trusted", .networks(upTo: 1000), \.proxies.trusted,
            "Proxies whose word about a caller's address counts; unix: those that connect to a unix socket"),
        Setting(
            "proxies.header", \.proxies.header,
            "Header in which these proxies write the caller's address; the other one is the client's own and does not count"
        ),
        Setting(
            "proxies.protocol", \.proxies.proxyProtocol,
            "Whether each connection of these proxies begins with a header of the PROXY protocol, version 1 or 2"),
        Setting(
            "cors.origins", .origins(upTo: 100), \.cors.origins,
            "Origins whose pages may call the API from a browser; *: all"),
        Setting(
            "tls.certificate", .path, \.tls.certificate,
            "File of the certificate (PEM) and those between it and its authority; read anew when it changes and on SIGHUP"
        ),
        Setting("tls.key", .path, \.tls.key, "File of the certificate's key (PEM), without a passphrase"),
        Setting(
            "tls.hsts_seconds", 0...63_072_000, \.tls.hstsSeconds,
            "Seconds of Strict-Transport-Security with answers through TLS; 0: none"),
        Setting("threads", 0...256, \.threads, "Event loops; 0 for one fewer than there are cores, but at least one"),
        Setting(
            "store", .store, \.storeText,
            "Where holds and purchases are kept: embedded in this process, or on Redis or Valkey for many processes"),
        Setting(
            "redis.prefix", .code(upTo: 32), \.redis.prefix,
            "Beginning of every key in Redis; services that share a server need different ones"),
        Setting(
            "redis.password_file", .path, \.redis.passwordFile,
            "File whose first line is the password for Redis; read again for each connection"),
        Setting(
            "redis.ca_file", .path, \.redis.caFile,
            "File of certificates (PEM) to trust with rediss; unset: those of the system"),
        Setting(
            "redis.wait_replicas", 0...16, \.redis.waitReplicas,
            "Replicas that acknowledge before an answer leaves, with durability full; 0: the server's own disk counts"),
        Setting(
            "redis.wait_ms", milliseconds: 1...60000, \.redis.waitTime,
            "Milliseconds to wait for them; after that the answer is outcome-unknown"),
        Setting(
            "redis.holds", \.redis.holds,
            "Whether holds wait for the replicas, too; relaxed: only purchases and returns do"),
        Setting(
            "redis.unfit", \.redis.unfit,
            "What to do about servers that may lose what was answered: refuse to start, or only warn"),
        Setting(
            "token_keys", .path, \.tokenKeys,
            "File of the keys that sign tokens, the same for every node; unset: token.keys in the data directory"),
        Setting(
            "checkout.secret_file", .path, \.checkoutSecretFile,
            "File of the secret that signs what browsers carry to shops' pages for payments; needed by events with such a page"
        ),
        Setting(
            "pages.theme.name", .line(upTo: 100), \.pages.theme.name,
            "Name of the house, at the top of pages and in previews; unset: Tickets"),
        Setting(
            "pages.theme.logo", .path, \.pages.theme.logo,
            "File of a logo (SVG or PNG, 32 KiB at most) that pages show instead of the name"),
        Setting(
            "pages.theme.accent", .colour, \.pages.theme.accent,
            "Colour of links and buttons; where it cannot be read, pages show one near it that can"),
        Setting(
            "pages.theme.imprint_url", .link, \.pages.theme.imprint, "Address of the imprint, at the foot of each page"),
        Setting(
            "pages.theme.privacy_url", .link, \.pages.theme.privacy,
            "Address of the privacy notice, at the foot of each page"),
        Setting(
            "pages.images", .path, \.pages.images,
            "Folder with images of events (PNG, JPEG, WebP or AVIF, 2 MiB at most each), which are at /images/ and their names"
        ),
        Setting(
            "pages.embed_origins", .exactOrigins(upTo: 100), \.pages.embedOrigins,
            "Origins whose pages may embed a sale with /embed.js; in the environment with commas between them"),
    ]

    static let config = Setting(
        "config", .path, \.config, isInFile: false,
        "Configuration file (JSON); unset: config.json in the working directory, if it exists")

    static let connections = Setting(
        "limits.connections", 1...1_000_000, \.limits.connections,
        "Open connections at most; beyond them only /health/live and /health/ready are answered")

    static let listeners = Setting(
        "limits.listeners", 0...1_000_000, \.limits.listeners,
        "Open connections that listen to an availability stream at most; unset: no more than half of limits.connections"
    )

    /// Variables of the commands that ask a running service. They are no settings: the service does not need them, and
    /// no file may contain a key.
    public static let clientVariables = ["HOLDFAST_KEY", "HOLDFAST_URL"]
}
