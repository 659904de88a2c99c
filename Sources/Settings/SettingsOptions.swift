public import ArgumentParser

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The flags that are settings, for every command that takes them: `@OptionGroup var options: SettingsOptions`.
///
/// All are optional and texts: a default here would win over the file, and a number that ArgumentParser refuses
/// itself would be refused in other words than one from the file. ``load(environment:)`` puts them before the
/// other places that values come from.
public struct SettingsOptions: ParsableArguments {
    @Option(name: .of(.config), help: .of(.config), completion: .file(extensions: ["json"]))
    var config: String?

    @Option(name: .of(.host), help: .of(.host))
    var host: String?

    // `unconditional`, here and at every number, so that `--port -1` is a wrong port and not a missing one.
    @Option(name: .of(.port), parsing: .unconditional, help: .of(.port))
    var port: String?

    @Option(name: .of(.data), help: .of(.data), completion: .directory)
    var data: String?

    @Option(name: .of(.store), help: .of(.store))
    var store: String?

    @Option(name: .of(.event), help: .of(.event, note: "may be given several times"), completion: .file())
    var event: [String] = []

    @Option(name: .of(.classicEvent), help: .of(.classicEvent))
    var classicEvent: String?

    @Option(name: .of(.classicStatus), help: .of(.classicStatus), completion: .of(.classicStatus))
    var classicStatus: String?

    @Option(name: .of(.durability), help: .of(.durability), completion: .of(.durability))
    var durability: String?

    @Option(name: .of(.recoveryGrace), parsing: .unconditional, help: .of(.recoveryGrace))
    var recoveryGrace: String?

    @Option(name: .of(.logLevel), help: .of(.logLevel), completion: .of(.logLevel))
    var logLevel: String?

    @Option(name: .of(.logFormat), help: .of(.logFormat), completion: .of(.logFormat))
    var logFormat: String?

    @Option(name: .of(.limitsConnections), parsing: .unconditional, help: .of(.limitsConnections))
    var limitsConnections: String?

    @Option(name: .of(.limitsConnectionsPerCaller), parsing: .unconditional, help: .of(.limitsConnectionsPerCaller))
    var limitsConnectionsPerCaller: String?

    @Option(name: .of(.limitsListeners), parsing: .unconditional, help: .of(.limitsListeners))
    var limitsListeners: String?

    @Option(name: .of(.limitsHeaderBytes), parsing: .unconditional, help: .of(.limitsHeaderBytes))
    var limitsHeaderBytes: String?

    @Option(name: .of(.limitsBodyBytes), parsing: .unconditional, help: .of(.limitsBodyBytes))
    var limitsBodyBytes: String?

    @Option(name: .of(.limitsKeys), parsing: .unconditional, help: .of(.limitsKeys))
    var limitsKeys: String?

    @Option(name: .of(.limitsLiveHolds), parsing: .unconditional, help: .of(.limitsLiveHolds))
    var limitsLiveHolds: String?

    @Option(name: .of(.quotaPerSecond), parsing: .unconditional, help: .of(.quotaPerSecond))
    var quotaPerSecond: String?

    @Option(name: .of(.quotaBurst), parsing: .unconditional, help: .of(.quotaBurst))
    var quotaBurst: String?

    @Option(name: .of(.quotaListeners), parsing: .unconditional, help: .of(.quotaListeners))
    var quotaListeners: String?

    @Option(name: .of(.timeoutsIdle), parsing: .unconditional, help: .of(.timeoutsIdle))
    var timeoutsIdle: String?

    @Option(name: .of(.timeoutsRequest), parsing: .unconditional, help: .of(.timeoutsRequest))
    var timeoutsRequest: String?

    @Option(name: .of(.timeoutsWrite), parsing: .unconditional, help: .of(.timeoutsWrite))
    var timeoutsWrite: String?

    @Option(name: .of(.timeoutsLameDuck), parsing: .unconditional, help: .of(.timeoutsLameDuck))
    var timeoutsLameDuck: String?

    @Option(name: .of(.timeoutsDrain), parsing: .unconditional, help: .of(.timeoutsDrain))
    var timeoutsDrain: String?

    @Option(name: .of(.threads), parsing: .unconditional, help: .of(.threads))
    var threads: String?

    @Option(name: .of(.redisPrefix), help: .of(.redisPrefix))
    var redisPrefix: String?

