import Configuration
import Synchronization

extension Settings {
    /// Reads the configuration. Flags win over the environment, the environment over the file, the file over the
    /// defaults.
    ///
    /// A list comes as a whole from the first place that has one. A value that is overridden is not checked; an unknown
    /// key is refused in every place.
    ///
    /// - Parameters:
    ///   - flags: The values of each given flag, in their order.
    ///   - environment: All environment variables; those that begin with `HOLDFAST_` are ours.
    ///   - directory: Where `config.json` is read from if nobody names a file, and where the relative path of a named
    ///     file begins. The working directory, except in tests.
    /// - Throws: ``SettingsError``, one line and an exit code, for the first mistake.
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
            Setting.all.map { setting throws(SettingsError) in
                guard setting == .config else { return try layers.read(setting) }
                // Nobody named a file, and one was found: it is shown as the default.
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

    /// Refuses variables that begin with `HOLDFAST_` and that nothing reads, and suggests the right name.
    ///
    /// swift-configuration reads only the variables that it is asked for, so it would ignore a misspelt one.
    public static func refuseUnknownVariables(in environment: [String: String]) throws(SettingsError) {
        let known = Setting.all.map(\.variable) + Setting.clientVariables
        let unknown = environment.keys.filter { $0.hasPrefix(Setting.variablePrefix) && !known.contains($0) }
        guard let first = unknown.min() else { return }
        func end(of variable: String) -> String { String(variable.dropFirst(Setting.variablePrefix.count)) }
        let name = end(of: first)
        let nearest = Suggestion.nearest(to: name, among: known.map(end))
        // HOLDFAST_LEVEL for HOLDFAST_LOG_LEVEL: not near, because too many letters are missing, but the end is right.
        throw .unknownVariable(
            first, instead: known.first { end(of: $0) == nearest } ?? known.first { $0.hasSuffix("_" + name) })
    }
}

/// One source of values.
struct Layer {
    let provider: any ConfigProvider

    /// The origin of a setting's value in this layer.
    let origin: (Setting) -> Origin

    /// The value as it is written there, for messages.
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
        let provider = EnvironmentVariablesProvider(environmentVariables: variables)
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

    /// The last layer has a value for every key. So all keys can be read with `required…`; the optional forms would take
    /// a wrong value for a missing one. An empty text stands for a key that is unset.
    static var defaults: Layer {
        let values = Setting.all.map { ($0, $0.standard ?? "") }
        let provider = InMemoryProvider(name: "defaults", values: keyed(Dictionary(values) { first, _ in first }))
        return Layer(provider: provider, origin: { _ in .standard }, shown: { $0.standard?.shown ?? "" })
    }

    private static func keyed(_ values: [Setting: SettingValue]) -> [AbsoluteConfigKey: ConfigValue] {
        var keyed: [AbsoluteConfigKey: ConfigValue] = [:]
        for (setting, value) in values {
            keyed[AbsoluteConfigKey(setting.path)] = ConfigValue(value.content, isSecret: false)
        }
        return keyed
    }
}

/// The layers in the order of precedence, and a reader over them.
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
            // The thrown error is not public and does not name the source; the layer does.
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
        case .number: return .number(try reader.requiredInt(forKey: key))
        case .paths: return .list(try reader.requiredStringArray(forKey: key))
        case .choice, .host, .path, .code, .store:
            return .text(try reader.requiredString(forKey: key))
        }
    }

    /// The layer that gave the last value, or failed to. The reader asks the providers in turn until one does either, so
    /// the number of results identifies it. Names would not, because wrappers change them.
    private func answering(for setting: Setting) -> Layer {
        let asked = access.providersAsked
        precondition(layers.indices.contains(asked - 1), "no provider was asked for \(setting.name)")
        return layers[asked - 1]
    }
}

/// Counts the providers that were asked for the last value.
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
