import Configuration
import Synchronization

extension Settings {
    /// Reads the configuration: flags win over the environment, that over the file, that over the defaults.
    ///
    /// A list is not put together from several places: the first place that has one gives it whole. A value that
    /// is overridden is not looked at; a key that does not exist is refused wherever it stands.
    ///
    /// - Parameters:
    ///   - flags: The values of the flags that were given, for each all of them in their order.
    ///   - environment: All environment variables; those that begin with `HOLDFAST_` are ours.
    ///   - directory: Where `config.json` is looked for if nobody names a file, and where a relative path to one
    ///     begins; the working directory unless a test says otherwise.
    /// - Throws: ``SettingsError``, one line and an exit code, for the first thing that is wrong.
    public static func load(
        flags: [Setting: [String]] = [:],
        environment: [String: String] = [:],
        directory: String = "."
    ) throws(SettingsError) -> Settings {
        try refuseUnknownVariables(in: environment)
        let before = [Layer.flags(flags), .environment(environment)]
        let config = try Layers(before + [.defaults]).read(.config)
        let file = try readFile(config, in: directory)
        let layers = Layers(before + (file.map { [.file($0)] } ?? []) + [.defaults])
        return try Settings(
            Readings { setting throws(SettingsError) in
                guard setting == .config else { return try layers.read(setting) }
                // Named by nobody and found nevertheless: the file in force is shown, by default.
                guard config.value == nil, let file else { return config }
                return Reading(setting: setting, value: .text(file.path), origin: .standard)
            })
    }

    /// The name of the configuration file if nobody names one.
    static let configName = "config.json"

    private static func readFile(_ config: Reading, in directory: String) throws(SettingsError) -> ConfigFile? {
        func place(_ path: String) -> String {
            directory == "." || path.hasPrefix("/") ? path : "\(directory)/\(path)"
        }
        guard case .text(let path)? = config.value else {
            return try ConfigFile(path: configName, ifThere: place(configName))
        }
        return try ConfigFile(path: path, opening: place(path))
    }

    /// Refuses variables that begin with `HOLDFAST_` and that nobody reads, with what may have been meant.
    ///
    /// swift-configuration only looks for variables that it is asked for: a misspelt one would be passed over.
    public static func refuseUnknownVariables(in environment: [String: String]) throws(SettingsError) {
        let known = Setting.all.map(\.variable) + Setting.clientVariables
        let unknown = environment.keys.filter { $0.hasPrefix(Setting.variablePrefix) && !known.contains($0) }
        guard let first = unknown.min() else { return }
        func end(of variable: String) -> String { String(variable.dropFirst(Setting.variablePrefix.count)) }
        let name = end(of: first)
        let nearest = Suggestion.nearest(to: name, among: known.map(end))
        // HOLDFAST_LEVEL for HOLDFAST_LOG_LEVEL: too many letters are missing to be near, but the end is whole.
        throw .unknownVariable(
            first, instead: known.first { end(of: $0) == nearest } ?? known.first { $0.hasSuffix("_" + name) })
    }
}

/// One place that values come from.
struct Layer {
    let provider: any ConfigProvider

    /// How the place calls the setting.
    let origin: (Setting) -> Origin

    /// The value as it stands there, for a message about it.
    let shown: (Setting) -> String

    static func flags(_ flags: [Setting: [String]]) -> Layer {
        var values: [Setting: SettingValue] = [:]
        for (setting, texts) in flags where !texts.isEmpty {
            values[setting] = setting.allowed.value(ofFlag: texts)
        }
        let provider = InMemoryProvider(name: "flags", values: keyed(values))
        return Layer(
            provider: provider, origin: { .flag("--\($0.flag)") }, shown: { [values] in values[$0]?.shown ?? "" })
    }