    @Option(name: .of(.redisPasswordFile), help: .of(.redisPasswordFile), completion: .file())
    var redisPasswordFile: String?

    @Option(name: .of(.redisCAFile), help: .of(.redisCAFile), completion: .file())
    var redisCAFile: String?

    @Option(name: .of(.redisWaitReplicas), parsing: .unconditional, help: .of(.redisWaitReplicas))
    var redisWaitReplicas: String?

    @Option(name: .of(.redisWaitMilliseconds), parsing: .unconditional, help: .of(.redisWaitMilliseconds))
    var redisWaitMilliseconds: String?

    @Option(name: .of(.redisHolds), help: .of(.redisHolds), completion: .of(.redisHolds))
    var redisHolds: String?

    @Option(name: .of(.redisUnfit), help: .of(.redisUnfit), completion: .of(.redisUnfit))
    var redisUnfit: String?

    @Option(name: .of(.tokenKeys), help: .of(.tokenKeys), completion: .file())
    var tokenKeys: String?

    /// No flag given.
    public init() {}

    /// The flags that were given.
    public var flags: [Setting: [String]] {
        let single: [(Setting, String?)] = [
            (.config, config), (.host, host), (.port, port), (.data, data), (.classicEvent, classicEvent),
            (.classicStatus, classicStatus), (.durability, durability), (.recoveryGrace, recoveryGrace),
            (.logLevel, logLevel), (.logFormat, logFormat), (.limitsConnections, limitsConnections),
            (.limitsConnectionsPerCaller, limitsConnectionsPerCaller),
            (.limitsListeners, limitsListeners), (.limitsHeaderBytes, limitsHeaderBytes),
            (.limitsBodyBytes, limitsBodyBytes), (.limitsKeys, limitsKeys), (.limitsLiveHolds, limitsLiveHolds),
            (.quotaPerSecond, quotaPerSecond), (.quotaBurst, quotaBurst),
            (.quotaListeners, quotaListeners),
            (.timeoutsIdle, timeoutsIdle), (.timeoutsRequest, timeoutsRequest), (.timeoutsWrite, timeoutsWrite),
            (.timeoutsLameDuck, timeoutsLameDuck), (.timeoutsDrain, timeoutsDrain),
            (.threads, threads), (.store, store), (.redisPrefix, redisPrefix),
            (.redisPasswordFile, redisPasswordFile), (.redisCAFile, redisCAFile),
            (.redisWaitReplicas, redisWaitReplicas), (.redisWaitMilliseconds, redisWaitMilliseconds),
            (.redisHolds, redisHolds), (.redisUnfit, redisUnfit), (.tokenKeys, tokenKeys),
        ]
        var flags: [Setting: [String]] = event.isEmpty ? [:] : [.event: event]
        for (setting, value) in single {
            flags[setting] = value.map { [$0] }
        }
        return flags
    }

    /// Reads the configuration with these flags in front.
    ///
    /// A command prints the error's one line and ends with its exit code; an error that leaves `run()` as it is
    /// would end it with 1.
    ///
    /// - Throws: ``SettingsError`` for the first thing that is wrong.
    public func load(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(SettingsError) -> Settings {
        try Settings.load(flags: flags, environment: environment)
    }
}

extension NameSpecification {
    fileprivate static func of(_ setting: Setting) -> NameSpecification {
        .customLong(setting.flag)
    }
}

extension ArgumentHelp {
    /// The setting's help: what it means, what is allowed, and the default.
    fileprivate static func of(_ setting: Setting, note: String? = nil) -> ArgumentHelp {
        let standard = setting.shownDefault ?? "none"
        let notes = [note, "allowed: \(setting.allowed.description)", "default: \(standard)"].compactMap { $0 }
        return ArgumentHelp(
            "\(setting.meaning) (\(notes.joined(separator: "; ")))", valueName: setting.allowed.placeholder)
    }
}

extension CompletionKind {
    fileprivate static func of(_ setting: Setting) -> CompletionKind {
        guard case .choice(let words) = setting.allowed else { return .default }
        return .list(words)
    }
}

extension Allowed {
    /// What stands for the value in the help.
    fileprivate var placeholder: String {
        switch self {
        case .number: "number"
        case .choice: "word"
        case .host: "host"
        case .path, .paths: "path"
        case .code: "code"
        case .store: "store"
        }
    }
}
