internal import StrictJSON

extension Settings {
    /// Reads the configuration. Flags win over the environment, the environment over the file, the file over the
    /// defaults.
    ///
    /// A list comes as a whole from the first source that has one. A value that is overridden is not checked; an
    /// unknown key is refused in every source.
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
        let config = try reading(of: .config, in: before)
        let file = try readFile(config, in: directory)
        let layers = before + (file.map { [.file($0)] } ?? [])
        return try Settings(
            Setting.all.map { setting throws(SettingsError) in
                guard setting == .config else { return try reading(of: setting, in: layers) }
                // Nobody named a file, and one was found: it is shown as the default.
                guard config.value == nil, let file else { return config }
                return Reading(setting: setting, value: .text(file.path), origin: .standard)
            })
    }

    /// The value in force, checked: that of the first layer that has one, or the default.
    private static func reading(of setting: Setting, in layers: [Layer]) throws(SettingsError) -> Reading {
        for layer in layers {
            guard let shown = layer.shown(setting) else { continue }
            let origin = layer.origin(setting)
            guard let value = layer.value(setting), setting.allowed.holds(value) else {
                throw .wrongValue(setting, shown: shown, from: origin)
            }
            return Reading(setting: setting, value: value, origin: origin)
        }
        return Reading(setting: setting, value: setting.standard, origin: .standard)
    }

    /// The name of the configuration file if nobody names one.
    static let configName = "config.json"

    private static func readFile(_ config: Reading, in directory: String) throws(SettingsError) -> ConfigFile? {
        func located(_ path: String) -> String {
            directory == "." || path.hasPrefix("/") ? path : "\(directory)/\(path)"
        }
        guard case .text(let path)? = config.value else {
            return try ConfigFile(path: configName, ifThere: located(configName))
        }
        return try ConfigFile(path: path, opening: located(path))
    }

    /// Refuses variables that begin with `HOLDFAST_` and that nothing reads, and suggests the right name.
    public static func refuseUnknownVariables(in environment: [String: String]) throws(SettingsError) {
        let known = Setting.all.map(\.variable) + Setting.clientVariables
        let unknown = environment.keys.filter { $0.hasPrefix(Setting.variablePrefix) && !known.contains($0) }
        guard let first = unknown.min() else { return }
        func end(of variable: String) -> String { String(variable.dropFirst(Setting.variablePrefix.count)) }
        let name = end(of: first)
        let nearest = similarWord(to: name, among: known.map(end))
        // HOLDFAST_LEVEL for HOLDFAST_LOG_LEVEL: not near, because too many letters are missing, but the end is right.
        throw .unknownVariable(
            first, instead: known.first { end(of: $0) == nearest } ?? known.first { $0.hasSuffix("_" + name) })
    }
}

/// A source of values.
struct Layer {
    /// The origin of a setting's value in this layer.
    let origin: (Setting) -> Origin

    /// The value as it is written there, for messages; `nil` if the layer does not have the setting.
    let shown: (Setting) -> String?

    /// The value, not checked; `nil` also if it is of a type that no setting has.
    let value: (Setting) -> SettingValue?

    static func flags(_ flags: [Setting: [String]]) -> Layer {
        func value(of setting: Setting) -> SettingValue? {
            guard let texts = flags[setting], !texts.isEmpty else { return nil }
            return setting.allowed.value(ofTexts: texts)
        }
        return Layer(origin: { .flag("--\($0.flag)") }, shown: { value(of: $0)?.shown }, value: value)
    }

    /// A list is one text with commas between its members.
    static func environment(_ variables: [String: String]) -> Layer {
        Layer(
            origin: { .environment($0.variable) },
            shown: { variables[$0.variable].map { SettingValue.text($0).shown } },
            value: { setting in
                guard let text = variables[setting.variable] else { return nil }
                let texts = setting.isList ? text.split(separator: ",", omittingEmptySubsequences: false) : [text[...]]
                return setting.allowed.value(ofTexts: texts.map { setting.isList ? trimmed($0) : String($0) })
            })
    }

    static func file(_ file: ConfigFile) -> Layer {
        Layer(
            origin: { _ in .file(file.path) },
            shown: { file.values[$0]?.shown },
            value: { file.values[$0]?.value(for: $0.allowed) })
    }

    private static func trimmed(_ text: Substring) -> String {
        guard let last = text.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(text[...last].drop(while: \.isWhitespace))
    }
}