    static func environment(_ variables: [String: String]) -> Layer {
        let secret = Set(Setting.all.filter(\.isSecret).map(\.variable))
        let provider = EnvironmentVariablesProvider(
            environmentVariables: variables, secretsSpecifier: .specific(secret))
        return Layer(
            provider: provider.prefixKeys(with: "holdfast"),
            origin: { .environment($0.variable) },
            shown: { variables[$0.variable].map { SettingValue.text($0).shown } ?? "" })
    }

    static func file(_ file: ConfigFile) -> Layer {
        Layer(
            provider: InMemoryProvider(name: "file", values: file.contents),
            origin: { _ in .file(file.path) },
            shown: { file.values[$0]?.shown ?? "" })
    }

    /// The last layer, which has a value for every key: `required…` can be asked for all, and the optional forms,
    /// which take a wrong value for none, are not needed. An empty text stands for a key that is left unset.
    static var defaults: Layer {
        let values = Setting.all.map { ($0, $0.standard ?? "") }
        let provider = InMemoryProvider(name: "defaults", values: keyed(Dictionary(values) { first, _ in first }))
        return Layer(provider: provider, origin: { _ in .standard }, shown: { $0.standard?.shown ?? "" })
    }

    private static func keyed(_ values: [Setting: SettingValue]) -> [AbsoluteConfigKey: ConfigValue] {
        var keyed: [AbsoluteConfigKey: ConfigValue] = [:]
        for (setting, value) in values {
            keyed[AbsoluteConfigKey(setting.path)] = ConfigValue(value.content, isSecret: setting.isSecret)
        }
        return keyed
    }
}

/// The layers, the one that wins first, and a reader over them.
struct Layers {
    private let layers: [Layer]
    private let access = LastAccess()
    private let reader: ConfigReader

    init(_ layers: [Layer]) {
        self.layers = layers
        self.reader = ConfigReader(providers: layers.map(\.provider), accessReporter: access)
    }

    /// The value in force, checked.
    func read(_ setting: Setting) throws(SettingsError) -> Reading {
        let value: SettingValue
        do {
            value = try ask(for: setting)
        } catch {
            // The thrown error is not public and does not say where the value stands: the layer knows.
            let layer = answering(for: setting)
            throw .wrongValue(setting, shown: layer.shown(setting), from: layer.origin(setting))
        }
        let layer = answering(for: setting)
        let origin = layer.origin(setting)
        if origin == .standard {
            return Reading(setting: setting, value: setting.standard, origin: origin)
        }
        guard setting.allowed.holds(value) else {
            throw .wrongValue(setting, shown: layer.shown(setting), from: origin)
        }
        return Reading(setting: setting, value: value, origin: origin)
    }

    private func ask(for setting: Setting) throws -> SettingValue {
        let key = ConfigKey(setting.path)
        switch setting.allowed {
        case .number: return .number(try reader.requiredInt(forKey: key, isSecret: setting.isSecret))
        case .paths: return .list(try reader.requiredStringArray(forKey: key, isSecret: setting.isSecret))
        case .choice, .host, .path, .code, .store:
            return .text(try reader.requiredString(forKey: key, isSecret: setting.isSecret))
        }
    }

    /// The layer that gave the last value, or failed to. Providers are asked in turn until one does either, so
    /// the number of results tells which it was; their names are not compared, as wrappers change them.
    private func answering(for setting: Setting) -> Layer {
        let asked = access.providersAsked
        precondition(layers.indices.contains(asked - 1), "nobody was asked for \(setting.name)")
        return layers[asked - 1]
    }
}

/// Remembers how many providers were asked for the last value.
private final class LastAccess: AccessReporter {
    private let asked = Mutex(0)

    var providersAsked: Int {
        asked.withLock { $0 }
    }

    func report(_ event: AccessEvent) {
        asked.withLock { $0 = event.providerResults.count }
    }
}

extension SettingValue {
    /// The value as the providers hold it.
    var content: ConfigContent {
        switch self {
        case .text(let text): .string(text)
        case .number(let number): .int(number)
        case .list(let texts): .stringArray(texts)
        }
    }
}
