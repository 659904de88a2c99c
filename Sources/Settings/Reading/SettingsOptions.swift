// Generated from the table of settings by `make generate`.

public import ArgumentParser

/// The flags that are settings, for every command that takes them: `@OptionGroup var options: SettingsOptions`.
///
/// ``load(environment:)`` puts them before the other places that values come from.
public struct SettingsOptions: ParsableArguments {
    @Option("config") var config: String?
    @Option("host") var host: String?
    @Option("port") var port: String?
    @Option("listen") var listen: [String] = []
    @Option("socket_mode") var socketMode: String?
    @Option("public_url") var publicUrl: String?
    @Option("data") var data: String?
    @Option("event") var event: [String] = []
    @Option("classic.event") var classicEvent: String?
    @Option("classic.status") var classicStatus: String?
    @Option("durability") var durability: String?
    @Option("recovery_grace_seconds") var recoveryGraceSeconds: String?
    @Option("log.level") var logLevel: String?
    @Option("log.format") var logFormat: String?
    @Option("access_log.mode") var accessLogMode: String?
    @Option("access_log.sample") var accessLogSample: String?
    @Option("access_log.format") var accessLogFormat: String?
    @Option("access_log.file") var accessLogFile: String?
    @Option("traces.endpoint") var tracesEndpoint: String?
    @Option("traces.sample") var tracesSample: String?
    @Option("metrics.listen") var metricsListen: String?
    @Option("metrics.events") var metricsEvents: String?
    @Option("limits.connections") var limitsConnections: String?
    @Option("limits.connections_per_caller") var limitsConnectionsPerCaller: String?
    @Option("limits.listeners") var limitsListeners: String?
    @Option("limits.header_bytes") var limitsHeaderBytes: String?
    @Option("limits.body_bytes") var limitsBodyBytes: String?
    @Option("limits.keys") var limitsKeys: String?
    @Option("limits.live_holds") var limitsLiveHolds: String?
    @Option("quota.per_second") var quotaPerSecond: String?
    @Option("quota.burst") var quotaBurst: String?
    @Option("quota.listeners") var quotaListeners: String?
    @Option("timeouts.idle_seconds") var timeoutsIdleSeconds: String?
    @Option("timeouts.request_seconds") var timeoutsRequestSeconds: String?
    @Option("timeouts.write_seconds") var timeoutsWriteSeconds: String?
    @Option("timeouts.lame_duck_seconds") var timeoutsLameDuckSeconds: String?
    @Option("timeouts.drain_seconds") var timeoutsDrainSeconds: String?
    @Option("proxies.trusted") var proxiesTrusted: [String] = []
    @Option("proxies.header") var proxiesHeader: String?
    @Option("proxies.protocol") var proxiesProtocol: String?
    @Option("cors.origins") var corsOrigins: [String] = []
    @Option("tls.certificate") var tlsCertificate: String?
    @Option("tls.key") var tlsKey: String?
    @Option("tls.hsts_seconds") var tlsHstsSeconds: String?
    @Option("threads") var threads: String?
    @Option("store") var store: String?
    @Option("redis.prefix") var redisPrefix: String?
    @Option("redis.password_file") var redisPasswordFile: String?
    @Option("redis.ca_file") var redisCaFile: String?
    @Option("redis.wait_replicas") var redisWaitReplicas: String?
    @Option("redis.wait_ms") var redisWaitMs: String?
    @Option("redis.holds") var redisHolds: String?
    @Option("redis.unfit") var redisUnfit: String?
    @Option("token_keys") var tokenKeys: String?
    @Option("checkout.secret_file") var checkoutSecretFile: String?
    @Option("pages.theme.name") var pagesThemeName: String?
    @Option("pages.theme.logo") var pagesThemeLogo: String?
    @Option("pages.theme.accent") var pagesThemeAccent: String?
    @Option("pages.theme.imprint_url") var pagesThemeImprintUrl: String?
    @Option("pages.theme.privacy_url") var pagesThemePrivacyUrl: String?
    @Option("pages.images") var pagesImages: String?
    @Option("pages.embed_origins") var pagesEmbedOrigins: [String] = []

    /// No flag given.
    public init() {}

    /// The values of each setting's flag.
    var given: [String: [String?]] {
        [
            "config": [config],
            "host": [host],
            "port": [port],
            "listen": listen,
            "socket_mode": [socketMode],
            "public_url": [publicUrl],
            "data": [data],
            "event": event,
            "classic.event": [classicEvent],
            "classic.status": [classicStatus],
            "durability": [durability],
            "recovery_grace_seconds": [recoveryGraceSeconds],
            "log.level": [logLevel],
            "log.format": [logFormat],
            "access_log.mode": [accessLogMode],
            "access_log.sample": [accessLogSample],
            "access_log.format": [accessLogFormat],
            "access_log.file": [accessLogFile],
            "traces.endpoint": [tracesEndpoint],
            "traces.sample": [tracesSample],
            "metrics.listen": [metricsListen],
            "metrics.events": [metricsEvents],
            "limits.connections": [limitsConnections],
            "limits.connections_per_caller": [limitsConnectionsPerCaller],
            "limits.listeners": [limitsListeners],
            "limits.header_bytes": [limitsHeaderBytes],
            "limits.body_bytes": [limitsBodyBytes],
            "limits.keys": [limitsKeys],
            "limits.live_holds": [limitsLiveHolds],
            "quota.per_second": [quotaPerSecond],
            "quota.burst": [quotaBurst],
            "quota.listeners": [quotaListeners],
            "timeouts.idle_seconds": [timeoutsIdleSeconds],
            "timeouts.request_seconds": [timeoutsRequestSeconds],
            "timeouts.write_seconds": [timeoutsWriteSeconds],
            "timeouts.lame_duck_seconds": [timeoutsLameDuckSeconds],
            "timeouts.drain_seconds": [timeoutsDrainSeconds],
            "proxies.trusted": proxiesTrusted,
            "proxies.header": [proxiesHeader],
            "proxies.protocol": [proxiesProtocol],
            "cors.origins": corsOrigins,
            "tls.certificate": [tlsCertificate],
            "tls.key": [tlsKey],
            "tls.hsts_seconds": [tlsHstsSeconds],
            "threads": [threads],
            "store": [store],
            "redis.prefix": [redisPrefix],
            "redis.password_file": [redisPasswordFile],
            "redis.ca_file": [redisCaFile],
            "redis.wait_replicas": [redisWaitReplicas],
            "redis.wait_ms": [redisWaitMs],
            "redis.holds": [redisHolds],
            "redis.unfit": [redisUnfit],
            "token_keys": [tokenKeys],
            "checkout.secret_file": [checkoutSecretFile],
            "pages.theme.name": [pagesThemeName],
            "pages.theme.logo": [pagesThemeLogo],
            "pages.theme.accent": [pagesThemeAccent],
            "pages.theme.imprint_url": [pagesThemeImprintUrl],
            "pages.theme.privacy_url": [pagesThemePrivacyUrl],
            "pages.images": [pagesImages],
            "pages.embed_origins": pagesEmbedOrigins,
        ]
    }
}
